package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

var errKilled = errors.New("the handler was killed")

// send puts the events of what has just happened on their way: a fifth is lost, and
// the others come in any order, some of them twice.
func (y *year) send() {
	reported := y.inventory.Events(y.heard)
	y.heard += len(reported)
	for _, event := range reported {
		y.result.events++
		if y.chance(5) {
			y.result.lost++
			continue
		}
		y.deliver(event, y.delay(), 0)
		if y.chance(10) {
			y.result.repeated++
			y.deliver(event, y.delay(), 0)
		}
	}
}

// delay is how long an event is under way: mostly a second, sometimes days.
func (y *year) delay() time.Duration {
	switch n := y.dice.IntN(100); {
	case n < 70:
		return y.between(0, 2*time.Second)
	case n < 90:
		y.result.late++
		return y.between(2*time.Second, time.Hour)
	case n < 98:
		y.result.late++
		return y.between(time.Hour, 24*time.Hour)
	}
	y.result.late++
	return y.between(24*time.Hour, 10*24*time.Hour)
}

// deliver lets a handler hear of an event. One in eight is killed at one of its
// calls; Lambda then tries twice again, and after that nobody does.
func (y *year) deliver(event tagalongtest.DeploymentEvent, after time.Duration, attempt int) {
	y.in(after, func(ctx context.Context) error {
		y.kill.arm("")
		if y.chance(8) {
			y.kill.arm(calls[y.dice.IntN(len(calls))])
		}
		_, err := y.sweeper.Reactor.Handle(ctx, event.JSON(fmt.Sprintf("%08d-0000-4000-8000-000000000000", y.heard)))
		y.kill.arm("")
		switch {
		case err == nil:
		case !errors.Is(err, errKilled):
			return fmt.Errorf("%s of %s: %w", event.Name, event.Service, err)
		default:
			y.result.killed++
			if attempt < 2 {
				y.deliver(event, time.Duration(attempt+1)*time.Minute, attempt+1)
			}
		}
		return nil
	})
}

// calls are where a handler may be killed: before the first call of that name or, if
// the name says so, behind it.
var calls = []string{"Load", "Commit", "Commit done", "Settle", "Settle done", "Tags", "Claims", "Details", "DescribeServiceRevisions", "Read", "Tag", "Tag done"}

// kill is the call at which the handler at hand is killed; none if it is "".
type kill struct {
	mu sync.Mutex
	at string
}

func (d *kill) arm(at string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = at
}

// strike kills the handler if this is the call.
func (d *kill) strike(call string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at != call {
		return nil
	}
	return fmt.Errorf("%s: %w", call, errKilled)
}

// hook stands around every call.
func (y *year) hook() {
	call := func(name string) error {
		y.calls.Add(1)
		return y.kill.strike(name)
	}
	y.ledger.Hook = func(_ context.Context, operation string) error { return call(operation) }
	y.inventory.Hook = func(_ context.Context, c tagalongtest.Call) error { return call(c.Operation) }
	y.registry.OnRead = func(_ context.Context, r tagalong.Repository, read func() (tagalong.Images, error)) (tagalong.Images, error) {
		y.forbid("read", tagalong.TagID{Repository: r})
		if err := call("Read"); err != nil {
			return tagalong.Images{}, err
		}
		return read()
	}
	y.registry.OnTag = func(_ context.Context, r tagalong.Repository, _ tagalong.Manifest, tag string, put func() error) error {
		y.forbid("put", tagalong.TagID{Repository: r, Tag: tag})
		if err := call("Tag"); err != nil {
			return err
		}
		return errors.Join(put(), y.kill.strike("Tag done"))
	}
}

// lossy is a ledger whose handlers may be killed when it has written.
type lossy struct {
	*tagalongtest.Ledger
	year *year
}

// Commit implements ledger.Journal.
func (l lossy) Commit(ctx context.Context, c ledger.Change) error {
	l.year.beside.comes(ctx, "Commit")
	return l.done("Commit done", l.Ledger.Commit(ctx, c))
}

// Settle implements ledger.Wishes.
func (l lossy) Settle(ctx context.Context, id tagalong.TagID, version string, v ledger.Verdict) error {
	return l.done("Settle done", l.Ledger.Settle(ctx, id, version, v))
}

func (l lossy) done(call string, err error) error {
	if err != nil {
		return err
	}
	return l.year.kill.strike(call)
}
