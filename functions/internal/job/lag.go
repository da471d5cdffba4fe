package job

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/wait"
)

// lagBackoff waits for CodePipeline's API, which may lag behind its own event.
var lagBackoff = wait.Backoff{Attempts: 3, Base: time.Second, Max: time.Second}

// RetryLag asks CodePipeline up to three times, as long as its answer is one that
// a lag explains.
func RetryLag(ctx context.Context, ask func() error, lags ...error) error {
	lagging := func(err error) bool {
		return slices.ContainsFunc(lags, func(lag error) bool { return errors.Is(err, lag) })
	}
	return lagBackoff.Retry(ctx, lagging, func(bool) error { return ask() })
}
