package tagalong

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// tenant is a service as ECS runs it, and as the ledger has it.
type tenant struct {
	state    ServiceState
	policy   Policy
	snap     Snapshot
	timeline Timeline
	lacking  []Fact // what the ledger does not know
}

// tenants reads what the ledger has of services. Those that no rule manages are
// reported, and left out.
func (p *sweepPass) tenants(ctx context.Context, states []ServiceState) ([]*tenant, error) {
	var all []*tenant
	for _, state := range states {
		policy, managed := p.Rules.For(state.Service)
		if !managed {
			p.find(driftOf(DriftUnmanaged, "", state.Service, "no environment rule matches"))
			continue
		}
		p.seen[state.Service] = true
		all = append(all, &tenant{state: state, policy: policy})
	}
	var mu sync.Mutex
	var problems error
	together(len(all), func(i int) {
		err := p.read(ctx, all[i], p.Ledger.Load)
		mu.Lock()
		defer mu.Unlock()
		problems = errors.Join(problems, err)
	})
	return all, problems
}

// read reads a service's head and facts: the recent ones, or all of them.
func (p *sweepPass) read(ctx context.Context, t *tenant, load func(context.Context, Service) (Snapshot, error)) (err error) {
	if t.snap, err = load(ctx, t.state.Service); err != nil {
		return fmt.Errorf("service %s: %w", t.state.Service, err)
	}
	t.timeline, err = t.snap.fold()
	if errors.Is(err, errForgotten) {
		return p.read(ctx, t, p.Ledger.LoadWhole)
	}
	return err
}

// fold gives the timeline that the ledger holds.
func (s Snapshot) fold() (Timeline, error) {
	base := s.Head.Base
	if s.Whole {
		base = Timeline{}
	}
	return base.Apply(s.Facts)
}

// differs tells whether the ledger says something else than ECS does now.
func (t *tenant) differs() bool { return t.timeline.differs(t.state) }

func (t Timeline) differs(state ServiceState) bool {
	primary, ok := state.primary()
	if !ok {
		return false
	}
	running, _ := t.running()
	next, rolling := t.rollingOut()
	switch primary.State {
	case StateCompleted:
		return running.Deployment != primary.ID || rolling && !state.has(next.Deployment)
	case StateInProgress:
		return next.Deployment != primary.ID
	}
	last := t.latest(primary.ID)
	return last < 0 || t.Rollouts[last].State == StateInProgress
}

// has tells whether ECS still has a deployment.
func (s ServiceState) has(deployment string) bool {
	return slices.ContainsFunc(s.Current, func(d DeploymentState) bool { return d.ID == deployment })
}

// compare finds what the ledger lacks: first what ECS's records tell, then, where
// they do not explain what is, what ECS says now.
func (p *sweepPass) compare(ctx context.Context, t *tenant, records []ServiceDeployment) error {
	told := tellings(records)
	if slices.ContainsFunc(told, func(f Fact) bool { return f.Time.Before(t.snap.Head.Since) }) && !t.snap.Whole {
		if err := p.read(ctx, t, p.Ledger.LoadWhole); err != nil {
			return err
		}
	}
	t.lack(told)
	for _, plea := range []func(time.Time) []Fact{t.asECSDates, t.asOfNow} {
		after, err := t.after()
		if err != nil {
			return fmt.Errorf("service %s: %w", t.state.Service, err)
		}
		if !after.differs(t.state) {
			break
		}
		t.lack(plea(p.now().UTC().Truncate(time.Millisecond)))
	}
	return nil
}

// tellings gives what records tell, as the sweep's facts.
func tellings(records []ServiceDeployment) (facts []Fact) {
	for _, record := range records {
		facts = append(facts, record.facts(records)...)
	}
	for i := range facts {
		facts[i].Source = FromSweep
	}
	return facts
}

// lack adds facts, unless they are known.
func (t *tenant) lack(facts []Fact) {
	for _, f := range sortFacts(facts) {
		if !slices.ContainsFunc(t.snap.Facts, f.toldBy) && !slices.ContainsFunc(t.lacking, f.same) {
			t.lacking = append(t.lacking, f)
		}
	}
}

// after gives the timeline as it will be with what it lacks.
func (t *tenant) after() (Timeline, error) {
	whole := t.snap
	whole.Facts = slices.Concat(t.snap.Facts, t.lacking)
	return whole.fold()
}

// asECSDates gives what ECS says of the primary deployment, with its own times.
func (t *tenant) asECSDates(time.Time) []Fact {
	primary, _ := t.state.primary()
	return primary.facts(primary.Created, primary.Changed)
}

// asOfNow gives the same as of now: whatever happened before, this is how it is.
func (t *tenant) asOfNow(now time.Time) []Fact {
	primary, _ := t.state.primary()
	facts := primary.facts(now, now)
	if primary.State == StateCompleted {
		facts = facts[1:] // it did not start now
	}
	after, err := t.after()
	if next, rolling := after.rollingOut(); err == nil && rolling && !t.state.has(next.Deployment) {
		facts = append(facts, Fact{Deployment: next.Deployment, Name: Failed, Time: now, Source: FromSweep, Reason: "not in ECS any more"})
	}
	return facts
}

