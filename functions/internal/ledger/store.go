package ledger

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// Errors that a Ledger returns. Everything else is a failure of the store.
var (
	// ErrConflict says that somebody else wrote in between: read again.
	ErrConflict = errors.New("ledger changed in between")
	// ErrInDoubt says that a tag stays pending until its DoubtUntil.
	ErrInDoubt = errors.New("an unanswered put may still arrive")
	// ErrOvertaken says that a newer promotion of the tag is there.
	ErrOvertaken = errors.New("a newer promotion of the tag is recorded")
	// ErrNoTable says that the table does not exist.
	ErrNoTable = errors.New("ledger table not found")
)

// RefusedError says which tags of a Change did not stand as their TagWrite
// expects. Nothing of the Change was written.
type RefusedError struct{ Tags []tagalong.TagID }

func (e *RefusedError) Error() string { return "tag claims changed in between" }

// Journal holds the services: facts, rollouts and what follows from them.
type Journal interface {
	// Load reads a service's head and the facts since its window's start, in one
	// consistent Query. Of a service never seen it returns a zero Head.
	Load(ctx context.Context, s tagalong.Service) (Snapshot, error)
	// LoadWhole reads the head and all facts of a service, consistently.
	LoadWhole(ctx context.Context, s tagalong.Service) (Snapshot, error)
	// Details reads what the rows of these rollouts hold; absent rows are left out.
	Details(ctx context.Context, s tagalong.Service, keys []timeline.RolloutKey) (map[timeline.RolloutKey]Details, error)
	// Commit writes a change in one transaction, of at most 100 items, or not at all.
	// It returns ErrConflict if the head's version is not Change.Seen or the fact is there
	// already, and *RefusedError if only tags stand in the way. It waits out
	// throttling and transaction conflicts, with jitter, as long as ctx lasts.
	Commit(ctx context.Context, c Change) error
}

// Wishes holds where tags should sit.
type Wishes interface {
	// Claims reads all claims and wishes of a repository, in one consistent Query.
	Claims(ctx context.Context, r tagalong.Repository) (RepositoryClaims, error)
	// Tags reads tags consistently; absent ones are left out.
	Tags(ctx context.Context, ids []tagalong.TagID) (map[tagalong.TagID]Tag, error)
	// Readers returns which of these tags open placements and unmanaged services read, by a
	// service other than one (the zero Service: by any), as an index has it, which may lag
	// by a moment. What that one read while it was unmanaged counts until a sweep knows
	// better. It may name one of several readers.
	Readers(ctx context.Context, ids []tagalong.TagID, except tagalong.Service) (Readers, error)
	// Settle records how a wish stands if its version is still the one given,
	// and the children of the index it sits on in the same transaction;
	// ErrConflict if the wish has changed or is gone. While a put is in doubt
	// it records what was seen, leaves the state pending and returns ErrInDoubt.
	Settle(ctx context.Context, id tagalong.TagID, version string, v Verdict) error
	// HasOthers reports whether another service runs an image of the repository, or rolls one
	// out.
	HasOthers(ctx context.Context, r tagalong.Repository, than tagalong.Service) (bool, error)
	// Share marks a tag as shared, and returns it as it is from then on; there is false if
	// it has no item.
	Share(ctx context.Context, id tagalong.TagID) (tag Tag, there bool, err error)
	// WriteTag writes one tag, in no transaction; *RefusedError if it does not stand as
	// the TagWrite expects.
	WriteTag(ctx context.Context, w TagWrite) error
	// Doubt says that until a time an unanswered put of this tag may arrive: so long
	// it is pending, and has been since a time.
	Doubt(ctx context.Context, id tagalong.TagID, since, until time.Time) error
}

// Promotions holds what jobs of pipelines have asked for. The newest promotion of a
// tag is one of its claims.
type Promotions interface {
	// RecordFirstSeen returns what a job promotes, and from when that counts: first, unless
	// the job has been seen before.
	RecordFirstSeen(ctx context.Context, job string, first FirstSeen, expires time.Time) (FirstSeen, error)
	// Promote writes a promotion and its tag in one transaction, or nothing. It
	// returns ErrOvertaken if a newer promotion of the tag is recorded, else
	// *RefusedError if the tag stands in the way.
	Promote(ctx context.Context, p PromotionWrite) error
}

