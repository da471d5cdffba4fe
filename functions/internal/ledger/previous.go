package ledger

import (
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// Previous is the image that ran in a container before the one that runs there. A
// rollback would bring it back, and its previous tags keep it from the rules that
// expire images. It is that of the newest rollout, however long ago, in which the
// container of this name ran a proven image of ECR that is another one: the image
// right before is often the same, deployed again or come back to after a rollout
// that failed, and a tag on that would protect nothing. What never completed never ran.
type Previous struct {
	Container string
	Image     tagalong.Repository
	Digest    digest.Digest // the Target; "" if nothing else ran there
}

// PreviousRecord holds what a running container claims for its previous image, in
// that image's repository.
type PreviousRecord struct {
	Service     tagalong.Service
	Environment string
	Previous
	Since time.Time // the completion of what runs
	Tags  []string
}

// Claims returns what the placement claims.
func (p PreviousRecord) Claims() []Claim {
	var all []Claim
	for _, tag := range p.Tags {
		all = append(all, Claim{
			Tag:         tagalong.TagID{Repository: p.Image, Tag: tag},
			Digest:      p.Digest,
			At:          p.Since,
			By:          ContainerClaimant(p.Service, p.Container),
			Environment: p.Environment,
		})
	}
	return all
}

// previousClaims returns the claims of a running rollout on the images before its
// own. They are dated like those: a tag that the container claims for the image
// that runs stays there, whatever a template makes of the names.
func previousClaims(s tagalong.Service, policy tagalong.Policy, running timeline.Rollout, previous []Previous, own []Claim) (all []Claim) {
	for _, p := range previous {
		if p.Digest == "" {
			continue
		}
		placement := PreviousRecord{Service: s, Environment: policy.Environment, Previous: p, Since: running.FinishedAt}
		for _, template := range policy.PreviousTags {
			placement.Tags = append(placement.Tags, tagalong.Expand(template, policy.Environment, s, p.Container, running.FinishedAt))
		}
		all = append(all, slices.DeleteFunc(placement.Claims(), func(c Claim) bool {
			return slices.ContainsFunc(own, func(o Claim) bool { return o.Tag == c.Tag && o.By == c.By })
		})...)
	}
	return all
}

func (d Details) Container(name string) (tagalong.Container, bool) {
	at := slices.IndexFunc(d.Containers, func(c tagalong.Container) bool { return c.Name == name })
	if at < 0 {
		return tagalong.Container{}, false
	}
	return d.Containers[at], true
}

// PreviousKey is what names a previous placement's item.
type PreviousKey struct {
	tagalong.Repository
	container string
}

func (p PreviousRecord) Key() PreviousKey { return PreviousKey{p.Image, p.Container} }
