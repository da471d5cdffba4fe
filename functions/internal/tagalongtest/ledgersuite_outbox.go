package tagalongtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// suiteFinished returns the end of a rollout that was recorded at a second.
func suiteFinished(s tagalong.Service, deployment string, recorded int) ledger.FinishedRollout {
	return ledger.FinishedRollout{
		Row: ledger.Row{
			Service: s,
			Rollout: timeline.Rollout{Deployment: deployment, State: timeline.StateFailed, FinishedAt: second(1), FinishSource: tagalong.FromEvent},
			Details: ledger.Details{Environment: "prod"},
		},
		RecordedAt: second(recorded),
	}
}

// put commits finished rollouts on behalf of their service.
func (l suiteLedger) put(seen string, finished ...ledger.FinishedRollout) (version string) {
	l.t.Helper()
	c := change(finished[0].Service, seen)
	c.Finished = finished
	l.commit(c)
	return c.Head.Version
}

func (l suiteLedger) unannounced(before time.Time) []ledger.FinishedRollout {
	l.t.Helper()
	return read(l.t, l.Unannounced(l.t.Context(), before))
}

func finishedRoundTrip(t *testing.T, l suiteLedger) {
	full := ledger.FinishedRollout{
		Row: ledger.Row{
			Service: suiteService("api"),
			Rollout: timeline.Rollout{
				Deployment: "ecs-svc/1", State: timeline.StateCompleted, StartedAt: second(1), FinishedAt: second(2), Until: second(3),
				Rollback: true, Restored: suiteBuild, Reason: "rolling back", Release: suiteRelease, Retired: true, StartSource: tagalong.FromSweep, FinishSource: tagalong.FromEvent,
			},
			Details: ledger.Details{Environment: "prod", TaskDefinition: "td:1", Containers: suiteContainers(), Moves: suiteMoves()},
		},
		RolledBack: "ecs-svc/2",
		RecordedAt: second(4),
	}
	bare := suiteFinished(suiteService("web"), "ecs-svc/1", 5)
	l.put("", full)
	l.put("", bare)
	same(t, "endings", []ledger.FinishedRollout{full, bare}, l.unannounced(second(6)))
}

// finishedOnce: what ends otherwise than was known is another finished rollout.
func finishedOnce(t *testing.T, l suiteLedger) {
	s := suiteService("api")
	first := suiteFinished(s, "ecs-svc/1", 4)
	otherwise := first
	otherwise.State = timeline.StateCompleted
	later := suiteFinished(s, "ecs-svc/1", 5)
	another := suiteFinished(s, "ecs-svc/2", 4)
	redated := first
	redated.StartedAt = second(0)
	moved := redated
	moved.FinishedAt = second(2)
	version := l.put("", first, otherwise, another, redated, moved)
	l.put(version, later)
	if got := l.unannounced(second(6)); len(got) != 6 {
		t.Errorf("endings %+v, want 6", got)
	}
}

func finishedTaken(t *testing.T, l suiteLedger) {
	ctx, one, two, three := t.Context(), suiteFinished(suiteService("one"), "ecs-svc/1", 1), suiteFinished(suiteService("two"), "ecs-svc/1", 2), suiteFinished(suiteService("three"), "ecs-svc/1", 3)
	same(t, "an empty outbox", []ledger.FinishedRollout(nil), l.unannounced(second(9)))
	for _, e := range []ledger.FinishedRollout{three, one, two} {
		l.put("", e)
	}
	same(t, "what was recorded before a time, the first one first", []ledger.FinishedRollout{one, two}, l.unannounced(second(3)))
	l.must(l.Announced(ctx, []ledger.FinishedRollout{one, three}))
	l.must(l.Announced(ctx, []ledger.FinishedRollout{one}))
	same(t, "what is left", []ledger.FinishedRollout{two}, l.unannounced(second(9)))
	l.must(l.Announced(ctx, nil))
}

// finishedWhileWalking takes away what the walk has just given, over many pages.
func finishedWhileWalking(t *testing.T, l suiteLedger) {
	const all = 150
	for i := range all {
		e := suiteFinished(suiteService(fmt.Sprintf("s%03d", i)), "ecs-svc/1", i)
		for range 3 { // containers enough to fill a page
			e.Containers = append(e.Containers, suiteContainers()...)
		}
		e.Reason = fmt.Sprintf("%08000d", i)
		l.put("", e)
	}
	walked := 0
	for e, err := range l.Unannounced(t.Context(), second(all)) {
		l.must(err)
		if e.RecordedAt != second(walked) {
			t.Fatalf("ending %d was recorded at %v", walked, e.RecordedAt)
		}
		l.must(l.Announced(t.Context(), []ledger.FinishedRollout{e}))
		walked++
	}
	if left := l.unannounced(second(all)); walked != all || len(left) > 0 {
		t.Errorf("walked over %d, and %d are left", walked, len(left))
	}
}

// finishedNotPut: a transaction that is refused puts nothing.
func finishedNotPut(t *testing.T, l suiteLedger) {
	s := suiteService("api")
	l.put("", suiteFinished(s, "ecs-svc/1", 1))
	c := change(s, "")
	c.Finished = []ledger.FinishedRollout{suiteFinished(s, "ecs-svc/2", 2)}
	if err := l.Commit(t.Context(), c); !isConflict(err) {
		t.Errorf("error %v, want a conflict", err)
	}
	if got := l.unannounced(second(9)); len(got) != 1 {
		t.Errorf("endings %+v, want the first", got)
	}
}
