package stories_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// inventoryWorld is a sweeper with all that it needs, in memory, and a clock that only
// the test moves.
type inventoryWorld struct {
	*sweep.Sweeper
	*reactor.Reactor // the sweeper's
	inventory        *tagalongtest.Inventory
	ledger           *tagalongtest.Ledger
	registry         *tagalongtest.Registry
	now              time.Time
	lag              atomic.Int64 // by how much what happens in the inventory lies back
	heard            int          // how many of the inventory's events
	images           map[deploymentOf]tagalong.Ran
}

var (
	usEast = tagalong.Scope{Account: "111122223333", Region: "us-east-1"}
	euWest = tagalong.Scope{Account: "444455556666", Region: "eu-west-1"}
)

func newInventoryWorld(rules tagalong.Rules) *inventoryWorld {
	w := &inventoryWorld{ledger: &tagalongtest.Ledger{}, registry: newWorld(nil).registry, now: noon, images: map[deploymentOf]tagalong.Ran{}}
	clock := func() time.Time { return w.now }
	w.inventory = &tagalongtest.Inventory{Now: func() time.Time { return w.now.Add(-time.Duration(w.lag.Load())) }}
	w.Reactor = &reactor.Reactor{Rules: rules, Ledger: w.ledger, Promotions: w.ledger, Workload: w.inventory, Registry: w.registry, Now: clock, Coverage: tagalongtest.Covering("111122223333", "444455556666")}
	w.Sweeper = &sweep.Sweeper{
		Reactor:   w.Reactor,
		Inventory: w.inventory, Records: w.ledger, Scopes: []tagalong.Scope{usEast, euWest}, PendingAfter: time.Hour,
	}
	w.swept()
	return w
}

// swept writes down what the first sweep would, so that a quiet one has nothing to write.
func (w *inventoryWorld) swept() {
	if err := w.ledger.SetSwept(context.Background(), ledger.Swept{Begun: w.now, Scopes: w.Scopes, Named: true, Tasks: true}); err != nil {
		panic(err) // it is in memory
	}
}

func (w *inventoryWorld) pass(d time.Duration) { w.now = w.now.Add(d) }

// deploys starts a deployment of one container.
func (w *inventoryWorld) deploys(s tagalong.Service, image tagalong.Ran) string {
	id := w.inventory.Deploy(s, tagalongtest.Deployment{TaskDefinition: "arn:" + s.Name, Revised: []tagalong.Ran{image}})
	w.images[deploymentOf{s, id}] = image
	return id
}

// rolls lets a deployment of one container start, and complete a minute later.
func (w *inventoryWorld) rolls(s tagalong.Service, image tagalong.Ran) string {
	id := w.deploys(s, image)
	w.pass(time.Minute)
	w.inventory.Complete(s)
	return id
}

// unheard returns the events that nobody has heard of yet.
func (w *inventoryWorld) unheard() []tagalongtest.DeploymentEvent {
	sent := w.inventory.Events(w.heard)
	w.heard += len(sent)
	return sent
}

// hears lets the handlers hear of all that has happened since the last time.
func (w *inventoryWorld) hears(t failer) {
	t.Helper()
	for _, sent := range w.unheard() {
		w.hear(t, sent)
	}
}

func (w *inventoryWorld) hear(t failer, sent tagalongtest.DeploymentEvent) {
	t.Helper()
	if _, err := w.Reactor.Handle(t.Context(), sent.JSON(uuid(1))); err != nil {
		t.Fatalf("hearing of %s %s of %s: %v", sent.Name, sent.Deployment, sent.Service, err)
	}
}

// misses lets the events of all that has happened since the last time get lost.
func (w *inventoryWorld) misses() { w.unheard() }

// sweeps takes a sweep that must not fail, when ECS shows all that has happened.
func (w *inventoryWorld) sweeps(t failer, o sweep.Options) sweep.Report {
	t.Helper()
	w.pass(time.Hour)
	report, err := w.Sweep(t.Context(), o)
	if err != nil {
		t.Fatalf("sweep: %v", err)
	}
	return report
}

// wantRunning checks that the ledger has of every service what the inventory runs, as far
// as ECS still shows it.
func (w *inventoryWorld) wantRunning(t failer) {
	t.Helper()
	running := w.inventory.Running()
	for s := range running {
		if _, managed := w.Rules.For(s); !managed {
			delete(running, s)
		}
	}
	for s, record := range w.running(t) {
		if is := running[s]; is != record.Deployment && (is == "" || w.inventory.Shows(s, is)) {
			t.Fatalf("the ledger has %s running %s, ECS %q", s, record.Deployment, is)
		}
		delete(running, s)
	}
	for s, deployment := range running {
		if w.inventory.Shows(s, deployment) {
			t.Fatalf("ECS has %s running %s, the ledger nothing", s, deployment)
		}
	}
}

func (w *inventoryWorld) running(t failer) map[tagalong.Service]ledger.RunningRecord {
	t.Helper()
	running := map[tagalong.Service]ledger.RunningRecord{}
	environments, err := w.ledger.Environments(t.Context())
	if err != nil {
		t.Fatalf("environments: %v", err)
	}
	for _, name := range environments {
		for m, err := range w.ledger.RunningRecords(t.Context(), name, tagalong.Service{}, 0) {
			if err != nil {
				t.Fatalf("members of %s: %v", name, err)
			}
			if _, twice := running[m.Service]; twice {
				t.Fatalf("%s runs in two environments", m.Service)
			}
			running[m.Service] = m
		}
	}
	return running
}

