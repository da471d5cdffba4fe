package ecs

import (
	"fmt"
	"slices"
	"time"
)

// The states of a task set.
const (
	primary  = "PRIMARY"  // it serves the production traffic
	active   = "ACTIVE"   // it does not
	draining = "DRAINING" // its tasks are being stopped
)

// TaskSet is a task set in the hands of a story, a test or the sandbox's
// CodeDeploy: what a service has instead of deployments if its controller is not
// ECS. It sends no events, and has neither a service revision nor a service
// deployment.
//
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskSet.html.
type TaskSet struct {
	*starter
	options   TaskSetOptions
	status    string
	updatedAt time.Time
}

// TaskSetOptions are a task set's settings.
type TaskSetOptions struct {
	ExternalID string  // the id of CodeDeploy's deployment, "" if somebody else makes it
	Scale      float64 // percent of the service's tasks; 0 means 100, for none Scale(0, …)
}

// CreateTaskSet starts a task set of a task definition, given as FAMILY,
// FAMILY:REVISION or ARN. It is ACTIVE; the first one of a service that
// CodeDeploy deploys is PRIMARY, as CreateService makes it.
//
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateTaskSet.html.
func (svc *Service) CreateTaskSet(taskDefinition string, options TaskSetOptions, at time.Time) (*TaskSet, error) {
	defer svc.lock()()
	td, ok := svc.cluster.scheduler.findTaskDefinition(svc.cluster.scope, taskDefinition)
	switch {
	case !ok:
		return nil, fmt.Errorf("task definition %q is not registered", taskDefinition)
	case svc.deleted:
		return nil, fmt.Errorf("creating a task set in %s: service is deleted", svc.arn())
	case svc.options.Controller == "ECS":
		return nil, fmt.Errorf("creating a task set in %s: its controller is ECS, which has deployments", svc.arn())
	}
	return svc.createTaskSet(td, options, at), nil
}

func (svc *Service) createTaskSet(td *taskDefinition, options TaskSetOptions, at time.Time) *TaskSet {
	at = instant(at)
	if options.Scale == 0 {
		options.Scale = 100
	}
	set := &TaskSet{starter: svc.newStarter(td, at), options: options, status: active, updatedAt: at}
	if len(svc.sets) == 0 && svc.options.Controller == "CODE_DEPLOY" {
		set.status = primary
	}
	svc.sets = append(svc.sets, set)
	set.adjust(at)
	return set
}

// PrimaryTaskSet gives the task set that serves the production traffic, nil if
// there is none.
func (svc *Service) PrimaryTaskSet() *TaskSet {
	defer svc.lock()()
	return svc.primarySet()
}

func (svc *Service) primarySet() *TaskSet {
	for _, set := range svc.sets {
		if set.status == primary {
			return set
		}
	}
	return nil
}

// MakePrimary gives a task set the production traffic; the one that had it is
// ACTIVE. A task whose image still cannot be pulled stands against it.
//
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateServicePrimaryTaskSet.html.
func (set *TaskSet) MakePrimary(at time.Time) error {
	defer set.service.lock()()
	if set.status == draining {
		return fmt.Errorf("making %s primary: %w", set.id(), ErrState)
	}
	at = instant(at)
	set.adjust(at)
	if _, pending := set.count(); pending > 0 {
		return fmt.Errorf("making %s primary: %d tasks cannot pull their images", set.id(), pending)
	}
	if old := set.service.primarySet(); old != nil {
		old.change(active, at)
	}
	set.change(primary, at)
	return nil
}

// Scale sets how many percent of the service's tasks the task set has.
//
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateTaskSet.html.
func (set *TaskSet) Scale(percent float64, at time.Time) {
	defer set.service.lock()()
	set.options.Scale, set.updatedAt = percent, instant(at)
	set.adjust(set.updatedAt)
}

// Drain stops a task set's tasks: it is DRAINING, till Delete. The PRIMARY one
// stays.
func (set *TaskSet) Drain(at time.Time) error {
	defer set.service.lock()()
	return set.drain(instant(at))
}

func (set *TaskSet) drain(at time.Time) error {
	if set.status == primary {
		return fmt.Errorf("draining %s: it is PRIMARY: %w", set.id(), ErrState)
	}
	set.change(draining, at)
	set.adjust(at)
	return nil
}

// Delete removes a task set with its tasks. The PRIMARY one stays.
//
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteTaskSet.html.
func (set *TaskSet) Delete(at time.Time) error {
	defer set.service.lock()()
	if err := set.drain(instant(at)); err != nil {
		return err
	}
	set.service.sets = slices.DeleteFunc(set.service.sets, func(other *TaskSet) bool { return other == set })
	return nil
}

func (set *TaskSet) change(status string, at time.Time) {
	set.status, set.updatedAt = status, at
}

func (set *TaskSet) adjust(at time.Time) { set.starter.adjust(set.desired(), at) }
