package tagalong

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
)

// retire looks for services that the ledger has running or rolling out, and that
// ECS does not run any more.
func (p *sweepPass) retire(ctx context.Context, at *sweepCursor) error {
	if err := p.loadUnmanaged(ctx); err != nil {
		return err
	}
	if err := p.forgetUnmanaged(ctx); err != nil {
		return err
	}
	members, err := p.residents(ctx)
	if err != nil {
		return err
	}
	services, err := p.Records.Services(ctx, "")
	if err != nil {
		return fmt.Errorf("services of the ledger: %w", err)
	}
	services = slices.DeleteFunc(services, func(s Service) bool {
		// What never ran is looked at in its turn.
		asked := members[s] != "" || p.options.Whole || p.turn(s.String())
		return s.String() < at.Member.String() && at.Member != (Service{}) || p.seen[s] || !asked || !p.options.selects(s) || !p.covers(s)
	})
	for len(services) > 0 {
		if !p.hasTime(ctx) {
			at.Member = services[0]
			return errTimeUp
		}
		end := slices.IndexFunc(services, func(s Service) bool { return !sameCluster(s, services[0]) })
		if end < 0 {
			end = len(services)
		}
		err := p.retireOf(ctx, services[:end], members)
		p.announceRecorded(ctx)
		if stops(ctx, err) || ctx.Err() != nil || p.stopped.Load() {
			at.Member = services[0]
			return cmp.Or(err, errTimeUp)
		}
		if err != nil {
			p.unreachable(Scope{services[0].Account, services[0].Region}, services[0].Cluster, err)
		}
		services = services[end:]
	}
	return nil
}

// residents gives the environment of every service that runs, as the ledger has it.
func (p *sweepPass) residents(ctx context.Context) (map[Service]string, error) {
	environments, err := p.Records.Environments(ctx)
	if err != nil {
		return nil, fmt.Errorf("environments: %w", err)
	}
	all := map[Service]string{}
	for _, name := range environments {
		for m, err := range p.Records.Members(ctx, name, Service{}, 0) {
			if err != nil {
				return nil, fmt.Errorf("environment %q: %w", name, err)
			}
			all[m.Service] = name
		}
	}
	return all, nil
}

func sameCluster(a, b Service) bool {
	return a.Account == b.Account && a.Region == b.Region && a.Cluster == b.Cluster
}

// covers tells whether the sweep can know that a service is gone.
func (p *sweepPass) covers(s Service) bool {
	scope := Scope{s.Account, s.Region}
	return slices.Contains(p.Scopes, scope) && !p.closed[area{scope, ""}] && !p.closed[area{scope, s.Cluster}]
}

// retireOf retires those services of a cluster that ECS does not have, or that no
// rule manages any more. An interrupted sweep has not seen them all, so ECS is asked.
func (p *sweepPass) retireOf(ctx context.Context, services []Service, members map[Service]string) error {
	missed, err := p.departed(ctx, services)
	if err != nil {
		return err
	}
	// The ledger is asked, and then ECS once more: so what it shows is the younger of the two.
	services = slices.DeleteFunc(slices.Clone(services), func(s Service) bool { return missed[s] == Fact{} })
	var all []*tenant
	for _, s := range services {
		all = append(all, &tenant{Service: s, policy: Policy{Environment: members[s]}})
	}
	all = p.each(ctx, all, func(t *tenant) error { return p.read(ctx, t) })
	gone, err := p.departed(ctx, services)
	if err != nil {
		return err
	}
	p.each(ctx, all, func(t *tenant) error {
		if gone[t.Service] == (Fact{}) {
			return nil
		}
		t.concluded = []Fact{gone[t.Service]}
		return p.retireOne(ctx, t)
	})
	return nil
}

// departed returns that services of one cluster are gone, or that no rule manages them
// any more, for those of which that is so.
func (p *sweepPass) departed(ctx context.Context, services []Service) (gone map[Service]Fact, err error) {
	if len(services) == 0 {
		return nil, nil
	}
	var names []string
	for _, s := range services {
		names = append(names, s.Name)
	}
	there := map[Service]bool{}
	of, seen := services[0], p.now().UTC().Truncate(time.Millisecond)
	if !p.covered.leavesOut(of) { // else we may not look, and need not
		states, err := p.Estate.Describe(ctx, Scope{of.Account, of.Region}, of.Cluster, names)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		for _, state := range states {
			there[state.Service] = true
		}
	}
	gone = map[Service]Fact{}
	for _, s := range services {
		_, managed := p.Reactor.Rules.within(p.covered, s)
		reason := "the service is gone"
		switch {
		case p.covered.leavesOut(s):
			reason = "its cluster is not covered any more"
		case there[s] && managed:
			continue
		case there[s]:
			reason = "no environment rule matches any more"
		}
		gone[s] = Fact{Name: Retired, Time: seen, Source: FromSweep, Reason: reason}
	}
	return gone, nil
}

