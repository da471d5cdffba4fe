package ledger

import (
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// Claim says that a tag should sit on a digest, by whom and since when. Claims
// on one tag are ordered by time; at equal times the one whose claimant sorts
// first is the newer. The newest claim is the tag's wish.
type Claim struct {
	Tag    tagalong.TagID
	Digest digest.Digest
	At     time.Time // the completion of the rollout that runs
	By     string    // account/region/cluster/service#container
	// Environment is the claimant's.
	Environment string
	// PutOnce marks a {time} tag: it is a wish until it is put, then never again.
	PutOnce bool
}

// Newer reports whether c stands above o.
func (c Claim) Newer(o Claim) bool {
	if !c.At.Equal(o.At) {
		return c.At.After(o.At)
	}
	return c.By < o.By
}

// Claimant returns the By of a container's claim.
func Claimant(s tagalong.Service, container string) string { return s.String() + "#" + container }

// ClaimsOf returns what a running rollout claims under a policy: for each proven
// container whose image it may tag, each of the policy's tags, and for each image that
// ran before, each of its previous tags.
func ClaimsOf(s tagalong.Service, policy tagalong.Policy, running timeline.Rollout, containers []tagalong.Container, previous []Previous) []Claim {
	var all []Claim
	for _, c := range containers {
		if !c.Proven() || !policy.CanTag(s, c) {
			continue
		}
		for _, template := range policy.Tags {
			all = append(all, Claim{
				Tag:         tagalong.TagID{Repository: c.Image, Tag: tagalong.Expand(template, policy.Environment, s, c.Name, running.FinishedAt)},
				Digest:      c.Target(),
				At:          running.FinishedAt,
				By:          Claimant(s, c.Name),
				Environment: policy.Environment,
				PutOnce:     tagalong.Timed(template),
			})
		}
	}
	return append(all, previousClaims(s, policy, running, previous, all)...)
}

// NewestClaim returns the newest claim on a tag.
func NewestClaim(all []Claim, tag tagalong.TagID) (best Claim, ok bool) {
	for _, c := range all {
		if c.Tag == tag && (!ok || c.Newer(best)) {
			best, ok = c, true
		}
	}
	return best, ok
}

// ClaimedTags returns each tag of the claims once, in order.
func ClaimedTags(all ...[]Claim) []tagalong.TagID {
	var tags []tagalong.TagID
	for _, c := range slices.Concat(all...) {
		tags = append(tags, c.Tag)
	}
	slices.SortFunc(tags, tagalong.TagID.Compare)
	return slices.Compact(tags)
}

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

// StateSince returns when the tag came into a state that it is in now: looking at it again
// begins nothing.
func (t Tag) StateSince(state TagState, now time.Time) time.Time {
	if t.State == state {
		return t.Since
	}
	return now
}

// SettledAs reports whether the ledger says so already, so that nothing is written.
// When a tag was found blocked is said again after a while: see restsUntil.
func (t Tag) SettledAs(v Verdict, now time.Time) bool {
	return t.State == v.State && t.Actual == v.Actual && t.Reason == v.Reason && !v.Done && t.DoubtUntil.Before(now) &&
		(t.State != TagBlocked || now.Before(t.RestsUntil()))
}

// RestsUntil is until when the sweep does not put a tag again that is blocked: the
// put would be refused, unless somebody has changed the repository.
func (t Tag) RestsUntil() time.Time { return t.CheckedAt.Add(time.Hour) }
