package decide

import (
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// newsFor is how old the end of a rollout may be that a sweep finds. What ECS still
// remembers of the months before, when Tagalong is new, is no news; what a lost event
// would have reported is found within a day. What events report is announced, however
// late they come.
const newsFor = 48 * time.Hour

// changeFinished puts into the outbox the rollouts that have ended now, or otherwise
// than was known.
func (d *decision) changeFinished(c *ledger.Change) {
	fresh := freshEnds(d.before.Rollouts, d.after.Rollouts)
	for _, row := range c.Rollouts {
		if !fresh[row.Key()] || d.stale(row.FinishedAt) {
			continue
		}
		row.Expires = time.Time{}
		c.Finished = append(c.Finished, ledger.FinishedRollout{Row: row, RolledBack: d.after.TakenBack(row.Rollout), RecordedAt: d.obs.Now})
	}
}

// stale reports whether an end is so old that it is no news.
func (d *decision) stale(at time.Time) bool {
	return d.obs.Fact.Source == tagalong.FromSweep && d.obs.Now.Sub(at) > newsFor
}

// end is how a deployment ended, and when; a zero time is any.
type end struct {
	deployment string
	state      timeline.State
	at         time.Time
}

// freshEnds returns the rollouts whose end is not yet known. The same end may come to
// be another rollout's, as a late fact reports a start in between; and the time of an
// end may become better known.
func freshEnds(before, after []timeline.Rollout) map[timeline.RolloutKey]bool {
	known := map[end]int{}
	for _, r := range before {
		if r.Ended() {
			known[end{r.Deployment, r.State, r.FinishedAt}]++
		}
	}
	var unknown []timeline.Rollout
	for _, r := range after {
		if r.Ended() && !take(known, end{r.Deployment, r.State, r.FinishedAt}) {
			unknown = append(unknown, r)
		}
	}
	redated := map[end]int{}
	for e, n := range known {
		redated[end{deployment: e.deployment, state: e.state}] += n
	}
	fresh := map[timeline.RolloutKey]bool{}
	for _, r := range unknown {
		if !take(redated, end{deployment: r.Deployment, state: r.State}) {
			fresh[r.Key()] = true
		}
	}
	return fresh
}

// take takes one of the ends, and reports whether there was one.
func take(ends map[end]int, e end) bool {
	if ends[e] == 0 {
		return false
	}
	ends[e]--
	return true
}
