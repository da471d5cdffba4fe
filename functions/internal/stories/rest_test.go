package stories_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// largeChange is a change of prodAPI that writes much at once.
type largeChange struct {
	name  string
	rules tagalong.Rules
	// before is heard to its end; after leaves something to be heard of, or to be seen
	// by a sweep.
	before, after func(w *inventoryWorld, containers int)
	bySweep       bool
}

var fiveTags = []string{"{environment}", "{environment}-a", "{environment}-b", "{environment}-c", "{environment}-{container}"}

var largeChanges = []largeChange{
	{
		name: "all images move to other repositories", rules: prodRules(fiveTags...),
		before: func(w *inventoryWorld, n int) { w.rollsAll("c", "old", n) },
		after:  func(w *inventoryWorld, n int) { w.rollsAll("c", "new", n) },
	},
	{
		name: "all containers are renamed", rules: prodRules(fiveTags...),
		before: func(w *inventoryWorld, n int) { w.rollsAll("c", "old", n) },
		after:  func(w *inventoryWorld, n int) { w.rollsAll("d", "old", n) },
	},
	{
		name: "a rule gives another environment", rules: prodRules(fiveTags...),
		before: func(w *inventoryWorld, n int) { w.rollsAll("c", "old", n) },
		after: func(w *inventoryWorld, n int) {
			w.Rules = tagalong.Rules{{Environment: "live", Tags: fiveTags}}
			w.rollsAll("c", "old", n)
		},
	},
	{
		name: "the service is retired", rules: prodRules(fiveTags...), bySweep: true,
		before: func(w *inventoryWorld, n int) { w.rollsAll("c", "old", n) },
		after:  func(w *inventoryWorld, n int) { w.inventory.Delete(prodAPI) },
	},
	{
		name: "all at once, with previous tags", rules: tagalong.Rules{{Environment: "prod", Tags: fiveTags[1:4], PreviousTags: []string{"{environment}-was", "{environment}-was-{container}"}}},
		before: func(w *inventoryWorld, n int) {
			w.rollsAll("c", "older", n)
			w.rollsAll("c", "old", n)
		},
		after: func(w *inventoryWorld, n int) {
			w.Rules = tagalong.Rules{{Environment: "live", Tags: fiveTags[1:4], PreviousTags: w.Rules[0].PreviousTags}}
			w.rollsAll("d", "new", n)
		},
	},
}

// rollsAll lets a deployment of many containers start and complete, each from a
// repository of its own.
func (w *inventoryWorld) rollsAll(container, repository string, containers int) {
	var all []tagalong.Ran
	for i := range containers {
		repo := tagalong.Repository{Registry: home, Name: fmt.Sprintf("%s/app%02d", repository, i)}
		w.registry.Push(repo, imageOf(repo, 1), versionTag(1))
		all = append(all, ran(fmt.Sprintf("%s%02d", container, i), repo, 1))
	}
	w.inventory.Deploy(prodAPI, tagalongtest.Deployment{TaskDefinition: "td", Revised: all})
	w.pass(time.Minute)
	w.inventory.Complete(prodAPI)
	w.pass(time.Minute)
}

// prepare makes a world in which the change has come to pass and nobody has heard.
func (u largeChange) prepare(t failer, containers, items int) *inventoryWorld {
	w := newInventoryWorld(u.rules)
	w.Untag = true
	takes(items, w.Reactor, w.ledger)
	u.before(w, containers)
	w.hears(t)
	u.after(w, containers)
	return w
}

// deliver lets the world hear of it.
func (u largeChange) deliver(w *inventoryWorld, ctx context.Context) error {
	if u.bySweep {
		w.pass(time.Hour)
		_, err := w.Sweep(ctx, sweep.Options{})
		return err
	}
	for _, sent := range w.unheard() {
		if _, err := w.Reactor.Handle(ctx, sent.JSON(uuid(1))); err != nil {
			return err
		}
	}
	return nil
}

