package tagalong

import (
	"cmp"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
)

// Claim says that a tag should sit on a digest, by whom and since when. Claims
// on one tag are ordered by time; at equal times the one whose claimant sorts
// first is the newer. The newest claim is the tag's wish.
type Claim struct {
	Tag    TagID
	Digest digest.Digest
	At     time.Time // the completion of the rollout that runs
	By     string    // account/region/cluster/service#container
	// Environment is the claimant's.
	Environment string
	// Once marks a {time} tag: it is a wish until it is put, then never again.
	Once bool
}

// newer tells whether c stands above o.
func (c Claim) newer(o Claim) bool {
	if !c.At.Equal(o.At) {
		return c.At.After(o.At)
	}
	return c.By < o.By
}

// Claimant gives the By of a container's claim.
func Claimant(s Service, container string) string { return s.String() + "#" + container }

// claims gives what a running rollout claims under a policy: for each proven
// container whose image it may tag, each of the policy's tags, and for each image that
// ran before, each of its previous tags.
func claims(s Service, policy Policy, running Rollout, containers []Container, previous []Previous) []Claim {
	var all []Claim
	for _, c := range containers {
		if !c.Proven() || !policy.tags(s, c) {
			continue
		}
		for _, template := range policy.Tags {
			all = append(all, Claim{
				Tag:         TagID{Repository: c.Image, Tag: expand(template, policy.Environment, s, c.Name, running.FinishedAt)},
				Digest:      c.Target(),
				At:          running.FinishedAt,
				By:          Claimant(s, c.Name),
				Environment: policy.Environment,
				Once:        timed(template),
			})
		}
	}
	return append(all, previousClaims(s, policy, running, previous, all)...)
}

// newest gives the newest claim on a tag.
func newest(all []Claim, tag TagID) (best Claim, ok bool) {
	for _, c := range all {
		if c.Tag == tag && (!ok || c.newer(best)) {
			best, ok = c, true
		}
	}
	return best, ok
}

// claimedTags gives each tag of the claims once, in order.
func claimedTags(all ...[]Claim) []TagID {
	var tags []TagID
	for _, c := range slices.Concat(all...) {
		tags = append(tags, c.Tag)
	}
	slices.SortFunc(tags, TagID.Compare)
	return slices.Compact(tags)
}

// TagState says how a wish stands in ECR.
type TagState string

// The states of a tag in the ledger.
const (
	TagPending   TagState = "pending"
	TagConfirmed TagState = "confirmed"
	TagBlocked   TagState = "blocked" // the repository's immutability, a full image or the tag's own syntax forbids it
	TagMissing   TagState = "missing" // the image is gone
	TagInput     TagState = "input"   // a deployment reads the tag: it is left alone
)

// Settled reports whether there is nothing more to do about a tag.
func (s TagState) Settled() bool { return s == TagConfirmed || s == TagInput }

// What a row says of a container whose tags have no state of their own.
const (
	TagContested TagState = "contested" // a newer claim wants another digest there
	TagUnproven  TagState = "unproven"  // the digest is a guess, unknown or disputed
	TagForeign   TagState = "foreign"   // the image is not in an ECR repository that the service may tag
)

// TagMoved is what a check says of a tag that ECR has elsewhere than the ledger last saw it.
const TagMoved TagState = "moved"

// worst orders the states for a container with several tags, worst first.
var worst = []TagState{TagBlocked, TagMissing, TagPending, TagInput, TagUnproven, TagContested, TagConfirmed}

func worse(a, b TagState) TagState {
	return slices.MinFunc([]TagState{a, b}, func(a, b TagState) int {
		return cmp.Compare(slices.Index(worst, a), slices.Index(worst, b))
	})
}

// Tag is a tag's item of the ledger: the wish and how it stands.
type Tag struct {
	ID         TagID
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
