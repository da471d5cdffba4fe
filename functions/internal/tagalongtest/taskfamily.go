package tagalongtest

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// TaskFamily implements ledger.TaskFamilies.
func (l *Ledger) TaskFamily(ctx context.Context, of tagalong.Service) (ledger.TaskFamily, error) {
	done, err := l.begin(ctx, "TaskFamily")
	if err != nil {
		return ledger.TaskFamily{}, err
	}
	defer done()
	kept := l.families[of]
	kept.Of, kept.Images = of, slices.Clone(kept.Images)
	return kept, nil
}

// TaskFamiliesIn implements ledger.TaskFamilyReader.
func (l *Ledger) TaskFamiliesIn(ctx context.Context, s tagalong.Scope) iter.Seq2[ledger.TaskFamily, error] {
	return sorted(ctx, l, "TaskFamiliesIn", func() (all []ledger.TaskFamily) {
		for of, kept := range l.families {
			if of.Account == s.Account && of.Region == s.Region {
				kept.Images = slices.Clone(kept.Images)
				all = append(all, kept)
			}
		}
		return all
	}, func(a, b ledger.TaskFamily) int { return cmp.Compare(a.Of.String(), b.Of.String()) })
}

// PlacementsOf implements ledger.WorkloadReader.
func (l *Ledger) PlacementsOf(ctx context.Context, s tagalong.Service) ([]ledger.Placement, error) {
	done, err := l.begin(ctx, "PlacementsOf")
	if err != nil {
		return nil, err
	}
	defer done()
	return l.families[s].Placements(), nil
}

// SetTaskFamily implements ledger.TaskFamilies.
func (l *Ledger) SetTaskFamily(ctx context.Context, was, is ledger.TaskFamily, children []ledger.Child) error {
	done, err := l.begin(ctx, "SetTaskFamily")
	if err != nil {
		return err
	}
	defer done()
	if l.families[is.Of].Version != was.Version {
		return ledger.ErrConflict
	}
	names, repositories := is.Names(was)
	l.nameAll(names)
	l.adopt(children)
	for _, r := range repositories {
		l.repositories[r] = true
	}
	if is.Environment != "" {
		l.names[is.Environment] = true
	}
	if l.listed[is.Of] == nil {
		l.listed[is.Of], l.seen[is.Of] = map[string]bool{}, is.Since()
	}
	if is.Environment != "" {
		l.listed[is.Of][is.Environment] = true
	}
	delete(l.running, runningKey{was.Environment, is.Of})
	if running := is.Running(); running != nil {
		l.running[runningKey{is.Environment, is.Of}] = cloneRunning(*running)
	}
	if left := is.Left(was); left != nil {
		l.past[pastKey{runningKey{is.Environment, is.Of}, left.Until.UnixMilli()}] = *left
	}
	put, drop := is.Changed(was)
	for _, p := range drop {
		l.dropPlacement(p)
	}
	for _, p := range put {
		l.setPlacement(p)
	}
	is.Images = slices.Clone(is.Images)
	l.families[is.Of] = is
	l.writes++
	return nil
}
