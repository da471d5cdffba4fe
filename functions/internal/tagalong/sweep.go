package tagalong

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
)

// Sweeper makes ledger and tags true in one pass over AWS, and says what was
// wrong: events may be lost, people move tags by hand, services go. On an empty
// ledger the same pass imports what ECS still knows.
//
// It is safe beside handlers and other sweeps: all that it does is to observe
// facts and to converge tags, as they do.
type Sweeper struct {
	Reactor *Reactor
	Estate  Estate
	Records SweepRecords
	// Untagger removes the tags that Reactor.Untag has noted; nil leaves them alone.
	Untagger Untagger
	// Lifecycles says what images are exposed to once their tags move on; nil: it is not looked at.
	Lifecycles Lifecycles
	Scopes     []Scope // where to look, in this order
	// PendingAfter is when a rollout is overdue; zero: never.
	PendingAfter time.Duration
}

// SweepRecords are what a sweep reads of what the questions read.
type SweepRecords interface {
	// Environments gives the names, sorted.
	Environments(ctx context.Context) ([]string, error)
	// Services is that of Directory, and Members that of Residents.
	Services(ctx context.Context, environment string) ([]Service, error)
	Members(ctx context.Context, environment string, from Service, hint int) iter.Seq2[Member, error]
	// EnvironmentTags is that of Tagged.
	EnvironmentTags(ctx context.Context, environment string, settled bool, behind TagID, hint int) iter.Seq2[Tag, error]
}

// SweepOptions say what a sweep looks at, and whether it changes anything.
type SweepOptions struct {
	Cluster  string         // a glob of names; "" is all
	Services ServicePattern // the zero pattern selects all
	// Scheduled makes it one of the passes that follow each other: it goes on where the
	// one before it was interrupted, and looks into the records of each service once a day.
	Scheduled bool
	// Whole looks into the records of every service, not only of those that differ.
	Whole bool
	// Blocked puts every tag that is blocked again, at once: its repository may have
	// been changed.
	Blocked bool
	// DryRun changes nothing: what would be healed is drift that is not, and so is each tag
	// that would be put. All else the report says of the sweep that would have been.
	DryRun bool
	// Progress is told how far the sweep has come, from one goroutine at a time.
	Progress func(SweepProgress)
}

// partial tells whether the sweep does not look at everything.
func (o SweepOptions) partial() bool { return o.Cluster != "" || o.Services != ServicePattern{} }

func (o SweepOptions) selects(s Service) bool {
	return matchesAny(o.clusterGlobs(), s.Cluster) && o.Services.Match(s)
}

