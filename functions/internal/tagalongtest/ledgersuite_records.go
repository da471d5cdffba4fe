package tagalongtest

import (
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

func suiteRow(s tagalong.Service, deployment string, start int) ledger.Row {
	return ledger.Row{
		Service: s,
		Rollout: timeline.Rollout{Deployment: deployment, State: timeline.StateInProgress, StartedAt: second(start), StartSource: tagalong.FromEvent},
		Details: ledger.Details{Environment: "prod"},
	}
}

func rowRoundTrip(t *testing.T, l suiteLedger) {
	s := suiteService("api")
	full := ledger.Row{
		Service: s,
		Rollout: timeline.Rollout{
			Deployment: "ecs-svc/1", State: timeline.StateCompleted, StartedAt: second(1), FinishedAt: second(2), Until: second(3),
			Rollback: true, Restored: suiteBuild, Reason: "rolling back", Release: suiteRelease, Retired: true, StartSource: tagalong.FromSweep, FinishSource: tagalong.FromEvent,
		},
		Details: ledger.Details{Environment: "prod", TaskDefinition: "td:1", Containers: suiteContainers(), Moves: suiteMoves()},
	}
	unstarted := ledger.Row{
		Service: s,
		Rollout: timeline.Rollout{Deployment: "ecs-svc/2", State: timeline.StateFailed, FinishedAt: second(4), FinishSource: tagalong.FromEvent},
		Details: ledger.Details{Environment: "prod"},
	}
	open := suiteRow(s, "ecs-svc/3", 5)
	expiring := suiteRow(s, "ecs-svc/4", 6)
	expiring.Expires = time.Date(2999, 1, 2, 3, 4, 5, 0, time.UTC)
	c := change(s, "")
	c.Rollouts = []ledger.Row{full, unstarted, open, expiring}
	l.commit(c)
	rows := l.rollouts(s, ledger.Span{})
	same(t, "rollouts", []ledger.Row{expiring, open, unstarted, full}, rows)
	key := timeline.RolloutKey{Sort: second(1), Deployment: "ecs-svc/1"}
	details, err := l.Details(t.Context(), s, []timeline.RolloutKey{key})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "details", map[timeline.RolloutKey]ledger.Details{key: full.Details}, details)
	full.Until = second(30)
	again := change(s, c.Head.Version)
	again.Rollouts = []ledger.Row{full}
	l.commit(again)
	same(t, "a rollout written again", []ledger.Row{full}, l.rollouts(s, ledger.Span{Until: second(2)}))
}

// read takes a sequence whole, and once more in part: a walk may end early.
func read[T any](t *testing.T, seq iter.Seq2[T, error]) []T {
	t.Helper()
	all, err := stream.Collect(seq)
	if err != nil {
		t.Fatal(err)
	}
	for first, err := range seq {
		if err != nil || len(all) == 0 {
			t.Fatalf("walking again: %v, error %v", first, err)
		}
		same(t, "the first of a walk that ends early", all[0], first)
		break
	}
	return all
}

func (l suiteLedger) rollouts(s tagalong.Service, span ledger.Span) []ledger.Row {
	l.t.Helper()
	return read(l.t, l.Rollouts(l.t.Context(), s, span, 0))
}

