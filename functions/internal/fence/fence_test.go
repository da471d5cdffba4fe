package fence_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/clients"
	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

const table = "tagalong"

// config is that of the SDK on one handler's transport.
func (w *world) config(transport http.RoundTripper) aws.Config {
	return aws.Config{
		Region:       w.sandbox.Home().Region,
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDFENCE", "secret", ""),
		BaseEndpoint: aws.String("http://sandbox"),
		HTTPClient:   &http.Client{Transport: transport},
		// The schedule says what fails; the SDK's patience is not under test.
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}
}

// configs are those of every Region on one handler's transport.
func (w *world) configs(transport http.RoundTripper) clients.Configs {
	return func(_ context.Context, _, region string) (aws.Config, error) {
		there := w.config(transport)
		there.Region = region
		return there, nil
	}
}

// reactor returns the real reactor with the real adapters on one handler's transport.
func (w *world) reactor(transport http.RoundTripper) *reactor.Reactor {
	ledger := dynamo.New(dynamodb.NewFromConfig(w.config(transport)), table)
	return &reactor.Reactor{
		Rules:      w.story.rules,
		Coverage:   tagalongtest.Covering("111122223333"),
		Ledger:     ledger,
		Promotions: ledger,
		Workload:   ecs.New(w.configs(transport)),
		Registry:   ecr.New(w.configs(transport)),
	}
}

// handle runs an event, or a promotion, through a handler's transport.
func (w *world) handle(transport http.RoundTripper, event []byte) func(context.Context) error {
	reactor := w.reactor(transport)
	if string(event) == string(swept) {
		return w.sweep(transport, reactor)
	}
	if l, ok := w.lates[string(event)]; ok {
		return func(ctx context.Context) error { return l.handle(ctx, reactor) }
	}
	if p, ok := w.promotions[string(event)]; ok {
		return func(ctx context.Context) error {
			_, err := reactor.Promote(ctx, p)
			return err
		}
	}
	return func(ctx context.Context) error {
		_, err := reactor.Handle(ctx, event)
		return err
	}
}

// deliver handles an event without any disturbance.
func (w *world) deliver(event []byte) error {
	h := newHandler(w.sandbox, nil, pause)
	h.start(w.handle(h, event))
	<-h.done
	return h.err
}

// prepare makes the table and handles what came before.
func (w *world) prepare() {
	h := newHandler(w.sandbox, nil, pause)
	_, err := dynamo.Create(context.Background(), dynamodb.NewFromConfig(w.config(h)), table)
	w.must(err)
	for _, event := range w.before {
		w.must(w.deliver(event))
	}
}

// plan says where one handler is stopped and what happens to it there.
type plan struct {
	at *point
	do deed
}

func (p plan) String() string {
	if p.at == nil {
		return "undisturbed"
	}
	when := "before"
	if p.at.after {
		when = "after"
	}
	return fmt.Sprintf("%s %s %s#%d", p.do, when, p.at.operation, p.at.n)
}

// schedule is one way for two handlers to get into each other's way: the first
// runs to its point, then the second to its own, then the first to its end, then
// the second.
type schedule struct {
	first, second plan
	// swapped makes the second event's handler the first.
	swapped bool
}

func (s schedule) String() string {
	a, b := "a", "b"
	if s.swapped {
		a, b = b, a
	}
	return fmt.Sprintf("first %s: %s; then %s: %s", a, s.first, b, s.second)
}

// run plays a schedule in a new world and tells what is wrong in the end. It
// gives the points that the two handlers came by.
func run(t *testing.T, st story, s schedule) (first, second []point, problem error) {
	w := newWorld(t, st)
	w.prepare()
	if s.swapped {
		w.a, w.b = w.b, w.a
	}
	ha, hb := newHandler(w.sandbox, s.first.at, s.first.do), newHandler(w.sandbox, s.second.at, s.second.do)
	ha.start(w.handle(ha, w.a))
	ha.settle()
	hb.start(w.handle(hb, w.b))
	hb.settle()
	ha.finish()
	hb.finish()
	return ha.seen, hb.seen, w.conclude(s, ha, hb)
}

// conclude lets late calls arrive, does what EventBridge and Lambda do after a
// failure, and compares.
func (w *world) conclude(s schedule, ha, hb *handler) error {
	late := slices.Concat(ha.late, hb.late)
	for _, call := range late {
		call()
	}
	var problems []error
	for _, h := range []struct {
		*handler
		plan  plan
		event []byte
	}{{ha, s.first, w.a}, {hb, s.second, w.b}} {
		if h.err != nil && h.plan.at == nil {
			problems = append(problems, fmt.Errorf("an undisturbed handler ended with: %w", h.err))
		}
		if h.err != nil || len(late) > 0 {
			if err := w.deliver(h.event); err != nil {
				problems = append(problems, fmt.Errorf("the retry ended with: %w", err))
			}
		}
	}
	return errors.Join(append(problems, w.check()...)...)
}

