package stories_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// hangs lets a world's calls of one operation hang until the time is up, which is then.
func (w *inventoryWorld) hangs(operation string) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	hang := func(is string) error {
		if is != operation {
			return nil
		}
		cancel()
		return fmt.Errorf("operation %s: %w", operation, ctx.Err())
	}
	w.inventory.Hook = func(_ context.Context, c tagalongtest.Call) error { return hang(c.Operation) }
	w.ledger.Hook = func(_ context.Context, is string) error { return hang(is) }
	w.registry.OnRead = func(_ context.Context, _ tagalong.Repository, read func() (tagalong.Images, error)) (tagalong.Images, error) {
		if err := hang("Read"); err != nil {
			return tagalong.Images{}, err
		}
		return read()
	}
	return ctx, cancel
}

func (w *inventoryWorld) hangsNoMore() {
	w.inventory.Hook, w.ledger.Hook, w.registry.OnRead = nil, nil, nil
}

// A sweep that something keeps from going on is no success for ever: the second one that
// is interrupted at the same place says so, and where, and what it waited for.
func TestASweepThatGetsNoFurtherThanTheOneBeforeIsAnError(t *testing.T) {
	for operation, at := range map[string]string{
		"ListClusters":           "services, 111122223333/us-east-1: ",
		"ListServices":           "services, 111122223333/us-east-1/prod-a: ",
		"DescribeServices":       "services, 111122223333/us-east-1/prod-a: ",
		"ListServiceDeployments": "services, 111122223333/us-east-1/prod-a: ",
		"Load":                   "services, 111122223333/us-east-1/prod-a: ",
		"Services":               "retired: ",
		"Environments":           "retired: ",
		"Claims":                 "tags: ",
		"Read":                   "tags: ",
	} {
		t.Run(operation, func(t *testing.T) {
			w := newInventoryWorld(prodRules())
			w.rolls(prodAPI, ran("app", shopAPI, 1))
			w.sweeps(t, sweep.Options{Scheduled: true})
			w.pass(25 * time.Hour) // so that all records are looked into
			var failures []error
			for range 3 {
				ctx, cancel := w.hangs(operation)
				report, err := w.Sweep(ctx, sweep.Options{Scheduled: true})
				cancel()
				if !report.Unfinished {
					t.Fatalf("nothing hung: %+v", report)
				}
				failures = append(failures, err)
			}
			if failures[0] != nil {
				t.Errorf("the first one may have been slow: %v", failures[0])
			}
			for _, err := range failures[1:] {
				if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "no further than the sweep before, which was interrupted there, too: "+at) || !strings.Contains(err.Error(), "operation "+operation) {
					t.Errorf("error %v, want one at %s", err, at)
				}
			}
			w.hangsNoMore()
			if report := w.sweeps(t, sweep.Options{Scheduled: true}); report.Unfinished {
				t.Errorf("it does not go on: %+v", report)
			}
		})
	}
}

// The phase of the events has no place to go on at: what was sent is how far it came.
func TestASweepThatDidSomethingGotFurther(t *testing.T) {
	w := newInventoryWorld(prodRules())
	bus := &tagalongtest.Bus{}
	w.Announcer = bus
	for n := range 250 {
		s := tagalong.Service{Account: prodAPI.Account, Region: prodAPI.Region, Cluster: "prod-a", Name: fmt.Sprintf("s%03d", n)}
		w.rolls(s, ran("app", shopAPI, 1))
	}
	bus.Refuse = func(tagalong.Event) error { return errors.New("no such bus") }
	w.hears(t)
	bus.Refuse = nil
	w.pass(time.Hour)
	if err := w.ledger.SetCursor(t.Context(), fmt.Sprintf(`{"begun":%q,"phase":"events"}`, w.now.Format(time.RFC3339))); err != nil {
		t.Fatal(err)
	}
	for pass := 1; ; pass++ {
		ctx, cancel := context.WithCancel(t.Context())
		// The time is up behind the first chunk.
		report, err := w.Sweep(ctx, sweep.Options{Scheduled: true, Progress: func(sweep.Progress) { cancel() }})
		cancel()
		if err != nil || pass > 5 {
			t.Fatalf("pass %d: %+v, error %v", pass, report, err)
		}
		if !report.Unfinished {
			if pass < 3 {
				t.Errorf("done after %d passes", pass)
			}
			break
		}
	}
}

