package sweep

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// serviceScan looks at every service that ECS runs.
type serviceScan struct {
	*comparison
	unmanaged *unmanagedCheck
	named     knownNames // where only a part is swept
}

// services looks at every service of every scope.
func (p *serviceScan) services(ctx context.Context, at *cursor) error {
	if err := p.unmanaged.load(ctx); err != nil {
		return err
	}
	first := max(0, slices.Index(p.Scopes, at.Scope))
	for _, scope := range p.Scopes[first:] {
		if scope != at.Scope {
			at.Scope, at.Cluster, at.Service = scope, "", ""
		}
		clusters, err := p.Inventory.Clusters(ctx, scope)
		if stops(ctx, err) {
			return err
		}
		if err != nil {
			p.unreachable(scope, "", err)
			continue
		}
		p.noteClusters(scope, clusters)
		families, err := p.taskFamilies(ctx, scope, clusters)
		if stops(ctx, err) {
			return err
		} else if err != nil {
			p.fail(err)
		}
		for _, cluster := range clusters {
			if cluster < at.Cluster || !p.looksInto(scope, cluster) {
				continue
			}
			if cluster > at.Cluster {
				at.Cluster, at.Service = cluster, ""
			}
			err := p.cluster(ctx, scope, at)
			if err == nil && p.looksAtTasks() {
				err = p.standaloneTasks(ctx, area{scope, cluster}, families)
			}
			if stops(ctx, err) {
				return err
			} else if err != nil {
				p.unreachable(scope, cluster, err)
			}
		}
	}
	return p.checkNames(ctx)
}

// looksInto reports whether a cluster was asked for and was given to us. In one that can
// have no service that is managed only a sweep of all looks for what services read.
func (p *serviceScan) looksInto(scope tagalong.Scope, cluster string) bool {
	return tagalong.MatchesAny(p.options.clusterGlobs(), cluster) &&
		(p.Reactor.Rules.MayMatchCluster(scope, cluster) || !p.options.partial()) &&
		!p.covered.LeavesOut(tagalong.Service{Account: scope.Account, Region: scope.Region, Cluster: cluster})
}

// cluster looks at the services of one cluster, a chunk at a time.
func (p *serviceScan) cluster(ctx context.Context, scope tagalong.Scope, at *cursor) error {
	cluster := at.Cluster
	names, err := p.Inventory.ServiceNames(ctx, scope, cluster)
	if errors.Is(err, tagalong.ErrNotFound) {
		return nil // it has gone meanwhile
	}
	if err != nil {
		return err
	}
	p.noteServices(scope, cluster, names)
	names = slices.DeleteFunc(names, func(name string) bool {
		s := tagalong.Service{Account: scope.Account, Region: scope.Region, Cluster: cluster, Name: name}
		return !p.options.selects(s)
	})
	for chunk := range slices.Chunk(names, sweepChunk) {
		if last := chunk[len(chunk)-1]; last <= at.Service {
			continue
		}
		if !p.hasTime(ctx) {
			return errTimeUp
		}
		services, err := p.scan(ctx, scope, cluster, chunk)
		if err != nil {
			return err
		}
		at.Service = chunk[len(chunk)-1]
		p.report.Services += services
		p.progress(phaseServices, joinPath(scope.String(), cluster), p.report.Services)
	}
	return nil
}

// maxScans is how often a sweep looks at a service of which the ledger learns more while
// it looks. A later sweep takes up what is left.
const maxScans = 3

// scan compares the services of a chunk with the ledger, and records what it lacks. At
// those of which the heads do not say enough, or of which the ledger has learned more
// meanwhile, it looks again.
func (p *serviceScan) scan(ctx context.Context, scope tagalong.Scope, cluster string, names []string) (services int, err error) {
	services, again, err := p.scanOnce(ctx, scope, cluster, names, true)
	for looks := 1; err == nil && len(again) > 0 && looks < maxScans; looks++ {
		_, again, err = p.scanOnce(ctx, scope, cluster, again, false)
	}
	return services, err
}

