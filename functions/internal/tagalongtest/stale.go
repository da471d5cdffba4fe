package tagalongtest

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// hold is who may remove tags, until when.
type hold struct {
	by    string
	until time.Time
}

// StaleTags implements tagalong.Stales.
func (l *Ledger) StaleTags(ctx context.Context) iter.Seq2[tagalong.Stale, error] {
	return func(yield func(tagalong.Stale, error) bool) {
		all, err := l.staleTags(ctx)
		if err != nil {
			yield(tagalong.Stale{}, err)
			return
		}
		for _, stale := range all {
			if !yield(stale, nil) {
				return
			}
		}
	}
}

func (l *Ledger) staleTags(ctx context.Context) (all []tagalong.Stale, err error) {
	done, err := l.begin(ctx, "StaleTags")
	if err != nil {
		return nil, err
	}
	defer done()
	for _, stale := range l.stale {
		all = append(all, cloneStale(stale))
	}
	slices.SortFunc(all, func(a, b tagalong.Stale) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// SetStale implements tagalong.Stales.
func (l *Ledger) SetStale(ctx context.Context, s tagalong.Stale) error {
	done, err := l.begin(ctx, "SetStale")
	if err != nil {
		return err
	}
	defer done()
	l.stale[s.ID] = cloneStale(s)
	maps.DeleteFunc(l.stale, func(_ string, s tagalong.Stale) bool { return len(s.Tags) == 0 })
	l.writes++
	return nil
}

// HoldStale implements tagalong.Stales.
func (l *Ledger) HoldStale(ctx context.Context, by string, now, until time.Time) error {
	done, err := l.begin(ctx, "HoldStale")
	if err != nil {
		return err
	}
	defer done()
	if l.hold.by != by && l.hold.until.After(now) {
		return tagalong.ErrConflict
	}
	l.hold = hold{by, until}
	l.writes++
	return nil
}

func cloneStale(s tagalong.Stale) tagalong.Stale {
	s.Tags = slices.Clone(s.Tags)
	return s
}
