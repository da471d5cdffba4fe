package tagalong

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
)

// Errors that a Ledger gives. Everything else is a failure of the store.
var (
	// ErrConflict says that somebody else wrote in between: read again.
	ErrConflict = errors.New("ledger changed in between")
	// ErrInDoubt says that a tag stays pending until its DoubtUntil.
	ErrInDoubt = errors.New("an unanswered put may still arrive")
	// ErrNoTable says that the table does not exist.
	ErrNoTable = errors.New("ledger table not found")
)

// RefusedError says which tags of a Change did not stand as their TagWrite
// expects. Nothing of the Change was written.
type RefusedError struct{ Tags []TagID }

func (e *RefusedError) Error() string { return "tag claims changed in between" }

// Journal holds the services: facts, rollouts and what follows from them.
type Journal interface {
	// Load reads a service's head and the facts since its window's start, in one
	// consistent Query. A service never seen gives a zero Head.
	Load(ctx context.Context, s Service) (Snapshot, error)
	// LoadWhole reads the head and all facts of a service, consistently.
	LoadWhole(ctx context.Context, s Service) (Snapshot, error)
	// Details reads what the rows of these rollouts hold; absent rows are left out.
	Details(ctx context.Context, s Service, keys []RolloutKey) (map[RolloutKey]Details, error)
	// Commit writes a change in one transaction or not at all. It gives
	// ErrConflict if the head's version is not Change.Seen or the fact is there
	// already, and *RefusedError if only tags stand in the way. It waits out
	// throttling and transaction conflicts, with jitter, as long as ctx lasts.
	Commit(ctx context.Context, c Change) error
}

// Wishes holds where tags should sit.
type Wishes interface {
	// Claims reads all claims and wishes of a repository, in one consistent Query.
	Claims(ctx context.Context, r Repository) (RepositoryClaims, error)
	// Tags reads tags consistently; absent ones are left out.
	Tags(ctx context.Context, ids []TagID) (map[TagID]Tag, error)
	// Settle records how a wish stands if its version is still the one given,
	// and the children of the index it sits on in the same transaction;
	// ErrConflict if the wish has changed or is gone. While a put is in doubt
	// it records what was seen, leaves the state pending and gives ErrInDoubt.
	Settle(ctx context.Context, id TagID, version string, v Verdict) error
	// Adopt records children of indexes that no wish of this handler sits on.
	Adopt(ctx context.Context, children []Child) error
	// Doubt says that until a time an unanswered put of this tag may arrive.
	Doubt(ctx context.Context, id TagID, until time.Time) error
}

// Ledger is the whole store that the reactor needs.
type Ledger interface {
	Journal
	Wishes
}

// Snapshot is what one consistent read of a service gives.
type Snapshot struct {
	Head  Head
	Facts []Fact // since Head.Since, or all
	Whole bool   // Facts are all facts of the service
}

// Head is what the ledger keeps of a service beside its facts.
type Head struct {
	Version string // a unique value that its writer made up; "" if the service was never seen
	// Base is the fold of the facts before Since.
	Base  Timeline
	Since time.Time
	// Live holds the details of the deployments that may still change: what runs, rolls out or was superseded.
	Live map[string]Details
	// Environment is where the running row lies, "" if there is none.
	Environment string
	// Running is the deployment that runs, "" if none is known.
	Running string
	Claims  []Claim
	// Released are the tags that the service let go of lately: their wish went
	// to another claim, and the handler that wrote it may have died.
	Released []Released
	// Last is the fact that was written last; RecordedAt and Reason are left out.
	Last Fact
	// CompleteSince is the time from which on the ledger knows the service.
	CompleteSince time.Time
}

// Released is a tag and when it was let go of.
type Released struct {
	Tag TagID
	At  time.Time
}

// released gives the released tags as claims of nobody.
func (h Head) released() []Claim {
	var all []Claim
	for _, r := range h.Released {
		all = append(all, Claim{Tag: r.Tag})
	}
	return all
}

// Details are what a rollout's row says beside its course.
type Details struct {
	Environment    string
	TaskDefinition string
	Containers     []Container
}

func (d Details) equal(o Details) bool {
	return d.Environment == o.Environment && d.TaskDefinition == o.TaskDefinition && slices.Equal(d.Containers, o.Containers)
}

// Change is the write set of one observation. It is written in one transaction,
// conditional on the head's version.
type Change struct {
	Service Service
	Seen    string // the head's version that was read, "" for none
	Head    Head
	Fact    *Fact // put if absent; nil when only details are better known

	Rollouts       []Row
	DropRollouts   []RolloutKey
	Member         *Member // the running row; nil leaves it as it is
	DropMember     string  // the environment whose running row goes, "" for none
	Gone           *Gone   // the service left that environment
	Places         []Place
	DropPlaces     []Place
	Tags           []TagWrite
	NewService     bool   // put the service into the directory
	NewEnvironment string // put it into the directory, "" if it is there
}

