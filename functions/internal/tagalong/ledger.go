package tagalong

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"iter"
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
	// ErrOvertaken says that a newer promotion of the tag is there.
	ErrOvertaken = errors.New("a newer promotion of the tag is recorded")
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
	// Commit writes a change in one transaction, of at most 100 items, or not at all.
	// It gives ErrConflict if the head's version is not Change.Seen or the fact is there
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
	// Readers returns which of these tags open places and unmanaged services read, by a
	// service other than one (the zero Service: by any), as an index has it, which may lag
	// by a moment. It may name one of several readers.
	Readers(ctx context.Context, ids []TagID, except Service) (Readers, error)
	// Settle records how a wish stands if its version is still the one given,
	// and the children of the index it sits on in the same transaction;
	// ErrConflict if the wish has changed or is gone. While a put is in doubt
	// it records what was seen, leaves the state pending and gives ErrInDoubt.
	Settle(ctx context.Context, id TagID, version string, v Verdict) error
	// Adopt records children of indexes that no wish of this handler sits on.
	Adopt(ctx context.Context, children []Child) error
	// Rewish writes one tag, as a Change does; *RefusedError if it does not stand as
	// the TagWrite expects.
	Rewish(ctx context.Context, w TagWrite) error
	// Doubt says that until a time an unanswered put of this tag may arrive: so long
	// it is pending, and has been since a time.
	Doubt(ctx context.Context, id TagID, since, until time.Time) error
}

// Promotions holds what jobs of pipelines have asked for. The newest promotion of a
// tag is one of its claims.
type Promotions interface {
	// Date gives what a job promotes, and from when that counts: first, unless
	// another sight has been recorded of the job before.
	Date(ctx context.Context, job string, first Sight, expires time.Time) (Sight, error)
	// Sight gives the sight of a job that is recorded, if one is.
	Sight(ctx context.Context, job string) (s Sight, seen bool, err error)
	// Promote writes a promotion and its tag in one transaction, or nothing. It
	// gives ErrOvertaken if a newer promotion of the tag is recorded, else
	// *RefusedError if the tag stands in the way.
	Promote(ctx context.Context, p PromotionWrite) error
}

// Releases holds what is known of pipelines' executions beside their rollouts.
type Releases interface {
	// NoteExecution and NoteStage record what began an execution, and that a stage
	// of it has come into a state. What is recorded already is written again.
	NoteExecution(ctx context.Context, p Pipeline, execution string, e Execution, expires time.Time) error
	NoteStage(ctx context.Context, pipeline, execution string, s StageChange, expires time.Time) error
}

// Sweeps holds how far the sweeps on the schedule have come.
type Sweeps interface {
	// Cursor gives what SetCursor was given last, "" if nothing.
	Cursor(ctx context.Context) (string, error)
	SetCursor(ctx context.Context, cursor string) error
}

// Stales holds the tags that are to be removed from ECR.
type Stales interface {
	// StaleTags gives what retired services left behind, consistently, in no order.
	StaleTags(ctx context.Context) iter.Seq2[Stale, error]
	// SetStale writes what is left of it; with no tags it goes.
	SetStale(ctx context.Context, s Stale) error
	// HoldStale keeps the removal of tags to one sweep until a time, which ends an
	// earlier hold of the same one; ErrConflict while another one has it.
	HoldStale(ctx context.Context, by string, now, until time.Time) error
}

// Outbox holds the ends of rollouts that are to be announced: a Change puts them,
// with the rollouts themselves, and they stay until the bus has accepted them.
type Outbox interface {
	// Unannounced gives those that were recorded before a time, the first one first.
	// They may be taken away while it walks.
	Unannounced(ctx context.Context, before time.Time) iter.Seq2[Ending, error]
	// Announced takes some away. What is gone already is no error.
	Announced(ctx context.Context, endings []Ending) error
}

// Ledger is the whole store that the reactor needs.
type Ledger interface {
	Journal
	Wishes
	UnmanagedServices
	Promotions
	Releases
	Sweeps
	Stales
	Outbox
}

// Stale are tags that stayed in ECR as their service was retired.
type Stale struct {
	ID      string // a unique value that its writer made up
	Service Service
	Tags    []StaleTag
}

// StaleTag is a tag that nobody wishes any more.
type StaleTag struct {
	ID          TagID
	Digest      digest.Digest // where it was confirmed last
	Environment string
}

