package tagalong

import (
	"slices"
	"time"
)

// Ending is the end of a rollout that is to be announced.
type Ending struct {
	Row               // as the ledger then had it; without Expires
	RolledBack string // the deployment that this rollback took back, "" for none
	RecordedAt time.Time
}

// newsFor is how old the end of a rollout may be that a sweep finds. What ECS still
// remembers of the months before, when Tagalong is new, is no news; what a lost event
// would have told is found within a day. What events tell is announced, however late
// they come.
const newsFor = 48 * time.Hour

// changeEndings puts into the outbox the rollouts that have ended now, or otherwise
// than was known.
func (d *decision) changeEndings(c *Change) {
	fresh := freshEnds(d.before.Rollouts, d.after.Rollouts)
	for _, row := range c.Rollouts {
		if !fresh[row.key()] || d.stale(row.FinishedAt) {
			continue
		}
		row.Expires = time.Time{}
		c.Endings = append(c.Endings, Ending{Row: row, RolledBack: d.after.takenBack(row.Rollout), RecordedAt: d.obs.Now})
	}
}

// stale tells whether an end is so old that it is no news.
func (d *decision) stale(at time.Time) bool {
	return d.obs.Fact.Source == FromSweep && d.obs.Now.Sub(at) > newsFor
}

// end is how a deployment ended, and when; a zero time is any.
type end struct {
	deployment string
	state      State
	at         int64
}

// freshEnds gives the rollouts whose end is not yet known. The same end may come to
// be another rollout's, as a late fact tells of a start in between; and the time of an
// end may become better known.
func freshEnds(before, after []Rollout) map[RolloutKey]bool {
	known := map[end]int{}
	for _, r := range before {
		if r.ended() {
			known[end{r.Deployment, r.State, r.FinishedAt.UnixMilli()}]++
		}
	}
	var unknown []Rollout
	for _, r := range after {
		if e := (end{r.Deployment, r.State, r.FinishedAt.UnixMilli()}); known[e] > 0 {
			known[e]--
		} else if r.ended() {
			unknown = append(unknown, r)
		}
	}
	redated := map[end]int{}
	for e, n := range known {
		redated[end{deployment: e.deployment, state: e.state}] += n
	}
	fresh := map[RolloutKey]bool{}
	for _, r := range unknown {
		if e := (end{deployment: r.Deployment, state: r.State}); redated[e] > 0 {
			redated[e]--
		} else {
			fresh[r.key()] = true
		}
	}
	return fresh
}

func (r Rollout) ended() bool { return r.State == StateCompleted || r.State == StateFailed }

// takenBack gives the deployment that a rollback took back: of those before it the
// last one that is another one's.
func (t Timeline) takenBack(r Rollout) string {
	if !r.Rollback {
		return ""
	}
	at := slices.IndexFunc(t.Rollouts, func(o Rollout) bool { return o.key() == r.key() })
	for _, before := range slices.Backward(t.Rollouts[:max(at, 0)]) {
		if before.Deployment != r.Deployment {
			return before.Deployment
		}
	}
	return ""
}