func rolloutBounds(t *testing.T, l suiteLedger) {
	s, other := suiteService("api"), suiteService("api2")
	version := ""
	for i := 0; i < 150; i += 50 {
		c := change(s, version)
		for j := i; j < i+50; j++ {
			c.Rollouts = append(c.Rollouts, suiteRow(s, fmt.Sprintf("ecs-svc/%03d", j), j))
		}
		l.commit(c)
		version = c.Head.Version
	}
	beside := change(other, "")
	beside.Rollouts = []ledger.Row{suiteRow(other, "ecs-svc/else", 20)}
	l.commit(beside)
	for _, test := range []struct {
		name         string
		since, until time.Time
		hint         int
		first, last  int // of the rows wanted, newest first
	}{
		{"no bounds", time.Time{}, time.Time{}, 0, 149, 0},
		{"a hint", time.Time{}, time.Time{}, 3, 149, 0},
		{"since is within", second(140), time.Time{}, 0, 149, 140},
		{"until is without", time.Time{}, second(10), 0, 9, 0},
		{"a millisecond later it is within", time.Time{}, second(10).Add(time.Millisecond), 0, 10, 0},
		{"both", second(10), second(20), 0, 19, 10},
		{"both and a hint", second(10), second(20), 4, 19, 10},
		{"a hint beyond", second(148), time.Time{}, 4000, 149, 148},
		{"the end of time", second(148), time.Date(9999, time.December, 31, 23, 59, 59, 999_999_999, time.UTC), 0, 149, 148},
	} {
		var want, got []string
		for i := test.first; i >= test.last; i-- {
			want = append(want, fmt.Sprintf("ecs-svc/%03d", i))
		}
		for _, row := range read(t, l.Rollouts(t.Context(), s, ledger.Span{Since: test.since, Until: test.until}, test.hint)) {
			got = append(got, row.Deployment)
		}
		same(t, test.name, want, got)
	}
	same(t, "nothing between", []ledger.Row(nil), l.rollouts(s, ledger.Span{Since: second(10), Until: second(10)}))
	end := time.Date(9999, time.December, 31, 23, 59, 59, 999_999_999, time.UTC)
	same(t, "since the end of time", []ledger.Row(nil), l.rollouts(s, ledger.Span{Since: end}))
	same(t, "since behind until", []ledger.Row(nil), l.rollouts(s, ledger.Span{Since: second(20), Until: second(10)}))
}

func dropRollouts(t *testing.T, l suiteLedger) {
	s := suiteService("api")
	c := change(s, "")
	c.Rollouts = []ledger.Row{suiteRow(s, "ecs-svc/1", 1), suiteRow(s, "ecs-svc/2", 1)}
	l.commit(c)
	drop := change(s, c.Head.Version)
	drop.DropRollouts = []timeline.RolloutKey{{Sort: second(1), Deployment: "ecs-svc/1"}, {Sort: second(99), Deployment: "ecs-svc/none"}}
	drop.Rollouts = []ledger.Row{suiteRow(s, "ecs-svc/1", 0)}
	l.commit(drop)
	var got []string
	for _, row := range l.rollouts(s, ledger.Span{}) {
		got = append(got, fmt.Sprint(row.Deployment, " ", row.StartedAt.Sub(suiteStart)))
	}
	same(t, "rollouts", []string{"ecs-svc/2 1s", "ecs-svc/1 0s"}, got)
}

func detailsAbsent(t *testing.T, l suiteLedger) {
	s := suiteService("api")
	c := change(s, "")
	var keys []timeline.RolloutKey
	for i := range 40 {
		c.Rollouts = append(c.Rollouts, suiteRow(s, fmt.Sprintf("ecs-svc/%d", i), i))
	}
	l.commit(c)
	for i := range 130 { // more than a batch of 100
		keys = append(keys, timeline.RolloutKey{Sort: second(i), Deployment: fmt.Sprintf("ecs-svc/%d", i)})
	}
	details, err := l.Details(t.Context(), s, keys)
	if err != nil {
		t.Fatal(err)
	}
	if len(details) != 40 {
		t.Errorf("details of %d rows, want 40", len(details))
	}
	none, err := l.Details(t.Context(), s, nil)
	if err != nil || len(none) > 0 {
		t.Errorf("details of no keys: %v, error %v", none, err)
	}
}

func suiteRunning(s tagalong.Service, environment string) ledger.RunningRecord {
	m := ledger.RunningRecord{
		Service: s, Environment: environment, Deployment: "ecs-svc/1", TaskDefinition: "td:1", Since: second(1), RollingOut: "ecs-svc/2",
		Joined: second(2), CompleteSince: second(-5), Release: suiteRelease, Rollback: true,
	}
	for i, c := range suiteContainers() {
		placed := ledger.Placed{Container: c}
		if i == 0 {
			placed.Tags, placed.PutOnce = []string{"prod", "live"}, []string{"prod-2026"}
		}
		m.Containers = append(m.Containers, placed)
	}
	return m
}

