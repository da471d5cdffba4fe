package ledger

import (
	"crypto/rand"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// Snapshot is what one consistent read of a service gives.
type Snapshot struct {
	Head  Head
	Facts []tagalong.Fact // since Head.Since, or all
	Whole bool            // Facts are all facts of the service
}

// Head is what the ledger keeps of a service beside its facts.
type Head struct {
	Version string // a unique value that its writer made up; "" if the service was never seen
	// Base is the fold of the facts before Since.
	Base  timeline.Timeline
	Since time.Time
	// Live holds the details of the deployments that may still change: what runs, rolls out or was superseded.
	Live map[string]Details
	// Environment is where the running row lies, "" if there is none.
	Environment string
	// Running is the deployment that runs, "" if none is known.
	Running string
	Claims  []Claim
	// Previous are the images that ran before in the proven containers of Running;
	// none are known while no rule asks for their tags.
	Previous []Previous
	// Continues are the containers of Running that ran the same image before it, too.
	Continues []string
	// Released are the tags that the service let go of lately: their wish went
	// to another claim, and the handler that wrote it may have died.
	Released []Released
	// Last is the fact that was written last; RecordedAt and Reason are left out.
	Last tagalong.Fact
	// CompleteSince is the time from which on the ledger knows the service.
	CompleteSince time.Time
	// Rest is what of the last change is still to be written.
	Rest Rest
	// Named says that all of Live is found by its names. Heads of before there were names
	// lack it.
	Named bool
	// Shared are those of the claimed tags that other services claim, too, as far as that
	// is known.
	Shared []tagalong.TagID
	// Alone are tags that what rolls out will claim for the first time, and whose repositories
	// nobody else ran as it started: they are written in its transaction.
	Alone []tagalong.TagID
	// Steady is when Running completed, if nothing rolls out or drains beside it: then the
	// head alone says how the service is. Else it is zero, and in heads of before it was kept.
	Steady time.Time
}

// Released is a tag and when it was let go of.
type Released struct {
	Tag tagalong.TagID
	At  time.Time
}

// ReleasedClaims returns the released tags as claims of nobody.
func (h Head) ReleasedClaims() []Claim {
	var all []Claim
	for _, r := range h.Released {
		all = append(all, Claim{Tag: r.Tag})
	}
	return all
}

// Details are what a rollout's row says beside its course.
type Details struct {
	Environment    string // the one that the rollout was recorded in
	TaskDefinition string
	Containers     []tagalong.Container
	// Moves are the environments that the running service came into afterwards,
	// since the rules had changed; the oldest first.
	Moves []Move
}

// JoinedAt is when the running service came into its environment by a move.
func (d Details) JoinedAt() time.Time {
	if len(d.Moves) == 0 {
		return time.Time{}
	}
	return d.Moves[len(d.Moves)-1].At
}

// LastEnvironment is the environment that the rollout was in last.
func (d Details) LastEnvironment() string {
	if len(d.Moves) == 0 {
		return d.Environment
	}
	return d.Moves[len(d.Moves)-1].Environment
}

// Move says that a service was first seen in another environment.
type Move struct {
	Environment string
	At          time.Time
}

func (d Details) Equal(o Details) bool {
	return d.Environment == o.Environment && d.TaskDefinition == o.TaskDefinition &&
		slices.Equal(d.Containers, o.Containers) && slices.Equal(d.Moves, o.Moves)
}

// SettlingTime is how long ECS may take to show what its events say: 10 minutes, and 2 by
// which clocks may differ. Younger facts are right, and what it shows may not be.
const SettlingTime = 12 * time.Minute

// Fold returns the timeline that the ledger holds.
func (s Snapshot) Fold() (timeline.Timeline, error) {
	base := s.Head.Base
	if s.Whole {
		base = timeline.Timeline{}
	}
	return base.Apply(s.Facts)
}

// Timeline returns what a steady head says of the service: that its rollout runs.
func (h Head) Timeline() timeline.Timeline {
	return timeline.Timeline{Rollouts: []timeline.Rollout{{Deployment: h.Running, State: timeline.StateCompleted, FinishedAt: h.Steady}}, Running: 1}
}

// NewVersion makes up a unique value.
func NewVersion() string { return rand.Text() }
