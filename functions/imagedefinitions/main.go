// Command imagedefinitions is the Lambda behind a CodePipeline invoke action: it
// writes imagedefinitions.json for the deploy action, every image pinned.
package main

import (
	"context"
	"os"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/pinning"
	"github.com/tagalong-aws/tagalong/functions/internal/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/job"
)

func main() {
	if err := run(context.Background()); err != nil {
		boot.Exit(err)
	}
}

func run(ctx context.Context) error {
	config, cfg, err := boot.Function(os.Getenv)
	if err != nil {
		return err
	}
	action, err := pinning.Action(ctx, config, cfg)
	if err != nil {
		return err
	}
	log := boot.Logger(os.Stdout, config.LogLevel)
	handler := job.Handler{Action: "imagedefinitions", Work: action.Do, Answers: codepipeline.NewJobs(cfg), Log: log}
	boot.Start(handler.Handle, pinning.Open(cfg)...)
	return nil
}