// SweepProgress says how far a sweep has come.
type SweepProgress struct {
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

// Left tells whether something is left that the sweep cannot heal, or did not.
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

// phase is a part of a sweep.
type phase struct {
	name string
	run  func(*sweepPass, context.Context, *sweepCursor) error
}

// phases are all of them, in their order.
var phases = []phase{
	{phaseServices, (*sweepPass).services},
	{phaseRetired, (*sweepPass).retire},
	{phaseTags, (*sweepPass).tags},
	{phaseUntag, (*sweepPass).untag},
	{phaseEvents, (*sweepPass).events},
}

// Sweep takes one pass, or as much of it as the time of ctx allows. The error
// gathers what could not be looked at or healed; the report says it, too. A pass that
// is interrupted is no error if another one goes on and this one got further.
func (s *Sweeper) Sweep(ctx context.Context, o SweepOptions) (Report, error) {
	if o.DryRun {
		return s.dryRun(ctx, o)
	}
	return s.sweep(ctx, o)
}

func (s *Sweeper) sweep(ctx context.Context, o SweepOptions) (Report, error) {
	p := &sweepPass{Sweeper: s, options: o, seen: map[Service]bool{}, shownUnmanaged: map[Service]bool{}, closed: map[area]bool{}, lifecycles: map[Repository]bool{}}
	at, err := p.resume(ctx)
	if err != nil {
		return Report{Unfinished: true}, fmt.Errorf("reading the sweep's cursor: %w", err)
	}
	p.begun, p.last = at.Begun, at.Last
	if p.covered, err = s.Reactor.Coverage(ctx); err != nil {
		return Report{}, err
	}
	first := slices.IndexFunc(phases, func(ph phase) bool { return ph.name == at.Phase })
	for _, phase := range phases[first:] {
		at.Phase = phase.name
		err := phase.run(p, ctx, &at)
		if stops(ctx, err) {
			p.stop(err)
			p.report.Unfinished = true
			return p.end(ctx, at)
		}
		if err != nil {
			p.fail(err)
		}
		at = sweepCursor{Begun: at.Begun, Last: at.Last}
	}
	return p.end(ctx, at)
}

func (s *Sweeper) now() time.Time { return s.Reactor.Clock() }

// area is a cluster, or with no name all of a scope.
type area struct {
	Scope
	cluster string
}

// sweepPass is one sweep under way.
type sweepPass struct {
	*Sweeper
	options SweepOptions
	resumed bool
	from    sweepCursor      // where it was taken up; zero if it began anew
	begun   time.Time        // when the pass began, perhaps in an earlier sweep
	last    time.Time        // when the pass before it did
	covered Coverage         // what we were given
	seen    map[Service]bool // services that ECS runs, and a rule manages
	// shownUnmanaged are those that ECS runs, and no rule matches.
	shownUnmanaged map[Service]bool
	closed         map[area]bool // what could not be looked at
	named          knownNames    // where only a part is swept
	stopped        atomic.Bool   // in the midst of a chunk

	mu      sync.Mutex
	wished  []TagID  // to be put when all services have been told
	endings []Ending // to be announced when this chunk has been told
	// unmanaged is what was kept of the services that no rule matches as the pass began;
	// nil: it has not been read yet.
	unmanaged map[Service]UnmanagedService
	// lifecycles are the repositories whose policies were looked at; one without a name is
	// a registry of which it was told that they could not be.
	lifecycles map[Repository]bool
	report     Report
	problems   error
	cut        error // the first call that the end of the time cut off
	lost       error // the ledger's table is not there
}

// end leaves word for the next pass, and reports.
func (p *sweepPass) end(ctx context.Context, at sweepCursor) (Report, error) {
	slices.SortFunc(p.report.Drift, Drift.compare)
	if p.lost != nil {
		return p.report, errors.Join(p.problems, p.lost) // there is nowhere to leave word
	}
	p.problems = errors.Join(p.problems, p.leave(ctx, at, !p.report.Unfinished), p.interrupted(at))
	p.announceDrift(ctx)
	return p.report, p.problems
}

// hasTime tells whether there is time for another chunk.
func (p *sweepPass) hasTime(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() == nil && (!ok || time.Until(deadline) > sweepReserve)
}

func (p *sweepPass) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.problems = errors.Join(p.problems, err)
}

func (p *sweepPass) find(d Drift) {
	p.count(func(r *Report) { r.Drift = append(r.Drift, d) })
}

// count changes the report.
func (p *sweepPass) count(change func(*Report)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.report)
}