// retireOne ends what the ledger has of a service. Of one in which something has
// just happened ECS may not show that it is there.
func (p *sweepPass) retireOne(ctx context.Context, t *tenant) error {
	gone := t.concluded[0]
	t.seen = gone.Time
	_, runs := t.timeline.running()
	_, rolls := t.timeline.rollingOut()
	switch {
	case (runs || rolls) && t.settled():
		return p.retireNow(ctx, t, gone)
	case t.snap.Head.unfinished():
		return p.finishGone(ctx, t)
	}
	return nil
}

func (p *sweepPass) retireNow(ctx context.Context, t *tenant, gone Fact) error {
	if err := p.observe(ctx, t, t.concluded); err != nil {
		return err
	}
	d := driftOf(DriftRetired, t.policy.Environment, t.Service, gone.Reason)
	d.Healed = true
	p.find(d)
	return nil
}

// finishGone finishes the last change of a service that ECS has no more.
func (p *sweepPass) finishGone(ctx context.Context, t *tenant) error {
	if err := p.observe(ctx, t, nil); err != nil {
		return err
	}
	d := driftOf(DriftLedger, t.policy.Environment, t.Service, unfinishedChange)
	d.Healed = true
	p.find(d)
	return nil
}

// tags puts the tags that have been wished, once all is gone that one might have fallen
// to, and compares every tag of the ledger with ECR.
func (p *sweepPass) tags(ctx context.Context, at *sweepCursor) error {
	if err := p.putWished(ctx); stops(ctx, err) {
		return err
	} else if err != nil {
		p.fail(err)
	}
	if p.options.partial() {
		return nil // tags are shared: which services they belong to is not theirs to say
	}
	environments, err := p.Records.Environments(ctx)
	if err != nil {
		return fmt.Errorf("environments: %w", err)
	}
	for _, name := range slices.Concat([]string{""}, environments) {
		if name < at.Environment {
			continue
		}
		if name > at.Environment {
			at.Environment, at.Tag = name, TagID{}
		}
		var chunk []Tag
		for tag, err := range environmentTags(ctx, p.Records, name, at.Tag, 0) {
			if err != nil {
				return fmt.Errorf("tags of environment %q: %w", name, err)
			}
			if chunk = append(chunk, tag); len(chunk) == sweepChunk {
				if err := p.tagChunk(ctx, at, chunk); err != nil {
					return err
				}
				chunk = nil
			}
		}
		if err := p.tagChunk(ctx, at, chunk); err != nil {
			return err
		}
	}
	return nil
}

// tagChunk compares some tags, a repository at a time.
func (p *sweepPass) tagChunk(ctx context.Context, at *sweepCursor, tags []Tag) error {
	if len(tags) == 0 {
		return nil
	}
	if !p.hasTime(ctx) {
		return errTimeUp
	}
	byRepository, looked := map[Repository][]Tag{}, 0
	for _, tag := range tags {
		if p.covered.reads(tag.ID.Repository) {
			byRepository[tag.ID.Repository] = append(byRepository[tag.ID.Repository], tag)
			looked++
		}
	}
	repositories := slices.SortedFunc(maps.Keys(byRepository), Repository.compare)
	together(len(repositories), func(i int) {
		r := repositories[i]
		if err := p.repository(ctx, r, byRepository[r]); err != nil {
			p.failed(ctx, fmt.Errorf("repository %s: %w", r, err), Drift{Kind: DriftUnreachable, Registry: r.Registry, Repository: r.Name, Reason: err.Error()})
		}
	})
	if p.stopped.Load() {
		return errTimeUp
	}
	at.Tag = tags[len(tags)-1].ID
	p.report.Tags += looked
	p.progress(phaseTags, at.Environment, p.report.Tags)
	return nil
}

// repository compares tags of one repository with where ECR has them, and brings
// them there.
func (p *sweepPass) repository(ctx context.Context, r Repository, tags []Tag) error {
	tags, readers, err := p.renewed(ctx, r, tags)
	if err != nil {
		return err
	}
	images, err := p.Reactor.Registry.Read(ctx, r, nil, legalNames(tags))
	if err != nil {
		return err
	}
	var astray []Tag
	for _, tag := range tags {
		if p.astray(tag, images.Tags[tag.ID.Tag], readers) {
			astray = append(astray, tag)
		}
	}
	after, err := p.bring(ctx, astray, readers)
	for _, tag := range tags {
		now, touched := after[tag.ID]
		if !touched {
			now = tag
		}
		p.judge(tag, now, images.Tags[tag.ID.Tag], readers)
	}
	return errors.Join(err, p.warnOfLifecycle(ctx, r))
}

// legalNames returns the names of tags that a registry can be asked for.
func legalNames(tags []Tag) (names []string) {
	for _, tag := range tags {
		if legalTag.MatchString(tag.ID.Tag) {
			names = append(names, tag.ID.Tag)
		}
	}
	return names
}