// Without its table the ledger can tell nothing of any service, and no sweep goes on:
// that is one error, and no drift.
func TestAMissingTableIsOneErrorAtOnce(t *testing.T) {
	for _, from := range []string{"Cursor", "Load", "Commit", "Services", "Claims", "Tags"} {
		for name, options := range map[string]sweep.Options{"scheduled": {Scheduled: true}, "by hand": {}} {
			t.Run(name+" from "+from, func(t *testing.T) {
				w := newInventoryWorld(prodRules())
				for n := range 20 {
					w.rolls(tagalong.Service{Account: prodAPI.Account, Region: prodAPI.Region, Cluster: "prod-a", Name: fmt.Sprintf("s%02d", n)}, ran("app", shopAPI, 1))
				}
				var gone atomic.Bool
				w.ledger.Hook = func(_ context.Context, operation string) error {
					if operation == from {
						gone.Store(true)
					}
					if gone.Load() {
						return fmt.Errorf("%s: %w", operation, ledger.ErrNoTable)
					}
					return nil
				}
				report, err := w.Sweep(t.Context(), options)
				if !errors.Is(err, ledger.ErrNoTable) || strings.Count(err.Error(), "service ") > 1 {
					t.Errorf("error %v, want one", err)
				}
				if report.Left() || !report.Unfinished {
					t.Errorf("report %+v", report)
				}
				if from == "Cursor" && len(w.inventory.Calls()) > 0 {
					t.Errorf("ECS was asked: %v", w.inventory.Calls())
				}
			})
		}
	}
}

// What went wrong otherwise is an error, though the time was up just then.
func TestThatTheTimeIsUpHidesNoOtherError(t *testing.T) {
	for _, operation := range []string{"ListClusters", "DescribeServices", "ListServiceDeployments", "Load", "Services", "Read"} {
		t.Run(operation, func(t *testing.T) {
			w := newInventoryWorld(prodRules())
			w.rolls(prodAPI, ran("app", shopAPI, 1))
			if operation == "Read" {
				w.hears(t) // else it goes beside a commit, which the end of the time may meet first
			}
			ctx, _ := w.hangs(operation)
			denied := func(err error) error {
				if err != nil {
					return fmt.Errorf("%s: %w", operation, errors.Join(err, tagalong.ErrDenied))
				}
				return nil
			}
			ledger, inventory, read := w.ledger.Hook, w.inventory.Hook, w.registry.OnRead
			w.ledger.Hook = func(ctx context.Context, is string) error { return denied(ledger(ctx, is)) }
			w.inventory.Hook = func(ctx context.Context, c tagalongtest.Call) error { return denied(inventory(ctx, c)) }
			w.registry.OnRead = func(ctx context.Context, r tagalong.Repository, images func() (tagalong.Images, error)) (tagalong.Images, error) {
				found, err := read(ctx, r, images)
				return found, denied(err)
			}
			report, err := w.Sweep(ctx, sweep.Options{Scheduled: true})
			if !errors.Is(err, tagalong.ErrDenied) || !report.Unfinished {
				t.Errorf("error %v, report %+v", err, report)
			}
		})
	}
}

// Nobody goes on where a sweep by hand was interrupted.
func TestASweepByHandThatIsInterruptedIsAnError(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	ctx, _ := w.hangs("DescribeServices")
	report, err := w.Sweep(ctx, sweep.Options{})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "interrupted at services, 111122223333/us-east-1/prod-a") || !report.Unfinished {
		t.Errorf("error %v, report %+v", err, report)
	}
}
