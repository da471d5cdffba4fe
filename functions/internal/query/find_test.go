package query

import (
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// Of an execution, a pipeline and a service there is more to tell than what runs.
func TestASpellEndsWhenARolloutWasOvertakenAndDrained(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 3, 4, 12, minute, 0, 0, time.UTC) }
	for name, test := range map[string]struct {
		rollout      timeline.Rollout
		phase        ledger.Phase
		since, until time.Time
	}{
		"rolls out":             {timeline.Rollout{State: timeline.StateInProgress, StartedAt: at(1)}, ledger.PhaseRollingOut, at(1), time.Time{}},
		"runs":                  {timeline.Rollout{State: timeline.StateCompleted, StartedAt: at(1), FinishedAt: at(2)}, ledger.PhaseRunning, at(2), time.Time{}},
		"was replaced":          {timeline.Rollout{State: timeline.StateCompleted, StartedAt: at(1), FinishedAt: at(2), Until: at(3)}, ledger.PhaseEnded, at(2), at(3)},
		"failed":                {timeline.Rollout{State: timeline.StateFailed, StartedAt: at(1), FinishedAt: at(2)}, ledger.PhaseEnded, at(1), at(2)},
		"was overtaken":         {timeline.Rollout{State: timeline.StateSuperseded, StartedAt: at(1), OvertakenAt: at(2)}, ledger.PhaseEnded, at(1), at(2)},
		"was replaced, goes on": {timeline.Rollout{State: timeline.StateCompleted, FinishedAt: at(2), Until: at(3), Draining: true}, ledger.PhaseDraining, at(2), time.Time{}},
		"was overtaken, drained": {timeline.Rollout{State: timeline.StateSuperseded, StartedAt: at(1), OvertakenAt: at(2), DrainedAt: at(4)},
			ledger.PhaseEnded, at(1), at(4)},
	} {
		s := spellsOf([]ledger.Row{{Rollout: test.rollout}})[0]
		if s.phase != test.phase || !s.since.Equal(test.since) || !s.until.Equal(test.until) {
			t.Errorf("what %s: %s from %s to %s, want %s from %s to %s", name, s.phase, s.since, s.until, test.phase, test.since, test.until)
		}
	}
}
