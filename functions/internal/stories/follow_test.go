package stories_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// play lets a story happen, each event heard as it is told.
func (d *pipelineStory) play(t failer) *scene {
	s := d.scene()
	for _, m := range d.steps {
		if m.change != nil {
			m.change(s)
		}
		s.hear(t, m)
	}
	return s
}

// recount lets everything have happened before the first event is heard, and has
// them heard in another order, and some again.
func (d *pipelineStory) recount(t *rapid.T, sent []step) *scene {
	s := d.scene()
	for _, m := range d.steps {
		if m.change != nil {
			m.change(s)
		}
	}
	heard := slices.DeleteFunc(slices.Clone(sent), func(m step) bool { return m.event == nil && m.promotion == nil })
	if len(heard) == 0 {
		return s
	}
	again := rapid.SliceOfN(rapid.SampledFrom(heard), 0, 5).Draw(t, "heard again")
	for _, m := range rapid.Permutation(append(heard, again...)).Draw(t, "order") {
		s.hear(t, m)
	}
	return s
}

// outcome returns what the ledger says but for how it knows: which facts told it, and
// from when on it knows a service.
func (s *scene) outcome() string {
	lines := strings.Split(s.ledger.Dump(), "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "fact ") })
	return regexp.MustCompile(`"CompleteSince":"[^"]*"`).ReplaceAllString(strings.Join(lines, "\n"), "")
}

func TestEventsOfPipelinesAndOfECSInAnyOrderEndInTheSameRowsAndTags(t *testing.T) {
	tagalongtest.CheckTimes(t, 300, func(t *rapid.T) {
		d := drawPipelineStory(t)
		inOrder, again := d.play(t), d.recount(t, d.steps)
		if diff := gocmp.Diff(inOrder.outcome(), again.outcome()); diff != "" {
			t.Fatalf("the ledger depends on the order of arrival (-as told +in another order):\n%s", diff)
		}
		d.check(t, inOrder)
		d.check(t, again)
	})
}

func TestWhatECSDoesNotTellIsObservedInAnyOrderOfThePipelinesEvents(t *testing.T) {
	tagalongtest.CheckTimes(t, 300, func(t *rapid.T) {
		d := drawPipelineStory(t)
		sent := d.lose()
		if diff := gocmp.Diff(d.recount(t, sent).outcome(), d.recount(t, sent).outcome()); diff != "" {
			t.Fatalf("the ledger depends on the order of arrival:\n%s", diff)
		}
	})
}

// check compares with what ECS's events alone say: each of the rollouts is there,
// once, and its release is that of the action in whose time it started. Of the
// other service, too, the release is that of the time.
func (d *pipelineStory) check(t failer, s *scene) {
	t.Helper()
	want := tagalongtest.NaiveFold(slices.Concat(d.facts[prodAPI], d.actions))
	var got []timeline.Rollout
	for _, row := range rowsOf(t, s, prodAPI) {
		got = append(got, row.Rollout)
	}
	if diff := gocmp.Diff(tagalongtest.SortedTell(want), tagalongtest.SortedTell(got)); diff != "" {
		t.Fatalf("rollouts (-facts say +ledger says):\n%s", diff)
	}
	for _, row := range append(rowsOf(t, s, prodAPI), rowsOf(t, s, prodWeb)...) {
		if want := tagalongtest.NaiveRelease(d.actions, row.SortTime()).Execution; row.Release.Execution != want {
			t.Fatalf("rollout %s of %s has release %q, want %q", row.Deployment, row.Service, row.Release.Execution, want)
		}
		if known := row.Release.Execution != ""; known != (strings.HasPrefix(row.Release.Commit, "c0ffee") && row.Release.Stage == "Deploy" && row.Release.Pipeline == checkoutPipeline.Name) {
			t.Fatalf("rollout %s: release %+v", row.Deployment, row.Release)
		}
	}
}

func rowsOf(t failer, s *scene, service tagalong.Service) []ledger.Row {
	t.Helper()
	rows, err := stream.Collect(s.ledger.Rollouts(t.Context(), service, ledger.Span{}, 0))
	if err != nil {
		t.Fatalf("rollouts of %s: %v", service, err)
	}
	return rows
}
