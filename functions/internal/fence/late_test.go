package fence_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	adapter "github.com/tagalong-aws/tagalong/functions/internal/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// swept stands in a story for a sweep, where others have an event.
var swept = []byte("sweep")

// sweep runs a sweep through a handler's transport.
func (w *world) sweep(transport http.RoundTripper, reactor *reactor.Reactor) func(context.Context) error {
	inventory := adapter.NewInventory(w.configs(transport))
	reactor.Workload = inventory
	home := w.sandbox.Home()
	sweeper := sweep.Sweeper{
		Reactor: reactor, Inventory: inventory, Records: w.records(transport),
		Scopes: []tagalong.Scope{{Account: home.Account, Region: home.Region}}, PendingAfter: time.Hour,
	}
	return func(ctx context.Context) error {
		_, err := sweeper.Sweep(ctx, sweep.Options{Whole: true})
		return err
	}
}

func (w *world) records(transport http.RoundTripper) *dynamo.Ledger {
	return dynamo.New(dynamodb.NewFromConfig(w.config(transport)), table)
}

// late is something that happens as its handler begins: its events tell it, and ECS
// shows it, only then, though by ECS's own clock it lies back.
type late struct {
	once   sync.Once
	happen func() [][]byte
	events [][]byte
}

func (l *late) handle(ctx context.Context, reactor *reactor.Reactor) error {
	l.once.Do(func() { l.events = l.happen() })
	for _, event := range l.events {
		if _, err := reactor.Handle(ctx, event); err != nil {
			return err
		}
	}
	return nil
}

// happens makes something that happens late an event of the story.
func (w *world) happens(happen func() [][]byte) []byte {
	name := fmt.Sprintf("late-%d", len(w.lates))
	w.lates[name] = &late{happen: happen}
	return []byte(name)
}

// lateStory lets a sweep run beside something that happens to the service prod/app, while
// its second deployment has been rolling out for five minutes.
func lateStory(name string, lag time.Duration, tell func(w *world, s *ecs.Service, second *ecs.Deployment, at time.Time) (events [][]byte), course string, lost bool) story {
	return story{name: fmt.Sprintf("a sweep beside an event that is %v late: %s", lag, name), pausesOnly: true, tell: func(w *world) {
		s := w.service("prod", "app")
		image1, digest1 := w.push("app", "v1")
		image2, digest2 := w.push("app", "v2")
		w.before = append(w.before, w.complete(w.release(s, "app", image1)))
		at := time.Now().UTC().Add(-lag)
		second, started, err := s.Release(at.Add(-5*time.Minute), ecs.Container{Name: "app", Image: image2})
		w.must(err)
		if !lost {
			w.before = append(w.before, started)
		}
		w.a, w.b = swept, w.happens(func() [][]byte { return tell(w, s, second, at) })
		w.course = course
		if w.tag("app:prod", digest1); !strings.Contains(course, "failed") {
			w.tag("app:prod", digest2, digest1)
		}
	}}
}

func lateStories() (all []story) {
	event := func(w *world, event []byte, err error) []byte {
		w.must(err)
		return event
	}
	completes := func(w *world, _ *ecs.Service, second *ecs.Deployment, at time.Time) [][]byte {
		completed, err := second.Complete(at)
		return [][]byte{event(w, completed, err)}
	}
	rolledBack := func(w *world, _ *ecs.Service, second *ecs.Deployment, at time.Time) [][]byte {
		failed, err := second.Fail(at, "")
		w.must(err)
		first, started, err := second.RollBack(at.Add(time.Millisecond))
		w.must(err)
		completed, err := first.Complete(at.Add(2 * time.Millisecond))
		return [][]byte{failed, started, event(w, completed, err)}
	}
	anew := func(w *world, s *ecs.Service, _ *ecs.Deployment, at time.Time) [][]byte {
		s.Delete(at)
		image, _ := w.push("app", "v2")
		again := w.sandbox.ECS.Cluster(wire.Scope{}, "prod").CreateService("app", ecs.ServiceOptions{})
		third, started, err := again.Release(at.Add(time.Minute), ecs.Container{Name: "app", Image: image})
		w.must(err)
		completed, err := third.Complete(at.Add(2 * time.Minute))
		return [][]byte{started, event(w, completed, err)}
	}
	lags := []time.Duration{75 * time.Second} // a public capture
	if !testing.Short() {
		lags = append(lags, 0, 10*time.Minute)
	}
	if *deep {
		lags = append(lags, time.Second, 55*time.Second, 65*time.Second, 3*time.Minute)
	}
	for _, lag := range lags {
		all = append(all, lateStory("it completes", lag, completes, "1 completed, 2 completed", false))
	}
	all[0].pausesOnly = false
	return append(all,
		lateStory("it completes, and its start was lost", 75*time.Second, completes, "1 completed, 2 completed", true),
		lateStory("it is rolled back", 10*time.Minute, rolledBack, "1 completed, 2 failed, 1 completed", false),
		lateStory("it is made anew", 10*time.Minute, anew, "1 completed, 2 superseded, 3 completed", false),
	)
}

// wrongCourse tells what is wrong with the history of the service prod/app, now and after
// another sweep, and whether its tag went back to where it had been.
func (w *world) wrongCourse() (problems []error) {
	if w.course == "" {
		return nil
	}
	for _, when := range []string{"", ", after another sweep"} {
		if when != "" {
			w.must(w.deliver(swept))
		}
		if got := w.courseNow(); got != w.course {
			problems = append(problems, fmt.Errorf("the history has %s%s, want %s", got, when, w.course))
		}
	}
	seen := map[digest.Digest]bool{}
	for _, was := range w.sandbox.ECR.Repository(wire.Scope{}, "app").History("prod") {
		if seen[was] {
			problems = append(problems, fmt.Errorf("the tag came back to %s", was))
		}
		seen[was] = true
	}
	return problems
}

// courseNow is the history in short: each rollout's deployment, by its number, and state.
func (w *world) courseNow() string {
	home := w.sandbox.Home()
	service := tagalong.Service{Account: home.Account, Region: home.Region, Cluster: "prod", Name: "app"}
	rows, err := stream.Collect(w.records(newHandler(w.sandbox, nil, pause)).Rollouts(context.Background(), service, ledger.Span{}, 0))
	w.must(err)
	numbers := map[string]int{}
	var all []string
	for _, row := range slices.Backward(rows) {
		if numbers[row.Deployment] == 0 {
			numbers[row.Deployment] = len(numbers) + 1
		}
		all = append(all, fmt.Sprintf("%d %s", numbers[row.Deployment], row.State))
	}
	return strings.Join(all, ", ")
}

// TestASweepIsStoppedAtEveryCallBesideALateEvent is TestEverySchedule for a sweep and an
// event that ECS tells by up to ten minutes after its own time.
func TestASweepIsStoppedAtEveryCallBesideALateEvent(t *testing.T) {
	for _, st := range lateStories() {
		t.Run(st.name, func(t *testing.T) {
			t.Parallel()
			e := explore(t, st, false)
			if len(e.a) < 20 || len(e.b) < 8 {
				t.Errorf("the sweep has %d points, and the event %d", len(e.a), len(e.b))
			}
			t.Logf("%d points of the sweep, %d of the event, %d schedules", len(e.a), len(e.b), e.runs)
		})
	}
}