func (l suiteLedger) runningRecords(environment string) []ledger.RunningRecord {
	l.t.Helper()
	running := read(l.t, l.RunningRecords(l.t.Context(), environment, tagalong.Service{}, 0))
	population, err := l.CountRunning(l.t.Context(), environment)
	l.must(err)
	counted := map[tagalong.Kind]int{}
	for _, m := range running {
		counted[m.Service.Kind()]++
	}
	same(l.t, "population", counted, population)
	return running
}

func runningRoundTrip(t *testing.T, l suiteLedger) {
	s := suiteService("api")
	m := suiteRunning(s, "prod")
	c := change(s, "")
	c.Running = &m
	l.commit(c)
	same(t, "running rows", []ledger.RunningRecord{m}, l.runningRecords("prod"))
	same(t, "running rows of another environment", []ledger.RunningRecord(nil), l.runningRecords("pro"))
}

func pastRoundTrip(t *testing.T, l suiteLedger) {
	s := suiteService("api")
	left := ledger.PastRecord{RunningRecord: suiteRunning(s, "prod"), Until: second(50), Expires: time.Date(2999, 1, 2, 3, 4, 5, 0, time.UTC)}
	stayed := ledger.PastRecord{RunningRecord: suiteRunning(s, "prod"), Until: second(60)}
	stayed.Joined, stayed.CompleteSince = time.Time{}, time.Time{}
	version := ""
	for _, gone := range []ledger.PastRecord{left, stayed} {
		c := change(s, version)
		c.Past = []ledger.PastRecord{gone}
		l.commit(c)
		version = c.Head.Version
	}
	gone := map[time.Time]ledger.PastRecord{}
	for _, g := range read(t, l.PastRecords(t.Context(), "prod", second(0))) {
		gone[g.Until] = g
	}
	same(t, "what left", map[time.Time]ledger.PastRecord{left.Until: left, stayed.Until: stayed}, gone)
}

// pastSeveral is what a late fact does to a past of many retirements: some of them
// were other ones.
func pastSeveral(t *testing.T, l suiteLedger) {
	s := suiteService("api")
	at := func(environment string, n int) ledger.PastRecord {
		return ledger.PastRecord{RunningRecord: suiteRunning(s, environment), Until: second(n)}
	}
	gone := func(environment string) (times []int) {
		for _, g := range read(t, l.PastRecords(t.Context(), environment, second(0))) {
			times = append(times, int(g.Until.Sub(second(0)).Seconds()))
		}
		slices.Sort(times)
		return times
	}
	first := change(s, "")
	first.Past = []ledger.PastRecord{at("prod", 10), at("prod", 20), at("prod", 30), at("staging", 20)}
	l.commit(first)
	same(t, "left", []int{10, 20, 30}, gone("prod"))
	next := change(s, first.Head.Version)
	next.DropPast = []ledger.PastRecord{at("prod", 10), at("prod", 30), at("prod", 99)}
	next.Past = []ledger.PastRecord{at("prod", 11), at("prod", 31)}
	l.commit(next)
	same(t, "left, as is known now", []int{11, 20, 31}, gone("prod"))
	same(t, "left another environment", []int{20}, gone("staging"))
	late := change(s, first.Head.Version)
	late.DropPast, late.Past = []ledger.PastRecord{at("prod", 20)}, []ledger.PastRecord{at("prod", 40)}
	l.wantConflict(late)
	same(t, "left, after a conflict", []int{11, 20, 31}, gone("prod"))
}

