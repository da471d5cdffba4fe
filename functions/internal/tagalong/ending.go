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
	for _, row := range c.Rollouts {
		if was, existed := d.former(row.Rollout); existed && was.State == row.State || !d.news(row.Rollout) {
			continue
		}
		row.Expires = time.Time{}
		c.Endings = append(c.Endings, Ending{Row: row, RolledBack: d.after.takenBack(row.Rollout), RecordedAt: d.obs.Now})
	}
}

// news tells whether the end of a rollout is worth telling.
func (d *decision) news(r Rollout) bool {
	ended := r.State == StateCompleted || r.State == StateFailed
	return ended && (d.obs.Fact.Source != FromSweep || d.obs.Now.Sub(r.FinishedAt) <= newsFor)
}

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
