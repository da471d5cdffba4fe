// Command imagedefinitions is the Lambda behind a CodePipeline invoke action: it
// writes imagedefinitions.json for the deploy action, every image pinned.
package main

import (
	"context"
	"errors"
	"os"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/imagedefinitions"
	"github.com/tagalong-aws/tagalong/functions/internal/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/job"
)

func main() {
	if err := run(context.Background()); err != nil {
		boot.Exit(err)
	}
}

func run(ctx context.Context) error {
	config, problem := boot.ReadConfig(os.Getenv)
	cfg, err := boot.AWSConfig(os.Getenv)
	if err != nil {
		return errors.Join(problem, err)
	}
	log := boot.Logger(os.Stdout, config.LogLevel)
	work := job.Start(ctx, log, func(ctx context.Context) (job.Work, error) {
		if problem != nil {
			return nil, problem
		}
		action, err := imagedefinitions.Action(ctx, config, cfg)
		return action.Do, err
	})
	handler := job.Handler{Action: "imagedefinitions", Work: work, Jobs: codepipeline.NewJobs(cfg), Log: log}
	boot.Start(handler.Handle, imagedefinitions.Open(cfg)...)
	return nil
}
