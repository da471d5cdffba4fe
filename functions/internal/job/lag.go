package job

import (
	"context"
	"errors"
	"slices"
	"time"
)

// CodePipeline's API may lag behind its own event.
const (
	lagAttempts = 3
	lagPause    = time.Second
)

// RetryLag asks CodePipeline up to three times, as long as its answer is one that
// a lag explains.
func RetryLag(ctx context.Context, ask func() error, lags ...error) error {
	for attempt := 1; ; attempt++ {
		err := ask()
		lag := slices.ContainsFunc(lags, func(lag error) bool { return errors.Is(err, lag) })
		if !lag || attempt == lagAttempts || pause(ctx, lagPause) != nil {
			return err
		}
	}
}

// pause waits, or returns the context's error if that ends before.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
