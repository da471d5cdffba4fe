// Command tagimage is the Lambda behind a CodePipeline invoke action: it tags an
// image for an environment, and the ledger knows why.
package main

import (
	"context"
	"errors"
	"os"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/tagimage"
	"github.com/tagalong-aws/tagalong/functions/internal/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/job"
)

func main() {
	if err := run(context.Background()); err != nil {
		boot.Exit(err)
	}
}

func run(ctx context.Context) error {
	config, problem := boot.ReadConfig(os.Getenv, boot.EnvTable)
	cfg, err := boot.AWSConfig(os.Getenv)
	if err != nil {
		return errors.Join(problem, err)
	}
	log := boot.Logger(os.Stdout, config.LogLevel)
	work := job.Start(ctx, log, func(ctx context.Context) (job.Work, error) {
		if problem != nil {
			return nil, problem
		}
		action, err := tagimage.Action(ctx, config, cfg, log)
		return action.Do, err
	})
	handler := job.Handler{Action: "tagimage", Work: work, Jobs: codepipeline.NewJobs(cfg), Log: log}
	boot.Start(handler.Handle, tagimage.Open(cfg)...)
	return nil
}
