// Command pipeline is the Lambda that takes CodePipeline's stage and action state
// changes and CodeDeploy's deployments: it gives rollouts their releases.
package main

import (
	"context"
	"encoding/json"
	"os"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/batch"
	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/pipeline"
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
	handler, err := pipeline.Handler(ctx, config, cfg, log)
	if err != nil {
		return err
	}
	boot.Start(batch.Handler(log, func(ctx context.Context, event json.RawMessage) error {
		outcomes, err := handler.Handle(ctx, event)
		boot.WriteMetricsOf(os.Stdout, time.Now(), config.Table, outcomes, err)
		return err
	}), pipeline.Open(cfg)...)
	return nil
}
