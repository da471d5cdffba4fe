package decide

import (
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// changeRollouts writes the rows of rollouts that do not stand. Of one that is no more the
// key is enough: what its row said need not be read.
func (d *decision) changeRollouts(c *ledger.Change) {
	for _, r := range d.after.Rollouts {
		if !d.stands(r) {
			c.Rollouts = append(c.Rollouts, ledger.Row{Service: c.Service, Rollout: r, Details: d.newDetails(r), Expires: d.expiry(closedAt(r))})
		}
	}
	for _, was := range d.before.Rollouts {
		if _, stays := d.after.rollouts[was.Key()]; !stays {
			c.DropRollouts = append(c.DropRollouts, was.Key())
		}
	}
}

// closedAt returns when a rollout ceased to matter for now: zero while it runs or rolls
// out, and as long as tasks of it run.
func closedAt(r timeline.Rollout) time.Time {
	return drain{r.Draining, r.DrainedAt}.endOf(r.LeftAt())
}

// expiry returns when a row goes that was closed then: zero is never.
func (d *decision) expiry(closed time.Time) time.Time {
	if d.keep.Retention == 0 || closed.IsZero() {
		return time.Time{}
	}
	return closed.Add(d.keep.Retention)
}
