package stories_test

import (
	"context"
	"sync/atomic"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// byHand are two releases of a service, and the image of the first one again: pinned, under
// a deployment id of its own, and by no pipeline.
func byHand() (*world, []happening) {
	w := newWorld(tagalong.Rules{{Environment: "prod"}})
	w.runs(prodAPI, "ecs-svc/0", pinned("app", shopAPI, 0), pinned("log", shopWeb, 1))
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1), ran("log", shopWeb, 1))
	w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2), ran("log", shopWeb, 1))
	w.runs(prodAPI, "ecs-svc/3", pinned("app", shopAPI, 1), pinned("log", shopWeb, 1))
	w.runs(prodWeb, "ecs-svc/9", pinned("web", shopAPI, 1))
	return w, []happening{
		completed(prodAPI, "ecs-svc/0", 0), // whose images nobody has named yet
		deploys("x1", tagalong.ActionStarted, 10, "c0ffee1"), started(prodAPI, "ecs-svc/1", 11), completed(prodAPI, "ecs-svc/1", 12), deploys("x1", tagalong.ActionEnded, 13, ""),
		deploys("x2", tagalong.ActionStarted, 20, "c0ffee2"), started(prodAPI, "ecs-svc/2", 21), completed(prodAPI, "ecs-svc/2", 22), deploys("x2", tagalong.ActionEnded, 23, ""),
		started(prodAPI, "ecs-svc/3", 30), completed(prodAPI, "ecs-svc/3", 31),
		completed(prodWeb, "ecs-svc/9", 40),
	}
}

func pinned(name string, repo tagalong.Repository, version int) tagalong.Ran {
	return tagalong.Ran{Name: name, Image: repo.String() + "@" + imageOf(repo, version).Digest.String()}
}

// deploys is a pipeline's action that deploys the service.
func deploys(execution string, name tagalong.FactName, second int, commit string) happening {
	f := tagalong.Fact{Action: execution, Name: name, Time: at(second), Source: tagalong.FromPipeline}
	if name == tagalong.ActionStarted {
		f.Limit, f.Release = at(second+1000), tagalong.Release{Pipeline: "checkout", Execution: execution, Stage: "Prod", Commit: commit}
	}
	return happening{Service: prodAPI, Fact: f}
}

// names are what the answers call the images of a rollout: container, tag, and the commit.
func names(r *ledger.HistoryRow) (all []string) {
	for _, c := range r.Containers {
		all = append(all, c.Container+":"+c.ImageTag)
	}
	return append(all, r.Release.Commit)
}

// Nothing of the deployment itself names its images: it has what they were known by, in
// every answer and whatever the order of events.
func TestADigestThatIsDeployedAgainByHandHasItsTagAndItsCommit(t *testing.T) {
	tagalongtest.CheckTimes(t, 100, func(t *rapid.T) {
		w, story := byHand()
		w.tell(t, rapid.Permutation(story).Draw(t, "order")...)
		q, app := query.Queries{Records: w.ledger}, tagalong.ImageQuery{Digest: imageOf(shopAPI, 1).Digest}

		history, err := q.History(t.Context(), query.HistoryQuery{Service: prodAPI}, query.Paging{})
		if err != nil || len(history.Items) != 4 {
			t.Fatalf("history %+v, error %v", history, err)
		}
		for i, want := range [][]string{{"app:v1", "log:v1", "c0ffee1"}, {"app:v2", "log:v1", "c0ffee2"}, {"app:v1", "log:v1", "c0ffee1"}, {"app:", "log:", ""}} {
			if diff := gocmp.Diff(want, names(&history.Items[i])); diff != "" {
				t.Fatalf("rollout %d of the history (-want +got):\n%s", i, diff)
			}
		}
		progress, err := q.Await(t.Context(), prodAPI, app, at(0))
		if diff := gocmp.Diff([]string{"app:v1", "log:v1", "c0ffee1"}, names(progress.Rollout)); err != nil || diff != "" {
			t.Fatalf("awaited, error %v (-want +got):\n%s", err, diff)
		}
		// The other service calls its container otherwise: it has the tag, not the commit.
		for seconds, want := range map[int][]string{0: {"api app:v1 c0ffee1", "api log:v1 c0ffee1", "web web:v1 "}, 35: {"api app:v1 c0ffee1", "api log:v1 c0ffee1"}} {
			wanted := query.RunningQuery{Environment: "prod"}
			if seconds > 0 {
				wanted.At = at(seconds)
			}
			page, _ := q.Running(t.Context(), wanted, query.Paging{})
			var got []string
			for _, row := range page.Items {
				got = append(got, row.Service+" "+row.Container+":"+row.ImageTag+" "+row.Release.Commit)
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Fatalf("running after %d seconds (-want +got):\n%s", seconds, diff)
			}
		}
	})
}