// PromotionWrite is the write set of a promotion of one tag.
type PromotionWrite struct {
	// Tag is nil if the promotion has been overtaken: then only the release keeps it.
	Tag *TagWrite
	Promoting
	Release Release
	Expires time.Time // when the release forgets it; zero: never
}

// Promoting says that an execution promoted an image.
type Promoting struct {
	Claim        // on the tag
	Job   string // that asked for it
	Stage string
}

// StageChange says that a stage came into a state, as CodePipeline's events have it.
type StageChange struct {
	Stage   string
	State   string // SUCCEEDED, FAILED, STOPPED, CANCELED, RESUMED, …
	At      time.Time
	Attempt int64 // 1, then 2 after a retry; 0 if the event does not say
}

// ReleaseRecord is what the ledger keeps of an execution beside its rollouts.
type ReleaseRecord struct {
	Pipeline   Pipeline
	Execution  string
	Origin     Execution
	Stages     []StageChange // in the order of their times
	Promotions []Promoting   // in the order of their tags and jobs
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
	// Previous are the images that ran before in the proven containers of Running;
	// none are known while no rule asks for their tags.
	Previous []Previous
	// Continues are the containers of Running that ran the same image before it, too.
	Continues []string
	// Released are the tags that the service let go of lately: their wish went
	// to another claim, and the handler that wrote it may have died.
	Released []Released
	// Last is the fact that was written last; RecordedAt and Reason are left out.
	Last Fact
	// CompleteSince is the time from which on the ledger knows the service.
	CompleteSince time.Time
	// Rest is what of the last change is still to be written.
	Rest Rest
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
	Environment    string // the one that the rollout was recorded in
	TaskDefinition string
	Containers     []Container
	// Moves are the environments that the running service came into afterwards,
	// since the rules had changed; the oldest first.
	Moves []Move
}

// Move says that a service was first seen in another environment.
type Move struct {
	Environment string
	At          time.Time
}

func (d Details) equal(o Details) bool {
	return d.Environment == o.Environment && d.TaskDefinition == o.TaskDefinition &&
		slices.Equal(d.Containers, o.Containers) && slices.Equal(d.Moves, o.Moves)
}

// Change is the write set of one observation. It is written in one transaction,
// conditional on the head's version; what does not fit into it is in Head.Rest.
type Change struct {
	Service Service
	Seen    string // the head's version that was read, "" for none
	Head    Head
	Fact    *Fact // put if absent; nil when only details are better known

	Items
	Member         *Member // the running row; nil leaves it as it is
	DropMember     string  // the environment whose running row goes, "" for none
	Tags           []TagWrite
	Stale          *Stale // what is left of dropped tags; nil if nothing is to be removed
	NewService     bool   // put the service into the directory, with Head.CompleteSince
	NewEnvironment string // put it, and the service as one of it, into the directory; "" if they are there
}

// Items are those of the service alone: no other service's change writes them, so
// that the head's version guards them all.
type Items struct {
	Rollouts     []Row
	Endings      []Ending // of Rollouts, into the outbox
	Gone         []Gone   // the service left an environment
	Places       []Place
	Previous     []PreviousPlace
	DropRollouts []RolloutKey
	DropGone     []Gone // it did not at that time, as is known now
	DropPlaces   []Place
	DropPrevious []PreviousPlace
}

// Size counts the items that the transaction writes; DynamoDB takes 100.
func (c Change) Size() int {
	n := 1 + c.Items.count() + len(c.Tags)
	for _, one := range []bool{c.Fact != nil, c.Member != nil, c.DropMember != "", c.Stale != nil, c.NewService, c.NewEnvironment != "", c.NewEnvironment != ""} {
		if one {
			n++
		}
	}
	return n
}

func (i Items) count() int {
	return len(i.Rollouts) + len(i.Endings) + len(i.Gone) + len(i.Places) + len(i.Previous) +
		len(i.DropRollouts) + len(i.DropGone) + len(i.DropPlaces) + len(i.DropPrevious)
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
	Release        Release
	Rollback       bool // it came back by a rollback
	Containers     []Placed
	// Joined is when the service came into the environment while this ran; zero
	// if it was there when this completed.
	Joined time.Time
	// CompleteSince is the time from which on the ledger knows the service.
	CompleteSince time.Time
}

