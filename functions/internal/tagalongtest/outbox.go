package tagalongtest

import (
	"cmp"
	"context"
	"iter"
	"sync"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

type finishedKey struct {
	at      int64
	service tagalong.Service
	timeline.RolloutKey
	state    timeline.State
	finished int64
}

func keyOfFinished(e ledger.FinishedRollout) finishedKey {
	return finishedKey{e.RecordedAt.UnixMilli(), e.Service, keyOfRow(e.Row), e.State, e.FinishedAt.UnixMilli()}
}

func (k finishedKey) compare(o finishedKey) int {
	return cmp.Or(
		cmp.Compare(k.at, o.at), byService(k.service, o.service), k.Sort.Compare(o.Sort), cmp.Compare(k.Deployment, o.Deployment),
		cmp.Compare(k.state, o.state), cmp.Compare(k.finished, o.finished),
	)
}

func cloneFinished(e ledger.FinishedRollout) ledger.FinishedRollout {
	e.Details = cloneDetails(e.Details)
	return e
}

// Unannounced implements ledger.Outbox.
func (l *Ledger) Unannounced(ctx context.Context, before time.Time) iter.Seq2[ledger.FinishedRollout, error] {
	return sorted(ctx, l, "Unannounced", func() (finished []ledger.FinishedRollout) {
		for key, e := range l.finished {
			if key.at < before.UnixMilli() {
				finished = append(finished, cloneFinished(e))
			}
		}
		return finished
	}, func(a, b ledger.FinishedRollout) int { return keyOfFinished(a).compare(keyOfFinished(b)) })
}

// Announced implements ledger.Outbox.
func (l *Ledger) Announced(ctx context.Context, finished []ledger.FinishedRollout) error {
	done, err := l.begin(ctx, "Announced")
	if err != nil {
		return err
	}
	defer done()
	for _, e := range finished {
		delete(l.finished, keyOfFinished(e))
	}
	l.writes++
	return nil
}

// Bus is an event bus in memory, safe for concurrent use. The zero value accepts
// everything.
type Bus struct {
	// Refuse gives the reason why an event is not accepted, nil if it is.
	Refuse func(tagalong.Event) error

	mu     sync.Mutex
	events []tagalong.Event
}

var _ reactor.Announcer = &Bus{}

// Announce implements reactor.Announcer.
func (b *Bus) Announce(ctx context.Context, all []tagalong.Event) []error {
	b.mu.Lock()
	defer b.mu.Unlock()
	problems := make([]error, len(all))
	for i, e := range all {
		problems[i] = ctx.Err()
		if problems[i] == nil && b.Refuse != nil {
			problems[i] = b.Refuse(e)
		}
		if problems[i] == nil {
			b.events = append(b.events, e)
		}
	}
	return problems
}

// Take returns the events that were accepted since the last time.
func (b *Bus) Take() []tagalong.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := b.events
	b.events = nil
	return taken
}
