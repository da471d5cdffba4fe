package tagalong

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A dry run decides all that a sweep would, and writes nothing: what it foresees of the
// services tells which tags would be wished elsewhere.

// foresight is what a dry run foresees of a service's claims.
type foresight struct {
	released []Claim // as the ledger has them now
	claims   []Claim // as it would have them
	readers  Readers // what its deployments would read
}

// imagined is what the ledger would have of a service after some facts.
type imagined struct {
	know knowledge
	told []Fact
	rows map[RolloutKey]Details // that would have been written
}

// foresee gives what the ledger would have of a service once it is told some facts.
func (p *sweepPass) foresee(ctx context.Context, t *tenant, facts []Fact) error {
	v := imagined{know: knowledge{Snapshot: t.snap}, rows: map[RolloutKey]Details{}}
	for _, f := range sortFacts(facts) {
		if err := p.imagine(ctx, &v, Observation{Service: t.Service, Policy: t.policy, Fact: f, Now: p.now()}); err != nil {
			return fmt.Errorf("%s %s: %w", f.Name, f.Subject(), err)
		}
	}
	was, read := t.snap.Head.held(), t.snap.readers(t.Service)
	t.snap = v.know.Snapshot
	timeline, err := t.snap.fold()
	if errors.Is(err, errForgotten) {
		timeline, err = p.recount(ctx, t.Service, v.told)
	}
	if err != nil {
		return err
	}
	t.timeline = timeline
	p.expect(t.Service, read, foresight{released: was, claims: t.snap.Head.Claims, readers: t.snap.readers(t.Service)})
	return nil
}

// recount folds all that the ledger has of a service, and what it would be told.
func (p *sweepPass) recount(ctx context.Context, s Service, told []Fact) (Timeline, error) {
	whole, err := p.Ledger.LoadWhole(ctx, s)
	if err != nil {
		return Timeline{}, err
	}
	return Timeline{}.Apply(slices.Concat(whole.Facts, told))
}

// expect notes what is foreseen of a service, if that is something else than now.
func (p *sweepPass) expect(s Service, read Readers, f foresight) {
	if slices.Equal(f.released, f.claims) && read.equal(f.readers) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.foreseen[s] = f
}

// imagine takes one observation as Reactor.note does, but for the writing.
func (p *sweepPass) imagine(ctx context.Context, v *imagined, obs Observation) error {
	if obs.Fact.ofDeployment() {
		var err error
		if obs.Details, err = p.resolve(ctx, obs.Policy.Coverage, obs.Service, obs.Fact.Deployment); err != nil && len(obs.Details.Containers) == 0 {
			return err
		}
	}
	one := pass{Reactor: p.Reactor, obs: obs, know: v.know, readings: map[Repository]reading{}}
	for first := true; ; first = false {
		change, changed, err := p.decideOn(&one.know, one.obs, func(n need) error { return v.learn(ctx, p.Reactor, &one.know, obs.Service, n) })
		if err != nil {
			return err
		}
		if changed {
			v.keep(change)
			one.know = one.know.with(change)
		} else if !first {
			break
		}
		change.Head = one.know.Head
		maps.Copy(one.readings, readAll(ctx, p.Registry, p.now(), change.wanted(one.obs)))
		if !one.prove() {
			break
		}
	}
	v.know = one.know
	v.told = append(v.told, obs.Fact)
	return nil
}

// keep notes what a change would have written.
func (v *imagined) keep(c Change) {
	for _, row := range c.Rollouts {
		v.rows[row.key()] = row.Details
	}
}

// learn is Reactor.learn, where some of what the ledger is asked for has only been
// imagined.
func (v *imagined) learn(ctx context.Context, r *Reactor, know *knowledge, s Service, n need) error {
	if err := r.learn(ctx, know, s, n); err != nil {
		return err
	}
	if n.whole {
		know.Facts = append(know.Facts, v.told...)
	}
	for _, key := range n.rows {
		if row, there := v.rows[key]; there {
			know.rows[key] = row
		}
	}
	return nil
}

// foretell reports the tags that would be put on another image than they sit on, since
// their newest claim would be another one.
func (p *sweepPass) foretell(ctx context.Context) {
	changed := map[Repository][]TagID{}
	for _, f := range p.foreseen {
		for _, id := range claimedTags(f.released, f.claims) {
			changed[id.Repository] = append(changed[id.Repository], id)
		}
	}
	for repository, ids := range changed {
		if !p.covered.reads(repository) {
			continue // nor would a sweep put anything there
		}
		slices.SortFunc(ids, TagID.Compare)
		if err := p.foretellOf(ctx, repository, slices.Compact(ids)); err != nil {
			p.failed(ctx, fmt.Errorf("repository %s: %w", repository, err), Drift{Kind: DriftUnreachable, Registry: repository.Registry, Repository: repository.Name, Reason: err.Error()})
		}
	}
}

func (p *sweepPass) foretellOf(ctx context.Context, r Repository, ids []TagID) error {
	for _, id := range ids {
		p.foretold[id] = true
	}
	tags, err := p.Ledger.Tags(ctx, ids)
	if err != nil {
		return err
	}
	known, err := p.Ledger.Claims(ctx, r)
	if err != nil {
		return err
	}
	claims, readers := p.expected(known.Claims), p.expectedReaders(known.Readers)
	wishes, w := map[TagID]Claim{}, &want{}
	for _, id := range ids {
		if best, wished := newest(claims, id); wished {
			wishes[id] = best
			w.add(best.Digest, id.Tag)
		}
	}
	images, err := p.Registry.Read(ctx, r, w.digests, w.tags)
	if err != nil {
		return err
	}
	for id, wish := range wishes {
		tag, actual := Tag{ID: id, Wish: wish}, images.Tags[id.Tag]
		_, there := images.Manifests[wish.Digest]
		switch {
		case wish == tags[id].Wish:
			delete(p.foretold, id) // it is judged as it is
		case readers.has(id):
			p.find(tag.drift(DriftInput, actual, readers.reason(id)))
		case actual == wish.Digest:
		case !there:
			v := images.absent(wish.Digest)
			p.find(tag.drift(map[TagState]DriftKind{TagBlocked: DriftBlocked, TagMissing: DriftMissing}[v.State], actual, v.Reason))
		default:
			p.find(tag.drift(DriftTag, actual, "is to be moved once the ledger is healed"))
		}
	}
	return nil
}

// expectedReaders returns what deployments would read of a repository, once the ledger
// is healed.
func (p *sweepPass) expectedReaders(known Readers) Readers {
	left := known.without(func(s Service) bool { _, changes := p.foreseen[s]; return changes })
	for _, f := range p.foreseen {
		left = left.with(f.readers)
	}
	return left
}

// expected gives the claims of a repository as they would be.
func (p *sweepPass) expected(known []Claim) []Claim {
	changes := map[string]bool{}
	all := slices.Clone(known)
	for s := range p.foreseen {
		changes[s.String()] = true
	}
	all = slices.DeleteFunc(all, func(c Claim) bool {
		service, _, _ := strings.Cut(c.By, "#")
		return changes[service]
	})
	for _, f := range p.foreseen {
		all = append(all, f.claims...)
	}
	return all
}
