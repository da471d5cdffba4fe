// Command tagimage is the Lambda behind a CodePipeline invoke action: it tags an
// image for an environment, and the ledger knows why.
package main

import (
	"context"
	"os"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/promoting"
	"github.com/tagalong-aws/tagalong/functions/internal/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/job"
)

func main() {
	if err := run(context.Background()); err != nil {
		boot.Exit(err)
	}
}

func run(ctx context.Context) error {
	config, cfg, err := boot.Function(os.Getenv, boot.EnvTable)
	if err != nil {
		return err
	}
	log := boot.Logger(os.Stdout, config.LogLevel)
	action, err := promoting.Action(ctx, config, cfg, log)
	if err != nil {
		return err
	}
	handler := job.Handler{Action: "tagimage", Work: action.Do, Answers: codepipeline.NewJobs(cfg), Log: log}
	boot.Start(handler.Handle, promoting.Open(cfg)...)
	return nil
}
