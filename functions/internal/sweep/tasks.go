package sweep

import (
	"context"
	"maps"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// compareTasks finds which deployments that are not in force still have tasks, or have
// none any more: what ECS removes in the background, and what a circuit breaker leaves,
// no event and no record tells.
func (p *comparison) compareTasks(ctx context.Context, t *observedService) error {
	after, err := p.after(ctx, t)
	if err != nil {
		return err
	}
	if after.Truncated && len(t.outOfForce(after)) > 0 { // which rollouts they are of is not known
		if err := p.readWhole(ctx, t); err != nil {
			return err
		}
		if after, err = p.after(ctx, t); err != nil {
			return err
		}
	}
	t.concluded = append(t.concluded, t.addMissing(t.tasksSeen(after))...)
	return nil
}

// tasksSeen returns what the tasks that ECS shows say beyond what is known of them.
func (t *observedService) tasksSeen(known timeline.Timeline) (facts []tagalong.Fact) {
	see := func(deployment string, name tagalong.FactName) {
		facts = append(facts, tagalong.Fact{Deployment: deployment, Name: name, Time: t.seen, Source: tagalong.FromSweep})
	}
	for _, deployment := range t.outOfForce(known) {
		// Of what has just ended ECS may show tasks that are gone.
		if last := known.Latest(deployment); last >= 0 && known.Rollouts[last].LeftAt().Before(t.seen.Add(-ledger.SettlingTime)) {
			see(deployment, tagalong.Draining)
		}
	}
	for _, r := range known.Rollouts {
		if r.Draining && t.state.Running[r.Deployment] == 0 {
			see(r.Deployment, tagalong.Drained)
		}
	}
	return facts
}

// outOfForce returns the deployments that have tasks, though they neither run nor roll out
// nor are known to drain.
func (t *observedService) outOfForce(known timeline.Timeline) (deployments []string) {
	running, _ := known.Current()
	next, _ := known.RollingOut()
	for _, deployment := range slices.Sorted(maps.Keys(t.state.Running)) {
		drains := slices.ContainsFunc(known.Rollouts, func(r timeline.Rollout) bool { return r.Draining && r.Deployment == deployment })
		if deployment != running.Deployment && deployment != next.Deployment && !drains {
			deployments = append(deployments, deployment)
		}
	}
	return deployments
}