// wantTags checks that each tag that a running container claims sits on the image
// of the newest of its claims, and that nothing else is desired.
func (w *inventoryWorld) wantTags(t failer) {
	t.Helper()
	want := map[tagalong.TagID]digest.Digest{}
	newest := map[tagalong.TagID]time.Time{}
	for s, record := range w.running(t) {
		policy, _ := w.Rules.For(s)
		image := w.images[deploymentOf{s, record.Deployment}]
		parsed, err := tagalong.ParseImage(image.Image)
		if err != nil {
			t.Fatalf("image of %s: %v", s, err)
		}
		for _, template := range policy.Tags {
			id := tagalong.TagID{Repository: parsed.Repository, Tag: tagalong.Expand(template, policy.Environment, s, image.Name, record.Since)}
			if record.Since.After(newest[id]) {
				want[id], newest[id] = image.Digest, record.Since
			}
		}
	}
	world := world{Reactor: w.Reactor, ledger: w.ledger, registry: w.registry}
	for _, tag := range world.allTags(t) {
		if tag.Wish.Digest != want[tag.ID] || tag.State != ledger.TagConfirmed {
			t.Fatalf("tag %s is wished on %s and %s, want %q", tag.ID, tag.Wish.Digest, tag.State, want[tag.ID])
		}
		if sits := w.registry.Tags(tag.ID.Repository)[tag.ID.Tag]; sits != want[tag.ID] {
			t.Fatalf("tag %s sits on %q, want %s", tag.ID, sits, want[tag.ID])
		}
		delete(want, tag.ID)
	}
	if len(want) > 0 {
		t.Fatalf("nobody wishes %v", want)
	}
}

// wantHistory checks that every service deployment that ECS remembers is in the
// history, with the end that it had, and that none is more often than it was.
func (w *inventoryWorld) wantHistory(t failer) {
	t.Helper()
	for s := range w.inventory.Running() {
		if _, managed := w.Rules.For(s); managed {
			w.wantHistoryOf(t, s)
		}
	}
}

func (w *inventoryWorld) wantHistoryOf(t failer, s tagalong.Service) {
	t.Helper()
	rows, err := stream.Collect(w.ledger.Rollouts(t.Context(), s, ledger.Span{}, 0))
	if err != nil {
		t.Fatalf("rollouts of %s: %v", s, err)
	}
	if missing := w.inventory.Unrecorded(s, rows); len(missing) > 0 {
		t.Fatalf("of %s ECS remembers %s, the history has:\n%s", s, strings.Join(missing, ", "), courseOf(rows))
	}
	if invented := w.inventory.Invented(s, rows); len(invented) > 0 {
		t.Fatalf("of %s %s, the history has:\n%s", s, strings.Join(invented, ", "), courseOf(rows))
	}
}

func courseOf(rows []ledger.Row) (text string) {
	for _, r := range rows {
		text += fmt.Sprintf("  %s %s %v..%v until %v\n", r.Deployment, r.State, r.StartedAt.Sub(noon), r.FinishedAt.Sub(noon), r.Until.Sub(noon))
	}
	return text
}

// wantQuiet checks that another sweep finds nothing to do.
func (w *inventoryWorld) wantQuiet(t failer, o sweep.Options) {
	t.Helper()
	writes, puts, tries := w.ledger.Writes(), w.registry.Puts(), 0
	w.registry.OnTag = func(_ context.Context, _ tagalong.Repository, _ tagalong.Manifest, _ string, put func() error) error {
		tries++
		return put()
	}
	defer func() { w.registry.OnTag = nil }()
	report, err := w.Sweep(t.Context(), o)
	if err != nil {
		t.Fatalf("second sweep: %v", err)
	}
	if w.ledger.Writes() != writes || w.registry.Puts() != puts || tries > 0 || report.Recorded > 0 {
		t.Fatalf("the second sweep wrote %d times and put %d tags: %+v", w.ledger.Writes()-writes, tries, report)
	}
	for _, d := range report.Drift {
		if d.Repaired {
			t.Fatalf("the second sweep healed %+v", d)
		}
	}
}

func TestAnEmptyLedgerIsFilledByOneSweep(t *testing.T) {
	w := newInventoryWorld(prodRules())
	for version := range 3 {
		w.rolls(prodAPI, ran("app", shopAPI, version))
		w.pass(24 * time.Hour)
	}
	w.deploys(prodAPI, ran("app", shopAPI, 3))
	w.pass(time.Minute)
	w.inventory.Fail(prodAPI, true)
	w.pass(time.Minute)
	w.inventory.Complete(prodAPI)
	report := w.sweeps(t, sweep.Options{})
	w.wantRunning(t)
	w.wantTags(t)
	w.wantHistory(t)
	if history := w.registry.History(shopAPI, "prod"); len(history) != 1 {
		t.Errorf("the tag went through the past: %v", history)
	}
	if report.Recorded != 10 || report.Moved != 1 || report.Services != 1 {
		t.Errorf("report %+v", report)
	}
	w.wantQuiet(t, sweep.Options{Whole: true})
}
