package timeline_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// noon is when the stories of the tests begin.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

func TestFoldingDoesNotDependOnTheOrderOfFactsNorOnRepeats(t *testing.T) {
	tagalongtest.CheckTimes(t, 3000, func(t *rapid.T) {
		facts := tagalongtest.DrawFacts(t, 4, 12, 24)
		shuffled := rapid.Permutation(facts).Draw(t, "order")
		if len(facts) > 0 {
			shuffled = append(shuffled, rapid.SliceOfN(rapid.SampledFrom(facts), 0, 5).Draw(t, "repeats")...)
			shuffled = rapid.Permutation(shuffled).Draw(t, "order with repeats")
		}
		if diff := cmp.Diff(tagalongtest.Fold(t, facts), tagalongtest.Fold(t, shuffled)); diff != "" {
			t.Fatalf("another order folds differently (-in order +shuffled):\n%s", diff)
		}
	})
}

func TestFoldingAgreesWithTheLetterOfTheLedger(t *testing.T) {
	tagalongtest.CheckTimes(t, 3000, func(t *rapid.T) {
		facts := tagalongtest.DrawFacts(t, 4, 12, 24)
		want, got := tagalongtest.NaiveFold(facts), tagalongtest.Fold(t, facts)
		if diff := cmp.Diff(tagalongtest.Tell(want), tagalongtest.Tell(got.Rollouts)); diff != "" {
			t.Fatalf("the fold differs from the naive one (-naive +fold):\n%s", diff)
		}
	})
}

func TestNoTwoRolloutsHaveTheSameKey(t *testing.T) {
	tagalongtest.CheckTimes(t, 3000, func(t *rapid.T) {
		seen := map[timeline.RolloutKey]timeline.Rollout{}
		for _, r := range tagalongtest.Fold(t, tagalongtest.DrawFacts(t, 3, 6, 20)).Rollouts {
			key := timeline.RolloutKey{Sort: r.SortTime(), Deployment: r.Deployment}
			if other, ok := seen[key]; ok {
				t.Fatalf("two rollouts at one key:\n%s", tagalongtest.Tell([]timeline.Rollout{other, r}))
			}
			seen[key] = r
		}
	})
}

func TestFoldingInPartsEqualsFoldingAtOnce(t *testing.T) {
	tagalongtest.CheckTimes(t, 3000, func(t *rapid.T) {
		facts := tagalongtest.DrawFacts(t, rapid.IntRange(2, 9).Draw(t, "deployments"), 30, 60)
		boundary := at(rapid.IntRange(0, 31).Draw(t, "boundary"))
		older := slices.DeleteFunc(slices.Clone(facts), func(f tagalong.Fact) bool { return !f.Time.Before(boundary) })
		newer := slices.DeleteFunc(slices.Clone(facts), func(f tagalong.Fact) bool { return f.Time.Before(boundary) })
		whole := tagalongtest.Fold(t, facts)
		base := tagalongtest.Fold(t, older)
		parts, err := base.Cut().Apply(newer)
		if timeline.Forgotten(err) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		// What was cut off is what it was: the rollouts of the older facts that
		// the cut dropped stand in the whole unchanged.
		cut := rolloutsNotIn(base.Rollouts, base.Cut().Rollouts)
		joined := append(slices.Clone(cut), parts.Rollouts...)
		if diff := cmp.Diff(tagalongtest.SortedTell(whole.Rollouts), tagalongtest.SortedTell(joined)); diff != "" {
			t.Fatalf("folding in parts at %v differs (-whole +parts):\n%s\nbase:\n%s", boundary.Sub(noon), diff, tagalongtest.Tell(base.Rollouts))
		}
		if diff := cmp.Diff(runningOf(whole), runningOf(parts)); diff != "" {
			t.Fatalf("another rollout runs (-whole +parts):\n%s", diff)
		}
		if diff := cmp.Diff(whole.Completed, parts.Completed); diff != "" {
			t.Fatalf("completed deployments (-whole +parts):\n%s", diff)
		}
	})
}

func runningOf(t timeline.Timeline) string {
	if t.Running == 0 {
		return "nothing"
	}
	return tagalongtest.Tell(t.Rollouts[t.Running-1 : t.Running])
}

func rolloutsNotIn(all, kept []timeline.Rollout) []timeline.Rollout {
	return slices.DeleteFunc(slices.Clone(all), func(r timeline.Rollout) bool { return slices.Contains(kept, r) })
}
