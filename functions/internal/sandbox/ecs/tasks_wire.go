package ecs

import (
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

type listTasksInput struct {
	Cluster string `json:"cluster"`
	paging
	StartedBy     string `json:"startedBy"`
	Service       string `json:"serviceName"`
	Family        string `json:"family"`
	LaunchType    string `json:"launchType"`
	DesiredStatus string `json:"desiredStatus"`
}

type listTasksOutput struct {
	ARNs      []string `json:"taskArns"`
	NextToken string   `json:"nextToken,omitempty"`
}

// listTasks is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html.
// Filters add up; startedBy must be the only one.
func (s *Scheduler) listTasks(caller wire.Caller, in listTasksInput) (listTasksOutput, error) {
	c, err := s.findCluster(caller, in.Cluster)
	if err != nil {
		return listTasksOutput{}, err
	}
	if err := in.check(c); err != nil {
		return listTasksOutput{}, err
	}
	var arns []string
	for _, t := range c.tasks {
		if in.passes(t) && !t.vanished(s.options.Now()) {
			arns = append(arns, t.arn())
		}
	}
	cut, next, err := page(arnPages("ListTasks", 100), arns, in.paging)
	return listTasksOutput{cut, next}, err
}

func (in *listTasksInput) check(c *Cluster) error {
	if in.StartedBy != "" && in.Service+in.Family+in.LaunchType+in.DesiredStatus != "" {
		return invalid("cannot specify startedBy with other arguments")
	}
	if in.DesiredStatus == "" {
		in.DesiredStatus = statusRunning
	}
	if !slices.Contains([]string{statusRunning, statusPending, statusStopped}, in.DesiredStatus) {
		return invalid("desiredStatus must be RUNNING, PENDING or STOPPED.")
	}
	if in.Service == "" {
		return nil
	}
	name, err := c.identifier(in.Service, "service")
	if err != nil {
		return err
	}
	if c.services[name] == nil {
		return serviceNotFound()
	}
	in.Service = name
	return nil
}

func (in *listTasksInput) passes(t *task) bool {
	return t.desiredStatus == in.DesiredStatus &&
		(in.StartedBy == "" || t.startedBy == in.StartedBy) &&
		(in.Service == "" || t.group == "service:"+in.Service) &&
		(in.Family == "" || t.definition.family == in.Family) &&
		(in.LaunchType == "" || t.launchType == in.LaunchType)
}

func (t *task) vanished(now time.Time) bool {
	return t.lastStatus == statusStopped && now.Sub(t.stoppedAt) > stoppedFor
}

type describeTasksInput struct {
	Cluster string   `json:"cluster"`
	Tasks   []string `json:"tasks"`
	Include []string `json:"include"`
}

type describeTasksOutput struct {
	Tasks    []wireTask `json:"tasks"`
	Failures []failure  `json:"failures"`
}

// describeTasks is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html.
func (s *Scheduler) describeTasks(caller wire.Caller, in describeTasksInput) (describeTasksOutput, error) {
	out := describeTasksOutput{Tasks: []wireTask{}, Failures: []failure{}}
	c, err := s.findCluster(caller, in.Cluster)
	if err != nil {
		return out, err
	}
	if err := checkInclude(in.Include); err != nil {
		return out, err
	}
	if len(in.Tasks) < 1 || len(in.Tasks) > 100 {
		return out, invalid("The number of tasks must be between 1 and 100, not %d.", len(in.Tasks))
	}
	for _, text := range in.Tasks {
		id, err := c.identifier(text, "task")
		if err != nil {
			return out, err
		}
		t, ok := c.tasks[id]
		if !ok || t.vanished(s.options.Now()) {
			out.Failures = append(out.Failures, missing(c.scope.ARN("ecs", "task/"+c.name+"/"+id)))
			continue
		}
		out.Tasks = append(out.Tasks, t.describe())
	}
	return out, nil
}

// checkInclude: resource tags may be asked for, the sandbox has none.
func checkInclude(include []string) error {
	for _, what := range include {
		if what != "TAGS" {
			return invalid("include must be TAGS, not %s.", what)
		}
	}
	return nil
}

// wireTask is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html.
type wireTask struct {
	ARN             string          `json:"taskArn"`
	Cluster         string          `json:"clusterArn"`
	TaskDefinition  string          `json:"taskDefinitionArn"`
	Group           string          `json:"group"`
	StartedBy       string          `json:"startedBy,omitempty"`
	LastStatus      string          `json:"lastStatus"`
	DesiredStatus   string          `json:"desiredStatus"`
	LaunchType      string          `json:"launchType"`
	PlatformVersion string          `json:"platformVersion,omitempty"`
	PlatformFamily  string          `json:"platformFamily,omitempty"`
	Containers      []wireContainer `json:"containers"`
	CreatedAt       *wire.Time      `json:"createdAt"`
	StartedAt       *wire.Time      `json:"startedAt,omitempty"`
	StoppedAt       *wire.Time      `json:"stoppedAt,omitempty"`
	StopCode        string          `json:"stopCode,omitempty"`
	StoppedReason   string          `json:"stoppedReason,omitempty"`
	Version         int             `json:"version"`
}

// wireContainer is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Container.html.
type wireContainer struct {
	ARN        string        `json:"containerArn"`
	Task       string        `json:"taskArn"`
	Name       string        `json:"name"`
	Image      string        `json:"image,omitempty"`
	Digest     digest.Digest `json:"imageDigest,omitempty"`
	RuntimeID  string        `json:"runtimeId,omitempty"`
	LastStatus string        `json:"lastStatus"`
	CPU        string        `json:"cpu"`
}

func (t *task) describe() wireTask {
	w := wireTask{
		ARN: t.arn(), Cluster: t.cluster.ARN(), TaskDefinition: t.definition.arn(),
		Group: t.group, StartedBy: t.startedBy,
		LastStatus: t.lastStatus, DesiredStatus: t.desiredStatus, LaunchType: t.launchType,
		CreatedAt: wire.At(t.createdAt), StoppedAt: wire.At(t.stoppedAt),
		StopCode: t.stopCode, StoppedReason: t.stoppedReason, Version: t.version,
	}
	w.PlatformVersion, w.PlatformFamily = platformOf(t.launchType)
	if t.lastStatus != statusPending {
		w.StartedAt = wire.At(t.createdAt)
	}
	for _, c := range t.containers {
		w.Containers = append(w.Containers, t.describeContainer(c))
	}
	return w
}

func (t *task) describeContainer(c taskContainer) wireContainer {
	w := wireContainer{
		ARN: t.containerARN(c.name), Task: t.arn(), Name: c.name, Image: c.image,
		LastStatus: t.lastStatus, CPU: "0",
	}
	if t.lastStatus != statusPending { // a container that waits for its image has neither
		w.Digest, w.RuntimeID = c.digest, t.runtimeID(c.name)
	}
	return w
}
