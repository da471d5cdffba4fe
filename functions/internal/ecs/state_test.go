package ecs

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

func TestStateOfAService(t *testing.T) {
	created, changed := now.Add(-time.Hour), now.Add(-time.Minute)
	deployment := func(status string, rollout types.DeploymentRolloutState, running, pending int32) types.Deployment {
		return types.Deployment{
			Id: aws.String("ecs-svc/1"), Status: &status, RolloutState: rollout, RolloutStateReason: aws.String("words"),
			RunningCount: running, PendingCount: pending, CreatedAt: &created, UpdatedAt: &changed,
		}
	}
	set := func(status string, stability types.StabilityStatus) types.TaskSet {
		return types.TaskSet{Id: aws.String("ecs-svc/1"), Status: &status, StabilityStatus: stability, CreatedAt: &created, UpdatedAt: &changed, StabilityStatusAt: &now}
	}
	const (
		completed = types.DeploymentRolloutStateCompleted
		failed    = types.DeploymentRolloutStateFailed
		rolling   = types.DeploymentRolloutStateInProgress
		steady    = types.StabilityStatusSteadyState
		unsteady  = types.StabilityStatusStabilizing
	)
	for _, c := range []struct {
		name    string
		service types.Service
		primary bool
		state   timeline.State
	}{
		{"completed", types.Service{Deployments: []types.Deployment{deployment("PRIMARY", completed, 2, 0)}}, true, timeline.StateCompleted},
		{"failed", types.Service{Deployments: []types.Deployment{deployment("PRIMARY", failed, 0, 0)}}, true, timeline.StateFailed},
		{"in progress", types.Service{Deployments: []types.Deployment{deployment("PRIMARY", rolling, 2, 0)}}, true, timeline.StateInProgress},
		{"being replaced", types.Service{Deployments: []types.Deployment{deployment("ACTIVE", completed, 2, 0)}}, false, timeline.StateCompleted},
		{"Classic Load Balancer, all tasks run", types.Service{DesiredCount: 2, Deployments: []types.Deployment{deployment("PRIMARY", "", 2, 0)}}, true, timeline.StateCompleted},
		{"Classic Load Balancer, too few run", types.Service{DesiredCount: 2, Deployments: []types.Deployment{deployment("PRIMARY", "", 1, 0)}}, true, timeline.StateInProgress},
		{"Classic Load Balancer, one more is to run", types.Service{DesiredCount: 2, Deployments: []types.Deployment{deployment("PRIMARY", "", 2, 1)}}, true, timeline.StateInProgress},
		{"Classic Load Balancer, an old one still runs", types.Service{DesiredCount: 2, Deployments: []types.Deployment{deployment("PRIMARY", "", 2, 0), deployment("ACTIVE", "", 1, 0)}}, true, timeline.StateInProgress},
		{"CodeDeploy, has the traffic", ofController(types.DeploymentControllerTypeCodeDeploy, set("PRIMARY", steady)), true, timeline.StateCompleted},
		{"CodeDeploy, has the traffic and is not steady", ofController(types.DeploymentControllerTypeCodeDeploy, set("PRIMARY", unsteady)), true, timeline.StateInProgress},
		{"CodeDeploy, is yet to get the traffic", ofController(types.DeploymentControllerTypeCodeDeploy, set("ACTIVE", steady)), false, timeline.StateInProgress},
		{"another controller", ofController(types.DeploymentControllerTypeExternal, set("PRIMARY", steady)), true, timeline.StateCompleted},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.service.CreatedAt = &created
			got := stateOf(service, c.service)
			reason, inferred := "", true
			if len(c.service.TaskSets) == 0 {
				reason, inferred = "words", c.service.Deployments[0].RolloutState == ""
			}
			want := sweep.ServiceState{Service: service, Created: created, TaskSets: len(c.service.TaskSets) > 0, Current: []sweep.DeploymentState{
				{ID: "ecs-svc/1", Primary: c.primary, State: c.state, Inferred: inferred, Reason: reason, Created: created, Changed: changed},
			}}
			got.Current, got.Running = got.Current[:1], nil
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheTasksOfAService(t *testing.T) {
	revision := func(arn string, tasks int32) types.ServiceCurrentRevisionSummary {
		return types.ServiceCurrentRevisionSummary{Arn: &arn, RunningTaskCount: tasks}
	}
	const own = "arn:aws:ecs:us-east-1:111122223333:service-revision/prod-cluster/checkout-api/"
	got := stateOf(service, types.Service{
		Deployments: []types.Deployment{{Id: aws.String("ecs-svc/3"), RunningCount: 4}, {Id: aws.String("ecs-svc/2"), RunningCount: 1}, {Id: aws.String("ecs-svc/9")}},
		CurrentServiceRevisions: []types.ServiceCurrentRevisionSummary{
			revision(own+"3", 4), revision(own+"1", 2), revision(own+"8", 0), revision(own+"none", 1),
			revision("arn:aws:ecs:us-east-1:111122223333:service-revision/prod-cluster/other/7", 1),
		},
	})
	if diff := cmp.Diff(map[string]int{"ecs-svc/3": 4, "ecs-svc/2": 1, "ecs-svc/1": 2}, got.Running); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	sets := ofController(types.DeploymentControllerTypeCodeDeploy, types.TaskSet{Id: aws.String("ecs-svc/1"), RunningCount: 2}, types.TaskSet{Id: aws.String("ecs-svc/2")})
	if diff := cmp.Diff(map[string]int{"ecs-svc/1": 2}, stateOf(service, sets).Running); diff != "" {
		t.Errorf("task sets (-want +got):\n%s", diff)
	}
}

func ofController(kind types.DeploymentControllerType, sets ...types.TaskSet) types.Service {
	return types.Service{DeploymentController: &types.DeploymentController{Type: kind}, TaskSets: sets}
}
