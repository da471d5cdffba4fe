// Command deployment is the Lambda that takes EventBridge's "ECS Deployment
// State Change": it keeps the ledger and moves the tags.
package main

import (
	"context"
	"os"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/deployment"
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
	handler, err := deployment.Handler(ctx, config, cfg, boot.Logger(os.Stdout, config.LogLevel), os.Stdout)
	if err != nil {
		return err
	}
	boot.Start(handler, wiring.Open(cfg)...)
	return nil
}
