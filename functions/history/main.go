// Command history is the Lambda behind a Function URL or an HTTP API: it answers
// questions from the ledger.
package main

import (
	"context"
	"os"

	"github.com/tagalong-aws/tagalong/functions/internal/api"
	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/history"
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
	queries, err := history.Queries(ctx, config, cfg)
	if err != nil {
		return err
	}
	handler := api.Handler(queries, boot.Logger(os.Stdout, config.LogLevel))
	boot.Start(api.Lambda(handler), history.Open(cfg)...)
	return nil
}
