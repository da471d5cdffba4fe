package tagalongtest

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
)

// hold is who may remove tags, until when.
type hold struct {
	by    string
	until time.Time
}

// PendingUntags implements ledger.Untags.
func (l *Ledger) PendingUntags(ctx context.Context) iter.Seq2[ledger.PendingUntag, error] {
	return func(yield func(ledger.PendingUntag, error) bool) {
		all, err := l.staleTags(ctx)
		if err != nil {
			yield(ledger.PendingUntag{}, err)
			return
		}
		for _, stale := range all {
			if !yield(stale, nil) {
				return
			}
		}
	}
}

func (l *Ledger) staleTags(ctx context.Context) (all []ledger.PendingUntag, err error) {
	done, err := l.begin(ctx, "StaleTags")
	if err != nil {
		return nil, err
	}
	defer done()
	for _, stale := range l.stale {
		all = append(all, cloneStale(stale))
	}
	slices.SortFunc(all, func(a, b ledger.PendingUntag) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// SetPendingUntag implements ledger.Untags.
func (l *Ledger) SetPendingUntag(ctx context.Context, s ledger.PendingUntag) error {
	done, err := l.begin(ctx, "SetStale")
	if err != nil {
		return err
	}
	defer done()
	l.stale[s.ID] = cloneStale(s)
	maps.DeleteFunc(l.stale, func(_ string, s ledger.PendingUntag) bool { return len(s.Tags) == 0 })
	l.writes++
	return nil
}

// LockUntag implements ledger.Untags.
func (l *Ledger) LockUntag(ctx context.Context, by string, now, until time.Time) error {
	done, err := l.begin(ctx, "HoldStale")
	if err != nil {
		return err
	}
	defer done()
	if l.hold.by != by && l.hold.until.After(now) {
		return ledger.ErrConflict
	}
	l.hold = hold{by, until}
	l.writes++
	return nil
}

func cloneStale(s ledger.PendingUntag) ledger.PendingUntag {
	s.Tags = slices.Clone(s.Tags)
	return s
}
