package ecs

import (
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// wireDeployment is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html.
type wireDeployment struct {
	ID              string     `json:"id"`
	Status          string     `json:"status"`
	TaskDefinition  string     `json:"taskDefinition"`
	Desired         int        `json:"desiredCount"`
	Pending         int        `json:"pendingCount"`
	Running         int        `json:"runningCount"`
	FailedTasks     int        `json:"failedTasks"`
	CreatedAt       *wire.Time `json:"createdAt"`
	UpdatedAt       *wire.Time `json:"updatedAt"`
	LaunchType      string     `json:"launchType"`
	PlatformVersion string     `json:"platformVersion,omitempty"`
	PlatformFamily  string     `json:"platformFamily,omitempty"`
	RolloutState    string     `json:"rolloutState"`
	Reason          string     `json:"rolloutStateReason"`
}

func (d *Deployment) describe() wireDeployment {
	running, pending := d.count()
	w := wireDeployment{
		ID: d.id(), Status: d.status(), TaskDefinition: d.taskDefinition.arn(),
		Running: running, Pending: pending, FailedTasks: d.failedTasks,
		CreatedAt: wire.At(d.createdAt), UpdatedAt: wire.At(d.updatedAt),
		LaunchType: d.service.options.LaunchType, RolloutState: d.state, Reason: d.reason,
	}
	w.PlatformVersion, w.PlatformFamily = d.service.platform()
	if d.service.primary == d {
		w.Desired = d.service.desired
	}
	return w
}

func (d *Deployment) status() string {
	if d.service.primary == d {
		return "PRIMARY"
	}
	return "ACTIVE"
}

// wireTaskSet is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskSet.html.
type wireTaskSet struct {
	ID             string     `json:"id"`
	ARN            string     `json:"taskSetArn"`
	Service        string     `json:"serviceArn"`
	Cluster        string     `json:"clusterArn"`
	StartedBy      string     `json:"startedBy,omitempty"`
	Status         string     `json:"status"`
	TaskDefinition string     `json:"taskDefinition"`
	Desired        int        `json:"computedDesiredCount"`
	Running        int        `json:"runningCount"`
	Pending        int        `json:"pendingCount"`
	CreatedAt      *wire.Time `json:"createdAt"`
	UpdatedAt      *wire.Time `json:"updatedAt"`
	Stability      string     `json:"stabilityStatus"`
}

func (d *Deployment) describeTaskSet() wireTaskSet {
	svc := d.service
	running, pending := d.count()
	set := wireTaskSet{
		ID: d.id(), ARN: svc.cluster.scope.ARN("ecs", "task-set/"+svc.cluster.name+"/"+svc.name+"/"+d.id()),
		Service: svc.arn(), Cluster: svc.cluster.ARN(), Status: d.status(), TaskDefinition: d.taskDefinition.arn(),
		Desired: running + pending, Running: running, Pending: pending,
		CreatedAt: wire.At(d.createdAt), UpdatedAt: wire.At(d.updatedAt), Stability: "STABILIZING",
	}
	if svc.options.Controller == "CODE_DEPLOY" {
		set.StartedBy = svc.options.Controller
	}
	if d.state == completed {
		set.Stability = "STEADY_STATE"
	}
	return set
}
