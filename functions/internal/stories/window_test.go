package stories_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// drawLongStory draws far more facts of one service than a head's window holds.
func drawLongStory(t *rapid.T) story {
	s := story{
		images:      versions,
		rules:       rapid.SampledFrom(allRules).Draw(t, "rules"),
		deployments: map[deploymentOf]tagalongtest.Deployment{},
		truths:      map[deploymentOf][]truth{},
	}
	service := allServices[0]
	for _, f := range drawLongHistory(t) {
		s.happenings = append(s.happenings, happening{Service: service, Fact: f})
		s.deploy(t, deploymentOf{service, f.Deployment})
	}
	slices.SortStableFunc(s.happenings, func(a, b happening) int { return a.Fact.Time.Compare(b.Fact.Time) })
	return s
}

// drawLongHistory draws what each second brings: often a fact, at times a
// crowd of them in one millisecond.
func drawLongHistory(t *rapid.T) (facts []tagalong.Fact) {
	deployments := rapid.IntRange(3, 12).Draw(t, "deployments")
	for second := 0; len(facts) < 110; second++ {
		crowd := 1
		if rapid.IntRange(0, 30).Draw(t, "crowd") == 0 {
			crowd = 20
		}
		for range crowd {
			f := tagalong.Fact{
				Deployment: "ecs-svc/" + string(rune('A'+rapid.IntRange(0, deployments-1).Draw(t, "deployment"))),
				Name:       rapid.SampledFrom([]tagalong.FactName{tagalong.InProgress, tagalong.InProgress, tagalong.Completed, tagalong.Completed, tagalong.Failed}).Draw(t, "name"),
				Time:       at(second),
				Source:     rapid.SampledFrom([]tagalong.Source{tagalong.FromEvent, tagalong.FromEvent, tagalong.FromEvent, tagalong.FromSweep}).Draw(t, "source"),
			}
			if !slices.ContainsFunc(facts, func(o tagalong.Fact) bool {
				return o.Deployment == f.Deployment && o.Name == f.Name && o.Time.Equal(f.Time)
			}) {
				facts = append(facts, f)
			}
		}
	}
	return facts
}

// drawLate lets some of the happenings arrive later than they happened, by a
// little or by a lot, and some twice.
func drawLate(t *rapid.T, happenings []happening) []happening {
	type arrival struct {
		when int
		happening
	}
	var arrivals []arrival
	for i, h := range happenings {
		delay := rapid.SampledFrom([]int{0, 0, 0, 0, 0, 1, 3, 10, 20, 50, 120}).Draw(t, "delay")
		arrivals = append(arrivals, arrival{i + delay, h})
		if rapid.IntRange(0, 10).Draw(t, "again") == 0 {
			arrivals = append(arrivals, arrival{i + 2*delay, h})
		}
	}
	slices.SortStableFunc(arrivals, func(a, b arrival) int { return a.when - b.when })
	var late []happening
	for _, a := range arrivals {
		late = append(late, a.happening)
	}
	return late
}

func TestLateFactsOfLongStoriesEndAlikeWhateverTheWindowHolds(t *testing.T) {
	tagalongtest.CheckTimes(t, 20, func(t *rapid.T) {
		s := drawLongStory(t)
		inOrder, late := s.world(), s.world()
		inOrder.tell(t, s.happenings...)
		inOrder.check(t, s, s.happenings)
		arrivals := drawLate(t, s.happenings)
		pause := rapid.IntRange(0, len(arrivals)).Draw(t, "pause")
		late.tell(t, arrivals[:pause]...)
		late.check(t, s, arrivals[:pause])
		late.tell(t, arrivals[pause:]...)
		late.check(t, s, s.happenings)
		if diff := cmp.Diff(inOrder.ledger.Dump(), late.ledger.Dump()); diff != "" {
			t.Fatalf("the ledger depends on the order of arrival (-in order +late):\n%s\narrivals:\n%s", diff, describe(arrivals))
		}
	})
}

func TestTheHeadOfALongStoryStaysSmallAndWholeFoldsAreRare(t *testing.T) {
	w := newWorld(nil)
	service := allServices[0]
	wholes := 0
	w.ledger.Hook = func(_ context.Context, operation string) error {
		if operation == "LoadWhole" {
			wholes++
		}
		return nil
	}
	for i := range 200 {
		deployment := fmt.Sprintf("ecs-svc/%d", 1000+i)
		image := imageOf(shopAPI, i%versions)
		w.workload.Deploy(service, deployment, tagalongtest.Deployment{
			TaskDefinition: "td", Revised: []tagalong.Ran{{Name: "app", Image: shopAPI.String() + ":v0", Digest: image.Digest}},
		})
		w.tell(t, happening{Service: service, Fact: tagalong.Fact{Deployment: deployment, Name: tagalong.InProgress, Time: at(20 * i), Source: tagalong.FromEvent}})
		w.tell(t, happening{Service: service, Fact: tagalong.Fact{Deployment: deployment, Name: tagalong.Completed, Time: at(20*i + 10), Source: tagalong.FromEvent}})
	}
	snapshot, err := w.ledger.Load(t.Context(), service)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(snapshot.Facts); n > 20 {
		t.Errorf("the window holds %d facts", n)
	}
	if n := len(snapshot.Head.Base.Rollouts); n > 8 {
		t.Errorf("the base holds %d rollouts", n)
	}
	if n := len(snapshot.Head.Live); n > 8 {
		t.Errorf("the head holds the details of %d deployments", n)
	}
	// The end of a deployment whose start was lost may belong to a rollout that was cut off.
	if wholes > 0 {
		t.Errorf("all facts were read %d times, though every fact came in order", wholes)
	}
}

// A COMPLETED whose start was lost, of a deployment that nobody has seen, must
// look at all facts once and end like any other.
func TestAnEndWithoutStartAfterALongStoryFoldsEverything(t *testing.T) {
	w := newWorld(nil)
	service := allServices[0]
	var facts []tagalong.Fact
	happens := func(deployment string, name tagalong.FactName, second int) {
		f := tagalong.Fact{Deployment: deployment, Name: name, Time: at(second), Source: tagalong.FromEvent}
		facts = append(facts, f)
		w.tell(t, happening{Service: service, Fact: f})
	}
	for i := range 40 {
		happens(fmt.Sprintf("ecs-svc/%d", 100+i), tagalong.InProgress, 20*i)
		happens(fmt.Sprintf("ecs-svc/%d", 100+i), tagalong.Completed, 20*i+10)
	}
	happens("ecs-svc/999", tagalong.Completed, 2000)
	happens("ecs-svc/100", tagalong.Completed, 2010) // back to the very first
	rows, err := stream.Collect(w.ledger.Rollouts(t.Context(), service, ledger.Span{}, 0))
	if err != nil {
		t.Fatal(err)
	}
	got := []timeline.Rollout{rows[0].Rollout, rows[1].Rollout}
	want := tagalongtest.NaiveFold(facts)[40:]
	slices.Reverse(want)
	if diff := cmp.Diff(tagalongtest.Tell(want), tagalongtest.Tell(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
