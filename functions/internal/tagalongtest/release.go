package tagalongtest

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// release is what the ledger keeps of an execution.
type release struct{ tagalong.ReleaseRecord }

type releaseKey struct{ pipeline, execution string }

// releaseOf gives a release to be changed.
func (l *Ledger) releaseOf(pipeline, execution string) *release {
	key := releaseKey{pipeline, execution}
	if l.releases[key] == nil {
		l.releases[key] = &release{ReleaseRecord: tagalong.ReleaseRecord{Pipeline: tagalong.Pipeline{Name: pipeline}, Execution: execution}}
	}
	return l.releases[key]
}

// Date implements tagalong.Promotions.
func (l *Ledger) Date(ctx context.Context, job string, first tagalong.Sight, _ time.Time) (tagalong.Sight, error) {
	done, err := l.begin(ctx, "Date")
	if err != nil {
		return tagalong.Sight{}, err
	}
	defer done()
	if known, ok := l.jobs[job]; ok {
		return known, nil
	}
	l.jobs[job] = first
	l.writes++
	return first, nil
}

// Sight implements tagalong.Promotions.
func (l *Ledger) Sight(ctx context.Context, job string) (tagalong.Sight, bool, error) {
	done, err := l.begin(ctx, "Sight")
	if err != nil {
		return tagalong.Sight{}, false, err
	}
	defer done()
	s, seen := l.jobs[job]
	return s, seen, nil
}

// Promote implements tagalong.Promotions.
func (l *Ledger) Promote(ctx context.Context, p tagalong.PromotionWrite) error {
	done, err := l.begin(ctx, "Promote")
	if err != nil {
		return err
	}
	defer done()
	if p.Tag != nil {
		id := p.Claim.Tag
		if held, ok := l.promotions[id]; ok && !p.Once && newer(held.Claim, p.Claim) {
			return tagalong.ErrOvertaken
		}
		if !stands(*p.Tag, l.tags) {
			return &tagalong.RefusedError{Tags: []tagalong.TagID{id}}
		}
		l.applyTag(*p.Tag)
		if !p.Once {
			l.promotions[id] = p.Promoting
		}
	}
	if p.Environment != "" {
		l.names[p.Environment] = true
	}
	if p.Release.Pipeline != "" {
		r := l.releaseOf(p.Release.Pipeline, p.Release.Execution)
		r.Promotions = slices.DeleteFunc(r.Promotions, func(o tagalong.Promoting) bool { return comparePromotions(o, p.Promoting) == 0 })
		r.Promotions = append(r.Promotions, p.Promoting)
		slices.SortFunc(r.Promotions, comparePromotions)
	}
	l.writes++
	return nil
}

func comparePromotions(a, b tagalong.Promoting) int {
	return cmp.Or(compareTags(a.Claim.Tag, b.Claim.Tag), cmp.Compare(a.Job, b.Job))
}

// NoteExecution implements tagalong.Releases.
func (l *Ledger) NoteExecution(ctx context.Context, p tagalong.Pipeline, execution string, e tagalong.Execution, _ time.Time) error {
	done, err := l.begin(ctx, "NoteExecution")
	if err != nil {
		return err
	}
	defer done()
	r := l.releaseOf(p.Name, execution)
	r.Pipeline, r.Origin = p, e
	r.Origin.Revisions = slices.Clone(e.Revisions)
	l.writes++
	return nil
}

// NoteStage implements tagalong.Releases.
func (l *Ledger) NoteStage(ctx context.Context, pipeline, execution string, s tagalong.StageChange, _ time.Time) error {
	done, err := l.begin(ctx, "NoteStage")
	if err != nil {
		return err
	}
	defer done()
	r := l.releaseOf(pipeline, execution)
	if !slices.ContainsFunc(r.Stages, func(o tagalong.StageChange) bool { return compareStages(o, s) == 0 }) {
		r.Stages = append(r.Stages, s)
	}
	slices.SortFunc(r.Stages, compareStages)
	l.writes++
	return nil
}

func compareStages(a, b tagalong.StageChange) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Stage, b.Stage), cmp.Compare(a.State, b.State), cmp.Compare(a.Attempt, b.Attempt))
}

// Release implements tagalong.Shipments.
func (l *Ledger) Release(ctx context.Context, pipeline, execution string) (tagalong.ReleaseRecord, bool, error) {
	done, err := l.begin(ctx, "Release")
	if err != nil {
		return tagalong.ReleaseRecord{}, false, err
	}
	defer done()
	r, ok := l.releases[releaseKey{pipeline, execution}]
	if !ok {
		return tagalong.ReleaseRecord{}, false, nil
	}
	return r.clone(), true, nil
}

func (r *release) clone() tagalong.ReleaseRecord {
	c := r.ReleaseRecord
	c.Origin.Revisions = slices.Clone(c.Origin.Revisions)
	c.Stages, c.Promotions = slices.Clone(c.Stages), slices.Clone(c.Promotions)
	return c
}

// ReleaseRollouts implements tagalong.Shipments.
func (l *Ledger) ReleaseRollouts(ctx context.Context, pipeline, execution string, span tagalong.Span, _ int) iter.Seq2[tagalong.Row, error] {
	return l.rows(ctx, "ReleaseRollouts", span, func(r tagalong.Row) bool {
		return r.Release.Pipeline == pipeline && r.Release.Execution == execution
	})
}
