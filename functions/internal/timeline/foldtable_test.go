package timeline_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// parseFacts reads facts such as "A starts 0" or "sweep: B completes 4", one a
// line; a reason may follow in brackets.
func parseFacts(t *testing.T, text string) (facts []tagalong.Fact) {
	t.Helper()
	verbs := map[string]tagalong.FactName{"starts": tagalong.InProgress, "completes": tagalong.Completed, "fails": tagalong.Failed, "drains": tagalong.Draining, "drained": tagalong.Drained}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		f := tagalong.Fact{Source: tagalong.FromEvent}
		if rest, ok := strings.CutPrefix(line, "sweep: "); ok {
			f.Source, line = tagalong.FromSweep, rest
		}
		line, reason, _ := strings.Cut(line, " [")
		f.Reason = strings.TrimSuffix(reason, "]")
		var deployment, verb string
		var second int
		if _, err := fmt.Sscanf(line, "%s %s %d", &deployment, &verb, &second); err != nil || verbs[verb] == "" {
			t.Fatalf("fact %q: %v", line, err)
		}
		f.Deployment, f.Name, f.Time = "ecs-svc/"+deployment, verbs[verb], at(second)
		facts = append(facts, f)
	}
	return facts
}

func TestFolding(t *testing.T) {
	for _, test := range []struct{ name, facts, want string }{
		{"nothing", "", ""},
		{"a rollout in progress", "A starts 0", `
			A in_progress 0..- until -`},
		{"a completed rollout runs until the next completion", `
			A starts 0
			A completes 1
			B starts 5
			B completes 9`, `
			A completed 0..1 until 9
			B completed 5..9 until -`},
		{"a failure never touches what runs", `
			A starts 0
			A completes 1
			B starts 5
			B fails 9`, `
			A completed 0..1 until -
			B failed 5..9 until -`},
		{"a rollback revives the old deployment, which completes a second time", `
			A starts 0
			A completes 1
			B starts 5
			B fails 9
			A starts 10 [ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/A.]
			A completes 12`, `
			A completed 0..1 until 12
			B failed 5..9 until -
			A completed 10..12 until - rollback`},
		{"a rollback whose failed rollout never said so", `
			A starts 0
			A completes 1
			B starts 5
			A starts 10
			A completes 12`, `
			A completed 0..1 until 12
			B superseded 5..- until - overtaken 10
			A completed 10..12 until - rollback`},
		{"a rollback to a deployment that nobody saw complete is known by its reason", `
			B starts 5
			B fails 9
			A starts 10 [ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/A.]`, `
			B failed 5..9 until -
			A in_progress 10..- until - rollback`},
		{"a rollback that fails leaves what ran", `
			A completes 1
			B fails 9
			A starts 10
			A fails 12`, `
			A completed -..1 until -
			B failed -..9 until -
			A failed 10..12 until - rollback`},
		{"a later start supersedes an open rollout", `
			A starts 0
			B starts 5`, `
			A superseded 0..- until - overtaken 5
			B in_progress 5..- until -`},
		{"the end of a superseded rollout completes it after all", `
			A starts 0
			B starts 5
			A completes 6
			B completes 9`, `
			A completed 0..6 until 9
			B completed 5..9 until -`},
		{"a superseded rollout that completes last runs", `
			A starts 0
			B starts 5
			B completes 6
			A completes 9`, `
			A completed 0..9 until -
			B completed 5..6 until 9`},
		{"a superseded rollout may fail", `
			A starts 0
			B starts 5
			A fails 6`, `
			A failed 0..6 until -
			B in_progress 5..- until -`},
		{"the end of a failed rollout comes before the start of the rollback in the same second", `
			A completes 1
			B starts 5
			A starts 9
			B fails 9
			A completes 11`, `
			A completed -..1 until 11
			B failed 5..9 until -
			A completed 9..11 until - rollback`},
		{"it does so whichever id sorts first", `
			Z completes 1
			B starts 5
			Z starts 9
			B fails 9
			Z completes 11`, `
			Z completed -..1 until 11
			B failed 5..9 until -
			Z completed 9..11 until - rollback`},
		{"a start comes before its end in the same second", `
			A completes 1
			A starts 1`, `
			A completed 1..1 until -`},
		{"of starts in one second the ids decide", `
			B starts 1
			A starts 1`, `
			A superseded 1..- until - overtaken 1
			B in_progress 1..- until -`},
		{"of ends in one second the ids decide", `
			B completes 1
			A completes 1`, `
			A completed -..1 until 1
			B completed -..1 until -`},
		{"a completion whose start was lost supersedes what started before it", `
			A completes 1
			B starts 5
			C completes 9`, `
			A completed -..1 until 9
			B superseded 5..- until - overtaken 9
			C completed -..9 until -`},
		{"its start that comes to light tells which one superseded the other", `
			B starts 5
			C completes 9
			C starts 3`, `
			C completed 3..9 until -
			B in_progress 5..- until -`},
		{"a failure whose start was lost supersedes nothing", `
			B starts 5
			C fails 9`, `
			B in_progress 5..- until -
			C failed -..9 until -`},
		{"a completion of what was superseded leaves what superseded it", `
			A starts 0
			B starts 5
			A completes 9`, `
			A completed 0..9 until -
			B in_progress 5..- until -`},
		{"a rollback whose start was lost supersedes the rollout that it undoes", `
			A completes 1
			C completes 2
			B starts 5
			A completes 9`, `
			A completed -..1 until 2
			C completed -..2 until 9
			B superseded 5..- until - overtaken 9
			A completed -..9 until - rollback`},
		{"what was superseded so may complete after all", `
			B starts 5
			C completes 9
			B completes 10`, `
			B completed 5..10 until -
			C completed -..9 until 10`},
		{"what starts in the second of the completion goes on", `
			B starts 9
			C completes 9`, `
			C completed -..9 until -
			B in_progress 9..- until -`},
		{"a lost start is unknown", `
			A completes 1
			B fails 2`, `
			A completed -..1 until -
			B failed -..2 until -`},
		{"a start that comes to light belongs to its end", `
			A completes 4
			A starts 1`, `
			A completed 1..4 until -`},
		{"a start again of an open rollout is the same one, with the earlier start", `
			A starts 2
			A starts 1`, `
			A in_progress 1..- until -`},
		{"a completion again of what runs is a repeat", `
			A starts 0
			A completes 1
			A completes 5`, `
			A completed 0..1 until -`},
		{"a completion again after another end is another rollout", `
			A completes 1
			B fails 3
			A completes 5`, `
			A completed -..1 until 5
			B failed -..3 until -
			A completed -..5 until - rollback`},
		{"a failure again of what failed is a repeat", `
			A starts 0
			A fails 1
			A fails 5`, `
			A failed 0..1 until -`},
		{"a completion after a failure is another rollout", `
			A starts 0
			A fails 1
			A completes 5`, `
			A failed 0..1 until -
			A completed -..5 until -`},
		{"an event's times stand in place of the sweep's", `
			sweep: A starts 0
			A starts 1
			sweep: A completes 3
			A completes 4`, `
			A completed 1..4 until -`},
		{"also where the sweep's come later", `
			A starts 0
			sweep: A starts 1
			A completes 3
			sweep: A completes 4`, `
			A completed 0..3 until -`},
		{"of several events' the earliest stands", `
			sweep: A completes 2
			A completes 3
			A completes 4`, `
			A completed -..3 until -`},
		{"without an event the sweep's stand", `
			sweep: A starts 0
			sweep: A starts 1
			sweep: A completes 3
			sweep: A completes 4`, `
			A completed 0..3 until -`},
		{"a better time of a completion is the until of the one before", `
			A completes 1
			sweep: B completes 3
			B completes 4`, `
			A completed -..1 until 4
			B completed -..4 until -`},
		{"a better time moves only the until of the one just before", `
			A completes 1
			B completes 3
			sweep: C completes 3
			C completes 4`, `
			A completed -..1 until 3
			B completed -..3 until 4
			C completed -..4 until -`},
		{"what was replaced drains until its tasks were seen gone", `
			A completes 1
			B completes 5
			sweep: A drains 6
			sweep: A drains 7
			sweep: A drained 8
			sweep: A drained 9`, `
			A completed -..1 until 5 drained 8
			B completed -..5 until -`},
		{"so does what failed, and what was overtaken", `
			A starts 1
			B starts 2
			B fails 3
			sweep: A drains 4
			sweep: B drains 4`, `
			A superseded 1..- until - overtaken 2 draining
			B failed 2..3 until - draining`},
		{"a failure whose start nobody saw overtook nothing, whenever it was", `
			A starts 0
			B starts 10
			sweep: C fails 10
			C fails 11`, `
			A superseded 0..- until - overtaken 10
			C failed -..11 until -
			B in_progress 10..- until -`},
		{"tasks of what runs or rolls out are no news", `
			A completes 1
			B starts 2
			sweep: A drains 3
			sweep: B drains 3`, `
			A completed -..1 until -
			B in_progress 2..- until -`},
		{"nor are they when the look comes to be known later than what followed it", `
			sweep: A drains 3
			A completes 1
			B completes 5`, `
			A completed -..1 until 5
			B completed -..5 until -`},
		{"what starts anew has the tasks that were seen", `
			A completes 1
			B completes 5
			sweep: A drains 6
			A starts 8`, `
			A completed -..1 until 5 drained 8
			B completed -..5 until -
			A in_progress 8..- until - rollback`},
		{"tasks that are seen again drain again", `
			A completes 1
			B completes 5
			sweep: A drains 6
			sweep: A drained 7
			sweep: A drains 8`, `
			A completed -..1 until 5 draining
			B completed -..5 until -`},
		{"a merged start that says rolling back makes a rollback", `
			sweep: A starts 0
			A starts 1 [rolling back to deploymentId ecs-svc/A]`, `
			A in_progress 1..- until - rollback`},
	} {
		t.Run(test.name, func(t *testing.T) {
			facts := parseFacts(t, test.facts)
			want := ""
			for line := range strings.Lines(strings.TrimSpace(test.want)) {
				want += strings.TrimSpace(line) + "\n"
			}
			if diff := cmp.Diff(strings.TrimSpace(want), strings.TrimSpace(tagalongtest.Tell(tagalongtest.Fold(t, facts).Rollouts))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tagalongtest.Tell(tagalongtest.NaiveFold(facts)), tagalongtest.Tell(tagalongtest.Fold(t, facts).Rollouts)); diff != "" {
				t.Errorf("(-naive +got):\n%s", diff)
			}
		})
	}
}

func TestACutThatForgetsAsksForEverything(t *testing.T) {
	base := tagalongtest.Fold(t, parseFacts(t, "A completes 0\nB completes 1\nC completes 2\nD completes 3"))
	_, err := base.Cut().Apply(parseFacts(t, "A completes 9"))
	if !timeline.Forgotten(err) {
		t.Errorf("error %v", err)
	}
}

// The latest rollout of what runs was superseded long ago, and ends only now.
func TestACutKeepsTheLatestRolloutOfADeploymentItKeeps(t *testing.T) {
	facts := parseFacts(t, "A completes 0\nA starts 1\nB starts 2\nC starts 3\nD starts 4\nE starts 5\nF starts 6\nG starts 7")
	late := parseFacts(t, "A completes 9")
	parts, err := tagalongtest.Fold(t, facts).Cut().Apply(late)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(runningOf(tagalongtest.Fold(t, facts, late)), runningOf(parts)); diff != "" {
		t.Errorf("(-whole +parts):\n%s", diff)
	}
}
