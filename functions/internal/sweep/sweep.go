package sweep

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
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
	// Previewer says what lifecycle policies would take now; nil: it is not asked.
	Previewer query.Previewer
	// Scanner says what was found in images, and Findings keeps that; nil: nobody is asked.
	Scanner  Scanner
	Findings FindingRecords
	// Functions says what Lambda runs from images; nil: it is not asked.
	Functions Functions
	Scopes    []tagalong.Scope // where to look, in this order
	// PendingAfter is when a rollout is overdue; zero: never.
	PendingAfter time.Duration
}

// Records are what a sweep reads of the ledger beside what the reactor does, and what it
// keeps there of itself.
type Records interface {
	ledger.UnmanagedReader
	ledger.TaskFamilyReader
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
	// What is right as it was a moment ago is not looked at again.
	ledger.StateReader
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
	// Findings asks scanners about everything, though that was done within the day.
	Findings bool
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
	Phase string // services, functions, retired, tags, untag, findings or events
	At    string // the cluster or the environment
	Done  int    // services, functions, tags, images or events that were looked at in this phase, or removed
}

// Report is what a sweep did and found.
type Report struct {
	Services  int // that were looked at
	Tags      int
	Recorded  int // facts that were missing
	Moved     int // tags that were put
	Removed   int // tags of retired services
	Scanned   int // images about which scanners were asked
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
	phaseServices  = "services"
	phaseFunctions = "functions"
	phaseRetired   = "retired"
	phaseTags      = "tags"
	phaseUntag     = "untag"
	phaseFindings  = "findings"
	phaseEvents    = "events"
)

// phases are all of them, in their order.
var phases = []string{phaseServices, phaseFunctions, phaseRetired, phaseTags, phaseUntag, phaseFindings, phaseEvents}

// run returns what runs each phase of a pass.
func (p *pass) run() map[string]func(context.Context, *cursor) error {
	services, unmanaged := &comparison{pass: p}, &unmanagedCheck{pass: p, shown: map[tagalong.Service]bool{}}
	lifecycle := &lifecycleCheck{pass: p, seen: map[tagalong.Repository]bool{}}
	return map[string]func(context.Context, *cursor) error{
		phaseServices:  (&serviceScan{comparison: services, unmanaged: unmanaged}).services,
		phaseFunctions: (&functionScan{pass: p}).functions,
		phaseRetired:   (&retirement{services, unmanaged}).retire,
		phaseTags:      (&tagCheck{comparison: services, lifecycle: lifecycle}).tags,
		phaseUntag:     p.untag,
		phaseFindings:  (&scanCheck{pass: p, scans: map[digest.Digest]ledger.Scan{}, closed: map[tagalong.Scope]bool{}}).findings,
		phaseEvents:    announcing{p}.events,
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
	p.unnamed.Store(!at.Named)
	p.unasked.Store(at.Unasked)
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
