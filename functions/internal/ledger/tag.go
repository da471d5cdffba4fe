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
	ID         tagalong.TagID
	Wish       Claim  // the newest claim
	Version    string // of the wish: a unique value that its writer made up
	Claims     string // changes whenever any claim on the tag does
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
	Seen    string // the Tag.Claims that was read, "" for no item; for Renew, Touch and Drop
	At      time.Time
}

// RepositoryClaims are the claims of a repository's open places, its previous
// places and its promotions, what its open places and unmanaged services read, and its tags.
type RepositoryClaims struct {
	Claims []Claim
	// Readers are the tags of the repository that open places and unmanaged services read.
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
}

// Child says that an index holds a platform's image.
type Child struct {
	Digest     digest.Digest
	Index      digest.Digest
	Repository tagalong.Repository
	Platform   string // os/architecture[/variant]
}
