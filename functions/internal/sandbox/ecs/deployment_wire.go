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