// failed reports what could not be done with one service or repository, and goes on
// with the others, unless the pass stops here.
func (p *sweepPass) failed(ctx context.Context, err error, d Drift) {
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

func (p *sweepPass) progress(phase, at string, done int) {
	if p.options.Progress != nil {
		p.options.Progress(SweepProgress{Phase: phase, At: at, Done: done})
	}
}

// unreachable reports a part of AWS that could not be looked at; the others are
// looked at all the same.
func (p *sweepPass) unreachable(scope Scope, cluster string, err error) {
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
func (p *sweepPass) services(ctx context.Context, at *sweepCursor) error {
	if err := p.loadUnmanaged(ctx); err != nil {
		return err
	}
	first := max(0, slices.Index(p.Scopes, at.Scope))
	for _, scope := range p.Scopes[first:] {
		if scope != at.Scope {
			at.Scope, at.Cluster, at.Service = scope, "", ""
		}
		clusters, err := p.Estate.Clusters(ctx, scope)
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
func (p *sweepPass) looksInto(scope Scope, cluster string) bool {
	return matchesAny(p.options.clusterGlobs(), cluster) &&
		(p.Reactor.Rules.mayMatchCluster(scope, cluster) || !p.options.partial()) &&
		!p.covered.leavesOut(Service{Account: scope.Account, Region: scope.Region, Cluster: cluster})
}

// cluster looks at the services of one cluster, a chunk at a time.
func (p *sweepPass) cluster(ctx context.Context, scope Scope, at *sweepCursor) error {
	cluster := at.Cluster
	names, err := p.Estate.ServiceNames(ctx, scope, cluster)
	if errors.Is(err, ErrNotFound) {
		return nil // it has gone meanwhile
	}
	if err != nil {
		return err
	}
	p.noteServices(scope, cluster, names)
	names = slices.DeleteFunc(names, func(name string) bool {
		s := Service{Account: scope.Account, Region: scope.Region, Cluster: cluster, Name: name}
		return !p.options.selects(s)
	})
	for chunk := range slices.Chunk(names, sweepChunk) {
		if last := chunk[len(chunk)-1]; last <= at.Service {
			continue
		}
		if !p.hasTime(ctx) {
			return errTimeUp
		}
		services, err := p.look(ctx, scope, cluster, chunk)
		if err != nil {
			return err
		}
		at.Service = chunk[len(chunk)-1]
		p.report.Services += services
		p.progress(phaseServices, joinPath(scope.String(), cluster), p.report.Services)
	}
	return nil
}

// maxLooks is how often a sweep looks at a service of which the ledger learns more while
// it looks. A later sweep takes up what is left.
const maxLooks = 3

// look compares the services of a chunk with the ledger, and tells it what it lacks. At
// those of which it has learned more meanwhile it looks again.
func (p *sweepPass) look(ctx context.Context, scope Scope, cluster string, names []string) (services int, err error) {
	services, again, err := p.lookOnce(ctx, scope, cluster, names)
	for looks := 1; err == nil && len(again) > 0 && looks < maxLooks; looks++ {
		_, again, err = p.lookOnce(ctx, scope, cluster, again)
	}
	return services, err
}

// lookOnce asks the ledger first: so what ECS shows is the younger of the two, unless
// the ledger is written to after that. It returns the services for which it was.
func (p *sweepPass) lookOnce(ctx context.Context, scope Scope, cluster string, names []string) (services int, outdated []string, err error) {
	tenants := p.tenants(ctx, servicesOf(scope, cluster, names))
	seen := p.now().UTC().Truncate(time.Millisecond)
	states, err := p.Estate.Describe(ctx, scope, cluster, names)
	if err != nil {
		return 0, nil, err
	}
	tenants = p.shown(tenants, states, seen)
	if err := p.keepInputs(ctx, scope, states, seen); err != nil {
		return 0, nil, err
	}
	err = p.mend(ctx, scope, tenants)
	for _, t := range tenants {
		if t.outdated {
			outdated = append(outdated, t.Name)
		}
	}
	return len(states), outdated, err
}

func servicesOf(scope Scope, cluster string, names []string) (services []Service) {
	for _, name := range names {
		services = append(services, Service{Account: scope.Account, Region: scope.Region, Cluster: cluster, Name: name})
	}
	return services
}

// mend tells the ledger what it lacks of services that ECS has shown. What ECS remembers
// is read for all of them together.
func (p *sweepPass) mend(ctx context.Context, scope Scope, tenants []*tenant) error {
	var asked []Service
	for _, t := range tenants {
		if p.options.Whole || p.turn(t.Service.String()) || len(gapsIn(t.timeline, t.state)) > 0 || len(t.reborn()) > 0 {
			asked = append(asked, t.Service)
		}
	}
	tenants, records, err := p.remember(ctx, scope, tenants, asked)
	if err != nil {
		return err
	}
	tenants = p.each(ctx, tenants, func(t *tenant) error { return p.compare(ctx, t, records[t.Service]) })
	var wanted []DeploymentOf
	for _, t := range tenants {
		wanted = append(wanted, t.wanted()...)
	}
	if len(wanted) > 0 {
		// Where it fails, each is asked for by itself, and says what is wrong.
		if err := p.Estate.Prepare(ctx, scope, wanted); stops(ctx, err) {
			return err
		}
	}
	p.each(ctx, tenants, func(t *tenant) error { return p.settle(ctx, t) })
	p.announceRecorded(ctx)
	if p.stopped.Load() {
		return errTimeUp
	}
	return nil
}

// remember reads what ECS remembers of services, all together or, where that fails,
// each by itself: those that fail are reported, and left out. The error is that the
// time is up.
func (p *sweepPass) remember(ctx context.Context, scope Scope, tenants []*tenant, asked []Service) ([]*tenant, map[Service][]ServiceDeployment, error) {
	if len(asked) == 0 {
		return tenants, nil, nil
	}
	records, err := p.Estate.Chronicle(ctx, scope, asked)
	if err == nil || stops(ctx, err) {
		return tenants, records, err
	}
	var mu sync.Mutex
	records = map[Service][]ServiceDeployment{}
	left := p.each(ctx, tenants, func(t *tenant) error {
		if !slices.Contains(asked, t.Service) {
			return nil
		}
		own, err := p.Estate.Chronicle(ctx, scope, []Service{t.Service})
		mu.Lock()
		defer mu.Unlock()
		maps.Copy(records, own)
		return err
	})
	return left, records, nil
}
