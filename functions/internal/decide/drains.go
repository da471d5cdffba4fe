package decide

import (
	"cmp"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
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
	return tagalong.Later(at, d.until)
}

func (d drain) and(o drain) drain { return drain{d.on || o.on, tagalong.Later(d.until, o.until)} }

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
	for at := r; s.outlastingBefore(at) > 0 && slices.Contains(d.continues(s, at), container); {
		at = s.Earlier(at)
		all = all.and(drain{at.Draining, at.DrainedAt})
	}
	return all
}

// outlasted returns the rollouts that ran and of which tasks went on, in order: few, if any.
func outlasted(order timeline.CompletedOrder) (all []outlasting) {
	for at, r := range order.Ran {
		if r.Draining || !r.DrainedAt.IsZero() {
			all = append(all, outlasting{r.Key(), drain{r.Draining, r.DrainedAt}, at})
		}
	}
	return all
}

// outlastingBefore returns how many of them ran before a rollout.
func (s state) outlastingBefore(r timeline.Rollout) int {
	n, _ := slices.BinarySearchFunc(s.outlasted, s.Index[r.Key()], func(o outlasting, at int) int { return cmp.Compare(o.at, at) })
	return n
}

// drainsAsMuch reports whether of the rollouts that ran before one the same tasks went on.
func (d *decision) drainsAsMuch(r timeline.Rollout) bool {
	was, is := d.before.outlastingBefore(r), d.after.outlastingBefore(r)
	return was == is && was <= d.drainAlike
}

// drainAlike returns how many of the first rollouts of which tasks went on are the same in
// both states.
func drainAlike(before, after state) (n int) {
	for n < min(len(before.outlasted), len(after.outlasted)) && before.outlasted[n].same(after.outlasted[n]) {
		n++
	}
	return n
}

func (o outlasting) same(other outlasting) bool {
	return o.RolloutKey == other.RolloutKey && o.drain == other.drain
}

// outlasting is a rollout of which tasks went on.
type outlasting struct {
	timeline.RolloutKey
	drain
	at int // among those that ran
}
