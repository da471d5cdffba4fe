package ledger

import (
	"cmp"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Phase says how a placement stands.
type Phase string

// Placement says that a container of a service runs an image of a repository, or
// ran it. An open one that runs holds the claims. A rollout that never completed has
// its placements, too, from its start to its end: it may have served. As long as tasks of
// what ended were seen, its placements drain, and are open.
type Placement struct {
	Phase       Phase
	Service     tagalong.Service
	Environment string
	Deployment  string
	Container   tagalong.Container
	Since       time.Time // the completion, or the start of a rollout in progress or unfinished
	Until       time.Time
	// Continues says that the same image ran in this container until Since, and
	// Continued that it goes on there at Until: pieces of one interval. The same
	// is: repository, digest and index.
	Continues bool
	Continued bool
	Tags      []string
	Expires   time.Time
	// Unfinished tells that the rollout ended and never completed, or was replaced as it did, and NoStart that nobody
	// saw its start: then Since is its end.
	Unfinished bool
	NoStart    bool
	// LastRan and Runs are of standalone tasks: see TaskImage. Of one that is over Until is
	// LastRan.
	LastRan time.Time
	Runs    int
}

// PlacementKey is what names a placement's item in its repository.
type PlacementKey struct {
	repository string
	phase      Phase
	since      time.Time // only of those that ended or drain
	registry   string
	container  string
	deployment string // see PlacementCursor
}

func (p Placement) Key() PlacementKey {
	key := PlacementKey{repository: p.Container.Image.Name, phase: p.Phase, registry: p.Container.Image.Registry, container: p.Container.Name, deployment: p.At().Deployment}
	if p.Phase == PhaseEnded || p.Phase == PhaseDraining {
		key.since = p.Since
	}
	return key
}

// PlacementCursor is where a placement stands in an answer, ordered like RolloutCursor.
type PlacementCursor struct {
	Since     time.Time
	Registry  string
	Service   tagalong.Service
	Container string
	Phase     Phase
	// Deployment is named of those that are unfinished, since others of their service may have
	// the same time, and of standalone tasks and functions: then it is the digest.
	Deployment string
}

// Compare orders upwards: what is smaller is behind.
func (a PlacementCursor) Compare(b PlacementCursor) int {
	return cmp.Or(
		a.Since.Compare(b.Since),
		cmp.Compare(a.Registry, b.Registry),
		cmp.Compare(a.Service.String(), b.Service.String()),
		cmp.Compare(a.Container, b.Container),
		cmp.Compare(a.Phase, b.Phase),
		cmp.Compare(a.Deployment, b.Deployment),
	)
}

func (a PlacementCursor) Valid() bool {
	return tagalong.ValidKeyTexts(a.Registry, a.Service.String(), a.Container, string(a.Phase), a.Deployment)
}

// At returns where the placement stands.
func (p Placement) At() PlacementCursor {
	at := PlacementCursor{Since: p.Since, Registry: p.Container.Image.Registry, Service: p.Service, Container: p.Container.Name, Phase: p.Phase}
	switch {
	case p.Service.Kind() != tagalong.KindService:
		at.Deployment = p.Container.Digest.String()
	case p.Unfinished:
		at.Deployment = p.Deployment
	}
	return at
}

// Succeeds reports whether the placement takes up the same image in the same container
// as another one ends.
func (p Placement) Succeeds(before Placement) bool {
	return p.Phase != PhaseRollingOut && !p.Unfinished && p.Service == before.Service && p.Container.Name == before.Container.Name &&
		p.Container.Image == before.Container.Image && p.Container.Target() == before.Container.Target() &&
		p.Since.Equal(before.Until) && (p.Until.IsZero() || p.Until.After(before.Until))
}

// Behind reports whether the placement comes after another one, or after none.
func (p Placement) Behind(at PlacementCursor) bool {
	return at == PlacementCursor{} || p.At().Compare(at) < 0
}

// The phases of a placement.
const (
	PhaseRunning    Phase = "running"
	PhaseRollingOut Phase = "rolling_out"
	PhaseDraining   Phase = "draining" // it ended, and tasks of it still run
	PhaseIdle       Phase = "idle"     // of standalone tasks: it ran, may run again, and does not run now
	PhaseEnded      Phase = "ended"
)