// scanOnce asks the ledger first: so what ECS shows is the younger of the two, unless
// the ledger is written to after that. It returns the services for which it was, and those
// that a brief look does not suffice for.
func (p *serviceScan) scanOnce(ctx context.Context, scope tagalong.Scope, cluster string, names []string, brief bool) (services int, again []string, err error) {
	observed := p.observedServices(ctx, servicesOf(scope, cluster, names), brief)
	seen := p.now().UTC().Truncate(time.Millisecond)
	states, err := p.Inventory.Describe(ctx, scope, cluster, names)
	if err != nil {
		return 0, nil, err
	}
	observed = p.shown(observed, states, seen)
	if err := p.unmanaged.keepInputs(ctx, scope, states, seen); err != nil {
		return 0, nil, err
	}
	enough := slices.DeleteFunc(slices.Clone(observed), func(t *observedService) bool { return t.brief && !t.asShown() })
	err = p.repairAll(ctx, scope, enough)
	for _, t := range observed {
		if t.outdated || !slices.Contains(enough, t) {
			again = append(again, t.Name)
		}
	}
	return len(states), again, err
}

func servicesOf(scope tagalong.Scope, cluster string, names []string) (services []tagalong.Service) {
	for _, name := range names {
		services = append(services, tagalong.Service{Account: scope.Account, Region: scope.Region, Cluster: cluster, Name: name})
	}
	return services
}

// shown takes what ECS shows of the services that the ledger was asked for, and leaves
// out those that it does not show. What no rule manages is reported.
func (p *serviceScan) shown(services []*observedService, states []ServiceState, seen time.Time) (shown []*observedService) {
	for _, state := range states {
		if _, managed := p.Reactor.Rules.Within(p.covered, state.Service); !managed {
			p.unmanaged.found(state.Service)
			continue
		}
		p.seen[state.Service] = true
		if i := slices.IndexFunc(services, func(t *observedService) bool { return t.Service == state.Service }); i >= 0 {
			services[i].state, services[i].seen = state, seen
			shown = append(shown, services[i])
		}
	}
	return shown
}

// repairAll records what the ledger lacks of services that ECS has shown. What ECS remembers
// is read for all of them together.
func (p *serviceScan) repairAll(ctx context.Context, scope tagalong.Scope, services []*observedService) error {
	var asked []tagalong.Service
	for _, t := range services {
		if p.looksIntoRecords(t) || len(gapsIn(t.timeline, t.state)) > 0 || len(t.recreated()) > 0 {
			asked = append(asked, t.Service)
		}
	}
	services, records, err := p.remember(ctx, scope, services, asked)
	if err != nil {
		return err
	}
	services = p.each(ctx, services, func(t *observedService) error {
		if t.brief {
			return nil
		}
		return p.compare(ctx, t, records[t.Service])
	})
	var wanted []DeploymentOf
	for _, t := range services {
		wanted = append(wanted, t.wanted()...)
	}
	if len(wanted) > 0 {
		// Where it fails, each is asked for by itself, and says what is wrong.
		if err := p.Inventory.Prepare(ctx, scope, wanted); stops(ctx, err) {
			return err
		}
	}
	services = p.each(ctx, services, func(t *observedService) error { return p.settle(ctx, t) })
	p.lookAtOverdue(ctx, scope, services)
	p.announceRecorded(ctx)
	if p.stopped.Load() {
		return errTimeUp
	}
	return nil
}

// remember reads what ECS remembers of services, all together or, where that fails,
// each by itself: those that fail are reported, and left out. The error is that the
// time is up.
func (p *serviceScan) remember(ctx context.Context, scope tagalong.Scope, services []*observedService, asked []tagalong.Service) ([]*observedService, map[tagalong.Service][]pipeline.ServiceDeployment, error) {
	if len(asked) == 0 {
		return services, nil, nil
	}
	records, err := p.Inventory.DeploymentHistory(ctx, scope, asked)
	if err == nil || stops(ctx, err) {
		return services, records, err
	}
	var mu sync.Mutex
	records = map[tagalong.Service][]pipeline.ServiceDeployment{}
	left := p.each(ctx, services, func(t *observedService) error {
		if !slices.Contains(asked, t.Service) {
			return nil
		}
		own, err := p.Inventory.DeploymentHistory(ctx, scope, []tagalong.Service{t.Service})
		mu.Lock()
		defer mu.Unlock()
		maps.Copy(records, own)
		return err
	})
	return left, records, nil
}
