// Command history is the Lambda behind a Function URL or an HTTP API: it answers
// questions from the ledger.
package main

import (
	"context"
	"os"

	"github.com/tagalong-aws/tagalong/functions/internal/api"
	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/history"
	"github.com/tagalong-aws/tagalong/functions/internal/page"
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
	log := boot.Logger(os.Stdout, config.LogLevel)
	handler := page.Handler(queries, api.Handler(queries, log), log)
	boot.Start(api.Lambda(handler), history.Open(cfg)...)
	return nil
}
