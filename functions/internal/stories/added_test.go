package stories_test

import (
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

var agent = tagalongtest.Image("agent").Digest

// runsBeside is a deployment into whose tasks ECS has put an agent of its own.
func (w *world) runsBeside(s tagalong.Service, deployment string, agent digest.Digest, app tagalong.Ran) {
	written := app
	written.Digest = ""
	w.workload.Deploy(s, deployment, tagalongtest.Deployment{
		TaskDefinition: "td", Defined: []tagalong.Ran{written}, Revised: []tagalong.Ran{written},
		Tasks: []tagalong.TaskRun{{TaskDefinition: "td", Containers: []tagalong.Ran{app, {Name: "aws-guardduty-agent-7Qx2", Digest: agent}}}},
	})
}

func TestWhatECSAddsIsShownAndComparedWithNothing(t *testing.T) {
	w := newWorld(tagalong.Rules{
		{Environment: "prod", Clusters: []string{prodAPI.Cluster}, PreviousTags: []string{"{environment}-previous"}},
		{Environment: "staging"},
	})
	stagingAPI := prodAPI
	stagingAPI.Cluster = "staging"
	w.runsBeside(prodAPI, "ecs-svc/1", agent, ran("app", shopAPI, 1))
	w.runsBeside(prodAPI, "ecs-svc/2", agent, ran("app", shopAPI, 2))
	w.runs(stagingAPI, "ecs-svc/3", ran("app", shopAPI, 2))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 1), completed(prodAPI, "ecs-svc/2", 2), completed(stagingAPI, "ecs-svc/3", 3))

	q := query.Queries{Records: w.ledger}
	if running, err := q.Running(t.Context(), query.RunningQuery{Environment: "prod"}, query.Paging{}); err != nil || len(running.Items) != 2 {
		t.Errorf("running %+v, error %v", running, err)
	}
	for _, times := range [][2]query.PointInTime{{{Environment: "staging"}, {Environment: "prod"}}, {{Environment: "prod"}, {Environment: "staging"}}} {
		if diff, err := q.Diff(t.Context(), times[0], times[1], query.Paging{}); err != nil || len(diff.Items) != 0 {
			t.Errorf("diff %+v, error %v", diff.Items, err)
		}
	}
	if got, err := q.Await(t.Context(), prodAPI, tagalong.ImageQuery{Digest: agent}, at(0)); err != nil || got.Phase != query.AwaitNothing {
		t.Errorf("the agent is awaited: %+v, error %v", got, err)
	}
	snap, err := w.ledger.Load(t.Context(), prodAPI)
	if err != nil || len(snap.Head.Previous) != 1 || snap.Head.Previous[0].Digest != d(1) {
		t.Errorf("previous images %+v, error %v", snap.Head.Previous, err)
	}
}
