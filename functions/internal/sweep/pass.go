package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

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
	unnamed atomic.Bool // something that runs may not be found by its names
	asked   atomic.Bool // scanners, about everything
	unasked atomic.Bool // scanners that should have been

	mu       sync.Mutex
	report   Report
	problems error
	cut      error // the first call that the end of the time cut off
	lost     error // the ledger's table is not there
	// unscanned are the registries whose scanner we may not ask, and why.
	unscanned []string
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

// covers reports whether the sweep can know that a service is gone.
func (p *pass) covers(s tagalong.Service) bool {
	scope := tagalong.Scope{Account: s.Account, Region: s.Region}
	return slices.Contains(p.Scopes, scope) && !p.closed[area{scope, ""}] && !p.closed[area{scope, s.Cluster}]
}
