// Package parallel runs functions side by side. It is the only place where
// goroutines begin: a test in internal/dev forbids them elsewhere.
package parallel

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

// Group is functions that run side by side. A panic of one becomes one of who waits
// for them: left to its goroutine it would end the process, and nobody could answer
// for the work that is lost. The zero Group is ready for use.
type Group struct {
	wait sync.WaitGroup
	once sync.Once
	lost *panicked
}

// panicked is a panic, and where it was.
type panicked struct {
	cause any
	stack []byte
}

// String returns the cause in the first line, and where it was in the others.
func (p *panicked) String() string { return fmt.Sprintf("%v\n%s", p.cause, p.stack) }

// Go runs f beside the caller.
func (g *Group) Go(f func()) {
	g.wait.Go(func() {
		defer func() {
			if cause := recover(); cause != nil {
				g.once.Do(func() { g.lost = &panicked{cause, debug.Stack()} })
			}
		}()
		f()
	})
}

// Wait waits for all, and panics if one has.
func (g *Group) Wait() {
	g.wait.Wait()
	if g.lost != nil {
		panic(g.lost)
	}
}

// Limit is how many calls of AWS one question or sweep has under way at a time, where
// nothing speaks for another number.
const Limit = 16

// All runs functions side by side, waits for all, and joins their errors.
func All(all ...func() error) error {
	errs := make([]error, len(all))
	ForEach(len(all), len(all), func(i int) { errs[i] = all[i]() })
	return errors.Join(errs...)
}

// ForEach runs f for 0 to n-1, at most limit of them at a time, and waits for all.
func ForEach(n, limit int, f func(i int)) {
	var group Group
	slots := make(chan struct{}, limit)
	for i := range n {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			f(i)
		})
	}
	group.Wait()
}

// Try is ForEach for what may fail: the first error ends the context of the others,
// and is returned.
func Try(ctx context.Context, n, limit int, f func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		once  sync.Once
		first error
	)
	ForEach(n, limit, func(i int) {
		if err := f(ctx, i); err != nil {
			once.Do(func() {
				first = err
				cancel(err)
			})
		}
	})
	return first
}
