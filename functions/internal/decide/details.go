package decide

import (
	"cmp"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// heldDetails returns what the ledger holds of a rollout. A deployment that came into
// force again has several rollouts, of which the head holds the details of one.
func (d *decision) heldDetails(r timeline.Rollout) ledger.Details {
	if live, ok := d.know.Head.Live[r.Deployment]; ok && d.before.holds(r) {
		return live
	}
	return d.row(r.Key())
}

// newDetails returns what the ledger is to hold of a rollout.
func (d *decision) newDetails(r timeline.Rollout) ledger.Details {
	was, existed := d.former(r)
	if !existed {
		return d.firstDetails(r)
	}
	details := d.heldDetails(was)
	if d.hasNews(r) {
		details.TaskDefinition, details.Containers = d.seen.TaskDefinition, d.seen.Containers
	}
	completes := was.State != timeline.StateCompleted && r.State == timeline.StateCompleted
	if completes || details.Environment == "" { // it begins to run there, wherever it was started
		details.Environment = d.obs.Policy.Environment
	}
	if d.moved(r) {
		details.Moves = append(slices.Clone(details.Moves), ledger.Move{Environment: d.obs.Policy.Environment, At: d.obs.Now})
	}
	return details
}

// firstDetails returns what a rollout begins with that the ledger does not hold yet.
// Another deployment's begins where that was recorded, even if that had moved since:
// the moves are of the time in which its other rollout ran.
func (d *decision) firstDetails(r timeline.Rollout) ledger.Details {
	here := d.obs.Policy.Environment
	if r.Deployment == d.obs.Fact.Deployment {
		return ledger.Details{Environment: here, TaskDefinition: d.seen.TaskDefinition, Containers: d.seen.Containers}
	}
	known := d.knownOf(r.Deployment)
	return ledger.Details{Environment: cmp.Or(known.Environment, here), TaskDefinition: known.TaskDefinition, Containers: known.Containers}
}

// knownOf returns what the ledger knows of a deployment: what the head holds, else
// what its last rollout's row says.
func (d *decision) knownOf(deployment string) ledger.Details {
	live, ok := d.know.Head.Live[deployment]
	if last := d.before.Latest(deployment); !ok && last >= 0 {
		return d.row(d.before.Rollouts[last].Key())
	}
	return live
}

// hasNews reports whether more is known of the rollout's containers than the ledger holds.
func (d *decision) hasNews(r timeline.Rollout) bool {
	return d.isNews && r.Deployment == d.obs.Fact.Deployment
}

// former returns a rollout as the ledger has it.
func (d *decision) former(r timeline.Rollout) (was timeline.Rollout, existed bool) {
	was, existed = d.before.rollouts[d.after.sources[r.Key()].row]
	return was, existed
}

// rowOf returns the key under which the ledger holds a rollout: its own, or the one that
// it had before its start came to light.
func (d *decision) rowOf(r timeline.Rollout) timeline.RolloutKey {
	if _, held := d.before.rollouts[r.Key()]; held {
		return r.Key()
	}
	for _, was := range d.before.Rollouts {
		if _, stays := d.after.rollouts[was.Key()]; !stays && was.Deployment == r.Deployment {
			return was.Key()
		}
	}
	return r.Key()
}

// runsOn reports whether what runs did before.
func (d *decision) runsOn() bool {
	was, _ := d.before.Current()
	is, runs := d.after.Current()
	return runs && d.after.sources[is.Key()].row == was.Key()
}

// moved reports whether the rollout has come into another environment while it
// runs, since the rules have changed. One that completes now, or comes into force
// again, begins without a move, whatever environment its row names: the start may
// have been recorded under other rules than the completion, and a late fact can
// give the running row back to a rollout that it was taken from.
func (d *decision) moved(r timeline.Rollout) bool {
	running, _ := d.after.Current()
	from := d.before.environment
	return d.runsOn() && r.Key() == running.Key() && from != "" && from != d.after.environment
}