// Jobs knows the jobs of pipelines that promoted before.
type Jobs interface {
	// FirstSeen returns what a job promoted when it was first seen, if it was.
	FirstSeen(ctx context.Context, job string) (s FirstSeen, seen bool, err error)
}

// Releases holds what is known of pipelines' executions beside their rollouts.
type Releases interface {
	// NoteExecution and NoteStage record what began an execution, with its names, and that
	// a stage of it has come into a state. What is recorded already is written again.
	NoteExecution(ctx context.Context, p tagalong.Pipeline, execution string, e tagalong.Execution, expires time.Time) error
	NoteStage(ctx context.Context, pipeline, execution string, s StageChange, expires time.Time) error
}

// Sweeps holds how far the sweeps on the schedule have come.
type Sweeps interface {
	// Cursor returns what SetCursor was given last, "" if nothing.
	Cursor(ctx context.Context) (string, error)
	SetCursor(ctx context.Context, cursor string) error
	SweptReader
	// SetSwept is what the sweep that came last to its end looked at.
	SetSwept(ctx context.Context, s Swept) error
}

// SweptReader says what the sweep has looked at.
type SweptReader interface {
	// Swept returns what SetSwept was given last; the zero one while no sweep of everything
	// has come to its end.
	Swept(ctx context.Context) (Swept, error)
}

// SweptFor is after what time a sweep writes down that it looked where the one before it
// did: once a day, by a schedule that is not exact.
const SweptFor = 23 * time.Hour

// ScannedFor is for how long scanners are asked about what has ended.
const ScannedFor = 90 * 24 * time.Hour

// Swept is what a sweep of everything looked at, from its beginning to its end.
type Swept struct {
	Begun  time.Time
	Scopes []tagalong.Scope
	Closed []string // what of them could not be looked at: ACCOUNT/REGION, with a cluster or a service or not
	// Named says that whatever runs and rolls out is found by its names, and so is its
	// repository. A ledger of before there were names lacks it until a sweep has seen to it.
	Named bool
	// Tasks says that standalone tasks were looked at. A ledger of before they were lacks it.
	Tasks bool
	// FindingsAt is when the pass began that came last to have asked scanners for all that was
	// in use; zero while none did. Unscanned are the registries, ACCOUNT/REGION, whose scanner
	// it could not ask, and why.
	FindingsAt time.Time
	Unscanned  []string
	// Functions says that Lambda functions were looked at: they are not, unless it is asked for.
	Functions bool
}

// Stale reports whether no sweep of everything has come to its end lately: one was due
// after SweptFor, and had as long to get there.
func (s Swept) Stale(now time.Time) bool { return now.Sub(s.Begun) > 2*SweptFor }

// Untags holds the tags that are to be removed from ECR.
type Untags interface {
	// PendingUntags returns what retired services left behind, consistently, in no order.
	PendingUntags(ctx context.Context) iter.Seq2[PendingUntag, error]
	// SetPendingUntag writes what is left of it; with no tags it goes.
	SetPendingUntag(ctx context.Context, s PendingUntag) error
	// LockUntag keeps the removal of tags to one sweep until a time, which ends an
	// earlier hold of the same one; ErrConflict while another one has it.
	LockUntag(ctx context.Context, by string, now, until time.Time) error
}

// Outbox holds the ends of rollouts that are to be announced: a Change puts them,
// with the rollouts themselves, and they stay until the bus has accepted them.
type Outbox interface {
	// Announced takes some away. What is gone already is no error.
	Announced(ctx context.Context, finished []FinishedRollout) error
}

// OutboxReader says what the outbox holds.
type OutboxReader interface {
	// Unannounced returns the ends that were recorded before a time, the first one first.
	// They may be taken away while it walks.
	Unannounced(ctx context.Context, before time.Time) iter.Seq2[FinishedRollout, error]
}

// Ledger is the whole store: each of its parts is what somebody needs of it.
type Ledger interface {
	Journal
	Wishes
	ProgressKeeper
	UnmanagedServices
	UnmanagedReader
	TaskFamilies
	TaskFamilyReader
	Promotions
	Jobs
	Releases
	Sweeps
	Untags
	Outbox
	OutboxReader
	Findings
}
