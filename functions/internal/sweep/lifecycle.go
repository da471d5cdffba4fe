package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Lifecycles reads what the registry does to images by a repository's own rules: ECR, as
// far as its lifecycle policies go.
type Lifecycles interface {
	// LifecycleRules returns the rules of a repository, those of the lowest priority
	// number first; none where it has no policy, or is not there. ErrNoAccess is an answer.
	LifecycleRules(ctx context.Context, r tagalong.Repository) ([]LifecycleRule, error)
	// TagsOf returns all the tags of images. An image that is not there is left out.
	// ErrNoAccess is an answer.
	TagsOf(ctx context.Context, r tagalong.Repository, digests []digest.Digest) (map[digest.Digest][]string, error)
}

// LifecycleRule is a rule of a repository's lifecycle policy that takes images away
// sooner or later: how many are kept, or for how long, does not matter here.
type LifecycleRule struct {
	Priority int
	// Tagged are globs of tags: an image is selected that has a tag for each of them.
	Tagged []string
	// Untagged selects images without tags. With neither a rule selects any image.
	Untagged bool
	// Archives reports that images are moved to the archive, from which they cannot be
	// pulled, and not deleted.
	Archives bool
}

// selects reports whether the rule is about an image with these tags.
func (r LifecycleRule) selects(tags []string) bool {
	if r.Untagged {
		return len(tags) == 0
	}
	return !slices.ContainsFunc(r.Tagged, func(glob string) bool {
		return !slices.ContainsFunc(tags, func(tag string) bool { ok, _ := path.Match(glob, tag); return ok })
	})
}

// lifecycleOf returns the rule that decides about an image with these tags, nil if it is
// kept: the first that selects it, since what a rule selects no later one takes.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
func lifecycleOf(rules []LifecycleRule, tags []string) *LifecycleRule {
	at := slices.IndexFunc(rules, func(r LifecycleRule) bool { return r.selects(tags) })
	if at < 0 {
		return nil
	}
	return &rules[at]
}

// lifecycleCheck looks at the lifecycle policies of repositories.
type lifecycleCheck struct {
	*pass
	mu sync.Mutex
	// seen are the repositories whose policies were looked at; one without a name is a
	// registry of which it was reported that they could not be.
	seen map[tagalong.Repository]bool
}

// warn reports, once a day for each repository, which of the images that its
// tags are on now its lifecycle policy will take once these tags have moved on: that is
// the image to which a rollback goes back.
func (p *lifecycleCheck) warn(ctx context.Context, r tagalong.Repository) error {
	if p.Lifecycles == nil || !p.isDue(r) {
		return nil
	}
	rules, err := p.Lifecycles.LifecycleRules(ctx, r)
	if len(rules) == 0 || err != nil {
		return p.unlessNoAccess(r, err)
	}
	claims, err := p.Reactor.Ledger.Claims(ctx, r)
	if err != nil {
		return err
	}
	images := p.taggedImages(claims.Claims)
	tags, err := p.Lifecycles.TagsOf(ctx, r, digestsOf(images))
	if err != nil {
		return p.unlessNoAccess(r, err)
	}
	movable := ledger.ClaimedTags(claims.Claims)
	for _, w := range images {
		if taken := w.takenBy(rules, tags[w.claim.Digest], movable); taken != nil {
			p.find(w.drift(*taken))
		}
	}
	return p.preview(ctx, r)
}

// preview reports which of the images of a repository that are in use its lifecycle policy
// would take now.
func (p *lifecycleCheck) preview(ctx context.Context, r tagalong.Repository) error {
	if p.Previewer == nil {
		return nil
	}
	open, err := stream.Collect(stream.Filter(p.Findings.OpenPlacements(ctx, r.Name), func(place ledger.Placement) bool { return place.Container.Image == r }))
	if err != nil {
		return fmt.Errorf("what is in use of %s: %w", r, err)
	}
	var digests []digest.Digest
	for _, place := range open {
		digests = append(digests, place.Container.Digest, place.Container.Index)
	}
	slices.Sort(digests)
	digests = slices.DeleteFunc(slices.Compact(digests), func(d digest.Digest) bool { return d == "" })
	if len(digests) == 0 {
		return nil
	}
	taken, err := p.Previewer.Taken(ctx, r, digests)
	for _, t := range taken {
		for _, place := range open {
			if t.Digest == place.Container.Digest || t.Digest == place.Container.Index {
				p.find(driftOfTaken(t, place))
			}
		}
	}
	return p.unlessNoAccess(r, err)
}

// driftOfTaken says that a policy takes what is in use.
func driftOfTaken(t query.TakenImage, place ledger.Placement) Drift {
	d := driftOf(DriftUnprotected, place.Environment, place.Service, fmt.Sprintf(
		"rule %d of the repository's lifecycle policy would %s the image now, and it is %s: want an earlier rule that keeps it, by a tag of its own", t.Rule, t.Action(), place.Phase))
	d.Container, d.Registry, d.Repository = place.Container.Name, place.Container.Image.Registry, place.Container.Image.Name
	d.Want, d.Actual = t.Digest, t.Digest
	return d
}

