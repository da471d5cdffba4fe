package ledger

import (
	"slices"
	"strings"
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
	By     Claimant
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

// Claimant is who claims a tag: a container of a service, or a job of a pipeline. It is
// the text that is stored, since a store compares claims of one time by it.
type Claimant string

// ContainerClaimant returns a container as a claimant.
func ContainerClaimant(s tagalong.Service, container string) Claimant {
	return Claimant(s.String() + "#" + container)
}

// JobClaimant returns a job of a pipeline as a claimant.
func JobClaimant(job string) Claimant { return Claimant("promotion#" + job) }

// Container returns the container that claims; ok is false for a job.
func (c Claimant) Container() (s tagalong.Service, name string, ok bool) {
	service, name, _ := strings.Cut(string(c), "#")
	s, err := tagalong.ParseService(service)
	if err != nil {
		return tagalong.Service{}, "", false
	}
	return s, name, true
}

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
				By:          ContainerClaimant(s, c.Name),
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
