package ecs

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// primary is the status of the deployment that ECS works towards, and of the task
// set that serves the production traffic.
const primary = "PRIMARY"

// stateOf reads a service: its deployments, or its task sets if another controller
// than ECS deploys it.
func stateOf(s tagalong.Service, service types.Service) sweep.ServiceState {
	state := sweep.ServiceState{Service: s, Created: instant(service.CreatedAt), Running: runningTasks(s, service)}
	if c := service.DeploymentController; c != nil && c.Type != "" && c.Type != types.DeploymentControllerTypeEcs {
		state.TaskSets = true
		for _, set := range service.TaskSets {
			state.Current = append(state.Current, taskSetState(set))
		}
		return state
	}
	for _, d := range service.Deployments {
		state.Current = append(state.Current, sweep.DeploymentState{
			ID: aws.ToString(d.Id), Primary: aws.ToString(d.Status) == primary,
			State: rolloutState(service, d), Inferred: d.RolloutState == "", Reason: aws.ToString(d.RolloutStateReason),
			Created: instant(d.CreatedAt), Changed: instant(d.UpdatedAt),
		})
	}
	return state
}

// runningTasks counts the running tasks of a service's deployments and task sets. What is
// removed in the background may be shown as a deployment, or as a service revision alone.
func runningTasks(s tagalong.Service, service types.Service) map[string]int {
	running := map[string]int{}
	count := func(id string, tasks int32) {
		if n := max(int(tasks), running[id]); n > 0 {
			running[id] = n
		}
	}
	for _, d := range service.Deployments {
		count(aws.ToString(d.Id), d.RunningCount)
	}
	for _, set := range service.TaskSets {
		count(aws.ToString(set.Id), set.RunningCount)
	}
	for _, revision := range service.CurrentServiceRevisions {
		if id, own := deploymentOf(s, aws.ToString(revision.Arn)); own {
			count(id, revision.RunningTaskCount)
		}
	}
	return running
}

// rolloutState returns how far a deployment has come. Of services behind a Classic
// Load Balancer ECS does not say it: the primary deployment has completed once it
// has all of the service's tasks, and no other one has any,
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html.
func rolloutState(service types.Service, d types.Deployment) timeline.State {
	switch d.RolloutState {
	case types.DeploymentRolloutStateCompleted:
		return timeline.StateCompleted
	case types.DeploymentRolloutStateFailed:
		return timeline.StateFailed
	case "":
		alone := aws.ToString(d.Status) == primary && len(service.Deployments) == 1
		if alone && d.RunningCount == service.DesiredCount && d.PendingCount == 0 {
			return timeline.StateCompleted
		}
	}
	return timeline.StateInProgress
}

// taskSetState takes updatedAt, and not stabilityStatusAt, for when a task set came
// into its state: that one is the time of the question, and each sweep would tell
// another one.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskSet.html
func taskSetState(set types.TaskSet) sweep.DeploymentState {
	state := sweep.DeploymentState{
		ID: aws.ToString(set.Id), Primary: aws.ToString(set.Status) == primary, State: timeline.StateInProgress, Inferred: true,
		Created: instant(set.CreatedAt), Changed: instant(set.UpdatedAt),
	}
	if state.Primary && set.StabilityStatus == types.StabilityStatusSteadyState {
		state.State = timeline.StateCompleted
	}
	return state
}

// definitionsOf returns the task definitions of what a service runs.
func definitionsOf(service types.Service) map[string]string {
	all := map[string]string{}
	for _, d := range service.Deployments {
		all[aws.ToString(d.Id)] = aws.ToString(d.TaskDefinition)
	}
	for _, set := range service.TaskSets {
		all[aws.ToString(set.Id)] = aws.ToString(set.TaskDefinition)
	}
	return all
}
