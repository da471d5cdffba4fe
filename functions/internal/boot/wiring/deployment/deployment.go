// Package deployment puts the deployment function together: the reactor behind its queue.
package deployment

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tagalong-aws/tagalong/functions/internal/batch"
	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring"
)

// Handler makes the handler of ECS's events, in batches and alone, that a configuration
// describes. The metrics of each event are written to a stream.
func Handler(ctx context.Context, config boot.Config, cfg aws.Config, log *slog.Logger, metrics io.Writer) (boot.Handler, error) {
	reactor, err := wiring.Reactor(ctx, config, cfg, log)
	if err != nil {
		return nil, err
	}
	return batch.Handler(log, func(ctx context.Context, event json.RawMessage) error {
		outcome, err := reactor.Handle(ctx, event)
		boot.WriteMetrics(metrics, time.Now(), config.Table, outcome, err)
		return err
	}), nil
}
