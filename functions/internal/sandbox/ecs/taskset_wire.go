package ecs

import (
	"math"
	"slices"
	"strings"

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

type describeTaskSetsInput struct {
	Cluster  string   `json:"cluster"`
	Service  string   `json:"service"`
	TaskSets []string `json:"taskSets"`
	Include  []string `json:"include"`
}

type describeTaskSetsOutput struct {
	TaskSets []wireTaskSet `json:"taskSets"`
	Failures []failure     `json:"failures"`
}

// describeTaskSets is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTaskSets.html.
// It names task sets by id or ARN; none means all of the service.
func (s *Scheduler) describeTaskSets(caller wire.Caller, in describeTaskSetsInput) (describeTaskSetsOutput, error) {
	out := describeTaskSetsOutput{TaskSets: []wireTaskSet{}, Failures: []failure{}}
	svc, err := s.findService(caller, in.Cluster, in.Service)
	if err != nil {
		return out, err
	}
	if err := in.check(svc); err != nil {
		return out, err
	}
	for _, set := range svc.sets {
		if len(in.TaskSets) == 0 || slices.ContainsFunc(in.TaskSets, set.is) {
			out.TaskSets = append(out.TaskSets, set.describe())
		}
	}
	for _, text := range in.TaskSets {
		if !slices.ContainsFunc(svc.sets, func(set *TaskSet) bool { return set.is(text) }) {
			out.Failures = append(out.Failures, missing(text))
		}
	}
	return out, nil
}

func (in describeTaskSetsInput) check(svc *Service) error {
	if svc.deleted {
		return wire.Errorf("ServiceNotActiveException", "Service was not ACTIVE.")
	}
	if svc.options.Controller == "ECS" {
		return invalid("Amazon ECS only supports task set management on services configured with external deployment controllers.")
	}
	return checkInclude(in.Include)
}

// is tells whether a text names the task set.
func (set *TaskSet) is(text string) bool {
	if strings.HasPrefix(text, "arn:") {
		return text == set.arn()
	}
	return text == set.id()
}