func placementRoundTrip(t *testing.T, l suiteLedger) {
	s := suiteService("api")
	running := suitePlacement(s, "app", suiteRepo, ledger.PhaseRunning, "prod", "live")
	next := suitePlacement(s, "app", suiteRepo, ledger.PhaseRollingOut)
	first := suitePlacement(s, "app", suiteRepo, ledger.PhaseEnded)
	middle := suitePlacement(s, "web", suiteRepo, ledger.PhaseEnded)
	last := suitePlacement(s, "worker", suiteRepo, ledger.PhaseEnded)
	running.Continues, running.Container.Index = true, suiteNext
	first.Continued, first.Expires = true, time.Date(2999, 1, 2, 3, 4, 5, 0, time.UTC)
	middle.Continues, middle.Continued = true, true
	last.Continues = true
	failed := suitePlacement(s, "zoo", suiteRepo, ledger.PhaseEnded)
	failed.Unfinished, failed.NoStart, failed.Until = true, true, failed.Since
	c := change(s, "")
	drains := suitePlacement(s, "app", suiteRepo, ledger.PhaseDraining)
	c.Placements = []ledger.Placement{running, next, first, middle, last, failed, drains}
	l.commit(c)
	open := map[ledger.Phase]ledger.Placement{}
	for _, p := range read(t, l.OpenPlacements(t.Context(), suiteRepo.Name)) {
		open[p.Phase] = p
	}
	same(t, "open placements", map[ledger.Phase]ledger.Placement{running.Phase: running, next.Phase: next, drains.Phase: drains}, open)
	same(t, "ended placements", []ledger.Placement{failed, last, middle, first}, read(t, l.EndedPlacements(t.Context(), suiteRepo.Name, ledger.PlacementCursor{}, 0)))
	same(t, "placements of the index", []ledger.Placement{running}, read(t, l.DigestPlacements(t.Context(), suiteNext, ledger.PlacementCursor{}, 0)))
}

func runningRecords(t *testing.T, l suiteLedger) {
	versions := map[string]string{}
	for _, name := range []string{"web", "api", "worker"} {
		m := suiteRunning(suiteService(name), "prod")
		c := change(m.Service, "")
		c.Running = &m
		l.commit(c)
		versions[name] = c.Head.Version
	}
	names := func() (names []string) {
		for _, m := range l.runningRecords("prod") {
			names = append(names, m.Service.Name+" "+m.Deployment)
		}
		return names
	}
	same(t, "sorted", []string{"api ecs-svc/1", "web ecs-svc/1", "worker ecs-svc/1"}, names())
	m := suiteRunning(suiteService("web"), "prod")
	m.Deployment = "ecs-svc/2"
	c := change(m.Service, versions["web"])
	c.Running = &m
	l.commit(c)
	same(t, "replaced", []string{"api ecs-svc/1", "web ecs-svc/2", "worker ecs-svc/1"}, names())
	moved := suiteRunning(suiteService("api"), "staging")
	c = change(moved.Service, versions["api"])
	c.Running, c.DropRunning = &moved, "prod"
	c.Past = []ledger.PastRecord{{RunningRecord: suiteRunning(suiteService("api"), "prod"), Until: second(50)}}
	l.commit(c)
	same(t, "moved away", []string{"web ecs-svc/2", "worker ecs-svc/1"}, names())
	same(t, "moved there", []ledger.RunningRecord{moved}, l.runningRecords("staging"))
}

func directory(t *testing.T, l suiteLedger) {
	for i, name := range []string{"web", "api"} {
		c := change(suiteService(name), "")
		c.NewService, c.NewEnvironment, c.Head.CompleteSince = true, "prod", second(i)
		l.commit(c)
	}
	c := change(suiteService("worker"), "")
	c.NewService, c.NewEnvironment = true, "dev"
	l.commit(c)
	environments, err := l.Environments(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	same(t, "environments", []string{"dev", "prod"}, environments)
	api, web, worker := suiteService("api"), suiteService("web"), suiteService("worker")
	moved := change(api, l.load(api).Head.Version)
	moved.NewEnvironment = "pro"
	l.commit(moved)
	earlier := change(web, l.load(web).Head.Version)
	earlier.NewService, earlier.Head.CompleteSince = true, second(-9)
	l.commit(earlier)
	seen, err := l.Seen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	same(t, "seen", []ledger.SeenService{{Service: api, CompleteSince: second(1)}, {Service: web, CompleteSince: second(-9)}, {Service: worker}}, seen)
	for environment, want := range map[string][]tagalong.Service{"": {api, web, worker}, "prod": {api, web}, "pro": {api}, "dev": {worker}, "none": nil} {
		services, err := l.Services(t.Context(), environment)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "services of "+environment, want, services)
	}
}

