package ledger

import (
	"context"
	"iter"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Records is what the questions read. Its sequences end with the first error.
// Hints say how many rows will probably be wanted, so that a store reads no more
// at a time; 0 is all of them.
type Records interface {
	Directory
	RunningReader
	RolloutReader
	PlacementReader
	TagReader
	ReleaseReader
	NameReader
	SweptReader
	UnmanagedReader
	StateReader
	FindingReader
	ProgressReader
	WorkloadReader
}

// WorkloadReader shows what is no service.
type WorkloadReader interface {
	// PlacementsOf returns where the images of what is no service run and ran, as far as they
	// are remembered with it, not necessarily as of this moment; none of a service.
	PlacementsOf(ctx context.Context, s tagalong.Service) ([]Placement, error)
}

// StateReader shows what a Ledger holds, not necessarily as of this moment: for half of
// what it costs to be sure. Whoever writes what follows from it reads again.
type StateReader interface {
	// LoadState is Journal.Load.
	LoadState(ctx context.Context, s tagalong.Service) (Snapshot, error)
	// HeadStates reads heads; those of services never seen are left out.
	HeadStates(ctx context.Context, services []tagalong.Service) (map[tagalong.Service]Head, error)
	// ClaimStates is Wishes.Claims.
	ClaimStates(ctx context.Context, r tagalong.Repository) (RepositoryClaims, error)
}

// Directory lists what the ledger has ever seen.
type Directory interface {
	// Environments returns the names, sorted.
	Environments(ctx context.Context) ([]string, error)
	// Services returns every service that ever had a rollout in an environment (""
	// is any), sorted.
	Services(ctx context.Context, environment string) ([]tagalong.Service, error)
	// Seen returns all of them, and since when the ledger knows each, sorted.
	Seen(ctx context.Context) ([]SeenService, error)
}

// SeenService is a service that the ledger has ever seen.
type SeenService struct {
	tagalong.Service
	// CompleteSince is the time from which on the ledger knows it; zero where only a
	// pipeline has named it yet.
	CompleteSince time.Time
}

// RunningReader are the services of an environment.
type RunningReader interface {
	// RunningRecords returns the running rows from a service on (the zero Service: from the
	// first), in the order of Service.String.
	RunningRecords(ctx context.Context, environment string, from tagalong.Service, hint int) iter.Seq2[RunningRecord, error]
	// PastRecords returns what left the environment after a time, in no order.
	PastRecords(ctx context.Context, environment string, after time.Time) iter.Seq2[PastRecord, error]
	// CountRunning counts the running rows by what they are of.
	CountRunning(ctx context.Context, environment string) (map[tagalong.Kind]int, error)
}

// RolloutReader is the history: rows within a span, newest first.
type RolloutReader interface {
	Rollouts(ctx context.Context, s tagalong.Service, span Span, hint int) iter.Seq2[Row, error]
	EnvironmentRollouts(ctx context.Context, environment string, span Span, hint int) iter.Seq2[Row, error]
}

// PlacementReader says where images run and ran.
type PlacementReader interface {
	// OpenPlacements returns what runs and what rolls out of a repository, by its name
	// in any registry, in no order.
	OpenPlacements(ctx context.Context, repository string) iter.Seq2[Placement, error]
	// EndedPlacements returns what ran of a repository, newest first, behind a placement.
	EndedPlacements(ctx context.Context, repository string, behind PlacementCursor, hint int) iter.Seq2[Placement, error]
	// DigestPlacements returns the placements whose Target is a digest, newest first, behind a placement.
	DigestPlacements(ctx context.Context, d digest.Digest, behind PlacementCursor, hint int) iter.Seq2[Placement, error]
	// Successor returns the placement of the same container and image that began as this
	// one ended; ok is false if there is none.
	Successor(ctx context.Context, p Placement) (next Placement, ok bool, err error)
	// Indexes returns the indexes that are known to hold a platform's image.
	Indexes(ctx context.Context, d digest.Digest) ([]Child, error)
}

// TagReader says which tags are desired.
type TagReader interface {
	// EnvironmentTags returns the tags whose wish is an environment's, in the order
	// of repository, registry and tag, behind a tag (the zero TagID: all): those
	// that are settled, or those that are not.
	EnvironmentTags(ctx context.Context, environment string, settled bool, behind tagalong.TagID, hint int) iter.Seq2[Tag, error]
	// TagStates reads tags, not necessarily as of this moment; absent ones are left out.
	TagStates(ctx context.Context, ids []tagalong.TagID) (map[tagalong.TagID]Tag, error)
}

// ReleaseReader says what pipelines' executions have put in placement.
type ReleaseReader interface {
	// Release reads what is known of an execution; ok is false if nothing is.
	Release(ctx context.Context, pipeline, execution string) (r ReleaseRecord, ok bool, err error)
	// ReleaseRollouts returns the rollouts of an execution, newest first.
	ReleaseRollouts(ctx context.Context, pipeline, execution string, span Span, hint int) iter.Seq2[Row, error]
}

// environmentTagger lists an environment's tags, as a TagReader does.
type environmentTagger interface {
	EnvironmentTags(ctx context.Context, environment string, settled bool, behind tagalong.TagID, hint int) iter.Seq2[Tag, error]
}

// EnvironmentTags reads the tags that are confirmed beside those that are not;
// one that changes sides in between comes once.
func EnvironmentTags(ctx context.Context, records environmentTagger, environment string, behind tagalong.TagID, hint int) iter.Seq2[Tag, error] {
	unconfirmed := records.EnvironmentTags(ctx, environment, false, behind, hint)
	confirmed := records.EnvironmentTags(ctx, environment, true, behind, hint)
	var last tagalong.TagID
	both := stream.Merge([]iter.Seq2[Tag, error]{unconfirmed, confirmed}, func(a, b Tag) int { return tagalong.ByRepository(a.ID, b.ID) })
	return stream.Filter(both, func(t Tag) bool {
		again := t.ID == last
		last = t.ID
		return !again
	})
}
