package decide

import (
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// drain says how long tasks of something went on that is not in force any more: on it
// goes, or until a time.
type drain struct {
	on    bool
	until time.Time
}

// endOf returns when what ended at a time was really over: zero while it is not.
func (d drain) endOf(at time.Time) time.Time {
	if d.on {
		return time.Time{}
	}
	return later(at, d.until)
}

func (d drain) and(o drain) drain { return drain{d.on || o.on, later(d.until, o.until)} }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// drained returns the placement of a container with the time in which its tasks went on.
// Where the next rollout runs the same image it is that one's: of the image nothing ends.
func (d *decision) drained(s state, r timeline.Rollout, p ledger.Placement) ledger.Placement {
	if p.Phase == ledger.PhaseEnded && !p.Continued {
		tasks := d.drainOf(s, r, p.Container.Name)
		if p.Until = tasks.endOf(p.Until); tasks.on {
			p.Phase = ledger.PhaseDraining
		}
	}
	p.Expires = d.expiry(p.Until)
	return p
}

// drainOf returns how long tasks of a rollout went on in a container, or tasks of those
// before it that ran the same image there.
func (d *decision) drainOf(s state, r timeline.Rollout, container string) drain {
	all := drain{r.Draining, r.DrainedAt}
	for at := r; len(s.outlasting(at)) > 0 && slices.Contains(d.continues(s, at), container); {
		at = s.Earlier(at)
		all = all.and(drain{at.Draining, at.DrainedAt})
	}
	return all
}

// outlasting returns the drains of the rollouts that ran before one and of which tasks went
// on: few, if any.
func (s state) outlasting(r timeline.Rollout) (all []outlasting) {
	for _, before := range s.Ran[:s.Index[r.Key()]] {
		if before.Draining || !before.DrainedAt.IsZero() {
			all = append(all, outlasting{before.Key(), drain{before.Draining, before.DrainedAt}})
		}
	}
	return all
}

// outlasting is a rollout of which tasks went on.
type outlasting struct {
	timeline.RolloutKey
	drain
}
