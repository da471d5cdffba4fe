package questions_test

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// executions are the releases that there are: two pipelines have one that is called
// alike, and one of the executions does not know its commit.
var executions = []tagalong.Release{
	{Pipeline: "checkout", Execution: executionID(1), Stage: "DeployProd", Commit: "5eed1", Images: taken(3, "nightly") + " " + taken(1, "build-1")},
	{Pipeline: "checkout", Execution: executionID(2), Stage: "DeployProd"},
	{Pipeline: "checkout", Execution: executionID(2), Stage: "DeployTest", Images: taken(2, "build-2")},
	{Pipeline: "checkout-2", Execution: executionID(1), Stage: "DeployProd", Commit: "5eed3"},
}

// taken says that an action took an image by a tag.
func taken(version int, tag string) string { return tag + "@" + image(version).Digest.String() }

func executionID(n int) string { return fmt.Sprintf("%08d-0000-4000-8000-000000000000", n) }

// drawActions draws when pipelines deployed a service: one after the other or both
// at once, with ends that nobody sees.
func drawActions(t *rapid.T) (facts []tagalong.Fact) {
	at := func(what string, from time.Time) time.Time {
		return from.Add(time.Duration(rapid.IntRange(0, 16).Draw(t, what)) * 250 * time.Millisecond)
	}
	for n := range rapid.SampledFrom([]int{0, 1, 1, 2, 3}).Draw(t, "actions") {
		start := tagalong.Fact{
			Action: fmt.Sprintf("run-%d", n), Name: tagalong.ActionStarted, Time: at("action starts", noon), Source: tagalong.FromPipeline,
			Release: rapid.SampledFrom(executions).Draw(t, "release"),
		}
		start.Limit = at("action is over at the latest", start.Time)
		facts = append(facts, start)
		if rapid.Bool().Draw(t, "action is seen to end") {
			facts = append(facts, tagalong.Fact{Action: start.Action, Name: tagalong.ActionEnded, Time: at("action ends", start.Time), Source: tagalong.FromPipeline})
		}
	}
	return facts
}

// ofActions tells facts of pipelines' actions from those of deployments.
func ofActions(f tagalong.Fact) bool { return f.Action != "" }

// ofTasks tells facts of looks at tasks from the others.
func ofTasks(f tagalong.Fact) bool {
	return f.Name == tagalong.Draining || f.Name == tagalong.Drained
}

// releasedBy is the release of the action in whose time a moment lies; of several
// that of the one that started last.
func releasedBy(facts []tagalong.Fact, at time.Time) (release tagalong.Release) {
	var last tagalong.Fact
	for _, f := range facts {
		within := f.Name == tagalong.ActionStarted && !f.Time.After(at) && !at.After(f.Limit) && !endedBefore(facts, f.Action, at)
		if within && (f.Time.After(last.Time) || f.Time.Equal(last.Time) && f.Action > last.Action) {
			last = f
		}
	}
	return last.Release
}

func endedBefore(facts []tagalong.Fact, action string, at time.Time) bool {
	for _, f := range facts {
		if f.Name == tagalong.ActionEnded && f.Action == action && f.Time.Before(at) {
			return true
		}
	}
	return false
}

// released returns the rollouts of an execution.
func (o oracle) released(q query.ReleaseQuery) []ledger.HistoryRow {
	rows := []ledger.HistoryRow{}
	for _, r := range o.rollouts {
		if r.put.Pipeline == q.Pipeline && r.put.Execution == q.Execution {
			rows = append(rows, o.row(r))
		}
	}
	return rows
}

func (i inquiry) releases() {
	wanted := query.ReleaseQuery{
		Pipeline:  rapid.SampledFrom([]string{"checkout", "checkout", "checkout-2", "check"}).Draw(i.T, "pipeline"),
		Execution: executionID(rapid.SampledFrom([]int{1, 2, 2, 3}).Draw(i.T, "execution")),
	}
	rows := i.released(wanted)
	want := answer[ledger.HistoryRow]{rows: rows}
	if len(rows) == 0 { // nothing else is noted of an execution
		want.none = misnamed(tagalong.ReleaseName, wanted.Pipeline+"/"+wanted.Execution, nil)
	}
	pages(i, fmt.Sprintf("release %+v", wanted), want,
		func(p query.Paging) (query.Page[ledger.HistoryRow], error) {
			page, err := i.Release(i.Context(), wanted, p)
			return query.Page[ledger.HistoryRow]{Items: page.Items, Next: page.Next}, err
		})
}