// isDue reports whether a repository is to be looked at in this pass, once.
func (p *lifecycleCheck) isDue(r tagalong.Repository) bool {
	if !p.options.Whole && !p.dueForFullScan("lifecycle of "+r.String()) {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	due := !p.seen[r]
	p.seen[r] = true
	return due
}

// unlessNoAccess passes an error on, unless it says that our role may not look: that is
// reported once for each registry, and is no failure, since nothing else depends on it.
func (p *lifecycleCheck) unlessNoAccess(r tagalong.Repository, err error) error {
	if !errors.Is(err, tagalong.ErrNoAccess) {
		return err
	}
	registry := tagalong.Repository{Registry: r.Registry}
	p.mu.Lock()
	reported := p.seen[registry]
	p.seen[registry] = true
	p.mu.Unlock()
	if !reported {
		p.find(Drift{Kind: DriftUnprotected, Registry: r.Registry, Reason: "lifecycle policies could not be looked at: " + err.Error()})
	}
	return nil
}

// taggedImage is an image that a tag of the ledger should be on, by a claim that has the tag.
type taggedImage struct {
	claim     ledger.Claim
	service   tagalong.Service // the zero service for a promotion
	container string
	previous  []string // the tags that it gets once the tag has moved on
}

// taggedImages returns those of all claims that have their tag, one for each claimant and
// image: its tags move together. A previous tag's image is on its way out, and one that
// is put once keeps it.
func (p *lifecycleCheck) taggedImages(claims []ledger.Claim) (all []taggedImage) {
	for _, id := range ledger.ClaimedTags(claims) {
		c, _ := ledger.NewestClaim(claims, id)
		w := p.taggedImage(c)
		known := slices.ContainsFunc(all, func(o taggedImage) bool { return o.claim.By == c.By && o.claim.Digest == c.Digest })
		if !known && !c.PutOnce && !slices.Contains(w.previous, id.Tag) {
			all = append(all, w)
		}
	}
	return all
}

func (p *lifecycleCheck) taggedImage(c ledger.Claim) taggedImage {
	w := taggedImage{claim: c}
	service, container, ok := c.By.Container()
	if !ok {
		return w // by a job of a pipeline
	}
	w.service, w.container = service, container
	policy, _ := p.Reactor.Rules.For(service)
	for _, template := range policy.PreviousTags {
		w.previous = append(w.previous, tagalong.Expand(template, policy.Environment, service, container, time.Time{}))
	}
	return w
}

func digestsOf(images []taggedImage) (all []digest.Digest) {
	for _, w := range images {
		all = append(all, w.claim.Digest)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// takenBy returns the rule that will take the image once its movable tags have moved on,
// nil if none will, or if that rule decides about it now, too: then it is not we who
// expose it.
func (w taggedImage) takenBy(rules []LifecycleRule, tags []string, movable []tagalong.TagID) *LifecycleRule {
	if !slices.Contains(tags, w.claim.Tag.Tag) {
		return nil // the tag is not there yet
	}
	left := slices.DeleteFunc(slices.Clone(tags), func(tag string) bool {
		return slices.Contains(movable, tagalong.TagID{Repository: w.claim.Tag.Repository, Tag: tag})
	})
	now, then := lifecycleOf(rules, tags), lifecycleOf(rules, append(left, w.previous...))
	if then == nil || now != nil && now.Priority == then.Priority {
		return nil
	}
	return then
}

// drift says what will happen, and how it can be prevented.
func (w taggedImage) drift(rule LifecycleRule) Drift {
	does := "expires"
	if rule.Archives {
		does = "archives"
	}
	state := "has no tag that a rule keeps"
	if rule.Untagged {
		state = "has no tag"
	}
	d := driftOf(DriftUnprotected, w.claim.Environment, w.service, fmt.Sprintf(
		"once %s moves on the image %s, and rule %d of the repository's lifecycle policy %s it: %s",
		w.claim.Tag.Tag, state, rule.Priority, does, w.wayOut(rule)))
	d.Container, d.Registry, d.Repository = w.container, w.claim.Tag.Registry, w.claim.Tag.Name
	d.Tag, d.Want, d.Actual = w.claim.Tag.Tag, w.claim.Digest, w.claim.Digest
	return d
}

// wayOut says what would keep the image.
func (w taggedImage) wayOut(rule LifecycleRule) string {
	another := "a tag of its own that stays"
	if !rule.Untagged {
		another += " and that an earlier rule is about"
	}
	if w.service == (tagalong.Service{}) || len(w.previous) > 0 {
		return "want " + another
	}
	return fmt.Sprintf(`want previousTags in the environment's rule, such as "%s-previous", or %s`, cmp.Or(w.claim.Environment, "{environment}"), another)
}
