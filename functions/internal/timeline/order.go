package timeline

import (
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Held returns the rollouts whose details the head holds for their deployments: what
// runs, else the latest one that may still end.
func (t Timeline) Held() map[string]Rollout {
	held, live := map[string]Rollout{}, t.live()
	for deployment, i := range t.latest() {
		if live[i] && !t.Rollouts[i].Ended() {
			held[deployment] = t.Rollouts[i]
		}
	}
	if running, ok := t.Current(); ok {
		held[running.Deployment] = running
	}
	return held
}

// Latest returns the index of a deployment's last rollout, -1 if it has none.
func (t Timeline) Latest(deployment string) int {
	for i, r := range slices.Backward(t.Rollouts) {
		if r.Deployment == deployment {
			return i
		}
	}
	return -1
}

func (r Rollout) Ended() bool { return r.State == StateCompleted || r.State == StateFailed }

// LeftAt returns when it ended, was replaced or overtaken: zero while it runs or rolls
// out. What was overtaken before the ledger noted when, was as it started.
func (r Rollout) LeftAt() time.Time {
	switch {
	case r.State == StateCompleted:
		return r.Until
	case r.State == StateFailed:
		return r.FinishedAt
	case r.State == StateSuperseded && r.OvertakenAt.IsZero():
		return r.StartedAt
	}
	return r.OvertakenAt
}

// TakenBack returns the deployment that a rollback took back: of those before it the
// last one that is another one's.
func (t Timeline) TakenBack(r Rollout) string {
	if !r.Rollback {
		return ""
	}
	at := slices.IndexFunc(t.Rollouts, func(o Rollout) bool { return o.Key() == r.Key() })
	for _, before := range slices.Backward(t.Rollouts[:max(at, 0)]) {
		if before.Deployment != r.Deployment {
			return before.Deployment
		}
	}
	return ""
}

// Released returns what put the rollout in place. A rollback brings back what was
// there before, in the time of an action that it undoes: its own build is the one
// that its deployment was released with.
func (r Rollout) Released() tagalong.Release {
	if r.Rollback {
		r.Release.Commit, r.Release.Images = r.Restored.Commit, r.Restored.Images
	}
	return r.Release
}

// A rollout that ran has a piece of time in each of its containers, and the
// piece of one rollout ends where that of the next begins: there one continues the other. Where
// the image is the same on both sides, the pieces say so.

// CompletedOrder is the rollouts of a timeline that ran, each until the next one.
// Those that ran for no time are none of it: their neighbours adjoin. A service
// that goes and comes again has a gap.
type CompletedOrder struct {
	Ran   []Rollout
	Index map[RolloutKey]int // in ran
}

func (t Timeline) CompletedOrder() CompletedOrder {
	s := CompletedOrder{Index: make(map[RolloutKey]int, len(t.Rollouts))}
	for _, r := range t.Rollouts {
		if r.State == StateCompleted && !r.Until.Equal(r.FinishedAt) {
			s.Ran = append(s.Ran, r)
		}
	}
	slices.SortFunc(s.Ran, func(a, b Rollout) int { return a.FinishedAt.Compare(b.FinishedAt) })
	for i, r := range s.Ran {
		s.Index[r.Key()] = i
	}
	return s
}

// Holds reports whether the rollout ran.
func (s CompletedOrder) Holds(r Rollout) bool {
	_, ok := s.Index[r.Key()]
	return ok
}

// Earlier returns the rollout that ran until this one, the zero one if there is none.
func (s CompletedOrder) Earlier(r Rollout) Rollout {
	if i := s.Index[r.Key()]; i > 0 && s.Ran[i-1].Until.Equal(r.FinishedAt) {
		return s.Ran[i-1]
	}
	return Rollout{}
}

// Later returns the rollout that ran after this one, the zero one if there is none.
func (s CompletedOrder) Later(r Rollout) Rollout {
	if i, ok := s.Index[r.Key()]; ok && i+1 < len(s.Ran) && s.Ran[i+1].FinishedAt.Equal(r.Until) {
		return s.Ran[i+1]
	}
	return Rollout{}
}
