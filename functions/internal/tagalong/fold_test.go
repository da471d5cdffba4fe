package tagalong_test

import (
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	. "github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// noon is when the stories of the tests begin.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

// drawFacts draws facts with different keys, closely packed, so that ties and
// lost facts, repeats, revivals and merges all happen often.
func drawFacts(t *rapid.T, deployments, seconds, most int) []Fact {
	fact := rapid.Custom(func(t *rapid.T) Fact {
		f := Fact{
			Deployment: "ecs-svc/" + string(rune('A'+rapid.IntRange(0, deployments-1).Draw(t, "deployment"))),
			Name:       rapid.SampledFrom([]FactName{InProgress, InProgress, Completed, Completed, Failed}).Draw(t, "name"),
			Time:       at(rapid.IntRange(0, seconds).Draw(t, "second")),
			Source:     rapid.SampledFrom([]Source{FromEvent, FromEvent, FromEvent, FromSweep, FromPipeline}).Draw(t, "source"),
		}
		if f.Name == InProgress && rapid.IntRange(0, 5).Draw(t, "rollback") == 0 {
			f.Reason = "ECS deployment circuit breaker: rolling back to deploymentId " + f.Deployment + "."
		}
		return f
	})
	facts := rapid.SliceOfNDistinct(fact, 0, most, func(f Fact) string {
		return fmt.Sprint(f.Deployment, f.Name, f.Time, f.Teller())
	}).Draw(t, "facts")
	facts = append(facts, drawActions(t, seconds)...)
	for range rapid.IntRange(-2, 2).Draw(t, "how often the service goes") {
		gone := Fact{Name: Retired, Time: at(rapid.IntRange(0, seconds).Draw(t, "goes at")), Source: FromSweep}
		if !slices.ContainsFunc(facts, func(f Fact) bool { return f.Name == Retired && f.Time.Equal(gone.Time) }) {
			facts = append(facts, gone)
		}
	}
	return facts
}

// drawActions draws what pipelines' actions do meanwhile: some overlap, some end in
// the second in which they begin, and of some nobody sees the end.
func drawActions(t *rapid.T, seconds int) (facts []Fact) {
	for i := range rapid.IntRange(0, 3).Draw(t, "actions") {
		started := rapid.IntRange(0, seconds).Draw(t, "action starts")
		action := Fact{
			Action: fmt.Sprintf("run-%d", i), Name: ActionStarted, Time: at(started), Source: FromPipeline,
			Release: Release{Pipeline: "release", Execution: fmt.Sprint(i), Stage: "Deploy", Commit: rapid.SampledFrom([]string{"", fmt.Sprint("c0ffee", i)}).Draw(t, "commit")},
			Limit:   at(started + rapid.IntRange(0, seconds).Draw(t, "action's limit")),
		}
		facts = append(facts, action)
		if rapid.Bool().Draw(t, "action ends") {
			facts = append(facts, Fact{Action: action.Action, Name: ActionEnded, Time: at(started + rapid.IntRange(0, seconds).Draw(t, "action lasts")), Source: FromPipeline})
		}
	}
	return facts
}

// checkTimes checks a property that often, unless -rapid.checks says otherwise.
func checkTimes(t *testing.T, times int, property func(*rapid.T)) {
	t.Helper()
	checks := flag.Lookup("rapid.checks")
	if checks.Value.String() == checks.DefValue {
		_ = checks.Value.Set(strconv.Itoa(times))
		defer func() { _ = checks.Value.Set(checks.DefValue) }()
	}
	rapid.Check(t, property)
}

func fold(t interface{ Fatalf(string, ...any) }, facts ...[]Fact) Timeline {
	folded, err := Timeline{}.Apply(slices.Concat(facts...))
	if err != nil {
		t.Fatalf("folding: %v", err)
	}
	return folded
}

// tell gives a timeline in a line per rollout, for messages and comparisons.
func tell(rollouts []Rollout) string {
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
		if r.Retired {
			b.WriteString(" retired")
		}
		if r.Release.Execution != "" {
			b.WriteString(" by " + r.Release.Execution)
		}
		if r.Restored != (Build{}) {
			b.WriteString(" restores " + r.Restored.Commit)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestFoldingDoesNotDependOnTheOrderOfFactsNorOnRepeats(t *testing.T) {
	checkTimes(t, 3000, func(t *rapid.T) {
		facts := drawFacts(t, 4, 12, 24)
		shuffled := rapid.Permutation(facts).Draw(t, "order")
		if len(facts) > 0 {
			shuffled = append(shuffled, rapid.SliceOfN(rapid.SampledFrom(facts), 0, 5).Draw(t, "repeats")...)
			shuffled = rapid.Permutation(shuffled).Draw(t, "order with repeats")
		}
		if diff := cmp.Diff(fold(t, facts), fold(t, shuffled)); diff != "" {
			t.Fatalf("another order folds differently (-in order +shuffled):\n%s", diff)
		}
	})
}

func TestFoldingAgreesWithTheLetterOfTheLedger(t *testing.T) {
	checkTimes(t, 3000, func(t *rapid.T) {
		facts := drawFacts(t, 4, 12, 24)
		want, got := naiveFold(facts), fold(t, facts)
		if diff := cmp.Diff(tell(want), tell(got.Rollouts)); diff != "" {
			t.Fatalf("the fold differs from the naive one (-naive +fold):\n%s", diff)
		}
	})
}

func TestNoTwoRolloutsHaveTheSameKey(t *testing.T) {
	checkTimes(t, 3000, func(t *rapid.T) {
		seen := map[RolloutKey]Rollout{}
		for _, r := range fold(t, drawFacts(t, 3, 6, 20)).Rollouts {
			key := RolloutKey{Sort: r.SortTime(), Deployment: r.Deployment}
			if other, ok := seen[key]; ok {
				t.Fatalf("two rollouts at one key:\n%s", tell([]Rollout{other, r}))
			}
			seen[key] = r
		}
	})
}

func TestFoldingInPartsEqualsFoldingAtOnce(t *testing.T) {
	checkTimes(t, 3000, func(t *rapid.T) {
		facts := drawFacts(t, rapid.IntRange(2, 9).Draw(t, "deployments"), 30, 60)
		boundary := at(rapid.IntRange(0, 31).Draw(t, "boundary"))
		older := slices.DeleteFunc(slices.Clone(facts), func(f Fact) bool { return !f.Time.Before(boundary) })
		newer := slices.DeleteFunc(slices.Clone(facts), func(f Fact) bool { return f.Time.Before(boundary) })
		whole := fold(t, facts)
		base := fold(t, older)
		parts, err := base.Cut().Apply(newer)
		if Forgotten(err) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		// What was cut off is what it was: the rollouts of the older facts that
		// the cut dropped stand in the whole unchanged.
		cut := rolloutsNotIn(base.Rollouts, base.Cut().Rollouts)
		joined := append(slices.Clone(cut), parts.Rollouts...)
		if diff := cmp.Diff(sortedTell(whole.Rollouts), sortedTell(joined)); diff != "" {
			t.Fatalf("folding in parts at %v differs (-whole +parts):\n%s\nbase:\n%s", boundary.Sub(noon), diff, tell(base.Rollouts))
		}
		if diff := cmp.Diff(runningOf(whole), runningOf(parts)); diff != "" {
			t.Fatalf("another rollout runs (-whole +parts):\n%s", diff)
		}
		if diff := cmp.Diff(whole.Completed, parts.Completed); diff != "" {
			t.Fatalf("completed deployments (-whole +parts):\n%s", diff)
		}
	})
}

func runningOf(t Timeline) string {
	if t.Running == 0 {
		return "nothing"
	}
	return tell(t.Rollouts[t.Running-1 : t.Running])
}

func rolloutsNotIn(all, kept []Rollout) []Rollout {
	return slices.DeleteFunc(slices.Clone(all), func(r Rollout) bool { return slices.Contains(kept, r) })
}

func sortedTell(rollouts []Rollout) string {
	lines := strings.Split(tell(rollouts), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
