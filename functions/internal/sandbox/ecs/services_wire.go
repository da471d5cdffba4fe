package ecs

import (
	"cmp"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// findService gives the service that a request names.
func (s *Scheduler) findService(caller wire.Caller, cluster, service string) (*Service, error) {
	c, err := s.findCluster(caller, cluster)
	if err != nil {
		return nil, err
	}
	if service == "" {
		return nil, invalid("Service cannot be empty.")
	}
	name, err := c.identifier(service, "service")
	if err != nil {
		return nil, err
	}
	svc := c.services[name]
	if svc == nil {
		return nil, serviceNotFound()
	}
	return svc, nil
}

func serviceNotFound() error { return wire.Errorf("ServiceNotFoundException", "Service not found.") }

type listServicesInput struct {
	Cluster    string `json:"cluster"`
	LaunchType string `json:"launchType"`
	paging
}

type listServicesOutput struct {
	ARNs      []string `json:"serviceArns"`
	NextToken string   `json:"nextToken,omitempty"`
}

// listServices is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServices.html.
func (s *Scheduler) listServices(caller wire.Caller, in listServicesInput) (listServicesOutput, error) {
	c, err := s.findCluster(caller, in.Cluster)
	if err != nil {
		return listServicesOutput{}, err
	}
	var arns []string
	for _, svc := range c.services {
		if !svc.deleted && (in.LaunchType == "" || in.LaunchType == svc.options.LaunchType) {
			arns = append(arns, svc.arn())
		}
	}
	cut, next, err := page(arnPages("ListServices", 10), arns, in.paging)
	return listServicesOutput{cut, next}, err
}

type describeServicesInput struct {
	Cluster  string   `json:"cluster"`
	Services []string `json:"services"`
	Include  []string `json:"include"`
}

type describeServicesOutput struct {
	Services []wireService `json:"services"`
	Failures []failure     `json:"failures"`
}

// describeServices is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html.
func (s *Scheduler) describeServices(caller wire.Caller, in describeServicesInput) (describeServicesOutput, error) {
	out := describeServicesOutput{Services: []wireService{}, Failures: []failure{}}
	c, err := s.findCluster(caller, in.Cluster)
	if err != nil {
		return out, err
	}
	if err := checkInclude(in.Include); err != nil {
		return out, err
	}
	if len(in.Services) < 1 || len(in.Services) > 10 {
		return out, invalid("The number of services must be between 1 and 10, not %d.", len(in.Services))
	}
	for _, text := range in.Services {
		name, err := c.identifier(text, "service")
		if err != nil {
			return out, err
		}
		if svc := c.services[name]; svc != nil {
			out.Services = append(out.Services, svc.describe())
			continue
		}
		out.Failures = append(out.Failures, missing(c.scope.ARN("ecs", "service/"+c.name+"/"+name)))
	}
	return out, nil
}

// wireService is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html.
type wireService struct {
	ARN               string           `json:"serviceArn"`
	Name              string           `json:"serviceName"`
	Cluster           string           `json:"clusterArn"`
	Status            string           `json:"status"`
	Desired           int              `json:"desiredCount"`
	Running           int              `json:"runningCount"`
	Pending           int              `json:"pendingCount"`
	LaunchType        string           `json:"launchType"`
	PlatformVersion   string           `json:"platformVersion,omitempty"`
	PlatformFamily    string           `json:"platformFamily,omitempty"`
	TaskDefinition    string           `json:"taskDefinition,omitempty"`
	Configuration     deploymentConfig `json:"deploymentConfiguration"`
	Deployments       []wireDeployment `json:"deployments"`
	TaskSets          []wireTaskSet    `json:"taskSets,omitempty"`
	Events            []message        `json:"events"`
	CreatedAt         *wire.Time       `json:"createdAt"`
	CurrentDeployment string           `json:"currentServiceDeployment,omitempty"`
	CurrentRevisions  []revisionTasks  `json:"currentServiceRevisions,omitempty"`
	Scheduling        string           `json:"schedulingStrategy"`
	Controller        *deploymentType  `json:"deploymentController"`
}

type deploymentType struct {
	Type string `json:"type"`
}

// deploymentConfig is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html.
type deploymentConfig struct {
	CircuitBreaker circuitBreaker `json:"deploymentCircuitBreaker"`
	MaximumPercent int            `json:"maximumPercent"`
	MinimumHealthy int            `json:"minimumHealthyPercent"`
	Strategy       string         `json:"strategy"`
	BakeMinutes    int            `json:"bakeTimeInMinutes,omitempty"`
	Canary         *canaryConfig  `json:"canaryConfiguration,omitempty"`
	Linear         *linearConfig  `json:"linearConfiguration,omitempty"`
}

type circuitBreaker struct {
	Enable   bool `json:"enable"`
	Rollback bool `json:"rollback"`
}

func (svc *Service) configuration() deploymentConfig {
	traffic, breaks := svc.options.Traffic, !svc.options.NoCircuitBreaker
	c := deploymentConfig{
		CircuitBreaker: circuitBreaker{breaks, breaks && !svc.options.NoRollback},
		MaximumPercent: 200, MinimumHealthy: 100, Strategy: cmp.Or(svc.options.Strategy, "ROLLING"), BakeMinutes: traffic.BakeMinutes,
	}
	switch c.Strategy {
	case "CANARY":
		c.Canary = &canaryConfig{traffic.CanaryMinutes}
	case "LINEAR":
		c.Linear = &linearConfig{traffic.LinearPercent, traffic.LinearMinutes}
	}
	return c
}

func (svc *Service) describe() wireService {
	w := wireService{
		ARN: svc.arn(), Name: svc.name, Cluster: svc.cluster.ARN(), Status: "ACTIVE",
		Desired: svc.desired, LaunchType: svc.options.LaunchType,
		Configuration: svc.configuration(),
		Deployments:   []wireDeployment{}, Events: svc.newest(),
		CreatedAt: wire.At(svc.createdAt), Scheduling: "REPLICA", Controller: &deploymentType{svc.options.Controller},
	}
	w.PlatformVersion, w.PlatformFamily = svc.platform()
	if svc.deleted {
		w.Status = "INACTIVE"
		return w
	}
	svc.describeCurrent(&w)
	return w
}

// describeCurrent fills in what a living service has: deployments, or task
// sets if another controller directs them.
func (svc *Service) describeCurrent(w *wireService) {
	for _, set := range svc.sets {
		described := set.describe()
		w.Running, w.Pending = w.Running+described.Running, w.Pending+described.Pending
		w.TaskSets = append(w.TaskSets, described)
		if set.status == primary {
			w.TaskDefinition = described.TaskDefinition
		}
	}
	if svc.primary == nil {
		return
	}
	w.TaskDefinition = svc.primary.taskDefinition.arn()
	for _, d := range svc.current() {
		running, pending := d.count()
		w.Running, w.Pending = w.Running+running, w.Pending+pending
		if d == svc.primary || svc.primary.state != completed || !svc.options.CleanupInRevisions {
			w.Deployments = append(w.Deployments, d.describe())
		}
		if !svc.options.NoRevisions {
			w.CurrentRevisions = append(w.CurrentRevisions, d.revisionTasks())
		}
	}
	if last := svc.records[len(svc.records)-1]; !svc.options.NoRevisions {
		w.CurrentDeployment = last.arn
	}
}

// current gives the primary deployment and those that still have tasks or that
// the rollback in progress comes from.
func (svc *Service) current() []*Deployment {
	current := []*Deployment{svc.primary}
	for _, d := range slices.Backward(svc.deployments) {
		rollingBack := svc.primary.state == inProgress && d.state == failed && d.record.status == rollbackInProgress
		if d != svc.primary && (len(d.tasks()) > 0 || rollingBack) {
			current = append(current, d)
		}
	}
	return current
}

// newest gives the messages as DescribeServices does: 100 at most, newest first.
func (svc *Service) newest() []message {
	messages := slices.Clone(svc.messages)
	slices.Reverse(messages)
	if messages == nil {
		return []message{}
	}
	return messages[:min(100, len(messages))]
}
