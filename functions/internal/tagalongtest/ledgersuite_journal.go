package tagalongtest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

func neverSeen(t *testing.T, l suiteLedger) {
	same(t, "snapshot", ledger.Snapshot{}, l.load(suiteService("never")))
	same(t, "whole snapshot", ledger.Snapshot{Whole: true}, l.whole(suiteService("never")))
}

func suiteContainers() []tagalong.Container {
	return []tagalong.Container{
		{Name: "app", Image: suiteRepo, ImageTag: "build-42", Digest: suiteDigest, Index: suiteNext, Evidence: tagalong.Revision, Commit: "9a0b364", KnownTag: "1.0.4"},
		{Name: "agent", Evidence: tagalong.Unknown, Added: true},
		{Name: "proxy", Image: tagalong.Repository{Registry: "public.ecr.aws", Name: "x/proxy"}, ImageTag: "latest", Digest: suiteNext, Evidence: tagalong.Task, Disputed: true},
	}
}

func suiteMoves() []ledger.Move {
	return []ledger.Move{{Environment: "blue", At: second(3)}, {Environment: "green", At: second(4)}}
}

func suiteHead() ledger.Head {
	return ledger.Head{
		Version: unique("v"),
		Base: timeline.Timeline{
			Rollouts: []timeline.Rollout{
				{
					Deployment: "ecs-svc/1", State: timeline.StateCompleted, StartedAt: second(1), FinishedAt: second(2), Until: second(9),
					Rollback: true, Restored: suiteBuild, Reason: "completed", StartSource: tagalong.FromEvent, FinishSource: tagalong.FromSweep,
				},
				{Deployment: "ecs-svc/2", State: timeline.StateSuperseded, StartedAt: second(3), StartSource: tagalong.FromSweep},
				{Deployment: "ecs-svc/3", State: timeline.StateFailed, FinishedAt: second(5), FinishSource: tagalong.FromEvent},
				{Deployment: "ecs-svc/4", State: timeline.StateInProgress, StartedAt: second(6), StartSource: tagalong.FromEvent},
			},
			Running: 1, Ended: 3, Completed: []string{"ecs-svc/0", "ecs-svc/1"}, Truncated: true,
			Builds:  []timeline.DeployedBuild{{Deployment: "ecs-svc/0", Build: suiteBuild}, {Deployment: "ecs-svc/1", Build: tagalong.Build{Commit: "c0ffee1"}}},
			Actions: []timeline.UnderWay{{Action: "run-1", Release: suiteRelease, Limit: second(60)}, {Action: "run-2", Limit: second(61)}},
		},
		Since: second(7),
		Live: map[string]ledger.Details{
			"ecs-svc/1": {Environment: "prod", TaskDefinition: "td:1", Containers: suiteContainers(), Moves: suiteMoves()},
			"ecs-svc/4": {},
		},
		Environment: "prod",
		Named:       true,
		Running:     "ecs-svc/1",
		Claims: []ledger.Claim{
			{Tag: suiteTag("prod"), Digest: suiteDigest, At: second(2), By: "a/b/c/d#app", Environment: "prod"},
			{Tag: tagalong.TagID{Repository: suiteOther, Tag: "prod-2026"}, Digest: suiteNext, At: second(2), By: "a/b/c/d#web", Environment: "prod", PutOnce: true},
		},
		Previous:      []ledger.Previous{{Container: "app", Image: suiteRepo, Digest: suiteNext}, {Container: "proxy"}},
		Continues:     []string{"app", "proxy"},
		Released:      []ledger.Released{{Tag: suiteTag("old"), At: second(8)}},
		CompleteSince: second(-5),
	}
}

func headRoundTrip(t *testing.T, l suiteLedger) {
	s := suiteService("api")
	c := ledger.Change{Service: s, Head: suiteHead()}
	l.commit(c)
	same(t, "head", c.Head, l.load(s).Head)
	same(t, "head of the whole", c.Head, l.whole(s).Head)
	next := ledger.Change{Service: s, Seen: c.Head.Version, Head: ledger.Head{Version: unique("v")}}
	l.commit(next)
	same(t, "the next head", next.Head, l.load(s).Head)
}

func zeroHead(t *testing.T, l suiteLedger) {
	s := suiteService("api")
	l.commit(change(s, ""))
	head := l.load(s).Head
	if !head.Since.IsZero() || !head.CompleteSince.IsZero() {
		t.Errorf("since %v, complete since %v: want zero times", head.Since, head.CompleteSince)
	}
}

