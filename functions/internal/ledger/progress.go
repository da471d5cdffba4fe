package ledger

import (
	"context"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// ProgressReader says how far rollouts have come that are under way.
type ProgressReader interface {
	// Progress returns what was seen last of services, as it was a moment ago; those of
	// which nothing is kept are left out.
	Progress(ctx context.Context, services []tagalong.Service) (map[tagalong.Service]RolloutProgress, error)
}

// ProgressKeeper keeps it.
type ProgressKeeper interface {
	ProgressReader
	// SetProgress keeps what was seen of a service, unless what is kept was seen later.
	SetProgress(ctx context.Context, p RolloutProgress) error
}

// RolloutProgress is how far a rollout had come when ECS was asked. No fact is made of it:
// it says nothing of what runs once the rollout is over.
type RolloutProgress struct {
	Service    tagalong.Service
	Deployment string
	State      ProgressState
	// Overdue says that the state did not explain why the rollout takes so long.
	Overdue bool
	Stage   string
	Weight  *float64  // in percent of the production traffic, nil where none is shifted
	Until   time.Time // when the state ends at the latest, zero if nobody says
	SeenAt  time.Time
}

// ProgressState is what a rollout that is under way is about.
type ProgressState string

// The states of a rollout under way.
const (
	ProgressRollingOut ProgressState = "rolling_out"
	ProgressBaking     ProgressState = "baking"
	ProgressPaused     ProgressState = "paused" // a hook holds it
	ProgressOverdue    ProgressState = "overdue"
)

// ProgressOf returns how far a rollout has come by a look at ECS. ECS does not say whether
// it updates a deployment within a stage: of what it would last, counted from several
// updates, the earliest end stands.
func ProgressOf(s tagalong.Service, look tagalong.RolloutLook, before RolloutProgress, seen time.Time) RolloutProgress {
	p := RolloutProgress{
		Service: s, Deployment: look.Deployment, State: ProgressRollingOut, Stage: look.Stage, Weight: look.Weight,
		SeenAt: seen,
	}
	switch {
	case look.Waits:
		p.State, p.Until = ProgressPaused, look.WaitsUntil
		return p
	case look.Stage == tagalong.StageBakeTime:
		p.State = ProgressBaking
	}
	if look.Lasts > 0 {
		p.Until = look.Updated.Add(look.Lasts)
	}
	same := before.Deployment == p.Deployment && before.Stage == p.Stage && before.State == p.State
	if same && !before.Until.IsZero() && before.Until.Before(p.Until) {
		p.Until = before.Until
	}
	return p
}

// Explains reports whether the state is why the rollout is still under way at a time: it
// has not lasted longer than it should, by so much.
func (p RolloutProgress) Explains(at time.Time, by time.Duration) bool {
	if p.Until.IsZero() {
		return p.State == ProgressPaused
	}
	return at.Before(p.Until.Add(by))
}

// SaysAsMuch reports whether two looks showed the same.
func (p RolloutProgress) SaysAsMuch(o RolloutProgress) bool {
	weight := p.Weight == o.Weight || p.Weight != nil && o.Weight != nil && *p.Weight == *o.Weight
	p.Weight, p.SeenAt = o.Weight, o.SeenAt
	return weight && p == o
}

// IsOf reports whether it was seen of the deployment that rolls out beside what has run
// since a time: a deployment that comes back may have been seen as it was new.
func (p RolloutProgress) IsOf(deployment string, since time.Time) bool {
	return p.Deployment == deployment && deployment != "" && p.SeenAt.After(since)
}