// sizes notes how many items each commit writes.
func (w *inventoryWorld) sizes() *weighed {
	l := &weighed{Ledger: w.ledger}
	w.Reactor.Ledger = l
	return l
}

// wantWhole checks that nothing is left to come, and that each tag is where it is desired.
func (w *inventoryWorld) wantWhole(t failer) {
	t.Helper()
	snap, err := w.ledger.Load(t.Context(), prodAPI)
	if err != nil || !snap.Head.Rest.None() {
		t.Fatalf("left to come: %+v, error %v", snap.Head.Rest, err)
	}
	world := world{Reactor: w.Reactor, ledger: w.ledger, registry: w.registry}
	for _, tag := range world.allTags(t) {
		if sits := w.registry.Tags(tag.ID.Repository)[tag.ID.Tag]; tag.State != ledger.TagConfirmed || sits != tag.Wish.Digest {
			t.Fatalf("tag %s is %s and sits on %q, wished on %s", tag.ID, tag.State, sits, tag.Wish.Digest)
		}
	}
}

// unlimited is more items than any change has.
const unlimited = 1 << 20

// Ten containers and five tags are what ECS and a rule allow. More is no error, either.
func TestAChangeOfAnySizeEndsLikeOneThatFits(t *testing.T) {
	for _, u := range largeChanges {
		for _, containers := range []int{1, 10, 30} {
			t.Run(fmt.Sprintf("%s, %d containers", u.name, containers), func(t *testing.T) {
				whole := u.prepare(t, containers, unlimited)
				if err := u.deliver(whole, t.Context()); err != nil {
					t.Fatal(err)
				}
				w := u.prepare(t, containers, 100)
				ledger := w.sizes()
				if err := u.deliver(w, t.Context()); err != nil {
					t.Fatal(err)
				}
				w.wantWhole(t)
				if diff := gocmp.Diff(whole.ledger.Dump(), w.ledger.Dump()); diff != "" {
					t.Errorf("(-in one transaction +in %v):\n%s", ledger.sizes, diff)
				}
				if largest := slices.Max(ledger.sizes); containers >= 30 && largest < 99 && u.name != "the service is retired" {
					t.Errorf("commits of %v items: none was too long", ledger.sizes)
				}
			})
		}
	}
}

