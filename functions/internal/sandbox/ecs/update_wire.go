package ecs

import (
	"cmp"
	"encoding/json"
	"regexp"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

type createServiceInput struct {
	Cluster        string            `json:"cluster"`
	Name           string            `json:"serviceName"`
	TaskDefinition string            `json:"taskDefinition"`
	Desired        *int              `json:"desiredCount"`
	LaunchType     string            `json:"launchType"`
	Configuration  *deploymentConfig `json:"deploymentConfiguration"`
	Controller     *deploymentType   `json:"deploymentController"`
	Network        json.RawMessage   `json:"networkConfiguration"`
}

type serviceOutput struct {
	Service wireService `json:"service"`
}

// createService is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html.
// It starts the first deployment, whose event is among Events, or the first task
// set if CodeDeploy is to deploy. An external controller makes its own.
func (s *Scheduler) createService(caller wire.Caller, in createServiceInput) (serviceOutput, error) {
	c, err := s.findCluster(caller, in.Cluster)
	if err != nil {
		return serviceOutput{}, err
	}
	if err := in.check(c); err != nil {
		return serviceOutput{}, err
	}
	options := in.options()
	td, ok := s.findTaskDefinition(c.scope, in.TaskDefinition)
	if !ok && options.Controller != "EXTERNAL" {
		return serviceOutput{}, wire.Errorf("ClientException", "TaskDefinition not found.")
	}
	svc := c.create(in.Name, options)
	svc.desired, svc.network = *in.Desired, in.Network
	svc.configure(in.Configuration)
	switch svc.options.Controller {
	case "ECS":
		svc.deploy(td, s.options.Now())
	case "CODE_DEPLOY":
		svc.createTaskSet(td, TaskSetOptions{}, s.options.Now())
	}
	return serviceOutput{svc.describe()}, nil
}

// options are CreateService's defaults: EC2, and no circuit breaker.
func (in createServiceInput) options() ServiceOptions {
	options := ServiceOptions{LaunchType: cmp.Or(in.LaunchType, "EC2"), NoCircuitBreaker: true, NoRollback: true}
	if in.Controller != nil {
		options.Controller = in.Controller.Type
	}
	return options
}

func (in createServiceInput) check(c *Cluster) error {
	if !serviceName.MatchString(in.Name) {
		return invalid("Invalid service name: %s", in.Name)
	}
	if svc := c.services[in.Name]; svc != nil && !svc.deleted {
		return invalid("Creation of service was not idempotent.")
	}
	if in.Desired == nil || *in.Desired < 0 {
		return invalid("The desired count must be zero or more.")
	}
	if in.Controller != nil && in.Controller.Type != "ECS" && in.Controller.Type != "CODE_DEPLOY" && in.Controller.Type != "EXTERNAL" {
		return invalid("Unknown deployment controller: %s", in.Controller.Type)
	}
	if in.Controller != nil && in.Controller.Type == "EXTERNAL" && in.TaskDefinition != "" {
		return invalid("A task definition cannot be specified for a service with an EXTERNAL deployment controller.")
	}
	switch in.LaunchType {
	case "", "EC2", "FARGATE", "EXTERNAL":
		return in.Configuration.check()
	}
	return invalid("Unknown launch type: %s", in.LaunchType)
}

var serviceName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,255}$`)

// check refuses what ECS does not know. Native blue/green, linear and canary deployments
// take the same course as rolling ones here: their stages show nowhere but in what the
// sandbox leaves out.
func (c *deploymentConfig) check() error {
	if c == nil {
		return nil
	}
	switch c.Strategy {
	case "", "ROLLING", "BLUE_GREEN", "LINEAR", "CANARY":
		return nil
	}
	return invalid("Unknown deployment strategy: %s", c.Strategy)
}

// configure takes over what a configuration names and leaves the rest.
func (svc *Service) configure(c *deploymentConfig) {
	if c == nil {
		return
	}
	svc.config.MaximumPercent = cmp.Or(c.MaximumPercent, svc.config.MaximumPercent)
	svc.config.MinimumHealthy = cmp.Or(c.MinimumHealthy, svc.config.MinimumHealthy)
	svc.config.Strategy = cmp.Or(c.Strategy, svc.config.Strategy)
	if c.CircuitBreaker != nil {
		svc.options.NoCircuitBreaker = !c.CircuitBreaker.Enable
		svc.options.NoRollback = !c.CircuitBreaker.Rollback
	}
}

type updateServiceInput struct {
	Cluster        string            `json:"cluster"`
	Service        string            `json:"service"`
	TaskDefinition string            `json:"taskDefinition"`
	Desired        *int              `json:"desiredCount"`
	Force          bool              `json:"forceNewDeployment"`
	Configuration  *deploymentConfig `json:"deploymentConfiguration"`
}

// updateService is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html.
// A new task definition or force starts a deployment, whose event is among
// Events; another desired count alone does not.
func (s *Scheduler) updateService(caller wire.Caller, in updateServiceInput) (serviceOutput, error) {
	svc, err := s.findService(caller, in.Cluster, in.Service)
	if err != nil {
		return serviceOutput{}, err
	}
	td, err := in.check(svc)
	if err != nil {
		return serviceOutput{}, err
	}
	svc.configure(in.Configuration)
	if in.Desired != nil {
		svc.scale(*in.Desired, instant(s.options.Now()))
	}
	if td != nil && (in.Force || svc.primary == nil || td != svc.primary.taskDefinition) {
		svc.deploy(td, s.options.Now())
	}
	return serviceOutput{svc.describe()}, nil
}

// check gives the task definition that is to run, nil if there is none.
func (in updateServiceInput) check(svc *Service) (*taskDefinition, error) {
	if svc.deleted {
		return nil, wire.Errorf("ServiceNotActiveException", "Service was not ACTIVE.")
	}
	if in.Desired != nil && *in.Desired < 0 {
		return nil, invalid("The desired count must be zero or more.")
	}
	if svc.options.Controller != "ECS" && (in.Force || in.TaskDefinition != "") {
		return nil, invalid("Unable to update task definition on services with a %s deployment controller.", svc.options.Controller)
	}
	if err := in.Configuration.check(); err != nil {
		return nil, err
	}
	if in.TaskDefinition == "" {
		if svc.primary == nil {
			return nil, nil
		}
		return svc.primary.taskDefinition, nil
	}
	td, ok := svc.cluster.scheduler.findTaskDefinition(svc.cluster.scope, in.TaskDefinition)
	if !ok {
		return nil, wire.Errorf("ClientException", "TaskDefinition not found.")
	}
	return td, nil
}