// bring converges tags, and gives those as they are then. One that has got another
// wish since it was read is at somebody else's hands.
func (p *sweepPass) bring(ctx context.Context, tags []Tag, readers Readers) (after map[TagID]Tag, err error) {
	if len(tags) == 0 {
		return nil, nil
	}
	ids := idsOf(tags)
	now, err := p.Reactor.Ledger.Tags(ctx, ids)
	if err != nil {
		return nil, err
	}
	wishes := map[TagID]Tag{}
	for _, tag := range tags {
		if now[tag.ID].Version == tag.Version {
			wishes[tag.ID] = now[tag.ID]
		}
	}
	done, err := p.Reactor.Converge(ctx, wishes, readers)
	p.count(func(r *Report) { r.Moved += done.Moved })
	after, problem := p.Reactor.Ledger.Tags(ctx, ids)
	if problem != nil {
		return nil, errors.Join(err, problem)
	}
	for _, id := range ids {
		if _, there := after[id]; !there { // a {time} tag that was put, or one that nobody wishes any more
			after[id] = Tag{ID: id, State: TagConfirmed}
		}
	}
	return after, err
}

func idsOf(tags []Tag) []TagID {
	ids := make([]TagID, len(tags))
	for i, tag := range tags {
		ids[i] = tag.ID
	}
	return ids
}

// astray tells whether a tag is to be converged, as ECR has it. Of one that
// deployments read no more is to be done than to note where they have it.
func (p *sweepPass) astray(tag Tag, actual digest.Digest, readers Readers) bool {
	if readers.has(tag.ID) {
		return tag.State != TagInput || tag.Actual != actual
	}
	is, now := tag.Wish.Digest == actual, p.now()
	switch tag.State {
	case TagConfirmed:
		return !is && !tag.fought(actual, now)
	case TagBlocked:
		turn := p.options.Whole || p.turn(tag.ID.String())
		return is || p.options.Blocked || turn && !now.Before(tag.restsUntil())
	case TagPending:
		return !is || !now.Before(tag.DoubtUntil) // till then only time helps
	}
	return true
}

// judge reports a tag that was not as it should be, or is not now.
func (p *sweepPass) judge(was, now Tag, actual digest.Digest, readers Readers) {
	switch {
	case readers.has(was.ID):
		p.find(driftOfTag(was, DriftInput, actual, readers.reason(was.ID)))
	case now.State == TagBlocked:
		p.find(driftOfTag(now, DriftBlocked, actual, now.Reason))
	case now.State == TagMissing:
		p.find(driftOfTag(now, DriftMissing, actual, now.Reason))
	case was.fought(actual, p.now()):
		p.find(driftOfTag(was, DriftFought, actual, fmt.Sprintf("moved by somebody else again, after it was put back %d times", was.Returned)))
	case now.State == TagPending && p.PendingAfter > 0 && p.now().Sub(now.Since) > p.PendingAfter:
		p.find(driftOfTag(now, DriftOverdue, actual, "pending since "+stated(now.Since)))
	case was.State == TagPending && p.now().Sub(was.Since) < lately:
		// A handler is at it just now: that is how a tag gets where it belongs.
	case p.astray(was, actual, readers):
		d := driftOfTag(was, DriftTag, actual, "was "+string(was.State))
		switch was.State {
		case TagConfirmed:
			d.Reason = "moved by somebody else"
		case TagInput:
			d.Reason = "no deployment reads it any more"
		}
		d.Healed = now.State == TagConfirmed
		p.find(d)
	}
}

// renewed computes the wishes anew from the claims, and gives the tags as they are
// to be, and which tags of the repository deployments read. A wish that is no claim's
// has lost it by a change that nobody finished.
func (p *sweepPass) renewed(ctx context.Context, r Repository, tags []Tag) ([]Tag, Readers, error) {
	ids := idsOf(tags)
	fresh, err := p.Reactor.Ledger.Tags(ctx, ids) // before the claims, as ever
	if err != nil {
		return nil, nil, err
	}
	claims, err := p.Reactor.Ledger.Claims(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	var left []Tag
	for _, id := range ids {
		tag, there := fresh[id]
		if !there {
			continue
		}
		best, claimed := newest(claims.Claims, id)
		if tag.Wish.Once || claimed && best == tag.Wish {
			left = append(left, tag)
			continue
		}
		renewed, err := p.renew(ctx, tag, best, claimed)
		if err != nil {
			return nil, nil, err
		}
		if renewed != nil {
			left = append(left, *renewed)
		}
	}
	return left, claims.Readers, nil
}

// renew writes a wish that has changed; nil if nobody wishes the tag any more, or if
// somebody else was faster.
func (p *sweepPass) renew(ctx context.Context, tag Tag, best Claim, claimed bool) (*Tag, error) {
	d := driftOfTag(tag, DriftLedger, tag.Actual, "the wish is not that of the newest claim")
	w := TagWrite{Mode: Renew, Wish: best, Version: newVersion(), Claims: newVersion(), Seen: tag.Claims, At: p.now()}
	if !claimed {
		w.Mode, w.Wish = Drop, Claim{Tag: tag.ID}
	}
	var refused *RefusedError
	err := p.Reactor.Ledger.Rewish(ctx, w)
	if errors.As(err, &refused) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d.Healed = true
	p.find(d)
	if !claimed {
		return nil, nil
	}
	tag.Wish, tag.Version, tag.Claims, tag.State, tag.Since, tag.Returned = best, w.Version, w.Claims, TagPending, w.At, 0
	return &tag, nil
}
