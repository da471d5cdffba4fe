package ledger_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

var midnight = time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)

// toldRun is a task as it ran, and what of it was told.
type toldRun struct {
	ledger.TaskRun
	tellsStart, tellsStop bool
}

func (r toldRun) image() tagalong.Container { return r.Containers[0] }

func (r toldRun) runs() bool { return r.Stopped.IsZero() }

// drawRuns makes up runs of two images, some of which go on.
func drawRuns(t *rapid.T) []toldRun {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) toldRun {
		at := midnight.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "minute")) * time.Minute)
		run := toldRun{
			TaskRun:    ledger.TaskRun{Task: fmt.Sprint(rapid.Int32().Draw(t, "task")), Started: at, Containers: []tagalong.Container{familyImage(rapid.IntRange(1, 2).Draw(t, "image"))}},
			tellsStart: rapid.IntRange(0, 3).Draw(t, "its start is lost") > 0,
			tellsStop:  rapid.IntRange(0, 3).Draw(t, "its stop is lost") > 0,
		}
		if rapid.IntRange(0, 9).Draw(t, "it runs on") > 0 {
			run.Stopped = at.Add(time.Duration(rapid.IntRange(1, 400).Draw(t, "for minutes")) * time.Minute)
		}
		return run
	}), 1, 12).Draw(t, "runs")
}

func familyImage(n int) tagalong.Container {
	return tagalong.Container{Name: "app", Image: tagalong.Repository{Registry: "docker.io", Name: "nightly"}, Digest: tagalongtest.Image(fmt.Sprint(n)).Digest, Evidence: tagalong.Task}
}

// eventsOf are what was told of runs, in their order, one of them twice.
func eventsOf(t *rapid.T, runs []toldRun) (events []ledger.TaskRun) {
	for _, r := range runs {
		begun := r.TaskRun
		begun.Stopped = time.Time{}
		if r.tellsStart {
			events = append(events, begun)
		}
		if r.tellsStop && !r.runs() {
			events = append(events, r.TaskRun)
		}
	}
	if len(events) > 0 {
		events = append(events, rapid.SampledFrom(events).Draw(t, "told twice"))
	}
	return events
}

// Whatever is lost, doubled or late of what tasks tell, after one look the family runs what
// runs, and its intervals are those in which something ran, to the look.
func TestAFamilyIsWhatItsTasksWereInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		runs := drawRuns(t)
		look := midnight.Add(6000 * time.Minute)
		var running []ledger.TaskRun
		for _, r := range runs {
			if r.runs() {
				running = append(running, r.TaskRun)
			}
		}
		f := ledger.TaskFamily{}
		for _, event := range rapid.Permutation(eventsOf(t, runs)).Draw(t, "events as they come") {
			f = f.With(event)
		}
		f = f.Looked(look, running)

		for n := 1; n <= 2; n++ {
			image := familyImage(n)
			of := func(r toldRun) bool { return r.image() == image }
			kept := slices.DeleteFunc(slices.Clone(f.Images), func(i ledger.TaskImage) bool { return i.Container != image })
			isRunning := slices.ContainsFunc(kept, func(i ledger.TaskImage) bool { return i.Running })
			if want := slices.ContainsFunc(runs, func(r toldRun) bool { return of(r) && r.runs() }); isRunning != want {
				t.Fatalf("image %d runs: %v, want %v: %+v", n, isRunning, want, kept)
			}
			for _, r := range runs {
				if !of(r) || !r.tellsStart && !(r.tellsStop && !r.runs()) && !r.runs() {
					continue // nobody heard of it
				}
				if !slices.ContainsFunc(kept, func(i ledger.TaskImage) bool {
					return !i.First.After(r.Started) && (i.Running || !i.Last.Before(r.Started))
				}) {
					t.Fatalf("image %d ran at %v, and no interval has it: %+v", n, r.Started, kept)
				}
			}
			for _, i := range kept {
				if !slices.ContainsFunc(runs, func(r toldRun) bool { return of(r) && r.Started.Equal(i.First) }) {
					t.Fatalf("image %d did not begin at %v", n, i.First)
				}
				if !i.Last.Equal(look) && !slices.ContainsFunc(runs, func(r toldRun) bool { return of(r) && (r.Started.Equal(i.Last) || r.Stopped.Equal(i.Last)) }) {
					t.Fatalf("image %d was not seen at %v", n, i.Last)
				}
				if i.Running && i.Ended || i.Last.Before(i.First) || i.Runs < 1 {
					t.Fatalf("image %d: %+v", n, i)
				}
			}
		}
	})
}

// A task that runs once a day is running while it does, idle in between, and counted.
func TestAScheduledTaskIsIdleBetweenItsRuns(t *testing.T) {
	f := ledger.TaskFamily{}
	for day := range 3 {
		run := ledger.TaskRun{Task: fmt.Sprint(day), Containers: []tagalong.Container{familyImage(1)}, Started: midnight.AddDate(0, 0, day)}
		if f = f.With(run); len(f.Images) != 1 || !f.Images[0].Running || f.Images[0].Runs != day+1 {
			t.Fatalf("day %d, it runs: %+v", day, f.Images)
		}
		run.Stopped = run.Started.Add(10 * time.Minute)
		if f = f.With(run); f.Images[0].Running || f.Images[0].Ended || !f.Images[0].Last.Equal(run.Stopped) || !f.Images[0].First.Equal(midnight) {
			t.Fatalf("day %d, it has run: %+v", day, f.Images)
		}
	}
	f = f.With(ledger.TaskRun{Task: "next", Containers: []tagalong.Container{familyImage(2)}, Started: midnight.AddDate(0, 0, 3)})
	if i := slices.IndexFunc(f.Images, func(i ledger.TaskImage) bool { return i.Container == familyImage(1) }); !f.Images[i].Ended {
		t.Errorf("another image runs, and it has not ended: %+v", f.Images)
	}
	late := ledger.TaskRun{Task: "1", Containers: []tagalong.Container{familyImage(1)}, Started: midnight.AddDate(0, 0, 1)}
	if again := f.With(late); !again.Equal(f) {
		t.Errorf("a late repeat changed %+v into %+v", f.Images, again.Images)
	}
}

// Of many short runs of one image, those beside one another are written twice: that it runs,
// and that there are several.
func TestManyRunsBesideOneAnotherAreWrittenTwice(t *testing.T) {
	f, changes := ledger.TaskFamily{}, 0
	tell := func(run ledger.TaskRun) {
		next := f.With(run)
		if !next.Equal(f) {
			changes++
		}
		f = next
	}
	for n := range 10_000 { // a day: each begins before the one before it ends
		run := ledger.TaskRun{Task: fmt.Sprint(n), Containers: []tagalong.Container{familyImage(1)}, Started: midnight.Add(time.Duration(n) * 24 * time.Hour / 10_000)}
		tell(run)
		if n > 0 {
			before := ledger.TaskRun{Task: fmt.Sprint(n - 1), Containers: run.Containers, Started: midnight.Add(time.Duration(n-1) * 24 * time.Hour / 10_000), Stopped: run.Started.Add(time.Second)}
			tell(before)
		}
	}
	if changes != 2 {
		t.Errorf("%d changes in a day, want 2", changes)
	}
}
