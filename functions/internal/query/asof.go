package query

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// HorizonError says that a time lies before what the ledger knows.
type HorizonError struct {
	Environment string // "" is all of them
	At          time.Time
	// CompleteSince is the time from which on the ledger knows what ran; zero if it is
	// empty.
	CompleteSince time.Time
	// Expired says that what ended before CompleteSince is no longer kept.
	Expired bool
	// Services are those that would belong to the answer; none if Expired.
	Services []tagalong.Service
}

func (e *HorizonError) Error() string {
	return fmt.Sprintf("what ran%s at %s is not known: %s", e.where(), tagalong.FormatTime(e.At), e.why())
}

func (e *HorizonError) where() string {
	if e.Environment == "" {
		return ""
	}
	return fmt.Sprintf(" in environment %q", e.Environment)
}

func (e *HorizonError) why() string {
	since := tagalong.FormatTime(e.CompleteSince)
	switch {
	case e.CompleteSince.IsZero():
		return "the ledger is empty"
	case e.Expired:
		return fmt.Sprintf("of what has ended the ledger keeps only what ended after %s", since)
	case e.CompleteSince.After(e.At) && len(e.Services) == 1:
		return fmt.Sprintf("the ledger has known %s since %s only", e.Services[0], since)
	case e.CompleteSince.After(e.At):
		return fmt.Sprintf("the ledger begins at %s", since)
	case len(e.Services) == 1:
		return fmt.Sprintf("the ledger has seen no deployment of %s that had completed by then", e.Services[0])
	}
	return fmt.Sprintf("the ledger has seen no deployment of the %d services there that had completed by then", len(e.Services))
}

// horizonOf returns the error of an answer that is nothing but gaps.
func horizonOf(query RunningQuery, gaps []Gap) *HorizonError {
	first := slices.MinFunc(gaps, func(a, b Gap) int { return a.CompleteSince.Compare(b.CompleteSince) })
	e := &HorizonError{Environment: query.Environment, At: query.At, CompleteSince: first.CompleteSince}
	for _, gap := range gaps {
		e.Services = append(e.Services, gap.Service)
	}
	slices.SortFunc(e.Services, func(a, b tagalong.Service) int { return cmp.Compare(a.String(), b.String()) })
	e.Services = slices.Compact(e.Services)
	return e
}

// pastReader says what ran at a time.
type pastReader struct{ Queries }

// kept says, as an error, that what ran at a time may have expired.
func (q pastReader) kept(query RunningQuery) error {
	horizon := q.horizon()
	if query.At.IsZero() || query.At.After(horizon) {
		return nil
	}
	return &HorizonError{Environment: query.Environment, At: query.At, CompleteSince: horizon, Expired: true}
}

// candidate is a service that may have run in an environment at a time: it is
// there now, or left later.
type candidate struct {
	Service tagalong.Service
	now     *ledger.RunningRecord
	past    []ledger.PastRecord
}

// asOfResult is what is known of a candidate at a time.
type asOfResult struct {
	ledger.RunningRecord
	ran bool
	gap *Gap
}

// runningAt returns what ran in an environment at a time, from a service on. What
// runs since then, or left only later, says so itself; of the others the
// rollouts are asked.
func (q pastReader) runningAt(ctx context.Context, environment string, query RunningQuery, from tagalong.Service, hint int, gaps *[]Gap) iter.Seq2[ledger.RunningRecord, error] {
	candidates := q.candidates(ctx, environment, query, from, hint)
	results := stream.MapParallel(ctx, candidates, hint, func(ctx context.Context, c candidate) (asOfResult, error) {
		return q.asOf(ctx, environment, query.At, c)
	})
	return func(yield func(ledger.RunningRecord, error) bool) {
		for w, err := range results {
			if w.gap != nil {
				*gaps = append(*gaps, *w.gap)
			}
			if (err != nil || w.ran) && !yield(w.RunningRecord, err) {
				return
			}
		}
	}
}

func (q pastReader) candidates(ctx context.Context, environment string, query RunningQuery, from tagalong.Service, hint int) iter.Seq2[candidate, error] {
	departed := map[tagalong.Service]candidate{}
	for g, err := range q.Records.PastRecords(ctx, environment, query.At) {
		if err != nil {
			return stream.Empty[candidate](err)
		}
		if g.Service.String() >= from.String() || from == (tagalong.Service{}) {
			departed[g.Service] = candidate{Service: g.Service, past: append(departed[g.Service].past, g)}
		}
	}
	left := slices.SortedFunc(maps.Values(departed), candidate.compare)
	still := func(yield func(candidate, error) bool) {
		for m, err := range q.runningRecords(ctx, environment, query.Services, from, hint) {
			if !yield(candidate{Service: m.Service, now: &m}, err) {
				return
			}
		}
	}
	both := united(stream.Merge([]iter.Seq2[candidate, error]{stream.FromSlice(left), still}, candidate.compare))
	return stream.Filter(both, func(c candidate) bool { return query.Services.Match(c.Service) })
}

func (c candidate) compare(o candidate) int {
	return cmp.Compare(c.Service.String(), o.Service.String())
}

