package tagalongtest

import (
	"fmt"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// Running returns what each service runs: the deployment that completed last. A
// service of which none has is left out.
func (e *Inventory) Running() map[tagalong.Service]string {
	e.mu.Lock()
	defer e.mu.Unlock()
	running := map[tagalong.Service]string{}
	for s, of := range e.services {
		if d := of.lastCompleted(); d != nil {
			running[s] = d.ID
		}
	}
	return running
}

// Shows reports whether ECS still shows that a deployment has completed. Of a rollback
// to what had completed more than 90 days ago it does not until the end, nor ever if
// the rollback fails.
func (e *Inventory) Shows(s tagalong.Service, deployment string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	state, _ := e.state(s)
	return slices.ContainsFunc(state.Current, func(d sweep.DeploymentState) bool { return d.ID == deployment && d.State == timeline.StateCompleted }) ||
		slices.ContainsFunc(e.recordsOf(s), func(r pipeline.ServiceDeployment) bool {
			return r.Deployment == deployment && r.Status == "SUCCESSFUL" || r.RolledBackTo == deployment && r.Status == "ROLLBACK_SUCCESSFUL"
		})
}

// Exists reports whether there is such a service.
func (e *Inventory) Exists(s tagalong.Service) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.services[s] != nil
}

// UnderWay reports whether a service has a deployment under way, and whether there
// is one that it could go back to.
func (e *Inventory) UnderWay(s tagalong.Service) (underWay, back bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	of := e.services[s]
	if of == nil || of.record() == nil {
		return false, false
	}
	last := of.lastCompleted()
	return true, last != nil && last != of.primary()
}

// Known returns the service deployments that ECS remembers of a service.
func (e *Inventory) Known(s tagalong.Service) []pipeline.ServiceDeployment {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.recordsOf(s)
}

// Unrecorded says of which rollouts that ECS remembers of a service there is no row,
// with the times that they had, but for the second by which events may differ.
func (e *Inventory) Unrecorded(s tagalong.Service, rows []ledger.Row) (missing []string) {
	near := func(a, b time.Time) bool { return a.Sub(b).Abs() <= time.Second }
	for _, r := range e.Known(s) {
		for _, one := range rollouts(r) {
			if !slices.ContainsFunc(rows, func(row ledger.Row) bool {
				return row.Deployment == one.Deployment && slices.Contains(one.states, row.State) && near(row.StartedAt, one.StartedAt) &&
					(row.FinishedAt.IsZero() || one.FinishedAt.IsZero() || near(row.FinishedAt, one.FinishedAt))
			}) {
				missing = append(missing, fmt.Sprintf("%s %v from %v to %v", one.Deployment, one.states, one.StartedAt, one.FinishedAt))
			}
		}
	}
	return missing
}

// Invented says of which deployments of a service there are more rows than there were
// rollouts. Of those that it has forgotten with a service of the same name it says nothing.
func (e *Inventory) Invented(s tagalong.Service, rows []ledger.Row) (invented []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	of := e.services[s]
	if of == nil || of.taskSets {
		return nil
	}
	happened, reported := map[string]int{}, map[string]int{}
	for _, r := range of.records {
		for _, one := range rollouts(r) {
			happened[one.Deployment]++
		}
	}
	for _, row := range rows {
		reported[row.Deployment]++
	}
	for deployment, n := range happened {
		if reported[deployment] > n {
			invented = append(invented, fmt.Sprintf("%s rolled out %d times, not %d", deployment, n, reported[deployment]))
		}
	}
	return invented
}

// remembered is a rollout as ECS remembers it.
type remembered struct {
	timeline.Rollout
	states []timeline.State // that its row may have
}

// rollouts returns the rollouts of a service deployment: two, if it was rolled back.
func rollouts(r pipeline.ServiceDeployment) []remembered {
	of := func(deployment string, from, to time.Time, states ...timeline.State) remembered {
		return remembered{timeline.Rollout{Deployment: deployment, StartedAt: from, FinishedAt: to}, states}
	}
	last := map[string][]timeline.State{
		"IN_PROGRESS": {timeline.StateInProgress}, "SUCCESSFUL": {timeline.StateCompleted},
		"STOPPED":              {timeline.StateSuperseded, timeline.StateFailed},
		"ROLLBACK_IN_PROGRESS": {timeline.StateInProgress}, "ROLLBACK_SUCCESSFUL": {timeline.StateCompleted}, "ROLLBACK_FAILED": {timeline.StateFailed},
	}[r.Status]
	if r.RolledBackTo == "" {
		return []remembered{of(r.Deployment, r.CreatedAt, r.FinishedAt, last...)}
	}
	return []remembered{
		of(r.Deployment, r.CreatedAt, r.RolledBackAt, timeline.StateFailed),
		of(r.RolledBackTo, r.RolledBackAt, r.FinishedAt, last...),
	}
}

// Unfinished returns the rollouts that ECS remembers of a service, and that ended without
// completing: from when to when each may have served.
func (e *Inventory) Unfinished(s tagalong.Service) (unfinished []timeline.Rollout) {
	for _, r := range e.Known(s) {
		for _, one := range rollouts(r) {
			if !one.FinishedAt.IsZero() && !slices.Contains(one.states, timeline.StateCompleted) {
				unfinished = append(unfinished, one.Rollout)
			}
		}
	}
	return unfinished
}
