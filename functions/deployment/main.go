// Command deployment is the Lambda that takes EventBridge's "ECS Deployment
// State Change": it keeps the ledger and moves the tags.
package main

import (
	"context"
	"encoding/json"
	"os"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/batch"
	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring"
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
	reactor, err := wiring.Reactor(ctx, config, cfg, log)
	if err != nil {
		return err
	}
	boot.Start(batch.Handler(log, func(ctx context.Context, event json.RawMessage) error {
		outcome, err := reactor.Handle(ctx, event)
		boot.WriteMetrics(os.Stdout, time.Now(), config.Table, outcome, err)
		return err
	}), wiring.Open(cfg)...)
	return nil
}
