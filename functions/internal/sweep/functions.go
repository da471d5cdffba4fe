package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Functions is what Lambda runs from images, as the sweep looks through it.
type Functions interface {
	// FunctionNames returns the names of a scope's functions that are made of images, sorted.
	// ErrElsewhere is an answer.
	FunctionNames(ctx context.Context, s tagalong.Scope) ([]string, error)
	// Function returns what can be invoked of a function. ErrNotFound says that it is gone.
	Function(ctx context.Context, of tagalong.Service) (FunctionState, error)
}

// FunctionState is what can be invoked of a function: $LATEST, and the versions that aliases
// lead to, those included that get a part of the calls alone.
type FunctionState struct {
	Versions []FunctionVersion
	// Unsettled says that an update is under way, or failed: the code before it is invoked.
	Unsettled bool
}

// FunctionVersion is one of a function's versions.
type FunctionVersion struct {
	Name  string // $LATEST, or a number
	Image tagalong.Ran
	// Since is when it became what it is; zero: not known. An alias tells no time.
	Since time.Time
}

// functionScan looks at every function of every scope.
type functionScan struct{ *pass }

func (p *functionScan) functions(ctx context.Context, at *cursor) error {
	if p.Functions == nil || p.options.partial() {
		return nil
	}
	first, done := max(0, slices.Index(p.Scopes, at.Scope)), 0
	for _, scope := range p.Scopes[first:] {
		if scope != at.Scope {
			at.Scope, at.Service = scope, ""
		}
		if err := p.functionsOf(ctx, at, &done); stops(ctx, err) {
			return err
		} else if err != nil {
			p.unreachableFunctions(scope, err)
		}
	}
	return nil
}

// unreachableFunctions says that a scope's functions could not be looked at. Its services were
// all the same.
func (p *functionScan) unreachableFunctions(scope tagalong.Scope, err error) {
	p.find(Drift{Kind: DriftUnreachable, Account: scope.Account, Region: scope.Region, Service: "lambda:*", Reason: err.Error()})
	p.fail(fmt.Errorf("looking at functions of %s: %w", scope, err))
}

// functionsOf looks at the functions of one scope, a chunk at a time: at those that Lambda has,
// and at those that it had.
func (p *functionScan) functionsOf(ctx context.Context, at *cursor, done *int) error {
	known, err := p.knownFunctions(ctx, at.Scope)
	if err != nil {
		return err
	}
	there, err := p.Functions.FunctionNames(ctx, at.Scope)
	if err != nil {
		return err
	}
	names := slices.Clone(there)
	for of := range known {
		names = append(names, of.OwnName())
	}
	slices.Sort(names)
	for chunk := range slices.Chunk(slices.Compact(names), sweepChunk) {
		last := chunk[len(chunk)-1]
		if last <= at.Service {
			continue
		}
		if !p.hasTime(ctx) {
			return errTimeUp
		}
		parallel.ForEach(len(chunk), parallel.Limit, func(i int) {
			of := tagalong.LambdaFunction(at.Scope, chunk[i])
			if err := p.look(ctx, of, known[of], slices.Contains(there, chunk[i])); err != nil {
				p.failed(ctx, fmt.Errorf("function %s: %w", of, err), driftOf(DriftUnreachable, "", of, err.Error()))
			}
		})
		if p.stopped.Load() {
			return errTimeUp
		}
		at.Service, *done = last, *done+len(chunk)
		p.progress(phaseFunctions, at.Scope.String(), *done)
	}
	return nil
}

// knownFunctions returns the functions of a scope of which the ledger has anything.
func (p *functionScan) knownFunctions(ctx context.Context, scope tagalong.Scope) (map[tagalong.Service]ledger.TaskFamily, error) {
	known := map[tagalong.Service]ledger.TaskFamily{}
	for f, err := range p.Records.TaskFamiliesIn(ctx, scope) {
		if err != nil {
			return nil, fmt.Errorf("functions that are known: %w", err)
		}
		if f.Of.Kind() == tagalong.KindFunction {
			known[f.Of] = f
		}
	}
	return known, nil
}

// look compares one function with what is known of it, and records what differs.
func (p *functionScan) look(ctx context.Context, of tagalong.Service, was ledger.TaskFamily, there bool) error {
	seen, state := p.now().UTC().Truncate(time.Millisecond), FunctionState{}
	if there {
		var err error
		if state, err = p.Functions.Function(ctx, of); err != nil && !errors.Is(err, tagalong.ErrNotFound) {
			return err
		}
	}
	was.Of = of
	looked := func(f ledger.TaskFamily) ledger.TaskFamily {
		versions := state.runs(seen)
		if state.Unsettled {
			versions = f.Unsettled(versions)
		}
		return f.Looked(seen, versions)
	}
	if p.Reactor.TasksAs(was, looked).Equal(was) {
		return nil
	}
	_, err := p.Reactor.ObserveTasks(ctx, of, looked)
	return err
}

// runs returns the versions as what runs. Of what tells no time it is the look's.
func (s FunctionState) runs(seen time.Time) (runs []ledger.TaskRun) {
	for _, v := range s.Versions {
		since := v.Since
		if since.IsZero() || since.After(seen) {
			since = seen
		}
		runs = append(runs, reactor.RunOf(v.Name, []tagalong.Ran{v.Image}, tagalong.Revision, since))
	}
	return runs
}
