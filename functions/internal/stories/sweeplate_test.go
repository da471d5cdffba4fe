package stories_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// lags are by how much ECS's events, and what it shows, may come behind its own times: a
// public capture shows 75 s.
var lags = []time.Duration{0, time.Second, 30 * time.Second, 55 * time.Second, 65 * time.Second, 75 * time.Second, 3 * time.Minute, 10 * time.Minute}

// lateStory is something that happens to a service that runs A, and of which ECS tells late.
type lateStory struct {
	name string
	do   func(w *inventoryWorld)
	want string // of the rollouts after that of A, without their times
}

var lateStories = []lateStory{
	{"it completes", func(w *inventoryWorld) { w.inventory.Complete(prodAPI) }, "2 completed"},
	{"it fails and is being rolled back", func(w *inventoryWorld) { w.inventory.Fail(prodAPI, true) }, "2 failed, 1 in_progress"},
	{"it is rolled back", func(w *inventoryWorld) {
		w.inventory.Fail(prodAPI, true)
		w.inventory.Complete(prodAPI)
	}, "2 failed, 1 completed"},
	{"another one begins", func(w *inventoryWorld) { w.deploys(prodAPI, ran("app", shopAPI, 3)) }, "2 superseded, 3 in_progress"},
	{"another one completes", func(w *inventoryWorld) {
		w.deploys(prodAPI, ran("app", shopAPI, 3))
		w.inventory.Complete(prodAPI)
	}, "2 superseded, 3 completed"},
}

// lateWorld is a service that runs A while B has been rolling out for five minutes. Its
// events are heard, but for B's start, if that is lost.
func lateWorld(t *testing.T, lost bool) *inventoryWorld {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.hears(t)
	w.pass(time.Hour)
	w.deploys(prodAPI, ran("app", shopAPI, 2))
	if lost {
		w.misses()
	}
	w.hears(t)
	w.pass(15 * time.Minute)
	return w
}

// happensLate lets something happen of which ECS tells, and which it shows, that much later.
func (w *inventoryWorld) happensLate(t *testing.T, lag time.Duration, do func(w *inventoryWorld)) {
	w.lag.Store(int64(lag))
	do(w)
	w.lag.Store(0)
	w.hears(t)
}

// wantUndisturbed checks that the sweep has neither made anything up nor undone anything.
func (w *inventoryWorld) wantUndisturbed(t *testing.T, want string) {
	t.Helper()
	w.Inventory = w.inventory
	w.sweeps(t, sweep.Options{Whole: true})
	w.wantRunning(t)
	w.wantTags(t)
	w.wantHistory(t)
	rows, err := stream.Collect(w.ledger.Rollouts(t.Context(), prodAPI, ledger.Span{}, 0))
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, r := range slices.Backward(rows) {
		got += fmt.Sprintf(", %s %s", r.Deployment[len(r.Deployment)-1:], r.State)
	}
	if got != ", 1 completed, "+want {
		t.Errorf("the history has%s\nwant , 1 completed, %s", got, want)
	}
	seen := map[digest.Digest]bool{}
	for _, d := range w.registry.History(shopAPI, "prod") {
		if seen[d] {
			t.Errorf("the tag came back to %s: it was on %v", d, w.registry.History(shopAPI, "prod"))
		}
		seen[d] = true
	}
}

// ECS is asked, and then it tells of something that happened a while ago.
func TestALookThatIsOlderThanALateEventUndoesNothing(t *testing.T) {
	for _, story := range lateStories {
		for _, lag := range lags {
			for _, lost := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %v late, start lost %t", story.name, lag, lost), func(t *testing.T) {
					w := lateWorld(t, lost)
					once := true
					w.Inventory = changingInventory{w.inventory, func() {
						if once {
							once = false
							w.happensLate(t, lag, story.do)
						}
					}}
					if _, err := w.Sweep(t.Context(), sweep.Options{Whole: true}); err != nil {
						t.Fatal(err)
					}
					w.wantUndisturbed(t, story.want)
				})
			}
		}
	}
}

// ECS tells of something, and shows it only afterwards.
func TestWhatECSDoesNotShowYetIsNotUndone(t *testing.T) {
	for _, story := range lateStories {
		for _, lag := range lags {
			t.Run(fmt.Sprintf("%s, shown %v after it happened", story.name, lag), func(t *testing.T) {
				w := lateWorld(t, false)
				before := asBefore(t, w)
				w.happensLate(t, lag, story.do)
				w.Inventory = before
				for range 2 {
					if _, err := w.Sweep(t.Context(), sweep.Options{Whole: true}); err != nil {
						t.Fatal(err)
					}
				}
				w.wantUndisturbed(t, story.want)
			})
		}
	}
}

// behind is an inventory that shows and remembers one service as it was.
type behind struct {
	sweep.Inventory
	states  []sweep.ServiceState
	records map[tagalong.Service][]pipeline.ServiceDeployment
}