func environmentTags(t *testing.T, l suiteLedger) {
	for i, name := range []string{"live", "prod", "blue"} {
		wish := claimAt(name, second(1), "m")
		if i == 2 {
			wish.Tag.Repository = suiteOther
		}
		l.wished(wish)
	}
	staging := claimAt("staging", second(1), "m")
	staging.Environment = "staging"
	l.wished(staging)
	l.settle(l.wantTag(suiteTag("live")), ledger.Verdict{State: ledger.TagConfirmed, Actual: suiteDigest, CheckedAt: second(2000)})
	l.settle(l.wantTag(suiteTag("prod")), ledger.Verdict{State: ledger.TagBlocked, Reason: "immutable", CheckedAt: second(2000)})
	blue := tagalong.TagID{Repository: suiteOther, Tag: "blue"}
	l.wantEnvironmentTags("prod", true, suiteTag("live"))
	l.wantEnvironmentTags("prod", false, suiteTag("prod"), blue)
	l.wantEnvironmentTags("staging", false, suiteTag("staging"))
	l.wantEnvironmentTags("pro", false)
	l.wantEnvironmentTags("pro", true)
	moved := claimAt("live", second(2), "m")
	moved.Environment = "staging"
	l.wished(moved)
	l.wantEnvironmentTags("prod", true)
	l.wantEnvironmentTags("staging", false, suiteTag("live"), suiteTag("staging"))
	l.must(l.writeTag(seenWrite(ledger.Drop, ledger.Claim{Tag: blue}, l.wantTag(blue).Claims)))
	l.wantEnvironmentTags("prod", false, suiteTag("prod"))
	l.must(l.Doubt(t.Context(), suiteTag("live"), second(2500), second(3000)))
	l.wantEnvironmentTags("staging", false, suiteTag("live"), suiteTag("staging"))
}

func (l suiteLedger) wantEnvironmentTags(environment string, confirmed bool, want ...tagalong.TagID) {
	l.t.Helper()
	var got []tagalong.TagID
	for _, tag := range read(l.t, l.EnvironmentTags(l.t.Context(), environment, confirmed, tagalong.TagID{}, 1)) {
		got = append(got, tag.ID)
		same(l.t, "tag of an environment", l.wantTag(tag.ID), tag)
	}
	same(l.t, fmt.Sprintf("tags of %s, confirmed %t", environment, confirmed), want, got)
	for i, behind := range got {
		rest := read(l.t, l.EnvironmentTags(l.t.Context(), environment, confirmed, behind, 0))
		same(l.t, "tags behind one of them", len(got)-i-1, len(rest))
	}
}

func tagsAbsent(t *testing.T, l suiteLedger) {
	l.wished(claimAt("prod", second(1), "m"))
	var ids []tagalong.TagID
	for i := range 120 { // more than a batch of 100
		ids = append(ids, suiteTag(fmt.Sprintf("none-%d", i)))
	}
	ids = append(ids, suiteTag("prod"))
	tags, err := l.Tags(t.Context(), ids)
	l.must(err)
	if _, ok := tags[suiteTag("prod")]; !ok || len(tags) != 1 {
		t.Errorf("tags %v", tags)
	}
	states, err := l.TagStates(t.Context(), ids)
	l.must(err)
	same(t, "the states of the tags", tags, states)
}
