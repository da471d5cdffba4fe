package tagalong

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"
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
	Services []Service
}

func (e *HorizonError) Error() string {
	return fmt.Sprintf("what ran%s at %s is not known: %s", e.where(), stated(e.At), e.why())
}

func (e *HorizonError) where() string {
	if e.Environment == "" {
		return ""
	}
	return fmt.Sprintf(" in environment %q", e.Environment)
}

func (e *HorizonError) why() string {
	since := stated(e.CompleteSince)
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

// horizonOf gives the error of an answer that is nothing but gaps.
func horizonOf(query RunningQuery, gaps []Gap) *HorizonError {
	first := slices.MinFunc(gaps, func(a, b Gap) int { return a.CompleteSince.Compare(b.CompleteSince) })
	e := &HorizonError{Environment: query.Environment, At: query.At, CompleteSince: first.CompleteSince}
	for _, gap := range gaps {
		e.Services = append(e.Services, gap.Service)
	}
	slices.SortFunc(e.Services, func(a, b Service) int { return cmp.Compare(a.String(), b.String()) })
	e.Services = slices.Compact(e.Services)
	return e
}

// kept tells, as an error, that what ran at a time may have expired.
func (q Queries) kept(query RunningQuery) error {
	horizon := q.horizon()
	if query.At.IsZero() || query.At.After(horizon) {
		return nil
	}
	return &HorizonError{Environment: query.Environment, At: query.At, CompleteSince: horizon, Expired: true}
}

// candidate is a service that may have run in an environment at a time: it is
// there now, or left later.
type candidate struct {
	Service Service
	now     *Member
	gone    []Gone
}

// witness is what is known of a candidate at a time.
type witness struct {
	Member
	ran bool
	gap *Gap
}

// membersAt gives what ran in an environment at a time, from a service on. What
// runs since then, or left only later, says so itself; of the others the
// rollouts are asked.
func (q Queries) membersAt(ctx context.Context, environment string, query RunningQuery, from Service, hint int, gaps *[]Gap) iter.Seq2[Member, error] {
	candidates := q.candidates(ctx, environment, query, from, hint)
	witnesses := ahead(ctx, candidates, hint, func(ctx context.Context, c candidate) (witness, error) {
		return q.witness(ctx, environment, query.At, c)
	})
	return func(yield func(Member, error) bool) {
		for w, err := range witnesses {
			if w.gap != nil {
				*gaps = append(*gaps, *w.gap)
			}
			if (err != nil || w.ran) && !yield(w.Member, err) {
				return
			}
		}
	}
}

func (q Queries) candidates(ctx context.Context, environment string, query RunningQuery, from Service, hint int) iter.Seq2[candidate, error] {
	departed := map[Service]candidate{}
	for g, err := range q.Records.Departed(ctx, environment, query.At) {
		if err != nil {
			return none[candidate](err)
		}
		if g.Service.String() >= from.String() || from == (Service{}) {
			departed[g.Service] = candidate{Service: g.Service, gone: append(departed[g.Service].gone, g)}
		}
	}
	left := slices.SortedFunc(maps.Values(departed), candidate.compare)
	still := func(yield func(candidate, error) bool) {
		for m, err := range q.Records.Members(ctx, environment, from, hint) {
			if !yield(candidate{Service: m.Service, now: &m}, err) {
				return
			}
		}
	}
	both := united(merge([]iter.Seq2[candidate, error]{listed(left), still}, candidate.compare))
	return only(both, func(c candidate) bool { return query.Services.Match(c.Service) })
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
				held.now, held.gone = cmp.Or(held.now, c.now), append(held.gone, c.gone...)
				continue
			case held.Service != (Service{}) && !yield(held, nil):
				return
			}
			held = c
		}
		if held.Service != (Service{}) {
			yield(held, nil)
		}
	}
}

func (q Queries) witness(ctx context.Context, environment string, at time.Time, c candidate) (witness, error) {
	if c.now != nil && !c.now.from().After(at) {
		return witness{Member: *c.now, ran: true}, nil
	}
	for _, g := range c.gone {
		if !g.from().After(at) && at.Before(g.Until) {
			return witness{Member: g.Member, ran: true}, nil
		}
	}
	row, known, err := q.inForce(ctx, c.Service, at)
	switch {
	case err != nil:
		return witness{}, fmt.Errorf("rollouts of %s: %w", c.Service, err)
	case row != nil:
		return witness{Member: row.member(environment), ran: row.environmentAt(at) == environment && len(row.Containers) > 0}, nil
	case known:
		return witness{}, nil // nothing ran at that time
	}
	return witness{gap: &Gap{Service: c.Service, CompleteSince: c.completeSince()}}, nil
}

// from is the time from which on the row is true of its environment.
func (m Member) from() time.Time {
	if m.Joined.After(m.Since) {
		return m.Joined
	}
	return m.Since
}

func (c candidate) completeSince() time.Time {
	if c.now != nil {
		return c.now.CompleteSince
	}
	return c.gone[0].CompleteSince
}

// atOnce is how many rollouts are read at a time in search of the one in force:
// mostly it is the first or, beside a failed one, the third.
const atOnce = 4

// inForce gives the rollout of a service that ran at a time; nil if none is
// known, and then whether it is known that none was.
func (q Queries) inForce(ctx context.Context, s Service, at time.Time) (row *Row, known bool, err error) {
	for r, err := range q.Records.Rollouts(ctx, s, Span{Until: at.Truncate(time.Millisecond).Add(time.Millisecond)}, atOnce) {
		switch {
		case err != nil:
			return nil, false, err
		case r.State != StateCompleted || r.FinishedAt.After(at):
		case r.Until.IsZero() || r.Until.After(at):
			return &r, true, nil
		default:
			known = true // it ran before, and had ended
		}
	}
	return nil, known, nil
}

// environmentAt gives the environment that a running rollout was in.
func (r Row) environmentAt(at time.Time) string {
	environment := r.Environment
	for _, move := range r.Moves {
		if !move.At.After(at) {
			environment = move.Environment
		}
	}
	return environment
}

// member shows a rollout like a running row.
func (r Row) member(environment string) Member {
	m := Member{Service: r.Service, Environment: environment, Deployment: r.Deployment, TaskDefinition: r.TaskDefinition, Since: r.FinishedAt, Release: r.released(), Rollback: r.Rollback}
	for _, c := range r.Containers {
		m.Containers = append(m.Containers, Placed{Container: c})
	}
	return m
}
