package decide

import (
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
)

// changeDirectory lists the environment with the first thing that is written in
// it, a rollout or the running row: then it has a history.
func (d *decision) changeDirectory(c *ledger.Change) {
	environment := d.obs.Policy.Environment
	listed := d.before.environment == environment
	for _, live := range d.know.Head.Live {
		listed = listed || live.Environment == environment
	}
	written := c.Running != nil || slices.ContainsFunc(c.Rollouts, func(r ledger.Row) bool { return r.Environment == environment })
	if written && !listed {
		c.NewEnvironment = environment
	}
}
