package tagalong

import (
	"context"
	"slices"
	"strings"
)

// What a dry run tells of tags: which of them the sweep would move once it has healed
// the services. Those that other services get when one retires it does not foresee.

// foresee notes what a service would claim once it is healed.
func (p *sweepPass) foresee(ctx context.Context, t *tenant) error {
	running, runs := t.timeline.running()
	if !runs {
		return nil
	}
	live, known := t.snap.Head.Live[running.Deployment]
	if !known {
		details, err := resolve(ctx, p.Workload, p.Registry, t.state.Service, running.Deployment)
		if err != nil && len(details.Containers) == 0 {
			return err
		}
		live = details
	}
	t.containers = live.Containers
	foreseen := claims(t.state.Service, t.policy, running, t.containers, t.snap.Head.Previous)
	if slices.Equal(foreseen, t.snap.Head.Claims) {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.foreseen = append(p.foreseen, foreseen...)
	return nil
}

// foretell reports those tags that would be put on another image than they sit on, for
// the claims that were foreseen.
func (p *sweepPass) foretell(ctx context.Context) {
	byRepository := map[Repository][]Claim{}
	for _, c := range p.foreseen {
		byRepository[c.Tag.Repository] = append(byRepository[c.Tag.Repository], c)
	}
	p.foreseen = nil
	for repository, foreseen := range byRepository {
		if err := p.foretellOf(ctx, repository, foreseen); err != nil {
			p.failed(ctx, err, Drift{Kind: DriftUnreachable, Registry: repository.Registry, Repository: repository.Name, Reason: err.Error()})
		}
	}
}

func (p *sweepPass) foretellOf(ctx context.Context, r Repository, foreseen []Claim) error {
	ids := claimedTags(foreseen)
	tags, err := p.Ledger.Tags(ctx, ids)
	if err != nil {
		return err
	}
	known, err := p.Ledger.Claims(ctx, r)
	if err != nil {
		return err
	}
	others := slices.DeleteFunc(known.Claims, func(c Claim) bool {
		return slices.ContainsFunc(foreseen, func(f Claim) bool { return serviceOf(f) == serviceOf(c) })
	})
	w := &want{}
	for _, id := range ids {
		w.add("", id.Tag)
	}
	images, err := p.Registry.Read(ctx, r, nil, w.tags)
	if err != nil {
		return err
	}
	for _, id := range ids {
		best, _ := newest(slices.Concat(others, foreseen), id)
		if actual := images.Tags[id.Tag]; best.Digest != tags[id].Wish.Digest && best.Digest != actual {
			p.foretold[id] = true
			p.find(Tag{ID: id, Wish: best}.drift(DriftTag, actual, "is to be moved once the ledger is healed"))
		}
	}
	return nil
}

// serviceOf gives the service of a claim, or the whole claimant of a promotion.
func serviceOf(c Claim) string {
	service, _, _ := strings.Cut(c.By, "#")
	if service == "promotion" {
		return c.By
	}
	return service
}