// wantConflict checks that a change is refused and has no effect on its service.
func (l suiteLedger) wantConflict(c ledger.Change) {
	l.t.Helper()
	before := l.whole(c.Service)
	if err := l.Commit(l.t.Context(), c); !errors.Is(err, ledger.ErrConflict) {
		l.t.Errorf("error %v, want a conflict", err)
	}
	same(l.t, "the service after a conflict", before, l.whole(c.Service))
	same(l.t, "rollouts after a conflict", []ledger.Row(nil), l.rollouts(c.Service, ledger.Span{}))
}

func versionConflict(t *testing.T, l suiteLedger) {
	s := suiteService("api")
	first := change(s, "")
	l.commit(first)
	l.commit(change(s, first.Head.Version))
	pending := change(s, first.Head.Version)
	pending.Fact = &tagalong.Fact{Deployment: "ecs-svc/1", Name: tagalong.Completed, Time: second(1)}
	pending.Rollouts = []ledger.Row{suiteRow(s, "ecs-svc/1", 1)}
	pending.Tags = []ledger.TagWrite{tagWrite(ledger.Advance, claimAt("stale", second(1), "a"))}
	l.wantConflict(pending)
	if _, ok := l.tag(suiteTag("stale")); ok {
		t.Error("the tag of a conflict was written")
	}
	l.wantConflict(change(s, "v-of-nobody"))
	l.wantConflict(change(suiteService("never"), "v-of-nobody"))
}

func firstCommitConflict(_ *testing.T, l suiteLedger) {
	s := suiteService("api")
	l.commit(change(s, ""))
	l.wantConflict(change(s, ""))
}

func factConflict(_ *testing.T, l suiteLedger) {
	s := suiteService("api")
	first := change(s, "")
	first.Fact = &tagalong.Fact{Deployment: "ecs-svc/1", Name: tagalong.Completed, Time: second(1), Source: tagalong.FromEvent}
	l.commit(first)
	again := change(s, first.Head.Version)
	again.Fact = &tagalong.Fact{Deployment: "ecs-svc/1", Name: tagalong.Completed, Time: second(1), Source: tagalong.FromEvent, Reason: "another", RecordedAt: second(9)}
	again.Rollouts = []ledger.Row{suiteRow(s, "ecs-svc/1", 1)}
	l.wantConflict(again)
}

func factKeys(t *testing.T, l suiteLedger) {
	s := suiteService("api")
	facts := []tagalong.Fact{
		{Deployment: "ecs-svc/1", Name: tagalong.Completed, Time: second(1)},
		{Deployment: "ecs-svc/2", Name: tagalong.Completed, Time: second(1)},
		{Deployment: "ecs-svc/1", Name: tagalong.Failed, Time: second(1)},
		{Deployment: "ecs-svc/1", Name: tagalong.Completed, Time: second(1).Add(time.Millisecond)},
		{Deployment: "ecs-svc/1", Name: tagalong.Completed, Time: second(1), Source: tagalong.FromSweep},
		{Deployment: "ecs-svc/1", Name: tagalong.Completed, Time: second(1), Source: tagalong.FromPipeline},
		{Action: "run-1", Name: tagalong.ActionStarted, Time: second(1)},
		{Action: "run-2", Name: tagalong.ActionStarted, Time: second(1)},
	}
	l.record(s, facts...)
	if got := len(l.whole(s).Facts); got != len(facts) {
		t.Errorf("%d facts, want %d", got, len(facts))
	}
}

// record commits facts, one after the other, and returns the head's version.
func (l suiteLedger) record(s tagalong.Service, facts ...tagalong.Fact) string {
	l.t.Helper()
	version := l.load(s).Head.Version
	for _, f := range facts {
		c := change(s, version)
		c.Fact = &f
		l.commit(c)
		version = c.Head.Version
	}
	return version
}

func factRoundTrip(t *testing.T, l suiteLedger) {
	s := suiteService("api")
	facts := []tagalong.Fact{
		{Deployment: "ecs-svc/1", Name: tagalong.InProgress, Time: second(1), Source: tagalong.FromSweep},
		{Deployment: "ecs-svc/1", Name: tagalong.Completed, Time: second(2), Source: tagalong.FromEvent, Reason: "ECS deployment ecs-svc/1 completed.", RecordedAt: second(20)},
		{Action: "run-1", Name: tagalong.ActionStarted, Time: second(3), Source: tagalong.FromPipeline, Release: suiteRelease, Limit: second(90)},
		{Action: "run-1", Name: tagalong.ActionEnded, Time: second(4), Source: tagalong.FromPipeline},
	}
	l.record(s, facts...)
	same(t, "facts", facts, l.load(s).Facts)
}

