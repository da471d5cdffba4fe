// Command sweep is the Lambda that looks through all that runs, on a schedule: it
// makes ledger and tags true, and reports what was wrong.
package main

import (
	"context"
	"encoding/json"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring"
	sweepwiring "github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/ratelimit"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
)

func main() {
	if err := run(); err != nil {
		boot.Exit(err)
	}
}

func run() error {
	config, cfg, err := boot.Function(os.Getenv, boot.EnvTable)
	if err != nil {
		return err
	}
	log, limits := boot.Logger(os.Stdout, config.LogLevel), ratelimit.New()
	// Whatever it is called with means: sweep.
	boot.Start(func(ctx context.Context, _ json.RawMessage) (any, error) {
		sweeper, err := sweepwiring.Sweeper(ctx, config, cfg, log, limits)
		if err != nil {
			return nil, err
		}
		report, err := sweeper.Sweep(ctx, sweep.Options{Scheduled: true})
		boot.LogSweep(ctx, log, report)
		boot.WriteSweep(os.Stdout, time.Now(), config.Table, lambdacontext.FunctionName, report, err)
		return nil, err
	}, wiring.Open(cfg)...)
	return nil
}
