package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Sweeper makes ledger and tags true in one pass over AWS, and says what was
// wrong: events may be lost, people move tags by hand, services go. On an empty
// ledger the same pass imports what ECS still knows.
//
// It is safe beside handlers and other sweeps: all that it does is to observe
// facts and to converge tags, as they do.
type Sweeper struct {
	Reactor   *reactor.Reactor
	Inventory Inventory
	Records   Records
	// Untagger removes the tags that Reactor.Untag has noted; nil leaves them alone.
	Untagger Untagger
	// Lifecycles says what images are exposed to once their tags move on; nil: it is not looked at.
	Lifecycles Lifecycles
	Scopes     []tagalong.Scope // where to look, in this order
	// PendingAfter is when a rollout is overdue; zero: never.
	PendingAfter time.Duration
}

// Records are what a sweep reads of the ledger beside what the reactor does, and what it
// keeps there of itself.
type Records interface {
	ledger.UnmanagedReader
	ledger.OutboxReader
	ledger.Untags
	ledger.Sweeps
	// Environments and Services are those of ledger.Directory.
	Environments(ctx context.Context) ([]string, error)
	Services(ctx context.Context, environment string) ([]tagalong.Service, error)
	// RunningRecords is that of ledger.RunningReader.
	RunningRecords(ctx context.Context, environment string, from tagalong.Service, hint int) iter.Seq2[ledger.RunningRecord, error]
	// EnvironmentTags is that of ledger.TagReader.
	EnvironmentTags(ctx context.Context, environment string, settled bool, behind tagalong.TagID, hint int) iter.Seq2[ledger.Tag, error]
}

// Options say what a sweep looks at, and whether it changes anything.
type Options struct {
	Cluster  string                  // a glob of names; "" is all
	Services tagalong.ServicePattern // the zero pattern selects all
	// Scheduled makes it one of the passes that follow each other: it goes on where the
	// one before it was interrupted, and looks into the records of each service once a day.
	Scheduled bool
	// Whole looks into the records of every service, not only of those that differ.
	Whole bool
	// Blocked puts every tag that is blocked again, at once: its repository may have
	// been changed.
	Blocked bool
	// DryRun changes nothing: what would be repaired is drift that is not, and so is each tag
	// that would be put. All else the report says of the sweep that would have been.
	DryRun bool
	// Progress is called with how far the sweep has come, from one goroutine at a time.
	Progress func(Progress)
}

// partial reports whether the sweep does not look at everything.
func (o Options) partial() bool { return o.Cluster != "" || o.Services != tagalong.ServicePattern{} }

func (o Options) selects(s tagalong.Service) bool {
	return tagalong.MatchesAny(o.clusterGlobs(), s.Cluster) && o.Services.Match(s)
}

// Progress says how far a sweep has come.
type Progress struct {
	Phase string // services, retired, tags, untag or events
	At    string // the cluster or the environment
	Done  int    // services, tags or events that were looked at in this phase, or removed
}

// Report is what a sweep did and found.
type Report struct {
	Services  int // that were looked at
	Tags      int
	Recorded  int // facts that were missing
	Moved     int // tags that were put
	Removed   int // tags of retired services
	Announced int // ends of rollouts, recorded now or before, that the event bus has accepted now
	Drift     []Drift
	// Unfinished says that the sweep has not come to its end: the next pass of the
	// schedule goes on there.
	Unfinished bool
}

// Left reports whether something is left that the sweep cannot repair, or did not.
func (r Report) Left() bool {
	return slices.ContainsFunc(r.Drift, Drift.Left)
}

const (
	sweepChunk   = 100             // services, or tags, that are worked on together
	sweepReserve = 5 * time.Second // of the function's time, for the cursor
)

// The names of the phases, for the cursor and for who watches.
const (
	phaseServices = "services"
	phaseRetired  = "retired"
	phaseTags     = "tags"
	phaseUntag    = "untag"
	phaseEvents   = "events"
)

// phases are all of them, in their order.
var phases = []string{phaseServices, phaseRetired, phaseTags, phaseUntag, phaseEvents}