// Placed is a running container and the tags it claims.
type Placed struct {
	Container
	Tags []string
	Once []string // {time} tags: without an item of their own they have been put
	// Foreign is set where the service may not tag the image, as the rules and accounts
	// were when the row was written.
	Foreign bool
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
	// Continues tells that the same image ran in this container until Since, and
	// Continued that it goes on there at Until: pieces of one interval. The same
	// is: repository, digest and index.
	Continues bool
	Continued bool
	Tags      []string
	Expires   time.Time
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

// RepositoryClaims are the claims of a repository's open places, its previous
// places and its promotions, what its open places and unmanaged services read, and its tags.
type RepositoryClaims struct {
	Claims []Claim
	// Readers are the tags of the repository that open places and unmanaged services read.
	Readers Readers
	Tags    map[TagID]Tag
}

// Verdict is how a wish was found or put.
type Verdict struct {
	State     TagState
	Since     time.Time // when the tag came into State
	Reason    string
	Actual    digest.Digest // where ECR has the tag, "" if nowhere
	CheckedAt time.Time
	Returned  int  // how often it was put back where it had been confirmed before; 0 leaves it as it is
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

// Records is what the questions read. Its sequences end with the first error.
// Hints say how many rows will probably be wanted, so that a store reads no more
// at a time; 0 is all of them.
type Records interface {
	Directory
	Residents
	Chronicle
	Whereabouts
	Tagged
	Shipments
}

// Directory lists what the ledger has ever seen.
type Directory interface {
	// Environments gives the names, sorted.
	Environments(ctx context.Context) ([]string, error)
	// Services gives every service that ever had a rollout in an environment (""
	// is any), sorted.
	Services(ctx context.Context, environment string) ([]Service, error)
	// Seen gives all of them, and since when the ledger knows each, sorted.
	Seen(ctx context.Context) ([]SeenService, error)
}

// SeenService is a service that the ledger has ever seen.
type SeenService struct {
	Service
	// CompleteSince is the time from which on the ledger knows it; zero where only a
	// pipeline has told of it yet.
	CompleteSince time.Time
}

// Residents are the services of an environment.
type Residents interface {
	// Members gives the running rows from a service on (the zero Service: from the
	// first), in the order of Service.String.
	Members(ctx context.Context, environment string, from Service, hint int) iter.Seq2[Member, error]
	// Departed gives what left the environment after a time, in no order.
	Departed(ctx context.Context, environment string, after time.Time) iter.Seq2[Gone, error]
	// Population counts the running rows.
	Population(ctx context.Context, environment string) (int, error)
}

// Chronicle is the history: rows within a span, newest first.
type Chronicle interface {
	Rollouts(ctx context.Context, s Service, span Span, hint int) iter.Seq2[Row, error]
	EnvironmentRollouts(ctx context.Context, environment string, span Span, hint int) iter.Seq2[Row, error]
}

// Whereabouts says where images run and ran.
type Whereabouts interface {
	// OpenPlaces gives what runs and what rolls out of a repository, by its name
	// in any registry, in no order.
	OpenPlaces(ctx context.Context, repository string) iter.Seq2[Place, error]
	// EndedPlaces gives what ran of a repository, newest first, behind a place.
	EndedPlaces(ctx context.Context, repository string, behind PlaceAt, hint int) iter.Seq2[Place, error]
	// DigestPlaces gives the places whose Target is a digest, newest first, behind a place.
	DigestPlaces(ctx context.Context, d digest.Digest, behind PlaceAt, hint int) iter.Seq2[Place, error]
	// Successor gives the place of the same container and image that began as this
	// one ended; ok is false if there is none.
	Successor(ctx context.Context, p Place) (next Place, ok bool, err error)
	// Indexes gives the indexes that are known to hold a platform's image.
	Indexes(ctx context.Context, d digest.Digest) ([]Child, error)
}

// Tagged says which tags are wished.
type Tagged interface {
	// EnvironmentTags gives the tags whose wish is an environment's, in the order
	// of repository, registry and tag, behind a tag (the zero TagID: all): those
	// that are settled, or those that are not.
	EnvironmentTags(ctx context.Context, environment string, settled bool, behind TagID, hint int) iter.Seq2[Tag, error]
	// TagStates reads tags, not necessarily as of this moment; absent ones are left out.
	TagStates(ctx context.Context, ids []TagID) (map[TagID]Tag, error)
}

// Shipments says what pipelines' executions have put in place.
type Shipments interface {
	// Release reads what is known of an execution; ok is false if nothing is.
	Release(ctx context.Context, pipeline, execution string) (r ReleaseRecord, ok bool, err error)
	// ReleaseRollouts gives the rollouts of an execution, newest first.
	ReleaseRollouts(ctx context.Context, pipeline, execution string, span Span, hint int) iter.Seq2[Row, error]
}

// Span selects rollouts: SortTime in [Since, Until), zero times are no bounds,
// and Behind what came before in the same answer.
type Span struct {
	Since, Until time.Time
	Behind       RowAt
}

// RowAt is a row's place in an answer: newest first by time, then by service and
// deployment, all downwards. The zero RowAt stands before all of them.
type RowAt struct {
	Sort       time.Time
	Service    Service
	Deployment string
}

// Compare orders upwards: what is smaller is behind.
func (a RowAt) Compare(b RowAt) int {
	return cmp.Or(a.Sort.Compare(b.Sort), cmp.Compare(a.Service.String(), b.Service.String()), cmp.Compare(a.Deployment, b.Deployment))
}

func (a RowAt) legal() bool { return legalTexts(a.Service.String(), a.Deployment) }

// At gives where the row stands.
func (r Row) At() RowAt {
	return RowAt{Sort: r.SortTime(), Service: r.Service, Deployment: r.Deployment}
}

// Holds tells whether the row is in the span.
func (s Span) Holds(r Row) bool {
	at := r.SortTime()
	return !at.Before(s.Since) && (s.Until.IsZero() || at.Before(s.Until)) && (s.Behind == RowAt{} || r.At().Compare(s.Behind) < 0)
}

// PlaceAt is a place's place in an answer, ordered like RowAt.
type PlaceAt struct {
	Since     time.Time
	Registry  string
	Service   Service
	Container string
	Phase     Phase
}

// Compare orders upwards: what is smaller is behind.
func (a PlaceAt) Compare(b PlaceAt) int {
	return cmp.Or(
		a.Since.Compare(b.Since),
		cmp.Compare(a.Registry, b.Registry),
		cmp.Compare(a.Service.String(), b.Service.String()),
		cmp.Compare(a.Container, b.Container),
		cmp.Compare(a.Phase, b.Phase),
	)
}

func (a PlaceAt) legal() bool {
	return legalTexts(a.Registry, a.Service.String(), a.Container, string(a.Phase))
}

// At gives where the place stands.
func (p Place) At() PlaceAt {
	return PlaceAt{Since: p.Since, Registry: p.Container.Image.Registry, Service: p.Service, Container: p.Container.Name, Phase: p.Phase}
}

// Succeeds tells whether the place takes up the same image in the same container
// as another one ends.
func (p Place) Succeeds(before Place) bool {
	return p.Phase != PhaseRollingOut && p.Service == before.Service && p.Container.Name == before.Container.Name &&
		p.Container.Image == before.Container.Image && p.Container.Target() == before.Container.Target() &&
		p.Since.Equal(before.Until) && (p.Until.IsZero() || p.Until.After(before.Until))
}

// behind tells whether the place comes after another one, or after none.
func (p Place) behind(at PlaceAt) bool { return at == PlaceAt{} || p.At().Compare(at) < 0 }

// fold gives the timeline that the ledger holds.
func (s Snapshot) fold() (Timeline, error) {
	base := s.Head.Base
	if s.Whole {
		base = Timeline{}
	}
	return base.Apply(s.Facts)
}

// Rest is what of a change is still to be written.
type Rest struct {
	Items
	Tags []TagToCome
	// DropMember is the environment whose running row goes with the last of it: as
	// long as it is there, a sweep finds the service, even where ECS has it no more.
	DropMember string
}

// TagToCome is a tag of which a claim has changed, and whose item does not know yet.
type TagToCome struct {
	ID TagID
	// Renew says that the wish is to be computed from all claims, since the service's
	// own has ended or stepped back.
	Renew bool
}

// None reports whether nothing is left to write.
func (r Rest) None() bool { return r.count() == 0 && len(r.Tags) == 0 }

// unfinished reports whether the last change of the service is not written whole.
func (h Head) unfinished() bool { return !h.Rest.None() }

// toCome returns the tags that are still to be written as claims of nobody.
func (h Head) toCome() []Claim {
	var all []Claim
	for _, tag := range h.Rest.Tags {
		all = append(all, Claim{Tag: tag.ID})
	}
	return all
}

// held returns the claims, and the tags of which one is still to come or to go.
func (h Head) held() []Claim { return slices.Concat(h.Claims, h.toCome()) }

// newVersion makes up a unique value.
func newVersion() string { return rand.Text() }

// doubtFor is how long an unanswered put may still arrive: AWS refuses a
// signature older than 15 minutes. As long may a handler have died with a
// put in flight, so that a repeat of its fact compares ECR again.
const doubtFor = 15 * time.Minute
