package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// retirement ends what the ledger has of services that ECS does not run any more.
type retirement struct {
	*comparison
	unmanaged *unmanagedCheck
}

// retire looks for services that the ledger has running or rolling out, and that
// ECS does not run any more.
func (p *retirement) retire(ctx context.Context, at *cursor) error {
	if err := p.unmanaged.load(ctx); err != nil {
		return err
	}
	if err := p.unmanaged.forget(ctx); err != nil {
		return err
	}
	running, err := p.runningRecords(ctx)
	if err != nil {
		return err
	}
	services, err := p.Records.Services(ctx, "")
	if err != nil {
		return fmt.Errorf("services of the ledger: %w", err)
	}
	services = slices.DeleteFunc(tagalong.OfKind(tagalong.KindService, services), func(s tagalong.Service) bool {
		// What never ran is looked at in its turn.
		asked := running[s] != "" || p.options.Whole || p.dueForFullScan(s.String())
		return s.String() < at.Next.String() && at.Next != (tagalong.Service{}) || p.seen[s] || !asked || !p.options.selects(s) || !p.covers(s)
	})
	for len(services) > 0 {
		if !p.hasTime(ctx) {
			at.Next = services[0]
			return errTimeUp
		}
		end := slices.IndexFunc(services, func(s tagalong.Service) bool { return !sameCluster(s, services[0]) })
		if end < 0 {
			end = len(services)
		}
		err := p.retireOf(ctx, services[:end], running)
		p.announceRecorded(ctx)
		if stops(ctx, err) || ctx.Err() != nil || p.stopped.Load() {
			at.Next = services[0]
			return cmp.Or(err, errTimeUp)
		}
		if err != nil {
			p.unreachable(tagalong.Scope{Account: services[0].Account, Region: services[0].Region}, services[0].Cluster, err)
		}
		services = services[end:]
	}
	return nil
}

// runningRecords returns the environment of every service that runs, as the ledger has it.
func (p *retirement) runningRecords(ctx context.Context) (map[tagalong.Service]string, error) {
	environments, err := p.Records.Environments(ctx)
	if err != nil {
		return nil, fmt.Errorf("environments: %w", err)
	}
	all := map[tagalong.Service]string{}
	for _, name := range environments {
		for m, err := range p.Records.RunningRecords(ctx, name, tagalong.Service{}, 0) {
			if err != nil {
				return nil, fmt.Errorf("environment %q: %w", name, err)
			}
			all[m.Service] = name
		}
	}
	return all, nil
}

func sameCluster(a, b tagalong.Service) bool {
	return a.Account == b.Account && a.Region == b.Region && a.Cluster == b.Cluster
}

// retireOf retires those services of a cluster that ECS does not have, or that no
// rule manages any more. An interrupted sweep has not seen them all, so ECS is asked.
func (p *retirement) retireOf(ctx context.Context, services []tagalong.Service, running map[tagalong.Service]string) error {
	missed, err := p.departed(ctx, services)
	if err != nil {
		return err
	}
	// The ledger is asked, and then ECS once more: so what it shows is the younger of the two.
	services = slices.DeleteFunc(slices.Clone(services), func(s tagalong.Service) bool { return missed[s] == tagalong.Fact{} })
	var all []*observedService
	for _, s := range services {
		all = append(all, &observedService{Service: s, policy: tagalong.Policy{Environment: running[s]}})
	}
	all = p.each(ctx, all, func(t *observedService) error { return p.read(ctx, t) })
	gone, err := p.departed(ctx, services)
	if err != nil {
		return err
	}
	p.each(ctx, all, func(t *observedService) error {
		if gone[t.Service] == (tagalong.Fact{}) {
			return nil
		}
		t.concluded = []tagalong.Fact{gone[t.Service]}
		return p.retireOne(ctx, t)
	})
	return nil
}

// departed returns that services of one cluster are gone, or that no rule manages them
// any more, for those of which that is so.
func (p *retirement) departed(ctx context.Context, services []tagalong.Service) (gone map[tagalong.Service]tagalong.Fact, err error) {
	if len(services) == 0 {
		return nil, nil
	}
	var names []string
	for _, s := range services {
		names = append(names, s.Name)
	}
	there := map[tagalong.Service]bool{}
	of, seen := services[0], p.now().UTC().Truncate(time.Millisecond)
	if !p.covered.LeavesOut(of) { // else we may not look, and need not
		states, err := p.Inventory.Describe(ctx, tagalong.Scope{Account: of.Account, Region: of.Region}, of.Cluster, names)
		if err != nil && !errors.Is(err, tagalong.ErrNotFound) {
			return nil, err
		}
		for _, state := range states {
			there[state.Service] = true
		}
	}
	gone = map[tagalong.Service]tagalong.Fact{}
	for _, s := range services {
		_, managed := p.Reactor.Rules.Within(p.covered, s)
		reason := "the service is gone"
		switch {
		case p.covered.LeavesOut(s):
			reason = "its cluster is not covered any more"
		case there[s] && managed:
			continue
		case there[s]:
			reason = "no environment rule matches any more"
		}
		gone[s] = tagalong.Fact{Name: tagalong.Retired, Time: seen, Source: tagalong.FromSweep, Reason: reason}
	}
	return gone, nil
}

// retireOne ends what the ledger has of a service. Of one in which something has
// just happened ECS may not show that it is there.
func (p *retirement) retireOne(ctx context.Context, t *observedService) error {
	gone := t.concluded[0]
	t.seen = gone.Time
	_, runs := t.timeline.Current()
	_, rolls := t.timeline.RollingOut()
	drains := slices.ContainsFunc(t.timeline.Rollouts, func(r timeline.Rollout) bool { return r.Draining })
	switch {
	case (runs || rolls || drains) && t.settled():
		return p.retireNow(ctx, t, gone)
	case t.snap.Head.Unfinished():
		return p.finishRetired(ctx, t)
	}
	return nil
}

func (p *retirement) retireNow(ctx context.Context, t *observedService, gone tagalong.Fact) error {
	if err := p.observe(ctx, t, t.concluded); err != nil {
		return err
	}
	d := driftOf(DriftRetired, t.policy.Environment, t.Service, gone.Reason)
	d.Repaired = true
	p.find(d)
	return nil
}

// finishRetired finishes the last change of a service that ECS has no more.
func (p *retirement) finishRetired(ctx context.Context, t *observedService) error {
	if err := p.observe(ctx, t, nil); err != nil {
		return err
	}
	d := driftOf(DriftLedger, t.policy.Environment, t.Service, unfinishedChange)
	d.Repaired = true
	p.find(d)
	return nil
}
