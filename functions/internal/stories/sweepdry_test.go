package stories_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// A dry run says of any story what the sweep right after it says, but that it repaired
// nothing, and with each tag that was put.
func TestADryRunSaysWhatTheSweepAfterItDoesAndWritesNothing(t *testing.T) {
	tagalongtest.CheckTimes(t, 300, func(t *rapid.T) {
		deeds, fates := drawDeeds(t), drawFates(t)
		rules := []tagalong.Rules{
			prodRules(), prodRules("{environment}", "{service}", "{environment}-{time}"),
			{{Environment: "prod", Tags: []string{"{environment}"}, PreviousTags: []string{"{environment}-previous"}}},
			{{Environment: "live", Services: []string{"web"}}, {Environment: "prod"}},
		}
		w := newInventoryWorld(rapid.SampledFrom(rules).Draw(t, "rules"))
		defer func() {
			if t.Failed() {
				t.Log(textOf(deeds))
			}
		}()
		takes(drawItems(t), w.Reactor, w.ledger)
		w.Announcer, w.Untagger, w.Untag, w.Lifecycles = &tagalongtest.Bus{}, w.registry, true, w.registry
		w.registry.SetLifecycle(shopAPI, sweep.LifecycleRule{Priority: 1, Untagged: true})
		w.happens(t, deeds, fates)
		w.Rules = rapid.SampledFrom(rules).Draw(t, "rules by now")
		w.pass(time.Hour)

		options := sweep.Options{Whole: true, Scheduled: rapid.Bool().Draw(t, "scheduled"), Cluster: rapid.SampledFrom([]string{"", "", "prod-*"}).Draw(t, "cluster")}
		dry := w.dryRun(t, options)
		before := w.places()
		wet, err := w.Sweep(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(withoutRepairs(wet), withoutRepairs(dry)); diff != "" {
			t.Fatalf("-sweep +dry run:\n%s", diff)
		}
		if diff := gocmp.Diff(w.movedSince(before), plannedTags(t, dry)); diff != "" {
			t.Fatalf("tags that move (-sweep +dry run):\n%s", diff)
		}
	})
}

// dryRun takes a dry run that leaves everything as it is.
func (w *inventoryWorld) dryRun(t failer, o sweep.Options) sweep.Report {
	t.Helper()
	dump, writes, puts, places := w.ledger.Dump(), w.ledger.Writes(), w.registry.Puts(), w.places()
	bus, heard := w.Announcer.(*tagalongtest.Bus)
	if heard {
		bus.Take()
	}
	o.DryRun = true
	report, err := w.Sweep(t.Context(), o)
	if err != nil {
		t.Fatalf("dry run: %v", err)
	}
	if diff := gocmp.Diff(dump, w.ledger.Dump()); diff != "" || w.ledger.Writes() != writes {
		t.Fatalf("the dry run wrote %d times:\n%s", w.ledger.Writes()-writes, diff)
	}
	if diff := gocmp.Diff(places, w.places()); diff != "" || w.registry.Puts() != puts {
		t.Fatalf("the dry run put %d tags:\n%s", w.registry.Puts()-puts, diff)
	}
	if heard && len(bus.Take()) > 0 {
		t.Fatalf("the dry run announced something")
	}
	for _, d := range report.Drift {
		if d.Repaired {
			t.Fatalf("the dry run says that it healed %+v", d)
		}
	}
	return report
}

const onceRepaired = "is to be moved once the ledger is repaired"

// withoutRepairs is what a report says, but for what it repaired and what only a dry run tells.
func withoutRepairs(r sweep.Report) sweep.Report {
	r.Drift = slices.DeleteFunc(slices.Clone(r.Drift), func(d sweep.Drift) bool { return d.Reason == onceRepaired })
	for i := range r.Drift {
		r.Drift[i].Repaired = false
	}
	if len(r.Drift) == 0 {
		r.Drift = nil // whether there was any that a repair ends
	}
	return r
}

// movedSince returns the tags that are elsewhere than they were, and were put there.
func (w *inventoryWorld) movedSince(before map[string]string) map[string]string {
	moved := map[string]string{}
	for tag, at := range w.places() {
		if at != before[tag] {
			moved[tag] = at
		}
	}
	return moved
}

// plannedTags returns the tags that a dry run says to be elsewhere.
func plannedTags(t failer, dry sweep.Report) map[string]string {
	all := map[string]string{}
	for _, d := range dry.Drift {
		if d.Kind != sweep.DriftTag {
			continue
		}
		name := d.Repository + ":" + d.Tag
		if _, twice := all[name]; twice {
			t.Fatalf("%s is told twice: %+v", name, dry.Drift)
		}
		all[name] = fmt.Sprint(d.Want)
	}
	return all
}

// Only a put tells whether a repository that was immutable is so still.
func TestADryRunTakesATagToBeBlockedThatWasRefusedBefore(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.registry.Push(shopAPI, imageOf(shopAPI, 0), "prod")
	w.registry.Immutable(shopAPI)
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.hears(t)
	w.pass(24 * time.Hour)
	options := sweep.Options{Whole: true, Blocked: true}
	dry := w.dryRun(t, options)
	w.wantDrift(t, dry, "blocked shop/api:prod")
	wet, err := w.Sweep(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(withoutRepairs(wet), withoutRepairs(dry)); diff != "" {
		t.Errorf("-sweep +dry run:\n%s", diff)
	}
}

// A dry run asks the ledger as often as the sweep, and for each tag that it keeps once more.
func TestADryRunOfManyServicesAsksTheLedgerOnceMoreForEachTag(t *testing.T) {
	const services = 40
	w := newInventoryWorld(prodRules("{environment}-{service}"))
	for n := range services {
		s := prodAPI
		s.Name = fmt.Sprintf("s%02d", n)
		w.rolls(s, ran("app", shopAPI, n%versions))
	}
	var mu sync.Mutex // a sweep reads side by side
	reads := map[string]int{}
	w.ledger.Hook = func(_ context.Context, operation string) error {
		mu.Lock()
		defer mu.Unlock()
		reads[operation]++
		return nil
	}
	w.pass(time.Hour)
	w.dryRun(t, sweep.Options{})
	dry := reads
	reads = map[string]int{}
	w.sweeps(t, sweep.Options{})
	for _, operation := range []string{"Load", "LoadWhole", "Claims", "Tags", "Details", "Readers"} {
		if more := dry[operation] - reads[operation]; more > services {
			t.Errorf("%s: %d calls in a dry run, %d in a sweep", operation, dry[operation], reads[operation])
		}
	}
}