func asBefore(t *testing.T, w *inventoryWorld) behind {
	states, err := w.inventory.Describe(t.Context(), usEast, prodAPI.Cluster, []string{prodAPI.Name})
	if err != nil {
		t.Fatal(err)
	}
	records, err := w.inventory.DeploymentHistory(t.Context(), usEast, []tagalong.Service{prodAPI})
	if err != nil {
		t.Fatal(err)
	}
	return behind{w.inventory, states, records}
}

func (b behind) Describe(context.Context, tagalong.Scope, string, []string) ([]sweep.ServiceState, error) {
	return b.states, nil
}

func (b behind) DeploymentHistory(context.Context, tagalong.Scope, []tagalong.Service) (map[tagalong.Service][]pipeline.ServiceDeployment, error) {
	return b.records, nil
}

// Whatever is the last call before the event comes, nothing is undone.
func TestALateEventAnywhereInASweepIsNotUndone(t *testing.T) {
	for _, story := range lateStories {
		for _, lag := range []time.Duration{0, 75 * time.Second, 10 * time.Minute} {
			for _, recorded := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s %v late, ECS keeps records %t", story.name, lag, recorded), func(t *testing.T) {
					for calls := int64(1); lateAtCall(t, story, lag, recorded, calls) && !t.Failed(); calls++ {
					}
				})
			}
		}
	}
}

// A service that never comes to rest is told by ECS's records all the same, in one look.
func TestABusyServiceIsNotPutOff(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.hears(t)
	for n := range 6 {
		w.pass(2 * time.Minute)
		w.rolls(prodAPI, ran("app", shopAPI, n%versions))
		if n%2 == 0 {
			w.misses() // every other rollout is heard of
		}
		w.hears(t)
		if _, err := w.Sweep(t.Context(), sweep.Options{Whole: true}); err != nil {
			t.Fatal(err)
		}
		w.wantRunning(t)
		w.wantTags(t)
		w.wantHistory(t)
	}
}

// While the ledger is written to again and again, the sweep looks three times, and the
// next one goes on.
func TestASweepLooksAgainAFewTimes(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.misses()
	w.pass(time.Hour)
	looks := 0
	w.Inventory = changingInventory{unrecorded{w.inventory}, func() {
		looks++
		f := tagalong.Fact{Deployment: "ecs-svc/9", Name: tagalong.Failed, Time: noon.Add(-time.Duration(looks) * 24 * time.Hour), Source: tagalong.FromEvent}
		if _, err := w.Observe(t.Context(), prodAPI, f); err != nil {
			t.Fatal(err)
		}
	}}
	report, err := w.Sweep(t.Context(), sweep.Options{Whole: true})
	if err != nil || looks != 3 || report.Recorded != 0 || len(report.Drift) != 0 {
		t.Errorf("%d looks, report %+v, error %v", looks, report, err)
	}
	w.Inventory = unrecorded{w.inventory}
	w.sweeps(t, sweep.Options{})
	w.wantRunning(t)
	w.wantTags(t)
}

// A service that the sweep found gone is deployed before that is recorded.
func TestAServiceThatIsSeenAgainIsNotRetired(t *testing.T) {
	for looks := 1; looks <= 2; looks++ {
		w := newInventoryWorld(prodRules())
		w.rolls(prodAPI, ran("app", shopAPI, 1))
		w.hears(t)
		w.pass(time.Hour)
		w.inventory.Delete(prodAPI)
		w.pass(time.Hour)
		left := looks
		w.Inventory = changingInventory{w.inventory, func() {
			if left--; left == 0 {
				w.happensLate(t, 10*time.Minute, func(w *inventoryWorld) { w.rolls(prodAPI, ran("app", shopAPI, 2)) })
			}
		}}
		if _, err := w.Sweep(t.Context(), sweep.Options{}); err != nil {
			t.Fatal(err)
		}
		running := w.running(t)[prodAPI].Deployment
		if want := w.inventory.Running()[prodAPI]; running != want {
			t.Errorf("after look %d it runs %q, want %s", looks, running, want)
		}
		w.Inventory = w.inventory
		w.sweeps(t, sweep.Options{Whole: true})
		w.wantRunning(t)
		w.wantTags(t)
		if got := w.course(t, prodAPI); got != "1 completed 0s..1m0s, 2 completed 1h51m0s..1h52m0s" {
			t.Errorf("after look %d rollouts %s", looks, got)
		}
	}
}

// lateAtCall lets a story happen at one call of a sweep, and reports whether the sweep
// comes that far.
func lateAtCall(t *testing.T, story lateStory, lag time.Duration, recorded bool, calls int64) bool {
	w := lateWorld(t, true)
	if !recorded {
		w.Inventory = unrecorded{w.inventory}
	}
	var left atomic.Int64
	left.Store(calls)
	w.hook(func() {
		if left.Add(-1) == 0 {
			w.happensLate(t, lag, story.do)
		}
	})
	if _, err := w.Sweep(t.Context(), sweep.Options{Whole: true}); err != nil {
		t.Fatal(err)
	}
	w.hook(func() {})
	if left.Load() > 0 {
		return false
	}
	if w.wantUndisturbed(t, story.want); t.Failed() {
		t.Logf("at call %d", calls)
	}
	return true
}
