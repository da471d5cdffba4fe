package decide

import (
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

const (
	windowMax  = 16 // facts that a head leaves unfolded at most
	windowKeep = 8  // and how many stay when its base moves on
)

// headKnows reports whether the head already holds all that was seen, and its images have
// their names.
func (d *decision) headKnows() bool {
	live, ok := d.know.Head.Live[d.obs.Fact.Deployment]
	return d.know.Head.Named && (!ok || live.Equal(d.seen)) && slices.Equal(d.before.previous, d.after.previous)
}

// head returns the new head: its version, the base moved on if the window grew too long, and the details that may still be needed.
func (d *decision) head(c ledger.Change) ledger.Head {
	h := ledger.Head{
		Version:       d.version(),
		Base:          d.know.Head.Base,
		Since:         d.know.Head.Since,
		Live:          map[string]ledger.Details{},
		Claims:        d.after.claims,
		Shared:        d.shared(),
		Alone:         d.nextAlone,
		Rest:          ledger.Rest{Tags: d.toCome},
		Previous:      d.after.previous,
		Released:      d.released(c),
		Last:          d.know.Head.Last,
		CompleteSince: d.after.completeSince,
		Named:         true,
	}
	if c.Fact != nil {
		h.Last = tagalong.Fact{Deployment: c.Fact.Deployment, Action: c.Fact.Action, Name: c.Fact.Name, Time: c.Fact.Time}
	}
	d.moveBase(&h)
	for _, r := range d.after.Rollouts {
		if d.after.holds(r) {
			h.Live[r.Deployment] = d.newDetails(r)
		}
	}
	if running, ok := d.after.Current(); ok {
		h.Running, h.Steady = running.Deployment, d.after.Steady()
		h.Continues = d.continues(d.after, running)
		if len(d.newDetails(running).Containers) > 0 {
			h.Environment = d.obs.Policy.Environment
		}
	}
	return h
}

// completeSince returns the time from which on the ledger knows the service: that of the
// first fact that anybody reported of a deployment as it happened.
func (d *decision) completeSince() time.Time {
	known, at := d.know.Head.CompleteSince, d.obs.Fact.Time
	if d.obs.Fact.OfDeployment() && !d.obs.Fact.NoHistory && (known.IsZero() || at.Before(known)) {
		return at
	}
	return known
}

// moveBase folds the oldest facts of a long window into the base.
func (d *decision) moveBase(h *ledger.Head) {
	facts := slices.Clone(d.know.Facts)
	if !d.isRepeat {
		facts = append(facts, d.obs.Fact)
	}
	if d.know.Whole {
		h.Base, h.Since = timeline.Timeline{}, time.Time{}
	}
	if len(facts) <= windowMax {
		return
	}
	facts = tagalong.SortFacts(facts)
	since := facts[len(facts)-windowKeep].Time
	older := slices.DeleteFunc(facts, func(f tagalong.Fact) bool { return !f.Time.Before(since) })
	if len(older) == 0 {
		return // all in one millisecond: the window stays long
	}
	// The fold of all of them went well, and these come first in it.
	base, err := h.Base.Apply(older)
	if err != nil {
		return
	}
	h.Base, h.Since = base.Cut(), since
}
