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
		all, err := l.pendingTags(ctx)
		if err != nil {
			yield(ledger.PendingUntag{}, err)
			return
		}
		for _, pending := range all {
			if !yield(pending, nil) {
				return
			}
		}
	}
}

func (l *Ledger) pendingTags(ctx context.Context) (all []ledger.PendingUntag, err error) {
	done, err := l.begin(ctx, "StaleTags")
	if err != nil {
		return nil, err
	}
	defer done()
	for _, pending := range l.pendingUntags {
		all = append(all, clonePendingUntag(pending))
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
	l.pendingUntags[s.ID] = clonePendingUntag(s)
	maps.DeleteFunc(l.pendingUntags, func(_ string, s ledger.PendingUntag) bool { return len(s.Tags) == 0 })
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

func clonePendingUntag(s ledger.PendingUntag) ledger.PendingUntag {
	s.Tags = slices.Clone(s.Tags)
	return s
}