// facts gives the deployment's start and, if it has ended, its end.
func (d DeploymentState) facts(started, ended time.Time) []Fact {
	facts := []Fact{{Deployment: d.ID, Name: InProgress, Time: started, Source: FromSweep}}
	if name := map[State]FactName{StateCompleted: Completed, StateFailed: Failed}[d.State]; name != "" {
		facts = append(facts, Fact{Deployment: d.ID, Name: name, Time: ended, Source: FromSweep, Reason: d.Reason})
	}
	return facts
}

// wanted gives the deployments that the lacking facts are about, each once.
func (t *tenant) wanted() (all []DeploymentOf) {
	for _, f := range t.lacking {
		all = append(all, DeploymentOf{t.state.Service, f.Deployment})
	}
	slices.SortFunc(all, func(a, b DeploymentOf) int { return strings.Compare(a.Deployment, b.Deployment) })
	return slices.Compact(all)
}

// settle tells the ledger what it lacks of a service, and reports what is wrong
// with what runs.
func (p *sweepPass) settle(ctx context.Context, t *tenant) {
	service := t.state.Service
	if err := p.heal(ctx, t); err != nil {
		p.fail(fmt.Errorf("service %s: %w", service, err))
		p.find(driftOf(DriftLedger, t.policy.Environment, service, err.Error()))
		return
	}
	if err := p.read(ctx, t, p.again(t)); err != nil {
		p.fail(err)
		return
	}
	p.inspect(t)
}

// again gives how a service is read after it was healed: not at all, if nothing was.
func (p *sweepPass) again(t *tenant) func(context.Context, Service) (Snapshot, error) {
	if len(t.lacking) > 0 && !p.options.DryRun {
		return p.Ledger.Load
	}
	return func(context.Context, Service) (Snapshot, error) { return t.snap, nil }
}

func (p *sweepPass) heal(ctx context.Context, t *tenant) error {
	if len(t.lacking) > 0 {
		d := driftOf(DriftLedger, t.policy.Environment, t.state.Service, lacked(t.lacking))
		d.Healed = !p.options.DryRun
		p.find(d)
	}
	if p.options.DryRun {
		return nil
	}
	for _, f := range t.lacking {
		if err := p.observe(ctx, t.state.Service, f); err != nil {
			return err
		}
	}
	if f, stale := t.stale(); stale {
		return p.observe(ctx, t.state.Service, f)
	}
	return nil
}

func (p *sweepPass) observe(ctx context.Context, s Service, f Fact) error {
	o, err := p.Observe(ctx, s, f)
	p.mu.Lock()
	defer p.mu.Unlock()
	if o.Recorded {
		p.report.Recorded++
	}
	p.report.Moved += o.Moved
	return err
}

// lacked says which facts were lacking: the first of them, and how many more.
func lacked(facts []Fact) string {
	first := facts[0]
	text := fmt.Sprintf("%s of %s at %s was not known", first.Name, first.Deployment, stated(first.Time))
	if more := len(facts) - 1; more > 0 {
		text += fmt.Sprintf(", nor %d more", more)
	}
	return text
}

// stale tells whether what runs is to be looked at again though nothing is lacking:
// the rules have changed, or a digest is not proven. The fact is its completion.
func (t *tenant) stale() (Fact, bool) {
	running, ok := t.timeline.running()
	if !ok || len(t.lacking) > 0 {
		return Fact{}, false
	}
	containers := t.snap.Head.Live[running.Deployment].Containers
	changed := t.snap.Head.Environment != t.policy.Environment || t.policy.asksForPrevious(containers) != (len(t.snap.Head.Previous) > 0) ||
		!slices.Equal(t.snap.Head.Claims, claims(t.state.Service, t.policy, running, containers, t.snap.Head.Previous))
	unproven := len(containers) == 0 || slices.ContainsFunc(containers, func(c Container) bool { return c.Digest == "" || c.Taggable() && !c.Proven() })
	return Fact{Deployment: running.Deployment, Name: Completed, Time: running.FinishedAt, Source: running.FinishSource}, changed || unproven
}

// inspect reports what is wrong with what runs and rolls out, and cannot be healed.
func (p *sweepPass) inspect(t *tenant) {
	service, environment := t.state.Service, t.policy.Environment
	if next, rolling := t.timeline.rollingOut(); rolling && p.PendingAfter > 0 && p.now().Sub(next.StartedAt) > p.PendingAfter {
		p.find(driftOf(DriftOverdue, environment, service, fmt.Sprintf("%s has been rolling out since %s", next.Deployment, stated(next.StartedAt))))
	}
	running, ok := t.timeline.running()
	if !ok {
		return
	}
	for _, c := range t.snap.Head.Live[running.Deployment].Containers {
		if c.Digest != "" && (c.Proven() || !c.Taggable()) {
			continue
		}
		d := driftOf(DriftUnknown, environment, service, "evidence "+string(c.Evidence))
		if c.Disputed {
			d.Reason = "its tasks run different digests"
		}
		d.Container, d.Registry, d.Repository = c.Name, c.Image.Registry, c.Image.Name
		p.find(d)
	}
}
