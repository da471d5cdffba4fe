package reactor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Announcer sends Tagalong's own events to an event bus.
type Announcer interface {
	// Announce sends events, as many at a time as the bus takes. It returns an error
	// for each, in their order: nil says that the bus has accepted it. It tries again
	// what may go well the next time, as long as ctx lasts.
	Announce(ctx context.Context, all []tagalong.Event) []error
}

// Announce sends the ends of rollouts and takes those that the bus has accepted out of the
// outbox. It returns how many these are, and why others are not.
func (r *Reactor) Announce(ctx context.Context, finished []ledger.FinishedRollout) (sent int, err error) {
	events, last := r.eventsOf(finished)
	problems := oneEach(r.Announcer.Announce(ctx, events), last)
	var accepted []ledger.FinishedRollout
	for i, one := range finished {
		if problems[i] == nil {
			accepted = append(accepted, one)
		}
	}
	err = unaccepted(problems)
	if len(accepted) > 0 {
		err = errors.Join(err, r.Ledger.Announced(ctx, accepted))
	}
	return len(accepted), err
}

// eventsOf returns the events about the ends of rollouts, and where those of each end.
func (r *Reactor) eventsOf(finished []ledger.FinishedRollout) (events []tagalong.Event, last []int) {
	for _, one := range finished {
		events = append(events, RolloutEvent(one))
		if r.ContainerEvents {
			events = append(events, ContainerEvents(one)...)
		}
		last = append(last, len(events))
	}
	return events, last
}

// oneEach returns the first problem of the events of each rollout: nil if all are accepted.
func oneEach(problems []error, last []int) []error {
	each, from := make([]error, len(last)), 0
	for i, to := range last {
		for _, err := range problems[from:to] {
			each[i] = cmp.Or(each[i], err)
		}
		from = to
	}
	return each
}

// Send sends events that lie in no outbox. The error says how many the bus has not accepted.
func (r *Reactor) Send(ctx context.Context, all []tagalong.Event) error {
	return unaccepted(r.Announcer.Announce(ctx, all))
}

// unaccepted says how many events were not accepted, and why the first was not.
func unaccepted(problems []error) error {
	refused := slices.DeleteFunc(slices.Clone(problems), func(err error) bool { return err == nil })
	if len(refused) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d events not accepted, the first: %w", len(refused), len(problems), refused[0])
}

// AnnounceWithin is how long a handler waits for the bus at most: what it does not
// accept by then is left to the sweep.
const AnnounceWithin = 5 * time.Second

// announceOutbox announces what this pass has recorded. That it could not is no failure of the
// observation: the rest stays in the outbox, and the sweep sends it.
func (p *pass) announceOutbox(ctx context.Context) (sent, left int) {
	if len(p.outbox) == 0 {
		return 0, 0
	}
	ctx, cancel := context.WithTimeout(ctx, AnnounceWithin)
	defer cancel()
	sent, err := p.Announce(ctx, p.outbox)
	if err != nil {
		p.Logger().ErrorContext(ctx, "announcing", "service", p.obs.Service.String(), "error", err.Error())
	}
	return sent, len(p.outbox) - sent
}

// collectOutbox keeps what a change is to announce. What a later change of this pass knows
// better of such a rollout goes out with it.
func (p *pass) collectOutbox(c ledger.Change) {
	p.outbox = append(p.outbox, c.Finished...)
	for _, row := range c.Rollouts {
		for i := range p.outbox {
			if p.outbox[i].Key() == row.Key() {
				row.Expires = time.Time{}
				p.outbox[i].Row = row
			}
		}
	}
}