// One Query for each digest that has no name of its own, however often it is shown.
func TestOnlyADigestWithoutANameIsAskedFor(t *testing.T) {
	w, story := byHand()
	w.tell(t, story...)
	for what, test := range map[string]struct {
		ask  func(query.Queries) error
		want int64
	}{
		"history of those with names": {func(q query.Queries) error {
			_, err := q.History(t.Context(), query.HistoryQuery{Since: at(5), Until: at(25)}, query.Paging{})
			return err
		}, 0},
		"history of all": {func(q query.Queries) error {
			_, err := q.History(t.Context(), query.HistoryQuery{}, query.Paging{})
			return err
		}, 3},
		"release": {func(q query.Queries) error {
			_, err := q.Release(t.Context(), query.ReleaseQuery{Pipeline: "checkout", Execution: "x1"}, query.Paging{})
			return err
		}, 0},
		"running": {func(q query.Queries) error {
			_, err := q.Running(t.Context(), query.RunningQuery{}, query.Paging{})
			return err
		}, 2},
		"running then": {func(q query.Queries) error {
			_, err := q.Running(t.Context(), query.RunningQuery{At: at(25)}, query.Paging{})
			return err
		}, 0},
		"diff": {func(q query.Queries) error {
			_, err := q.Diff(t.Context(), query.PointInTime{Environment: "prod"}, query.PointInTime{Environment: "prod", At: at(25)}, query.Paging{})
			return err
		}, 0},
	} {
		var asked atomic.Int64
		w.ledger.Hook = func(_ context.Context, operation string) error {
			if operation == "DigestPlaces" {
				asked.Add(1)
			}
			return nil
		}
		if err := test.ask(query.Queries{Records: w.ledger}); err != nil || asked.Load() != test.want {
			t.Errorf("%s: digests were asked for %d times, want %d; error %v", what, asked.Load(), test.want, err)
		}
		w.ledger.Hook = nil
	}
}

// A place is no answer for ever: of a digest that is deployed day by day only so many
// places are looked at.
func TestOfADigestSoManyPlacesAreLookedAt(t *testing.T) {
	w := newWorld(tagalong.Rules{{Environment: "prod"}})
	w.runs(prodAPI, "ecs-svc/first", ran("app", shopAPI, 1))
	w.tell(t, completed(prodAPI, "ecs-svc/first", 0))
	w.runs(prodAPI, "ecs-svc/again", pinned("app", shopAPI, 1))
	w.runs(prodAPI, "ecs-svc/and again", pinned("app", shopAPI, 1))
	for second := 1; second <= query.LookBack+1; second++ {
		w.tell(t, completed(prodAPI, []string{"ecs-svc/again", "ecs-svc/and again"}[second%2], second))
		want := "v1"
		if second > query.LookBack {
			want = ""
		}
		if row := w.runningRow(t); row.ImageTag != want {
			t.Errorf("after %d more rollouts the tag is %q, want %q", second, row.ImageTag, want)
		}
	}
}
