package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

var small = size{rollouts: 400, services: 12, clusters: 4}

func TestASmallYearIsMadeTrueByOneSweep(t *testing.T) {
	seeds := uint64(20)
	if testing.Short() {
		seeds = 4
	}
	for seed := range seeds {
		r, err := live(t.Context(), seed, small)
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		if r.before == 0 || r.lost == 0 || r.late == 0 || r.repeated == 0 || r.killed == 0 || r.unhappy == 0 || r.deleted == 0 || r.beside == 0 || r.meddled == 0 {
			t.Errorf("seed %d: an uneventful year %+v", seed, r)
		}
	}
}

func TestWhatHappensFollowsFromTheSeed(t *testing.T) {
	events := func(seed uint64) string {
		y := newYear(seed, small)
		y.plan()
		if err := y.pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		y.now = start.AddDate(2, 0, 0)
		return y.ledger.Dump()
	}
	first, again, other := events(7), events(7), events(8)
	if first != again {
		t.Error("one seed gives two years")
	}
	if first == other {
		t.Error("two seeds give one year")
	}
}

// Each of these is what a sweep might do wrong: the comparison must notice.
func TestTheComparisonNotices(t *testing.T) {
	for _, test := range []struct {
		name, want string
		spoil      func(ctx context.Context, y *year, one runs)
	}{
		{"a service whose last rollout is not known", "runs", func(_ context.Context, y *year, one runs) {
			y.inventory.Deploy(one.service, tagalongtest.Deployment{})
			y.inventory.Complete(one.service)
		}},
		{"a service that is gone", "the ledger says", func(_ context.Context, y *year, one runs) { y.inventory.Delete(one.service) }},
		{"a tag that somebody moved", "should on", func(_ context.Context, y *year, one runs) {
			y.registry.Push(one.repository, tagalongtest.Image("another"), strings.SplitN(one.service.Cluster, "-", 2)[0])
		}},
		{"a rollout that is not in the history", "the history lacks", func(_ context.Context, y *year, one runs) {
			y.inventory.Deploy(one.service, tagalongtest.Deployment{})
		}},
		{"a rollout that failed, and served until then", "nothing says so", func(_ context.Context, y *year, one runs) {
			y.inventory.Deploy(one.service, tagalongtest.Deployment{})
			y.now = y.now.Add(time.Minute)
			y.inventory.Fail(one.service, true)
		}},
		{"a rollout that never was", "the ledger says", func(ctx context.Context, y *year, one runs) {
			_, _ = y.sweeper.Reactor.Observe(ctx, one.service, tagalong.Fact{Deployment: "ecs-svc/1", Name: tagalong.Completed, Time: y.now, Source: tagalong.FromEvent})
		}},
		{"a put of a tag that deployments read", "put of", func(ctx context.Context, y *year, _ runs) {
			for id := range y.pushed {
				_ = y.registry.Tag(ctx, id.Repository, tagalongtest.Image("another"), id.Tag)
			}
		}},
		{"a call of a registry that is not ours", "read of", func(ctx context.Context, y *year, _ runs) {
			aws, err := tagalong.ParseImage(logRouter.Image)
			if err == nil {
				_, _ = y.registry.Read(ctx, aws.Repository, nil, []string{aws.Tag})
			}
		}},
		{"a tag that is deployed from, and is not said to be", "should on", func(_ context.Context, y *year, _ runs) {
			for id := range y.pushed {
				y.registry.Push(id.Repository, tagalongtest.Image("another"), id.Tag)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			y := newYear(3, small)
			y.plan()
			if err := y.pass(t.Context()); err != nil {
				t.Fatal(err)
			}
			y.now = y.now.Add(24 * time.Hour)
			if err := y.sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			test.spoil(t.Context(), y, y.newest())
			if wrong := strings.Join(y.wrong(t.Context()), "\n"); !strings.Contains(wrong, test.want) {
				t.Errorf("found only %q", wrong)
			}
		})
	}
}

// newest returns the service that completed last: nobody contends for its tags.
func (y *year) newest() (last runs) {
	all, unreported := y.running()
	for s, is := range all {
		if !unreported[s] && (last.observedService == nil || is.completed.After(last.completed)) {
			last = is
		}
	}
	return last
}

func TestASumOfYearsForgetsNothing(t *testing.T) {
	tagalongtest.EveryFieldCounts(t, func(r result) any {
		var total result
		total.add(r)
		return total
	})
}
