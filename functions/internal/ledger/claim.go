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
