package tagalong

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Announcer sends Tagalong's own events to an event bus.
type Announcer interface {
	// Announce sends events, as many at a time as the bus takes. It gives an error
	// for each, in their order: nil says that the bus has accepted it. It tries again
	// what may go well the next time, as long as ctx lasts.
	Announce(ctx context.Context, all []Event) []error
}

// Announce sends the ends of rollouts and takes those that the bus has accepted out of the
// outbox. It returns how many these are, and why others are not.
func (r *Reactor) Announce(ctx context.Context, endings []Ending) (sent int, err error) {
	events := make([]Event, len(endings))
	for i, ending := range endings {
		events[i] = ending.event()
	}
	problems := r.Announcer.Announce(ctx, events)
	var accepted []Ending
	for i, ending := range endings {
		if problems[i] == nil {
			accepted = append(accepted, ending)
		}
	}
	err = unaccepted(problems)
	if len(accepted) > 0 {
		err = errors.Join(err, r.Ledger.Announced(ctx, accepted))
	}
	return len(accepted), err
}

// Send sends events that lie in no outbox. The error says how many the bus has not accepted.
func (r *Reactor) Send(ctx context.Context, all []Event) error {
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

// tell announces what this pass has recorded. That it could not is no failure of the
// observation: the rest stays in the outbox, and the sweep sends it.
func (p *pass) tell(ctx context.Context) (sent, left int) {
	if len(p.endings) == 0 {
		return 0, 0
	}
	ctx, cancel := context.WithTimeout(ctx, AnnounceWithin)
	defer cancel()
	sent, err := p.Announce(ctx, p.endings)
	if err != nil {
		p.Logger().ErrorContext(ctx, "announcing", "service", p.obs.Service.String(), "error", err.Error())
	}
	return sent, len(p.endings) - sent
}

// gather keeps what a change is to announce. What a later change of this pass knows
// better of such a rollout is told at once.
func (p *pass) gather(c Change) {
	p.endings = append(p.endings, c.Endings...)
	for _, row := range c.Rollouts {
		for i := range p.endings {
			if p.endings[i].key() == row.key() {
				row.Expires = time.Time{}
				p.endings[i].Row = row
			}
		}
	}
}
