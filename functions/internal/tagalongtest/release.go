package tagalongtest

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// release is what the ledger keeps of an execution.
type release struct{ ledger.ReleaseRecord }

type releaseKey struct{ pipeline, execution string }

// releaseOf returns a release to be changed.
func (l *Ledger) releaseOf(pipeline, execution string) *release {
	key := releaseKey{pipeline, execution}
	if l.releases[key] == nil {
		l.releases[key] = &release{ReleaseRecord: ledger.ReleaseRecord{Pipeline: tagalong.Pipeline{Name: pipeline}, Execution: execution}}
	}
	return l.releases[key]
}

// RecordFirstSeen implements ledger.Promotions.
func (l *Ledger) RecordFirstSeen(ctx context.Context, job string, first ledger.FirstSeen, _ time.Time) (ledger.FirstSeen, error) {
	done, err := l.begin(ctx, "Date")
	if err != nil {
		return ledger.FirstSeen{}, err
	}
	defer done()
	if known, ok := l.jobs[job]; ok {
		return known, nil
	}
	l.jobs[job] = first
	l.writes++
	return first, nil
}

// FirstSeen implements ledger.Promotions.
func (l *Ledger) FirstSeen(ctx context.Context, job string) (ledger.FirstSeen, bool, error) {
	done, err := l.begin(ctx, "Sight")
	if err != nil {
		return ledger.FirstSeen{}, false, err
	}
	defer done()
	s, seen := l.jobs[job]
	return s, seen, nil
}

// Promote implements ledger.Promotions.
func (l *Ledger) Promote(ctx context.Context, p ledger.PromotionWrite) error {
	done, err := l.begin(ctx, "Promote")
	if err != nil {
		return err
	}
	defer done()
	if p.Tag != nil {
		id := p.Claim.Tag
		if held, ok := l.promotions[id]; ok && !p.PutOnce && newer(held.Claim, p.Claim) {
			return ledger.ErrOvertaken
		}
		if !stands(*p.Tag, l.tags) {
			return &ledger.RefusedError{Tags: []tagalong.TagID{id}}
		}
		l.applyTag(*p.Tag)
		if !p.PutOnce {
			l.promotions[id] = p.Promoting
		}
	}
	if p.Environment != "" {
		l.names[p.Environment] = true
	}
	if p.Release.Pipeline != "" {
		r := l.releaseOf(p.Release.Pipeline, p.Release.Execution)
		r.Promotions = slices.DeleteFunc(r.Promotions, func(o ledger.Promoting) bool { return comparePromotions(o, p.Promoting) == 0 })
		r.Promotions = append(r.Promotions, p.Promoting)
		slices.SortFunc(r.Promotions, comparePromotions)
	}
	l.writes++
	return nil
}

func comparePromotions(a, b ledger.Promoting) int {
	return cmp.Or(compareTags(a.Claim.Tag, b.Claim.Tag), cmp.Compare(a.Job, b.Job))
}

// NoteExecution implements ledger.Releases.
func (l *Ledger) NoteExecution(ctx context.Context, p tagalong.Pipeline, execution string, e tagalong.Execution, _ time.Time) error {
	done, err := l.begin(ctx, "NoteExecution")
	if err != nil {
		return err
	}
	defer done()
	r := l.releaseOf(p.Name, execution)
	r.Pipeline, r.Origin = p, e
	r.Origin.Revisions = slices.Clone(e.Revisions)
	l.nameAll(ledger.NamesOfExecution(p.Name, execution, e))
	l.writes++
	return nil
}

// NoteStage implements ledger.Releases.
func (l *Ledger) NoteStage(ctx context.Context, pipeline, execution string, s ledger.StageChange, _ time.Time) error {
	done, err := l.begin(ctx, "NoteStage")
	if err != nil {
		return err
	}
	defer done()
	r := l.releaseOf(pipeline, execution)
	if !slices.ContainsFunc(r.Stages, func(o ledger.StageChange) bool { return compareStages(o, s) == 0 }) {
		r.Stages = append(r.Stages, s)
	}
	slices.SortFunc(r.Stages, compareStages)
	l.writes++
	return nil
}

func compareStages(a, b ledger.StageChange) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Stage, b.Stage), cmp.Compare(a.State, b.State), cmp.Compare(a.Attempt, b.Attempt))
}

// Release implements ledger.ReleaseReader.
func (l *Ledger) Release(ctx context.Context, pipeline, execution string) (ledger.ReleaseRecord, bool, error) {
	done, err := l.begin(ctx, "Release")
	if err != nil {
		return ledger.ReleaseRecord{}, false, err
	}
	defer done()
	r, ok := l.releases[releaseKey{pipeline, execution}]
	if !ok {
		return ledger.ReleaseRecord{}, false, nil
	}
	return r.clone(), true, nil
}

func (r *release) clone() ledger.ReleaseRecord {
	c := r.ReleaseRecord
	c.Origin.Revisions = slices.Clone(c.Origin.Revisions)
	c.Stages, c.Promotions = slices.Clone(c.Stages), slices.Clone(c.Promotions)
	return c
}

// ReleaseRollouts implements ledger.ReleaseReader.
func (l *Ledger) ReleaseRollouts(ctx context.Context, pipeline, execution string, span ledger.Span, _ int) iter.Seq2[ledger.Row, error] {
	return l.rows(ctx, "ReleaseRollouts", span, l.allServices, func(r ledger.Row) bool {
		return r.Release.Pipeline == pipeline && r.Release.Execution == execution
	})
}
