package stories_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// deed is one thing that happens to an inventory.
type deed struct {
	text string
	do   func(w *inventoryWorld)
	// sweep is set if it is a sweep.
	sweep *sweep.Options
}

// atOnce is the shortest time between two deeds: more than by how much ECS's records
// and its events may differ, within which one and the same is taken to have happened.
const atOnce = 5 * time.Second

// drawDeeds draws what happens to some services: mostly deployments that come to
// an end, one way or the other.
func drawDeeds(t *rapid.T) []deed {
	return drawDeedsOf(t, []string{"delete"}, atOnce, time.Minute, time.Hour, 30*24*time.Hour)
}

// drawRemembered draws what ECS remembers to the end: nothing that is deleted, nor
// older than 90 days.
func drawRemembered(t *rapid.T) []deed {
	return drawDeedsOf(t, nil, atOnce, time.Minute, time.Hour, 48*time.Hour)
}

func drawDeedsOf(t *rapid.T, kinds []string, pauses ...time.Duration) (deeds []deed) {
	kinds = append(kinds, "deploy", "deploy", "deploy", "complete", "complete", "complete", "fail", "fail for good", "roll back", "scale", "unsteady", "steady", "tag", "sweep")
	services := allServices[:rapid.IntRange(1, len(allServices)).Draw(t, "services")]
	for range rapid.IntRange(1, 25).Draw(t, "deeds") {
		s := rapid.SampledFrom(services).Draw(t, "service")
		version := rapid.IntRange(0, versions-1).Draw(t, "version")
		repo := rapid.SampledFrom([]tagalong.Repository{shopAPI, shopWeb}).Draw(t, "repository")
		pause := rapid.SampledFrom(pauses).Draw(t, "pause")
		kind := rapid.SampledFrom(kinds).Draw(t, "deed")
		d := deed{text: fmt.Sprintf("after %v %s %s %s v%d", pause, kind, s, repo.Name, version)}
		if kind == "sweep" {
			d.sweep = &sweep.Options{Whole: rapid.Bool().Draw(t, "whole")}
		}
		d.do = func(w *inventoryWorld) {
			w.pass(pause)
			w.does(kind, s, ran("app", repo, version))
		}
		deeds = append(deeds, d)
	}
	return deeds
}

// does lets something happen, if it can.
func (w *inventoryWorld) does(kind string, s tagalong.Service, image tagalong.Ran) {
	underWay, back := w.inventory.UnderWay(s)
	switch {
	case kind == "deploy":
		w.deploys(s, image)
	case kind == "complete" && underWay:
		w.inventory.Complete(s)
	case kind == "fail" && underWay:
		w.inventory.Fail(s, true)
	case kind == "fail for good" && underWay:
		w.inventory.Fail(s, false)
	case kind == "roll back" && back:
		w.inventory.RollBack(s)
	case kind == "scale":
		w.inventory.Scale(s)
	case kind == "unsteady", kind == "steady":
		w.inventory.Steady(s, kind == "steady")
	case kind == "delete":
		w.inventory.Delete(s)
	case kind == "tag":
		parsed, err := tagalong.ParseImage(image.Image)
		if err == nil {
			w.registry.Push(parsed.Repository, imageOf(parsed.Repository, 0), "prod")
		}
	}
}

// fate is when an event is heard of: behind so many deeds, several times or never.
type fate []int

func drawFates(t *rapid.T) []fate {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) fate {
		return rapid.SampledFrom([]fate{{0}, {0}, {0}, {0, 0}, {1}, {3}, {7, 2}, {0, 9}, nil, nil}).Draw(t, "fate")
	}), 60, 60).Draw(t, "fates")
}

// happens lets the deeds happen to a world, whose events have their fates; without
// any all are heard at once.
func (w *inventoryWorld) happens(t failer, deeds []deed, fates []fate) {
	t.Helper()
	heard := map[int][]tagalongtest.DeploymentEvent{}
	n := 0
	for i := range len(deeds) + 10 {
		if i < len(deeds) {
			deeds[i].do(w)
		}
		for _, sent := range w.unheard() {
			when := fate{0}
			if fates != nil {
				when = fates[n%len(fates)]
				n++
			}
			for _, later := range when {
				heard[i+later] = append(heard[i+later], sent)
			}
		}
		for _, sent := range heard[i] {
			w.hear(t, sent)
		}
		if i < len(deeds) && deeds[i].sweep != nil {
			if _, err := w.Sweep(t.Context(), *deeds[i].sweep); err != nil {
				t.Fatalf("sweep: %v", err)
			}
		}
	}
}

func textOf(deeds []deed) string {
	var lines []string
	for i, d := range deeds {
		lines = append(lines, fmt.Sprintf("%d %s", i, d.text))
	}
	return strings.Join(lines, "\n")
}

// history returns what the ledger says of all rollouts, but for who told.
func (w *inventoryWorld) history(t failer) (lines []string) {
	t.Helper()
	for _, s := range allServices {
		rows, err := stream.Collect(w.ledger.Rollouts(t.Context(), s, ledger.Span{}, 0))
		if err != nil {
			t.Fatalf("rollouts of %s: %v", s, err)
		}
		for _, r := range rows {
			lines = append(lines, fmt.Sprintf("%s %s %s %v..%v until %v rollback %v", s, r.Deployment, r.State, r.StartedAt.Sub(noon), r.FinishedAt.Sub(noon), r.Until.Sub(noon), r.Rollback))
		}
	}
	slices.Sort(lines)
	return lines
}

func TestAnyStoryOfAnInventoryEndsAsECSIsWhateverEventsAreLost(t *testing.T) {
	tagalongtest.CheckTimes(t, 300, func(t *rapid.T) {
		deeds, fates := drawDeeds(t), drawFates(t)
		w := newInventoryWorld(rapid.SampledFrom([]tagalong.Rules{prodRules(), prodRules("{environment}", "{service}")}).Draw(t, "rules"))
		takes(drawItems(t), w.Reactor, w.ledger)
		defer func() {
			if t.Failed() {
				t.Log(textOf(deeds))
			}
		}()
		w.happens(t, deeds, fates)
		w.sweeps(t, sweep.Options{Whole: true})
		w.wantRunning(t)
		w.wantTags(t)
		w.wantHistory(t)
		w.wantQuiet(t, sweep.Options{Whole: true})
		w.sweeps(t, sweep.Options{}) // an hour later, in which rollouts may have become overdue
		w.wantQuiet(t, sweep.Options{})
	})
}

func TestWhatIsLostOrLateMakesNoDifferenceAfterASweep(t *testing.T) {
	tagalongtest.CheckTimes(t, 300, func(t *rapid.T) {
		deeds, fates := drawRemembered(t), drawFates(t)
		inOrder, asHeard := newInventoryWorld(prodRules()), newInventoryWorld(prodRules())
		takes(drawItems(t), inOrder.Reactor, inOrder.ledger)
		takes(drawItems(t), asHeard.Reactor, asHeard.ledger)
		inOrder.happens(t, deeds, nil)
		asHeard.happens(t, deeds, fates)
		inOrder.sweeps(t, sweep.Options{Whole: true})
		asHeard.sweeps(t, sweep.Options{Whole: true})
		if diff := gocmp.Diff(inOrder.history(t), asHeard.history(t)); diff != "" {
			t.Fatalf("(-all heard +some):\n%s\n%s", diff, textOf(deeds))
		}
	})
}