// run returns what runs each phase of a pass.
func (p *pass) run() map[string]func(context.Context, *cursor) error {
	services, unmanaged := &comparison{pass: p}, &unmanagedCheck{pass: p, shown: map[tagalong.Service]bool{}}
	lifecycle := &lifecycleCheck{pass: p, seen: map[tagalong.Repository]bool{}}
	return map[string]func(context.Context, *cursor) error{
		phaseServices: (&serviceScan{comparison: services, unmanaged: unmanaged}).services,
		phaseRetired:  (&retirement{services, unmanaged}).retire,
		phaseTags:     (&tagCheck{services, lifecycle}).tags,
		phaseUntag:    p.untag,
		phaseEvents:   announcing{p}.events,
	}
}

// Sweep takes one pass, or as much of it as the time of ctx allows. The error
// gathers what could not be looked at or repaired; the report says it, too. A pass that
// is interrupted is no error if another one goes on and this one got further.
func (s *Sweeper) Sweep(ctx context.Context, o Options) (Report, error) {
	if o.DryRun {
		return s.dryRun(ctx, o)
	}
	return s.sweep(ctx, o)
}

func (s *Sweeper) sweep(ctx context.Context, o Options) (Report, error) {
	p := &pass{Sweeper: s, options: o, seen: map[tagalong.Service]bool{}, closed: map[area]bool{}}
	at, err := p.resume(ctx)
	if err != nil {
		return Report{Unfinished: true}, fmt.Errorf("reading the sweep's cursor: %w", err)
	}
	p.begun, p.last = at.Begun, at.Last
	if p.covered, err = s.Reactor.Coverage(ctx); err != nil {
		return Report{}, err
	}
	run := p.run()
	for _, phase := range phases[slices.Index(phases, at.Phase):] {
		at.Phase = phase
		err := run[phase](ctx, &at)
		if stops(ctx, err) {
			p.stop(err)
			p.report.Unfinished = true
			return p.end(ctx, at)
		}
		if err != nil {
			p.fail(err)
		}
		at = cursor{Begun: at.Begun, Last: at.Last}
	}
	if err := p.noteSwept(ctx); err != nil {
		p.fail(err)
	}
	return p.end(ctx, at)
}

func (s *Sweeper) now() time.Time { return s.Reactor.Clock() }

// area is a cluster, or with no name all of a scope.
type area struct {
	tagalong.Scope
	cluster string
}

// pass is one sweep under way: what its parts share, each of which has a type of its own.
type pass struct {
	*Sweeper
	findings
	options Options
	resumed bool
	from    cursor                    // where it was taken up; zero if it began anew
	begun   time.Time                 // when the pass began, perhaps in an earlier sweep
	last    time.Time                 // when the pass before it did
	covered tagalong.Coverage         // what we were given
	seen    map[tagalong.Service]bool // services that ECS runs, and a rule manages
	closed  map[area]bool             // what could not be looked at
	// closedBefore is what its earlier parts could not look at.
	closedBefore []string
}

// findings are what a pass has found, and what went wrong.
type findings struct {
	stopped atomic.Bool // in the midst of a chunk

	mu       sync.Mutex
	report   Report
	problems error
	cut      error // the first call that the end of the time cut off
	lost     error // the ledger's table is not there
}

// serviceScan looks at every service that ECS runs.
type serviceScan struct {
	*comparison
	unmanaged *unmanagedCheck
	named     knownNames // where only a part is swept
}

// end leaves word for the next pass, and reports.
func (p *pass) end(ctx context.Context, at cursor) (Report, error) {
	slices.SortFunc(p.report.Drift, Drift.compare)
	if p.lost != nil {
		return p.report, errors.Join(p.problems, p.lost) // there is nowhere to leave word
	}
	p.problems = errors.Join(p.problems, p.leave(ctx, at, !p.report.Unfinished), p.interrupted(at))
	announcing{p}.announceDrift(ctx)
	return p.report, p.problems
}

// hasTime reports whether there is time for another chunk.
func (p *pass) hasTime(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() == nil && (!ok || time.Until(deadline) > sweepReserve)
}

func (p *findings) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.problems = errors.Join(p.problems, err)
}