func window(t *testing.T, l suiteLedger) {
	s := suiteService("api")
	var before, since []tagalong.Fact
	for i := range 20 {
		before = append(before, tagalong.Fact{Deployment: fmt.Sprintf("ecs-svc/%d", i), Name: tagalong.Completed, Time: second(i)})
	}
	for i := range 40 {
		since = append(since, tagalong.Fact{Deployment: fmt.Sprintf("ecs-svc/%d", 100+i), Name: tagalong.Failed, Time: second(100)})
	}
	since = append(since, tagalong.Fact{Deployment: "ecs-svc/999", Name: tagalong.InProgress, Time: second(101)})
	version := l.record(s, slices.Concat(before, since)...)
	c := change(s, version)
	c.Head.Since = second(100)
	l.commit(c)
	snapshot := l.load(s)
	if snapshot.Whole {
		t.Error("a window is told to be the whole")
	}
	same(t, "facts of the window", deployments(since), deployments(snapshot.Facts))
	state, err := l.LoadState(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "the state of a moment ago, at rest", snapshot, state)
	heads, err := l.HeadStates(t.Context(), []tagalong.Service{s, suiteService("web")})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "the heads of it and of one that was never seen", map[tagalong.Service]ledger.Head{s: snapshot.Head}, heads)
	same(t, "facts of the whole", deployments(slices.Concat(before, since)), deployments(l.whole(s).Facts))
}

func deployments(facts []tagalong.Fact) []string {
	var all []string
	for _, f := range facts {
		all = append(all, f.Deployment)
	}
	slices.Sort(all)
	return all
}

func wholePaging(t *testing.T, l suiteLedger) {
	s := suiteService("api")
	var facts []tagalong.Fact
	for i := range 260 {
		facts = append(facts, tagalong.Fact{
			Deployment: fmt.Sprintf("ecs-svc/%d", i), Name: tagalong.Completed, Time: second(i / 3), Source: tagalong.FromEvent,
			Reason: fmt.Sprintf("%01000d", i),
		})
	}
	version := l.record(s, facts...)
	c := change(s, version)
	c.Head.Since = second(80)
	l.commit(c)
	whole := l.whole(s)
	if !whole.Whole {
		t.Error("the whole is told to be a window")
	}
	same(t, "facts", deployments(facts), deployments(whole.Facts))
	same(t, "head", c.Head, whole.Head)
}

func servicesApart(t *testing.T, l suiteLedger) {
	one := suiteService("api")
	for _, other := range []tagalong.Service{
		{Account: "111122223334", Region: one.Region, Cluster: one.Cluster, Name: one.Name},
		{Account: one.Account, Region: "us-east-2", Cluster: one.Cluster, Name: one.Name},
		{Account: one.Account, Region: one.Region, Cluster: "prod-cluster2", Name: one.Name},
		{Account: one.Account, Region: one.Region, Cluster: one.Cluster, Name: "api2"},
	} {
		l.record(other, tagalong.Fact{Deployment: "ecs-svc/1", Name: tagalong.Completed, Time: second(1)})
		same(t, "the service beside "+other.String(), ledger.Snapshot{}, l.load(one))
	}
}

func racingCommits(t *testing.T, l suiteLedger) {
	s := suiteService("api")
	seen := ""
	for round := range 4 {
		changes := make([]ledger.Change, 8)
		for i := range changes {
			changes[i] = change(s, seen)
			changes[i].Fact = &tagalong.Fact{Deployment: fmt.Sprintf("ecs-svc/%d", i), Name: tagalong.Completed, Time: second(round)}
		}
		won := l.race(len(changes), func(i int) error { return l.Commit(t.Context(), changes[i]) }, isConflict)
		if won != 1 {
			t.Errorf("round %d: %d commits won", round, won)
		}
		snapshot := l.load(s)
		if len(snapshot.Facts) != round+1 {
			t.Errorf("round %d: %d facts", round, len(snapshot.Facts))
		}
		seen = snapshot.Head.Version
	}
}
