package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// unmanagedCheck keeps which tags the services read that no rule matches.
type unmanagedCheck struct {
	*pass
	// kept is what was kept of them as the pass began; nil: it has not been read yet.
	kept  map[tagalong.Service]ledger.UnmanagedService
	shown map[tagalong.Service]bool // those that ECS runs
}

// load reads what is kept of the services that no rule matches, once a pass.
func (p *unmanagedCheck) load(ctx context.Context) error {
	if p.kept != nil {
		return nil
	}
	all := map[tagalong.Service]ledger.UnmanagedService{}
	for u, err := range p.Records.AllUnmanaged(ctx) {
		if err != nil {
			return fmt.Errorf("services that no rule matches: %w", err)
		}
		all[u.Service] = u
	}
	p.kept = all
	return nil
}

// keepInputs keeps which tags services of a chunk read that no rule matches. Only what is
// new of them is asked for, all of it together.
func (p *unmanagedCheck) keepInputs(ctx context.Context, scope tagalong.Scope, states []ServiceState, seen time.Time) error {
	var (
		changed []ServiceState
		wanted  []DeploymentOf
	)
	for _, state := range states {
		if _, managed := p.Reactor.Rules.Within(p.covered, state.Service); managed {
			continue
		}
		was := p.keptOf(state.Service)
		news := newsOf(was, state)
		for _, d := range news {
			wanted = append(wanted, DeploymentOf{state.Service, d.ID})
		}
		if len(news) > 0 || !was.Without(state.lost(seen)).Equal(was) {
			changed = append(changed, state)
		}
	}
	if len(wanted) > 0 {
		// Where it fails, each is asked for by itself, and says what is wrong.
		if err := p.Inventory.Prepare(ctx, scope, wanted); stops(ctx, err) {
			return err
		}
	}
	parallel.ForEach(len(changed), parallel.Limit, func(i int) {
		s := changed[i].Service
		if err := p.keepInputsOf(ctx, changed[i], seen); err != nil {
			p.failed(ctx, fmt.Errorf("service %s: %w", s, err), driftOf(DriftLedger, "", s, err.Error()))
		}
	})
	if p.stopped.Load() {
		return errTimeUp
	}
	return nil
}

func (p *unmanagedCheck) keepInputsOf(ctx context.Context, state ServiceState, seen time.Time) error {
	was := p.keptOf(state.Service)
	var found []ledger.DeploymentInputs
	for _, d := range newsOf(was, state) {
		inputs, err := p.Reactor.Inputs(ctx, state.Service, d.ID)
		if errors.Is(err, tagalong.ErrNotFound) {
			continue // a later sweep will see
		}
		if err != nil {
			return err
		}
		found = append(found, ledger.DeploymentInputs{Deployment: d.ID, At: d.latest(), Completed: d.State == timeline.StateCompleted, Inputs: inputs})
	}
	return p.Reactor.ChangeUnmanaged(ctx, was, func(u ledger.UnmanagedService) ledger.UnmanagedService {
		u = u.Without(state.lost(seen))
		for _, d := range found {
			u = u.With(d)
		}
		return u
	})
}

// newsOf returns the deployments of which it is not known what they read, or that they
// have completed: of the newest, since no more are kept.
func newsOf(u ledger.UnmanagedService, state ServiceState) []DeploymentState {
	newest := slices.SortedFunc(slices.Values(state.Current), func(a, b DeploymentState) int { return b.latest().Compare(a.latest()) })
	newest = newest[:min(len(newest), ledger.MaxUnmanaged)]
	return slices.DeleteFunc(newest, func(d DeploymentState) bool {
		known := u.Of(d.ID)
		return known.Deployment != "" && (known.Completed || d.State != timeline.StateCompleted)
	})
}

// latest is when something happened to the deployment last.
func (d DeploymentState) latest() time.Time { return tagalong.Later(d.Created, d.Changed) }

// lost returns which deployments ECS has no more: not those of an event so young
// that ECS may not show them yet.
func (s ServiceState) lost(seen time.Time) func(ledger.DeploymentInputs) bool {
	return func(d ledger.DeploymentInputs) bool {
		return !s.has(d.Deployment) && d.At.Before(seen.Add(-ledger.SettlingTime))
	}
}

// found notes a service that no rule matches. Where none can, it is no news.
func (p *unmanagedCheck) found(s tagalong.Service) {
	p.shown[s] = true
	if p.Reactor.Rules.MayMatchCluster(tagalong.Scope{Account: s.Account, Region: s.Region}, s.Cluster) {
		p.find(driftOf(DriftUnmanaged, "", s, "no environment rule matches"))
	}
}

// keptOf returns what was kept of a service as the pass began.
func (p *unmanagedCheck) keptOf(s tagalong.Service) ledger.UnmanagedService {
	kept := p.kept[s]
	kept.Service = s
	return kept
}

// forget forgets the services that are gone, or that a rule matches by now.
func (p *unmanagedCheck) forget(ctx context.Context) error {
	byCluster := map[area][]string{}
	for s, kept := range p.kept {
		at := area{tagalong.Scope{Account: s.Account, Region: s.Region}, s.Cluster}
		if len(kept.Deployments) > 0 && !p.shown[s] && p.options.selects(s) && p.covers(s) {
			byCluster[at] = append(byCluster[at], s.Name)
		}
	}
	for at, names := range byCluster {
		for chunk := range slices.Chunk(slices.Sorted(slices.Values(names)), sweepChunk) {
			if !p.hasTime(ctx) {
				return errTimeUp
			}
			if err := p.forgetThose(ctx, at, chunk); stops(ctx, err) {
				return err
			} else if err != nil {
				p.unreachable(at.Scope, at.cluster, err)
			}
		}
	}
	return nil
}

// forgetThose forgets, of some services of a cluster, the deployments that ECS has no more,
// and those of whose containers the ledger knows by now: these say what they read.
func (p *unmanagedCheck) forgetThose(ctx context.Context, at area, names []string) error {
	services, seen := servicesOf(at.Scope, at.cluster, names), p.now().UTC()
	shown := map[tagalong.Service]ServiceState{}
	if !p.covered.LeavesOut(services[0]) { // else we may not look, and need not
		states, err := p.Inventory.Describe(ctx, at.Scope, at.cluster, names)
		if err != nil && !errors.Is(err, tagalong.ErrNotFound) {
			return err
		}
		for _, state := range states {
			shown[state.Service] = state
		}
	}
	for _, s := range services {
		gone := shown[s].lost(seen)
		if _, managed := p.Reactor.Rules.Within(p.covered, s); managed {
			snap, err := p.Reactor.Ledger.Load(ctx, s)
			if err != nil {
				return err
			}
			lost := gone
			gone = func(d ledger.DeploymentInputs) bool {
				return lost(d) || len(snap.Head.Live[d.Deployment].Containers) > 0
			}
		}
		forget := func(u ledger.UnmanagedService) ledger.UnmanagedService { return u.Without(gone) }
		if err := p.Reactor.ChangeUnmanaged(ctx, p.keptOf(s), forget); err != nil {
			return err
		}
	}
	return nil
}