// check compares every tag with where it belongs, and its past with where it might be.
func (w *world) check() (problems []error) {
	problems = w.wrongCourse()
	for _, r := range w.never {
		if put := r.History("prod"); len(put) > 0 {
			problems = append(problems, fmt.Errorf("a tag was put in %s", r.URI()))
		}
	}
	for name, want := range w.want {
		repository, tag := split(name)
		r := w.sandbox.ECR.Repository(wire.Scope{}, repository)
		if got := r.Tag(tag); got != want {
			problems = append(problems, fmt.Errorf("%s is on %s, want %s", name, got, want))
		}
		for _, was := range r.History(tag) {
			if !slices.Contains(w.allowed[name], was) {
				problems = append(problems, fmt.Errorf("%s was on %s, which was neither completed nor promoted", name, was))
			}
		}
		id := tagalong.TagID{Repository: tagalong.Repository{Registry: r.URI()[:len(r.URI())-len("/")-len(repository)], Name: repository}, Tag: tag}
		tags, err := w.reactor(newHandler(w.sandbox, nil, pause)).Ledger.Tags(context.Background(), []tagalong.TagID{id})
		w.must(err)
		held, ok := tags[id]
		if slices.Contains(w.inputs, name) {
			if held.State != ledger.TagInput {
				problems = append(problems, fmt.Errorf("%s: the ledger says %s of a tag that deployments read", name, held.State))
			}
			continue
		}
		if !ok || held.Wish.Digest != want {
			problems = append(problems, fmt.Errorf("%s: the ledger wishes %q, want %s", name, held.Wish.Digest, want))
		}
		if held.State != ledger.TagConfirmed && held.DoubtUntil.Before(time.Now()) {
			problems = append(problems, fmt.Errorf("%s: the ledger says %s", name, held.State))
		}
	}
	return append(problems, w.unfinished()...)
}

// unfinished returns the services of which a change was not written to its end.
func (w *world) unfinished() (problems []error) {
	ledger := w.reactor(newHandler(w.sandbox, nil, pause)).Ledger
	for _, s := range w.services {
		snap, err := ledger.Load(context.Background(), s)
		w.must(err)
		if !snap.Head.Rest.None() {
			problems = append(problems, fmt.Errorf("%s: %d tags and more are left to come", s, len(snap.Head.Rest.Tags)))
		}
	}
	return problems
}

// plans are all that can happen to a handler at its points. Held and unanswered
// calls are those that move a tag: a write of the ledger that arrives late is
// refused by its conditions, which the killed and paused ones show.
func plans(points []point, pausesOnly bool) []plan {
	all := []plan{{}}
	for _, p := range points {
		all = append(all, plan{&p, pause})
		if testing.Short() || pausesOnly {
			continue // the race detector wants the handlers side by side, not dead
		}
		all = append(all, plan{&p, kill})
		if p.operation == "PutImage" && !p.after {
			all = append(all, plan{&p, hold}, plan{&p, lose})
		}
	}
	return all
}

var deep = flag.Bool("deep", false, "stop both handlers at once, at every pair of their points: some minutes")

// TestEverySchedule stops a handler before and after every call that it makes,
// whatever it makes in consequence of the other, and lets all that can happen to
// it there happen while the other runs; with -deep the other one is stopped in
// the same way meanwhile.
func TestEverySchedule(t *testing.T) {
	var runs, points atomic.Int64
	t.Run("stories", func(t *testing.T) {
		for _, st := range stories {
			t.Run(st.name, func(t *testing.T) {
				t.Parallel()
				e := explore(t, st, *deep)
				runs.Add(int64(e.runs))
				points.Add(int64(len(e.a) + len(e.b)))
				t.Logf("%d points of one handler, %d of the other, %d schedules", len(e.a), len(e.b), e.runs)
			})
		}
	})
	t.Logf("%d stories, %d points, %d schedules", len(stories), points.Load(), runs.Load())
}

// The stories of many containers are about changes that no transaction takes whole.
func TestWhatManyContainersChangeTakesSeveralTransactions(t *testing.T) {
	for _, st := range stories {
		if st.stops == nil {
			continue
		}
		t.Run(st.name, func(t *testing.T) {
			w := newWorld(t, st)
			w.prepare()
			h := newHandler(w.sandbox, nil, pause)
			h.start(w.handle(h, w.a))
			<-h.done
			w.must(h.err)
			if n := h.counts["TransactWriteItems"]; n < 2 {
				t.Errorf("%d transactions, want several", n)
			}
		})
	}
}

// exploration knows the points of both events' handlers that any schedule has shown.
type exploration struct {
	a, b []point
	runs int
}

// explore runs every schedule of the points that are known, until no schedule
// shows a point that was not known before.
func explore(t *testing.T, st story, both bool) *exploration {
	e := &exploration{}
	done := map[string]bool{}
	for {
		var next []schedule
		for _, s := range slices.Concat(st.schedules(e.a, e.b, false, both), st.schedules(e.b, e.a, true, both)) {
			if !done[s.String()] {
				done[s.String()] = true
				next = append(next, s)
			}
		}
		if len(next) == 0 {
			return e
		}
		for _, s := range next {
			first, second, problem := run(t, st, s)
			if problem != nil {
				t.Errorf("%s:\n%v", s, problem)
				return e // one schedule tells enough
			}
			e.runs++
			if s.swapped {
				first, second = second, first
			}
			e.a, e.b = union(e.a, st.stopped(first)), union(e.b, st.stopped(second))
		}
	}
}

// schedules returns those of two handlers' points. Stopping the second while the
// first is not waiting, or is dead, is no other schedule than the second alone.
func (st story) schedules(first, second []point, swapped, both bool) []schedule {
	var all []schedule
	for _, p := range plans(first, st.pausesOnly) {
		all = append(all, schedule{first: p, swapped: swapped})
		if !both || p.at == nil || p.do != pause {
			continue
		}
		for _, q := range plans(second, st.pausesOnly)[1:] {
			all = append(all, schedule{first: p, second: q, swapped: swapped})
		}
	}
	for _, q := range plans(second, st.pausesOnly) {
		all = append(all, schedule{second: q, swapped: swapped})
	}
	return all
}

// stopped returns the points at which the story stops its handlers.
func (s story) stopped(points []point) []point {
	return slices.DeleteFunc(points, func(p point) bool { return s.stops != nil && !slices.Contains(s.stops, p.operation) })
}

func union(all, some []point) []point {
	for _, p := range some {
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}
