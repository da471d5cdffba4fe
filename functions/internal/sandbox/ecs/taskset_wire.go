package ecs

import (
	"math"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// wireTaskSet is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskSet.html.
type wireTaskSet struct {
	ID              string     `json:"id"`
	ARN             string     `json:"taskSetArn"`
	Service         string     `json:"serviceArn"`
	Cluster         string     `json:"clusterArn"`
	StartedBy       string     `json:"startedBy,omitempty"`
	ExternalID      string     `json:"externalId,omitempty"`
	Status          string     `json:"status"`
	TaskDefinition  string     `json:"taskDefinition"`
	Desired         int        `json:"computedDesiredCount"`
	Running         int        `json:"runningCount"`
	Pending         int        `json:"pendingCount"`
	CreatedAt       *wire.Time `json:"createdAt"`
	UpdatedAt       *wire.Time `json:"updatedAt"`
	LaunchType      string     `json:"launchType"`
	PlatformVersion string     `json:"platformVersion,omitempty"`
	PlatformFamily  string     `json:"platformFamily,omitempty"`
	Scale           scale      `json:"scale"`
	Stability       string     `json:"stabilityStatus"`
	StabilityAt     *wire.Time `json:"stabilityStatusAt"`
}

// scale is https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Scale.html.
type scale struct {
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

func (set *TaskSet) arn() string {
	c := set.service.cluster
	return c.scope.ARN("ecs", "task-set/"+c.name+"/"+set.service.name+"/"+set.id())
}

// desired is the share of the service's tasks, rounded up.
func (set *TaskSet) desired() int {
	if set.status == draining || set.service.deleted {
		return 0
	}
	return int(math.Ceil(float64(set.service.desired) * set.options.Scale / 100))
}

func (set *TaskSet) describe() wireTaskSet {
	svc := set.service
	running, pending := set.count()
	w := wireTaskSet{
		ID: set.id(), ARN: set.arn(), Service: svc.arn(), Cluster: svc.cluster.ARN(),
		ExternalID: set.options.ExternalID, Status: set.status, TaskDefinition: set.taskDefinition.arn(),
		Desired: set.desired(), Running: running, Pending: pending,
		CreatedAt: wire.At(set.createdAt), UpdatedAt: wire.At(set.updatedAt), LaunchType: svc.options.LaunchType,
		Scale: scale{set.options.Scale, "PERCENT"}, Stability: "STABILIZING", StabilityAt: wire.At(svc.now()),
	}
	w.PlatformVersion, w.PlatformFamily = svc.platform()
	if set.options.ExternalID != "" && svc.options.Controller == "CODE_DEPLOY" {
		w.StartedBy = svc.options.Controller
	}
	if running == w.Desired && pending == 0 {
		w.Stability = "STEADY_STATE"
	}
	return w
}

// TaskSetState is what the sandbox's CodeDeploy tells of a task set.
type TaskSetState struct {
	ID                        string
	Status                    string
	TaskDefinition            string // its ARN
	Desired, Running, Pending int
}

// State gives what a task set is now.
func (set *TaskSet) State() TaskSetState {
	defer set.service.lock()()
	w := set.describe()
	return TaskSetState{w.ID, w.Status, w.TaskDefinition, w.Desired, w.Running, w.Pending}
}
