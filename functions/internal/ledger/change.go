package ledger

import (
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// Change is the write set of one observation. It is written in one transaction,
// conditional on the head's version; what does not fit into it is in Head.Rest. Names,
// Repositories and Children are written before it, without a condition.
type Change struct {
	Service tagalong.Service
	Seen    string // the head's version that was read, "" for none
	Head    Head
	Fact    *tagalong.Fact // put if absent; nil when only details are better known

	Items
	Running        *RunningRecord // the running row; nil leaves it as it is
	DropRunning    string         // the environment whose running row goes, "" for none
	Tags           []TagWrite
	Untag          *PendingUntag // what is left of dropped tags; nil if nothing is to be removed
	NewService     bool          // put the service into the directory, with Head.CompleteSince
	NewEnvironment string        // put it, and the service as one of it, into the directory; "" if they are there

	// Names and Repositories are what the service's images are found by, as far as it has
	// not named them before. They are hints, and other services write the same ones: in
	// the transaction, services that come to run one image together would be in each
	// other's way.
	Names        []Name
	Repositories []tagalong.Repository
	// Children are those of the indexes that were first seen: what the ledger holds of a
	// service has its platforms.
	Children []Child
	// Shared are tags whose claim changes, and that other services claim: they are looked at
	// afterwards.
	Shared []tagalong.TagID
}

// Items are those of the service alone: no other service's change writes them, so
// that the head's version guards them all.
type Items struct {
	Rollouts       []Row
	Finished       []FinishedRollout // of Rollouts, into the outbox
	Past           []PastRecord      // the service left an environment
	Placements     []Placement
	Previous       []PreviousRecord
	DropRollouts   []timeline.RolloutKey
	DropPast       []PastRecord // it did not at that time, as is known now
	DropPlacements []Placement
	DropPrevious   []PreviousRecord
}

// Size counts the items that the transaction writes; DynamoDB takes 100.
func (c Change) Size() int {
	n := 1 + c.Items.count() + len(c.Tags)
	for _, one := range []bool{c.Fact != nil, c.Running != nil, c.DropRunning != "", c.Untag != nil, c.NewService, c.NewEnvironment != ""} {
		if one {
			n++
		}
	}
	return n
}

func (i Items) count() int {
	return len(i.Rollouts) + len(i.Finished) + len(i.Past) + len(i.Placements) + len(i.Previous) +
		len(i.DropRollouts) + len(i.DropPast) + len(i.DropPlacements) + len(i.DropPrevious)
}

// Row is a rollout as the history shows it.
type Row struct {
	Service tagalong.Service
	timeline.Rollout
	Details
	Expires time.Time // zero: kept for ever
}