// The counts of a change that was an error for ever. Tags that come behind are in none.
func TestTenContainersThatMoveWithFiveTagsAreWrittenInTwoTransactions(t *testing.T) {
	for tags, want := range map[int][]int{1: {14, 65}, 2: {14, 85}, 3: {14, 100, 1}, 5: {14, 100, 1}} {
		u := largeChanges[0]
		u.rules = prodRules(fiveTags[:tags]...)
		w := u.prepare(t, 10, 100)
		ledger := w.sizes()
		if err := u.deliver(w, t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(want, ledger.sizes); diff != "" {
			t.Errorf("%d tags: items of the commits (-want +got):\n%s", tags, diff)
		}
	}
}

// No list of a change may be forgotten where it is counted or cut.
func TestNothingOfAChangeIsLostWhereItIsCut(t *testing.T) {
	c := ledger.Change{DropRunning: "old", Tags: make([]ledger.TagWrite, 3)}
	lists := reflect.ValueOf(&c.Items).Elem()
	for i := range lists.NumField() {
		lists.Field(i).Set(reflect.MakeSlice(lists.Field(i).Type(), 3, 3))
	}
	want := 1 + 1 + 3*(lists.NumField()+1)
	if c.Size() != want {
		t.Fatalf("size %d, want %d", c.Size(), want)
	}
	for items := 4; items <= want; items++ {
		cut := c
		cut.Fit(items)
		rest, left := cut.Head.Rest, 0
		for i := range lists.NumField() {
			now, later := reflect.ValueOf(cut.Items).Field(i).Len(), reflect.ValueOf(rest.Items).Field(i).Len()
			if left += later; now+later != 3 {
				t.Errorf("%d items: %d now and %d later of %s", items, now, later, lists.Type().Field(i).Name)
			}
		}
		if cut.Size() > items || len(cut.Tags)+len(rest.Tags) != 3 {
			t.Errorf("%d items: %d now, with %d tags and then %d", items, cut.Size(), len(cut.Tags), len(rest.Tags))
		}
		if left > 0 && len(cut.Tags) > 0 {
			t.Errorf("%d items: tags are written before %d of what claims them", items, left)
		}
		if gone := cut.DropRunning == "old"; gone != rest.None() {
			t.Errorf("%d items: the running row goes now: %v, left are %+v", items, gone, rest)
		}
	}
}

// death kills a handler at its nth commit: before it, or behind it with the answer lost.
type death struct {
	*tagalongtest.Ledger
	at     int
	behind bool
	seen   int
	dead   bool
}

func (d *death) Commit(ctx context.Context, c ledger.Change) error {
	d.seen++
	if d.seen != d.at {
		return d.Ledger.Commit(ctx, c)
	}
	d.dead = true
	if d.behind {
		return errors.Join(errDied, d.Ledger.Commit(ctx, c))
	}
	return errDied
}

// dies lets the world die at the nth commit; false is that it has not so many.
func (u largeChange) dies(w *inventoryWorld, ctx context.Context, at int, behind bool) bool {
	d := &death{Ledger: w.ledger, at: at, behind: behind}
	w.Reactor.Ledger = d
	_ = u.deliver(w, ctx)
	w.Reactor.Ledger = w.ledger
	return d.dead
}

// eachDeath runs a test for every commit at which the handler of a large change can die.
func eachDeath(t *testing.T, do func(t *testing.T, u largeChange, w *inventoryWorld, containers int)) {
	for _, u := range largeChanges {
		for _, size := range []struct{ containers, items int }{{10, 100}, {3, 12}} {
			for _, behind := range []bool{false, true} {
				for at := 1; ; at++ {
					w := u.prepare(t, size.containers, size.items)
					if !u.dies(w, t.Context(), at, behind) {
						break
					}
					t.Run(fmt.Sprintf("%s, %d containers, commit %d, behind it %v", u.name, size.containers, at, behind), func(t *testing.T) {
						do(t, u, w, size.containers)
					})
				}
			}
		}
	}
}

// wantLike checks that two worlds came to the same end.
func (w *inventoryWorld) wantLike(t *testing.T, other *inventoryWorld) {
	t.Helper()
	w.wantWhole(t)
	if diff := gocmp.Diff(other.ledger.Dump(), w.ledger.Dump()); diff != "" {
		t.Errorf("(-without a death +after it):\n%s", diff)
	}
}

// again tells the world all that has happened, as EventBridge and Lambda do again.
func (u largeChange) again(t failer, w *inventoryWorld) {
	for _, sent := range w.inventory.Events(0) {
		w.hear(t, sent)
	}
	if !u.bySweep {
		return
	}
	if _, err := w.Sweep(t.Context(), sweep.Options{Whole: true}); err != nil {
		t.Fatalf("sweep: %v", err)
	}
}

func TestTheRetryFinishesAChangeThatWasWrittenInPart(t *testing.T) {
	eachDeath(t, func(t *testing.T, u largeChange, w *inventoryWorld, containers int) {
		u.again(t, w)
		alive := u.prepare(t, containers, unlimited)
		if err := u.deliver(alive, t.Context()); err != nil {
			t.Fatal(err)
		}
		w.wantLike(t, alive)
	})
}

func TestALateRetryFinishesAChangeThatWasWrittenInPart(t *testing.T) {
	eachDeath(t, func(t *testing.T, u largeChange, w *inventoryWorld, _ int) {
		if u.bySweep {
			return // it has no retry
		}
		w.pass(20 * time.Minute)
		u.again(t, w)
		snap, err := w.ledger.Load(t.Context(), prodAPI)
		if err != nil || !snap.Head.Rest.None() {
			t.Fatalf("left to come: %+v, error %v", snap.Head.Rest, err)
		}
	})
}

func TestALaterEventFinishesAChangeThatWasWrittenInPart(t *testing.T) {
	eachDeath(t, func(t *testing.T, u largeChange, w *inventoryWorld, containers int) {
		later := func(w *inventoryWorld) {
			w.rollsAll("c", "newer", containers)
			u.again(t, w)
		}
		later(w)
		alive := u.prepare(t, containers, unlimited)
		if err := u.deliver(alive, t.Context()); err != nil {
			t.Fatal(err)
		}
		later(alive)
		w.wantWhole(t)
	})
}

func TestASweepFinishesAChangeThatWasWrittenInPart(t *testing.T) {
	eachDeath(t, func(t *testing.T, u largeChange, w *inventoryWorld, containers int) {
		snap, err := w.ledger.Load(t.Context(), prodAPI)
		if err != nil {
			t.Fatal(err)
		}
		before, puts := w.ledger.Dump(), w.registry.Puts()
		dry := w.sweeps(t, sweep.Options{DryRun: true})
		if diff := gocmp.Diff(before, w.ledger.Dump()); diff != "" || w.registry.Puts() != puts {
			t.Errorf("the dry run wrote (-before +after):\n%s", diff)
		}
		report := w.sweeps(t, sweep.Options{})
		if !snap.Head.Rest.None() && (drifts(dry, sweep.DriftLedger) == 0 || drifts(report, sweep.DriftLedger) == 0) {
			t.Errorf("left to come: %+v, but the dry run finds %v and the sweep %v", snap.Head.Rest, kinds(dry), kinds(report))
		}
		if drifts(dry, sweep.DriftTag) < report.Moved {
			t.Errorf("the dry run finds %v, but the sweep moved %d tags", kinds(dry), report.Moved)
		}
		w.sweeps(t, sweep.Options{Whole: true})
		w.wantWhole(t)
		w.wantQuiet(t, sweep.Options{Whole: true})
	})
}

// What a pipeline's event told of a service is left out when it is told again, unless
// its change was written in part.
func TestTheRetryOfAPipelinesEventFinishesAChangeThatWasWrittenInPart(t *testing.T) {
	u := largeChanges[0]
	for _, behind := range []bool{false, true} {
		w := u.prepare(t, 3, 12)
		var facts []tagalong.Fact
		for _, sent := range w.unheard() {
			facts = append(facts, tagalong.Fact{Deployment: sent.Deployment, Name: sent.Name, Time: sent.Time, Source: tagalong.FromPipeline})
		}
		handler := &pipeline.Handler{Reactor: w.Reactor, Releases: w.ledger}
		w.Reactor.Ledger = &death{Ledger: w.ledger, at: 3, behind: behind}
		if _, err := handler.Reactor.ObserveAll(t.Context(), prodAPI, facts); !errors.Is(err, errDied) {
			t.Fatalf("error %v", err)
		}
		w.Reactor.Ledger = w.ledger
		if _, err := handler.Reactor.ObserveAll(t.Context(), prodAPI, facts); err != nil {
			t.Fatal(err)
		}
		w.wantWhole(t)
	}
}

// overtaken is a ledger of which all facts of a service are read only after something else.
type overtaken struct {
	*tagalongtest.Ledger
	first func()
}

func (o *overtaken) LoadWhole(ctx context.Context, s tagalong.Service) (ledger.Snapshot, error) {
	if first := o.first; first != nil {
		o.first = nil
		first()
	}
	return o.Ledger.LoadWhole(ctx, s)
}

// A fact from long ago has all facts read, and with them the head of another handler
// that may have died between its parts.
func TestAHeadThatIsReadAnewIsFinishedBeforeAnythingElse(t *testing.T) {
	const containers = 3
	for _, dies := range []bool{false, true} {
		w := newInventoryWorld(prodRules(fiveTags...))
		takes(12, w.Reactor, w.ledger)
		for range 12 {
			w.rollsAll("c", "old", containers)
		}
		sent := w.unheard()
		late := sent[1]
		for _, one := range slices.Delete(sent, 1, 2) {
			w.hear(t, one)
		}
		w.rollsAll("c", "new", containers)
		another, next := *w.Reactor, w.unheard()
		if dies {
			another.Ledger = &death{Ledger: w.ledger, at: 3}
		}
		w.Reactor.Ledger = &overtaken{w.ledger, func() {
			for _, one := range next {
				_, _ = another.Handle(t.Context(), one.JSON(uuid(1)))
			}
			if snap, err := w.ledger.Load(t.Context(), prodAPI); err != nil || snap.Head.Rest.None() == dies {
				t.Fatalf("left to come: %+v, error %v", snap.Head.Rest, err)
			}
		}}
		w.hear(t, late)
		w.wantWhole(t)
		for i := range containers {
			repo := tagalong.Repository{Registry: home, Name: fmt.Sprintf("new/app%02d", i)}
			for _, tag := range []string{"prod", "prod-a", "prod-b", "prod-c"} {
				if sits := w.registry.Tags(repo)[tag]; sits != imageOf(repo, 1).Digest {
					t.Errorf("dies %t: tag %s of %s sits on %q", dies, tag, repo, sits)
				}
			}
		}
	}
}

// Between the parts a tag has the wish of before: that is no other service's claim.
func TestATagThatIsStillToComeIsPending(t *testing.T) {
	const containers = 12
	u := largeChanges[1]
	u.rules = prodRules(append(fiveTags[:4:4], "{environment}-d")...)
	w := u.prepare(t, containers, 100)
	w.hears(t)
	var all []tagalong.Ran
	for i := range containers {
		repo := tagalong.Repository{Registry: home, Name: fmt.Sprintf("old/app%02d", i)}
		w.registry.Push(repo, imageOf(repo, 2), versionTag(2))
		all = append(all, ran(fmt.Sprintf("e%02d", i), repo, 2))
	}
	w.inventory.Deploy(prodAPI, tagalongtest.Deployment{TaskDefinition: "td", Revised: all})
	w.hears(t)
	w.pass(time.Minute)
	w.inventory.Complete(prodAPI)
	if !u.dies(w, t.Context(), 2, false) {
		t.Fatal("the change was written at once")
	}
	page, err := query.Queries{Records: w.ledger}.Running(t.Context(), query.RunningQuery{Environment: "prod"}, query.Paging{Limit: 100})
	if err != nil || len(page.Items) != containers {
		t.Fatalf("%d containers, error %v", len(page.Items), err)
	}
	for _, row := range page.Items {
		if row.TagState != ledger.TagPending {
			t.Errorf("the tags of %s are %s, want pending", row.Container, row.TagState)
		}
	}
}

func kinds(r sweep.Report) map[sweep.DriftKind]int {
	all := map[sweep.DriftKind]int{}
	for _, d := range r.Drift {
		all[d.Kind]++
	}
	return all
}

func drifts(r sweep.Report, kind sweep.DriftKind) int { return kinds(r)[kind] }

// Whatever happens, a ledger whose transactions take ten items says in the end what
// one says whose transactions take any number.
func TestHowManyItemsATransactionTakesMakesNoDifference(t *testing.T) {
	tagalongtest.CheckTimes(t, 200, func(t *rapid.T) {
		s := drawStory(t)
		arrivals := drawShuffled(t, s.happenings)
		s.items = unlimited
		whole := s.world()
		whole.tell(t, arrivals...)
		s.items = rapid.IntRange(9, 20).Draw(t, "items")
		split := s.world()
		split.tell(t, arrivals...)
		if diff := gocmp.Diff(whole.ledger.Dump(), split.ledger.Dump()); diff != "" {
			t.Fatalf("(-in one transaction +in %d items each):\n%s\narrivals:\n%s", s.items, diff, describe(arrivals))
		}
	})
}
