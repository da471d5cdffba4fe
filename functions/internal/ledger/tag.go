package ledger

import (
	"cmp"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// TagState says how a wish stands in ECR.
type TagState string

// Settled reports whether there is nothing more to do about a tag.
func (s TagState) Settled() bool { return s == TagConfirmed || s == TagInput }

// TagMoved is what a check says of a tag that ECR has elsewhere than the ledger last saw it.
const TagMoved TagState = "moved"

// worst orders the states for a container with several tags, worst first.
var worst = []TagState{TagBlocked, TagMissing, TagPending, TagInput, TagUnproven, TagContested, TagConfirmed}

func WorseState(a, b TagState) TagState {
	return slices.MinFunc([]TagState{a, b}, func(a, b TagState) int {
		return cmp.Compare(slices.Index(worst, a), slices.Index(worst, b))
	})
}

// Tag is a tag's item of the ledger: the wish and how it stands.
type Tag struct {
	ID      tagalong.TagID
	Wish    Claim  // the newest claim
	Version string // of the wish: a unique value that its writer made up
	Claims  string // changes whenever any claim on the tag does, until it is shared
	// Shared says that another service than the one that is wished for claims the tag, or
	// did. From then on no transaction touches it: see share.go.
	Shared     bool
	State      TagState
	Reason     string
	Since      time.Time     // when it came into State
	Actual     digest.Digest // where ECR had it at CheckedAt
	CheckedAt  time.Time
	Returned   int       // how often it was put back where the wish has it, each time within a week
	DoubtUntil time.Time // till then an unanswered put may still arrive
}

// TagMode says what a TagWrite expects of the tag's item.
type TagMode int

// TagWrite changes a tag's item.
type TagWrite struct {
	Mode    TagMode
	Wish    Claim  // its Tag names the item
	Version string // the new version, for Advance and Renew
	Claims  string // the new value of Tag.Claims
	Seen    string // what was read, "" for no item: Tag.Claims for Renew, Touch and Drop, Tag.Version for Replace and Remove
	At      time.Time
}

// RepositoryClaims are the claims of a repository's open placements, its previous
// placements and its promotions, what its open placements and unmanaged services read, and its tags.
type RepositoryClaims struct {
	Claims []Claim
	// Readers are the tags of the repository that open placements and unmanaged services read.
	Readers Readers
	Tags    map[tagalong.TagID]Tag
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
	// Apart has the children be written before, and not in one transaction with the tag, since
	// other services may write that just now.
	Apart bool
}

// Child says that an index holds a platform's image.
type Child struct {
	Digest     digest.Digest
	Index      digest.Digest
	Repository tagalong.Repository
	Platform   string // os/architecture[/variant]
}

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
	// Replace sets the wish, if it is still the one that was read.
	Replace
	// Remove removes the item, under the same condition.
	Remove
	// Skip leaves the item alone: see share.go.
	Skip
)

// InTransaction reports whether a write is one that other claims on the tag count on. It is
// refused where the tag is shared.
func (m TagMode) InTransaction() bool { return m <= Drop }

// Sets reports whether a write sets the wish.
func (m TagMode) Sets() bool { return m == Advance || m == Renew || m == Replace }

// The states of a tag in the ledger.
const (
	TagPending   TagState = "pending"
	TagConfirmed TagState = "confirmed"
	TagBlocked   TagState = "blocked" // the repository's immutability, a full image or the tag's own syntax forbids it
	TagMissing   TagState = "missing" // the image is gone
	TagInput     TagState = "input"   // a deployment reads the tag: it is left alone
)

// What a row says of a container whose tags have no state of their own.
const (
	TagContested TagState = "contested" // a newer claim wants another digest there
	TagUnproven  TagState = "unproven"  // the digest is a guess, unknown or disputed
	TagForeign   TagState = "foreign"   // the image is not in an ECR repository that the service may tag
)

// ContestWindow is within what time somebody who moves a tag away is at odds with us: who does
// so once in a season is not.
const ContestWindow = 7 * 24 * time.Hour

// MaxPutBacks is how often a tag is put back where it belongs: whoever moves it away
// that often will do so again.
const MaxPutBacks = 3

// EnteredAt returns when the tag came into a state that it is in now: looking at it again
// begins nothing.
func (t Tag) EnteredAt(state TagState, now time.Time) time.Time {
	if t.State == state {
		return t.Since
	}
	return now
}

// SettledAs reports whether the ledger says so already, so that nothing is written.
// When a tag was found blocked is said again after a while: see RestsUntil.
func (t Tag) SettledAs(v Verdict, now time.Time) bool {
	return t.State == v.State && t.Actual == v.Actual && t.Reason == v.Reason && !v.Done && t.DoubtUntil.Before(now) &&
		(t.State != TagBlocked || now.Before(t.RestsUntil()))
}

// RestsUntil is until when the sweep does not put a tag again that is blocked: the
// put would be refused, unless somebody has changed the repository.
func (t Tag) RestsUntil() time.Time { return t.CheckedAt.Add(time.Hour) }

// DoubtFor is how long an unanswered put may still arrive: AWS refuses a
// signature older than 15 minutes. As long may a handler have died with a
// put in flight, so that a repeat of its fact compares ECR again.
const DoubtFor = 15 * time.Minute
