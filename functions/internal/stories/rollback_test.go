package stories_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// aRollback is a release that fails, and ECS's way back to the one before.
func aRollback() []happening {
	action := func(id string, name tagalong.FactName, second int, commit string) happening {
		f := tagalong.Fact{Action: id, Name: name, Time: at(second), Source: tagalong.FromPipeline}
		if name == tagalong.ActionStarted {
			f.Limit, f.Release = at(second+1000), tagalong.Release{Pipeline: "checkout", Execution: id, Stage: "Prod", Commit: commit}
		}
		return happening{Service: prodAPI, Fact: f}
	}
	back := started(prodAPI, "ecs-svc/1", 15)
	back.Fact.Reason = "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1."
	return []happening{
		action("x1", tagalong.ActionStarted, 0, "c0ffee1"), started(prodAPI, "ecs-svc/1", 1), completed(prodAPI, "ecs-svc/1", 2), action("x1", tagalong.ActionEnded, 3, ""),
		action("x2", tagalong.ActionStarted, 10, "c0ffee2"), started(prodAPI, "ecs-svc/2", 11), failed(prodAPI, "ecs-svc/2", 14),
		back, completed(prodAPI, "ecs-svc/1", 18), action("x2", tagalong.ActionEnded, 20, ""),
	}
}

func rollbackWorld() *world {
	w := newWorld(tagalong.Rules{{Environment: "prod"}})
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
	return w
}

func (w *world) runningRow(t failer) query.RunningRow {
	t.Helper()
	page, err := query.Queries{Records: w.ledger}.Running(t.Context(), query.RunningQuery{}, query.Paging{})
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("running %+v, error %v", page, err)
	}
	return page.Items[0]
}

// The release is the one in whose time it came back: the commit is that of the image.
func TestARollbackHasTheCommitOfItsOwnImage(t *testing.T) {
	want := tagalong.Release{Pipeline: "checkout", Execution: "x2", Stage: "Prod", Commit: "c0ffee1"}
	tagalongtest.CheckTimes(t, 200, func(t *rapid.T) {
		w := rollbackWorld()
		w.tell(t, rapid.Permutation(aRollback()).Draw(t, "order")...)
		if row := w.runningRow(t); row.Release != want || !row.Rollback || row.Digest != d(1) {
			t.Fatalf("running %+v", row)
		}
		history, err := query.Queries{Records: w.ledger}.History(t.Context(), query.HistoryQuery{}, query.Paging{})
		if err != nil || len(history.Items) != 3 {
			t.Fatalf("history %+v, error %v", history, err)
		}
		for i, want := range []tagalong.Release{want, {Pipeline: "checkout", Execution: "x2", Stage: "Prod", Commit: "c0ffee2"}, {Pipeline: "checkout", Execution: "x1", Stage: "Prod", Commit: "c0ffee1"}} {
			if row := history.Items[i]; row.Release != want || row.Rollback != (i == 0) {
				t.Fatalf("rollout %d of the history: %+v", i, row)
			}
		}
	})
}

func TestWhatARollbackIsAnnouncedWithIsItsOwnCommit(t *testing.T) {
	w, bus := rollbackWorld().heard()
	w.tell(t, aRollback()...)
	sent := recorded(t, bus)
	if last := sent[len(sent)-1]; !last.Rollback || last.Release.Commit != "c0ffee1" || last.RolledBack != "ecs-svc/2" {
		t.Errorf("announced %+v", last)
	}
}

// What ran at a time is shown by the history's rows.
func TestWhatRanAfterARollbackSaysSo(t *testing.T) {
	w := rollbackWorld()
	w.runs(prodAPI, "ecs-svc/3", ran("app", shopAPI, 3))
	w.tell(t, append(aRollback(), completed(prodAPI, "ecs-svc/3", 30))...)
	page, err := query.Queries{Records: w.ledger}.Running(t.Context(), query.RunningQuery{Environment: "prod", At: at(25)}, query.Paging{})
	if err != nil || len(page.Items) != 1 || !page.Items[0].Rollback || page.Items[0].Release.Commit != "c0ffee1" {
		t.Errorf("ran %+v, error %v", page, err)
	}
}

func TestTheCommitsOfTheLastDeploymentsAreRemembered(t *testing.T) {
	var facts []tagalong.Fact
	for i := range 30 {
		id := string(rune('A' + i))
		facts = append(
			facts,
			tagalong.Fact{Action: id, Name: tagalong.ActionStarted, Time: at(10 * i), Source: tagalong.FromPipeline, Limit: at(10*i + 9), Release: tagalong.Release{Pipeline: "p", Execution: id, Commit: "commit of " + id}},
			tagalong.Fact{Deployment: "ecs-svc/" + id, Name: tagalong.Completed, Time: at(10*i + 1), Source: tagalong.FromEvent},
			tagalong.Fact{Action: id, Name: tagalong.ActionEnded, Time: at(10*i + 2), Source: tagalong.FromPipeline},
		)
	}
	base := tagalongtest.Fold(t, facts).Cut()
	for id, want := range map[string]string{"^": "commit of ^", "W": "commit of W", "V": ""} {
		back, err := base.Apply([]tagalong.Fact{{Deployment: "ecs-svc/" + id, Name: tagalong.InProgress, Time: at(1000), Source: tagalong.FromEvent}})
		if err != nil {
			t.Fatal(err)
		}
		if last := back.Rollouts[len(back.Rollouts)-1]; last.Restored.Commit != want || !last.Rollback {
			t.Errorf("deployment %s comes back as %+v, want %q", id, last, want)
		}
	}
}
