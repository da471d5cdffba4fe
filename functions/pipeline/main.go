// Command pipeline is the Lambda that takes CodePipeline's stage and action state
// changes and CodeDeploy's deployments: it gives rollouts their releases.
package main

import (
	"context"
	"encoding/json"
	"os"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/following"
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
	follower, err := following.Follower(ctx, config, cfg, boot.Logger(os.Stdout, config.LogLevel))
	if err != nil {
		return err
	}
	boot.Start(func(ctx context.Context, event json.RawMessage) (any, error) {
		outcomes, err := follower.Handle(ctx, event)
		boot.WriteMetricsOf(os.Stdout, time.Now(), outcomes, err)
		return nil, err
	}, following.Open(cfg)...)
	return nil
}
