package tagalongtest

import (
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// DrawFacts draws facts with different keys, closely packed, so that ties and
// lost facts, repeats, revivals and merges all happen often.
func DrawFacts(t *rapid.T, deployments, seconds, most int) []tagalong.Fact {
	fact := rapid.Custom(func(t *rapid.T) tagalong.Fact {
		f := tagalong.Fact{
			Deployment: "ecs-svc/" + string(rune('A'+rapid.IntRange(0, deployments-1).Draw(t, "deployment"))),
			Name:       rapid.SampledFrom([]tagalong.FactName{tagalong.InProgress, tagalong.InProgress, tagalong.Completed, tagalong.Completed, tagalong.Failed, tagalong.Draining, tagalong.Drained}).Draw(t, "name"),
			Time:       at(rapid.IntRange(0, seconds).Draw(t, "second")),
			Source:     rapid.SampledFrom([]tagalong.Source{tagalong.FromEvent, tagalong.FromEvent, tagalong.FromEvent, tagalong.FromSweep, tagalong.FromPipeline}).Draw(t, "source"),
		}
		if f.OfTasks() {
			f.Source = tagalong.FromSweep
		}
		if f.Name == tagalong.InProgress && rapid.IntRange(0, 5).Draw(t, "rollback") == 0 {
			f.Reason = "ECS deployment circuit breaker: rolling back to deploymentId " + f.Deployment + "."
		}
		return f
	})
	facts := rapid.SliceOfNDistinct(fact, 0, most, func(f tagalong.Fact) string {
		return fmt.Sprint(f.Deployment, f.Name, f.Time, f.SourceKey())
	}).Draw(t, "facts")
	facts = append(facts, drawActions(t, seconds)...)
	for range rapid.IntRange(-2, 2).Draw(t, "how often the service goes") {
		gone := tagalong.Fact{Name: tagalong.Retired, Time: at(rapid.IntRange(0, seconds).Draw(t, "goes at")), Source: tagalong.FromSweep}
		if !slices.ContainsFunc(facts, func(f tagalong.Fact) bool { return f.Name == tagalong.Retired && f.Time.Equal(gone.Time) }) {
			facts = append(facts, gone)
		}
	}
	return facts
}

// drawActions draws what pipelines' actions do meanwhile: some overlap, some end in
// the second in which they begin, and of some nobody sees the end.
func drawActions(t *rapid.T, seconds int) (facts []tagalong.Fact) {
	for i := range rapid.IntRange(0, 3).Draw(t, "actions") {
		started := rapid.IntRange(0, seconds).Draw(t, "action starts")
		action := tagalong.Fact{
			Action: fmt.Sprintf("run-%d", i), Name: tagalong.ActionStarted, Time: at(started), Source: tagalong.FromPipeline,
			Release: tagalong.Release{Pipeline: "release", Execution: fmt.Sprint(i), Stage: "Deploy", Commit: rapid.SampledFrom([]string{"", fmt.Sprint("c0ffee", i)}).Draw(t, "commit")},
			Limit:   at(started + rapid.IntRange(0, seconds).Draw(t, "action's limit")),
		}
		facts = append(facts, action)
		if rapid.Bool().Draw(t, "action ends") {
			facts = append(facts, tagalong.Fact{Action: action.Action, Name: tagalong.ActionEnded, Time: at(started + rapid.IntRange(0, seconds).Draw(t, "action lasts")), Source: tagalong.FromPipeline})
		}
	}
	return facts
}

// CheckTimes checks a property that often, unless -rapid.checks says otherwise.
func CheckTimes(t *testing.T, times int, property func(*rapid.T)) {
	t.Helper()
	checks := flag.Lookup("rapid.checks")
	if checks.Value.String() == checks.DefValue {
		_ = checks.Value.Set(strconv.Itoa(times))
		defer func() { _ = checks.Value.Set(checks.DefValue) }()
	}
	rapid.Check(t, property)
}

func Fold(t interface{ Fatalf(string, ...any) }, facts ...[]tagalong.Fact) timeline.Timeline {
	folded, err := timeline.Timeline{}.Apply(slices.Concat(facts...))
	if err != nil {
		t.Fatalf("folding: %v", err)
	}
	return folded
}

// Tell returns a timeline in a line per rollout, for messages and comparisons.
func Tell(rollouts []timeline.Rollout) string {
	var b strings.Builder
	second := func(t time.Time) string {
		if t.IsZero() {
			return "-"
		}
		return fmt.Sprintf("%g", t.Sub(noon).Seconds())
	}
	for _, r := range rollouts {
		fmt.Fprintf(&b, "%s %s %s..%s until %s", strings.TrimPrefix(r.Deployment, "ecs-svc/"), r.State, second(r.StartedAt), second(r.FinishedAt), second(r.Until))
		if r.Rollback {
			b.WriteString(" rollback")
		}
		if !r.OvertakenAt.IsZero() {
			b.WriteString(" overtaken " + second(r.OvertakenAt))
		}
		if r.Draining {
			b.WriteString(" draining")
		}
		if !r.DrainedAt.IsZero() {
			b.WriteString(" drained " + second(r.DrainedAt))
		}
		if r.Retired {
			b.WriteString(" retired")
		}
		if r.Release.Execution != "" {
			b.WriteString(" by " + r.Release.Execution)
		}
		if r.Restored != (tagalong.Build{}) {
			b.WriteString(" restores " + r.Restored.Commit)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func SortedTell(rollouts []timeline.Rollout) string {
	lines := strings.Split(Tell(rollouts), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// noon is when the drawn facts begin.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