// Size counts the items that the transaction writes; DynamoDB takes 100.
func (c Change) Size() int {
	n := 1 + len(c.Rollouts) + len(c.DropRollouts) + len(c.Places) + len(c.DropPlaces) + len(c.Tags)
	for _, one := range []bool{c.Fact != nil, c.Member != nil, c.DropMember != "", c.Gone != nil, c.NewService, c.NewEnvironment != ""} {
		if one {
			n++
		}
	}
	return n
}

// Row is a rollout as the history shows it.
type Row struct {
	Service Service
	Rollout
	Details
	Expires time.Time // zero: kept for ever
}

// Member is what runs of a service, in its environment.
type Member struct {
	Service        Service
	Environment    string
	Deployment     string
	TaskDefinition string
	Since          time.Time
	RollingOut     string // the deployment in progress beside it, "" for none
	Containers     []Placed
}

// Placed is a running container and the tags it claims.
type Placed struct {
	Container
	Tags []string
	Once []string // {time} tags: without an item of their own they have been put
}

// Gone says that a service left an environment, and what it ran there last.
type Gone struct {
	Member
	Until   time.Time
	Expires time.Time
}

// Phase says how a place stands.
type Phase string

// The phases of a place.
const (
	PhaseRunning    Phase = "running"
	PhaseRollingOut Phase = "rolling_out"
	PhaseEnded      Phase = "ended"
)

// Place says that a container of a service runs an image of a repository, or
// ran it. An open one that runs holds the claims.
type Place struct {
	Phase       Phase
	Service     Service
	Environment string
	Deployment  string
	Container   Container
	Since       time.Time // the completion, or the start of a rollout in progress
	Until       time.Time
	Tags        []string
	Expires     time.Time
}

// placeKey is what names a place's item in its repository.
type placeKey struct {
	repository string
	phase      Phase
	since      time.Time // only of those that ended
	registry   string
	container  string
}

func (p Place) key() placeKey {
	key := placeKey{repository: p.Container.Image.Name, phase: p.Phase, registry: p.Container.Image.Registry, container: p.Container.Name}
	if p.Phase == PhaseEnded {
		key.since = p.Since
	}
	return key
}

// TagMode says what a TagWrite expects of the tag's item.
type TagMode int

// The modes of a TagWrite.
const (
	// Advance sets the wish if its claim is older than ours, or ours.
	Advance TagMode = iota
	// Yield changes only Tag.Claims, if the wish's claim is newer than ours.
	Yield
	// Renew sets the wish that was computed from all claims, if no claim has changed since they were read.
	Renew
	// Touch changes only Tag.Claims, under the same condition.
	Touch
	// Drop removes the item, under the same condition: nobody claims the tag any more.
	Drop
)

// TagWrite changes a tag's item.
type TagWrite struct {
	Mode    TagMode
	Wish    Claim  // its Tag names the item
	Version string // the new version, for Advance and Renew
	Claims  string // the new value of Tag.Claims
	Seen    string // the Tag.Claims that was read, "" for no item; for Renew, Touch and Drop
	At      time.Time
}

// RepositoryClaims are the claims of a repository's open places, and its tags.
type RepositoryClaims struct {
	Claims []Claim
	Tags   map[TagID]Tag
}

// Verdict is how a wish was found or put.
type Verdict struct {
	State     TagState
	Reason    string
	Actual    digest.Digest // where ECR has the tag, "" if nowhere
	CheckedAt time.Time
	Done      bool // a {time} tag that was put: its item goes
	Children  []Child
}

// Child says that an index holds a platform's image.
type Child struct {
	Digest     digest.Digest
	Index      digest.Digest
	Repository Repository
	Platform   string // os/architecture[/variant]
}

// Records is what the questions read.
type Records interface {
	// Environments gives the names in the directory, sorted.
	Environments(ctx context.Context) ([]string, error)
	// Services gives every service that the ledger has seen, sorted.
	Services(ctx context.Context) ([]Service, error)
	// Members gives the running rows of an environment, sorted by service.
	Members(ctx context.Context, environment string) ([]Member, error)
	// Rollouts gives up to limit rows of a service whose SortTime is in
	// [since, until), newest first; limit 0 is all, a zero time no bound.
	Rollouts(ctx context.Context, s Service, since, until time.Time, limit int) ([]Row, error)
	// EnvironmentTags gives the tags whose wish is an environment's, sorted by
	// repository and tag, with unsettled only those that are not confirmed.
	EnvironmentTags(ctx context.Context, environment string, unsettled bool) ([]Tag, error)
	// Tags reads tags consistently; absent ones are left out.
	Tags(ctx context.Context, ids []TagID) (map[TagID]Tag, error)
}
