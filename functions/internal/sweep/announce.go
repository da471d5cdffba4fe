package sweep

import (
	"context"
	"fmt"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// lately is how long the handler that recorded the end of a rollout may still be
// about to announce it.
const lately = time.Minute

// announcing sends what is left to be announced, and what the sweep has found.
type announcing struct{ *pass }

// events sends what handlers and earlier sweeps have left in the outbox.
func (p announcing) events(ctx context.Context, _ *cursor) error {
	if p.Reactor.Announcer == nil || p.options.partial() {
		return nil
	}
	var chunk []ledger.FinishedRollout
	for finished, err := range p.Records.Unannounced(ctx, p.now().Add(-lately)) {
		if err != nil {
			return fmt.Errorf("outbox: %w", err)
		}
		if chunk = append(chunk, finished); len(chunk) == sweepChunk {
			if err := p.send(ctx, chunk); err != nil {
				return err
			}
			chunk = nil
		}
	}
	return p.send(ctx, chunk)
}

// send sends some finished rollouts. One that the bus does not take keeps no other one back;
// a bus that takes none ends the phase.
func (p announcing) send(ctx context.Context, finished []ledger.FinishedRollout) error {
	if len(finished) == 0 {
		return nil
	}
	if !p.hasTime(ctx) {
		return errTimeUp
	}
	sent, err := p.Reactor.Announce(ctx, finished)
	p.report.Announced += sent
	p.progress(phaseEvents, "", p.report.Announced)
	if sent == 0 {
		return err
	}
	if err != nil {
		p.fail(err)
	}
	return nil
}

// announceRecorded announces the ends of rollouts that this sweep has recorded of late,
// as every handler does. What the bus does not accept stays in the outbox, and the next
// sweep sends it.
func (p *comparison) announceRecorded(ctx context.Context) {
	finished := p.outbox
	p.outbox = nil
	if len(finished) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, reactor.AnnounceWithin)
	defer cancel()
	sent, err := p.Reactor.Announce(ctx, finished)
	p.report.Announced += sent
	if err != nil {
		p.fail(err)
	}
}

// announceDrift announces what the sweep has repaired and what is left, but not what is
// intended. There is no outbox for drift: what is left the next sweep finds again, and
// announces again.
func (p announcing) announceDrift(ctx context.Context) {
	if p.Reactor.Announcer == nil {
		return
	}
	var found []tagalong.Event
	for _, d := range p.report.Drift {
		if !intended[d.Kind] {
			found = append(found, d.Event(p.now()))
		}
	}
	if len(found) == 0 {
		return
	}
	if !p.hasTime(ctx) {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), sweepReserve/2)
		defer cancel()
		ctx = late
	}
	if err := p.Reactor.Send(ctx, found); err != nil {
		p.fail(fmt.Errorf("announcing drift: %w", err))
	}
}