func (p *findings) find(d Drift) {
	p.count(func(r *Report) { r.Drift = append(r.Drift, d) })
}

// count changes the report.
func (p *findings) count(change func(*Report)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.report)
}

// failed reports what could not be done with one service or repository, and goes on
// with the others, unless the pass stops here.
func (p *findings) failed(ctx context.Context, err error, d Drift) {
	if stops(ctx, err) {
		p.stopped.Store(true)
		if p.stop(err); !reportable(err) {
			return
		}
	} else {
		p.fail(err)
	}
	p.find(d)
}

func (p *pass) progress(phase, at string, done int) {
	if p.options.Progress != nil {
		p.options.Progress(Progress{Phase: phase, At: at, Done: done})
	}
}

// unreachable reports a part of AWS that could not be looked at; the others are
// looked at all the same.
func (p *pass) unreachable(scope tagalong.Scope, cluster string, err error) {
	p.closed[area{scope, cluster}] = true
	p.find(Drift{Kind: DriftUnreachable, Account: scope.Account, Region: scope.Region, Cluster: cluster, Reason: err.Error()})
	p.fail(fmt.Errorf("sweeping %s: %w", cmp.Or(joinPath(scope.String(), cluster), scope.String()), err))
}

func joinPath(scope, cluster string) string {
	if cluster == "" {
		return scope
	}
	return scope + "/" + cluster
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
		for _, cluster := range clusters {
			if cluster < at.Cluster || !p.looksInto(scope, cluster) {
				continue
			}
			if cluster > at.Cluster {
				at.Cluster, at.Service = cluster, ""
			}
			if err := p.cluster(ctx, scope, at); stops(ctx, err) {
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
// those of which it has learned more meanwhile it looks again.
func (p *serviceScan) scan(ctx context.Context, scope tagalong.Scope, cluster string, names []string) (services int, err error) {
	services, again, err := p.scanOnce(ctx, scope, cluster, names)
	for looks := 1; err == nil && len(again) > 0 && looks < maxScans; looks++ {
		_, again, err = p.scanOnce(ctx, scope, cluster, again)
	}
	return services, err
}

// scanOnce asks the ledger first: so what ECS shows is the younger of the two, unless
// the ledger is written to after that. It returns the services for which it was.
func (p *serviceScan) scanOnce(ctx context.Context, scope tagalong.Scope, cluster string, names []string) (services int, outdated []string, err error) {
	observed := p.observedServices(ctx, servicesOf(scope, cluster, names))
	seen := p.now().UTC().Truncate(time.Millisecond)
	states, err := p.Inventory.Describe(ctx, scope, cluster, names)
	if err != nil {
		return 0, nil, err
	}
	observed = p.shown(observed, states, seen)
	if err := p.unmanaged.keepInputs(ctx, scope, states, seen); err != nil {
		return 0, nil, err
	}
	err = p.repairAll(ctx, scope, observed)
	for _, t := range observed {
		if t.outdated {
			outdated = append(outdated, t.Name)
		}
	}
	return len(states), outdated, err
}

func servicesOf(scope tagalong.Scope, cluster string, names []string) (services []tagalong.Service) {
	for _, name := range names {
		services = append(services, tagalong.Service{Account: scope.Account, Region: scope.Region, Cluster: cluster, Name: name})
	}
	return services
}

// repairAll records what the ledger lacks of services that ECS has shown. What ECS remembers
// is read for all of them together.
func (p *serviceScan) repairAll(ctx context.Context, scope tagalong.Scope, services []*observedService) error {
	var asked []tagalong.Service
	for _, t := range services {
		if p.options.Whole || p.dueForFullScan(t.Service.String()) || len(gapsIn(t.timeline, t.state)) > 0 || len(t.recreated()) > 0 {
			asked = append(asked, t.Service)
		}
	}
	services, records, err := p.remember(ctx, scope, services, asked)
	if err != nil {
		return err
	}
	services = p.each(ctx, services, func(t *observedService) error { return p.compare(ctx, t, records[t.Service]) })
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
	p.each(ctx, services, func(t *observedService) error { return p.settle(ctx, t) })
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
