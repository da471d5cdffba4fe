// Package wait waits, and tries again after a wait. It is the only place where time is
// waited for: a test in internal/dev forbids timers elsewhere.
package wait

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// For waits for a duration, or until ctx ends, and returns the context's error then.
func For(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Backoff says how often something is tried, and about how long to wait in between:
// Base after the first attempt, twice as long after each further one, at most Max.
// Attempts is 0 where only the context ends it.
type Backoff struct {
	Attempts  int
	Base, Max time.Duration
	// Busy is for a service that has too much to do: any wait up to that length will do,
	// so that those who were refused together come again spread over all of it.
	Busy bool
}

// Wait waits after so many attempts, or until ctx ends, and returns the context's error
// then. After none there is nothing to wait for.
func (b Backoff) Wait(ctx context.Context, attempts int) error {
	return For(ctx, b.Delay(attempts))
}

// Delay returns how long to wait after so many attempts, with jitter.
func (b Backoff) Delay(attempts int) time.Duration {
	d := b.length(attempts)
	switch {
	case d <= 0:
		return 0
	case b.Busy:
		return rand.N(d)
	}
	return d/2 + rand.N(d)
}

// Next waits after so many attempts, and reports whether there is to be another one:
// not after the last, nor once ctx has ended.
func (b Backoff) Next(ctx context.Context, attempts int) bool {
	return attempts != b.Attempts && b.Wait(ctx, attempts) == nil
}

// Retry calls try until its error is nil or none that another attempt may do without,
// and returns the last error, with that of ctx if it ended. It is said to try which attempt is the last.
func (b Backoff) Retry(ctx context.Context, passing func(error) bool, try func(last bool) error) error {
	for n := 1; ; n++ {
		err := try(n == b.Attempts)
		if err == nil || !passing(err) || n == b.Attempts {
			return err
		}
		if ended := b.Wait(ctx, n); ended != nil {
			return errors.Join(err, ended)
		}
	}
}

func (b Backoff) length(attempts int) time.Duration {
	if attempts == 0 {
		return 0
	}
	d := b.Base
	for n := 1; n < attempts && d < b.Max; n++ {
		d *= 2
	}
	return min(d, b.Max)
}