// united makes one candidate of a service that is there now and was there before.
func united(seq iter.Seq2[candidate, error]) iter.Seq2[candidate, error] {
	return func(yield func(candidate, error) bool) {
		var held candidate
		for c, err := range seq {
			switch {
			case err != nil:
				yield(c, err)
				return
			case c.Service == held.Service:
				held.now, held.past = cmp.Or(held.now, c.now), append(held.past, c.past...)
				continue
			case held.Service != (tagalong.Service{}) && !yield(held, nil):
				return
			}
			held = c
		}
		if held.Service != (tagalong.Service{}) {
			yield(held, nil)
		}
	}
}

func (q pastReader) asOf(ctx context.Context, environment string, at time.Time, c candidate) (asOfResult, error) {
	if c.Service.Kind() != tagalong.KindService {
		return q.besidesAsOf(ctx, environment, at, c)
	}
	if c.now != nil && !knownFrom(*c.now).After(at) {
		return asOfResult{RunningRecord: *c.now, ran: true}, nil
	}
	for _, g := range c.past {
		if !knownFrom(g.RunningRecord).After(at) && at.Before(g.Until) {
			return asOfResult{RunningRecord: g.RunningRecord, ran: true}, nil
		}
	}
	row, known, err := q.inForce(ctx, c.Service, at)
	switch {
	case err != nil:
		return asOfResult{}, fmt.Errorf("rollouts of %s: %w", c.Service, err)
	case row != nil:
		return asOfResult{RunningRecord: recordOf(*row, environment), ran: environmentAt(*row, at) == environment && len(row.Containers) > 0}, nil
	case known:
		return asOfResult{}, nil // nothing ran at that time
	}
	return asOfResult{gap: &Gap{Service: c.Service, CompleteSince: c.completeSince()}}, nil
}

// besidesAsOf returns which images a family of tasks, or a function, had in place at a time:
// those that had run by then and ran at that time or later. Where nothing is known of that time
// it is a gap.
func (q pastReader) besidesAsOf(ctx context.Context, environment string, at time.Time, c candidate) (asOfResult, error) {
	placements, err := q.Records.PlacementsOf(ctx, c.Service)
	if err != nil {
		return asOfResult{}, fmt.Errorf("what ran of %s: %w", c.Service, err)
	}
	if len(placements) > 0 {
		first := slices.MinFunc(placements, func(a, b ledger.Placement) int { return a.Since.Compare(b.Since) })
		if first.Since.After(at) {
			return asOfResult{gap: &Gap{Service: c.Service, CompleteSince: first.Since}}, nil
		}
	}
	ran := asOfResult{RunningRecord: ledger.RunningRecord{Service: c.Service, Environment: environment}}
	for _, p := range placements {
		if p.Environment == environment && !p.Since.After(at) && (p.Until.IsZero() || at.Before(p.Until)) {
			ran.Containers, ran.Since, ran.ran = append(ran.Containers, ledger.Placed{Container: p.Container, Since: p.Since}), tagalong.Later(ran.Since, p.Since), true
		}
	}
	return ran, nil
}

// knownFrom is the time from which on the row is true of its environment.
func knownFrom(m ledger.RunningRecord) time.Time {
	if m.Joined.After(m.Since) {
		return m.Joined
	}
	return m.Since
}

func (c candidate) completeSince() time.Time {
	if c.now != nil {
		return c.now.CompleteSince
	}
	return c.past[0].CompleteSince
}

// atOnce is how many rollouts are read at a time in search of the one in force:
// mostly it is the first or, beside a failed one, the third.
const atOnce = 4

// inForce returns the rollout of a service that ran at a time; nil if none is
// known, and then whether it is known that none was.
func (q pastReader) inForce(ctx context.Context, s tagalong.Service, at time.Time) (row *ledger.Row, known bool, err error) {
	for r, err := range q.Records.Rollouts(ctx, s, ledger.Span{Until: at.Truncate(time.Millisecond).Add(time.Millisecond)}, atOnce) {
		switch {
		case err != nil:
			return nil, false, err
		case r.State != timeline.StateCompleted || r.FinishedAt.After(at):
		case r.Until.IsZero() || r.Until.After(at):
			return &r, true, nil
		default:
			known = true // it ran before, and had ended
		}
	}
	return nil, known, nil
}

// environmentAt returns the environment that a running rollout was in.
func environmentAt(r ledger.Row, at time.Time) string {
	environment := r.Environment
	for _, move := range r.Moves {
		if !move.At.After(at) {
			environment = move.Environment
		}
	}
	return environment
}

// recordOf shows a rollout like a running row.
func recordOf(r ledger.Row, environment string) ledger.RunningRecord {
	m := ledger.RunningRecord{Service: r.Service, Environment: environment, Deployment: r.Deployment, TaskDefinition: r.TaskDefinition, Since: r.FinishedAt, Release: r.Released(), Rollback: r.Rollback}
	for _, c := range r.Containers {
		m.Containers = append(m.Containers, ledger.Placed{Container: c})
	}
	return m
}
