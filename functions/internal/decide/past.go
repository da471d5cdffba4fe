package decide

import (
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// changePast compares what ran last of a service that has gone, each time it did.
func (d *decision) changePast(c *ledger.Change) {
	stands := func(r timeline.Rollout) bool { return d.stands(r) && d.sinceStands() }
	c.Past, c.DropPast = compare(d, stands, d.past, pastKeyOf)
}

// pastKey is when a service left an environment.
type pastKey struct {
	environment string
	until       time.Time
}

func pastKeyOf(p ledger.PastRecord) pastKey { return pastKey{p.Environment, p.Until} }

// past returns what a rollout ran that ended with its service, in the environment where
// it was last.
func (d *decision) past(s state, r timeline.Rollout) []ledger.PastRecord {
	if !r.Retired {
		return nil
	}
	record := d.runningRecord(s, r, s.details(r).LastEnvironment(), nil)
	if record == nil {
		return nil
	}
	return []ledger.PastRecord{{RunningRecord: *record, Until: r.Until, Expires: d.expiry(r.Until)}}
}
