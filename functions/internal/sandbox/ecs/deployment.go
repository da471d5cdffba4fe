package ecs

import (
	"errors"
	"fmt"
	"time"
)

// The states of a deployment, rolloutState on the wire.
const (
	inProgress = "IN_PROGRESS"
	completed  = "COMPLETED"
	failed     = "FAILED"
)

// Deployment is a deployment of a service in the hands of a story or a test,
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html.
type Deployment struct {
	*starter     // whose number its service revision has, too
	updatedAt    time.Time
	state        string
	reason       string
	wasCompleted bool // ever
	failedTasks  int
	record       *serviceDeployment
}

// ErrState says that ECS would not do this to a deployment in its state.
var ErrState = errors.New("deployment is in another state")

// Deploy starts a deployment of a task definition, given as FAMILY,
// FAMILY:REVISION or ARN, and gives the IN_PROGRESS event. Its first task
// resolves the images' tags to digests. A deployment that was in progress is
// superseded.
func (svc *Service) Deploy(taskDefinition string, at time.Time) (*Deployment, []byte, error) {
	defer svc.lock()()
	td, ok := svc.cluster.scheduler.findTaskDefinition(svc.cluster.scope, taskDefinition)
	if !ok {
		return nil, nil, fmt.Errorf("task definition %q is not registered", taskDefinition)
	}
	if svc.deleted {
		return nil, nil, fmt.Errorf("deploying to %s: service is deleted", svc.arn())
	}
	if svc.options.Controller != "ECS" {
		return nil, nil, fmt.Errorf("deploying to %s: its controller is %s, which creates task sets", svc.arn(), svc.options.Controller)
	}
	d, event := svc.deploy(td, at)
	return d, event, nil
}

// Release registers a revision of the family that is named like the service
// and deploys it.
func (svc *Service) Release(at time.Time, containers ...Container) (*Deployment, []byte, error) {
	arn, err := svc.cluster.scheduler.Register(svc.cluster.scope, svc.name, containers...)
	if err != nil {
		return nil, nil, err
	}
	return svc.Deploy(arn, at)
}

func (svc *Service) deploy(td *taskDefinition, at time.Time) (*Deployment, []byte) {
	at = instant(at)
	d := &Deployment{starter: svc.newStarter(td, at)}
	svc.supersede(at)
	d.record = svc.newRecord(d, at)
	svc.deployments = append(svc.deployments, d)
	svc.primary = d
	d.change(inProgress, "ECS deployment "+d.id()+" in progress.", at)
	d.adjust(svc.desired, at)
	return d, svc.emit("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS", d)
}

// supersede ends the work on a deployment that never came to its end.
func (svc *Service) supersede(at time.Time) {
	if n := len(svc.records); n > 0 {
		svc.records[n-1].stop(at, "Service deployment stopped because a new service deployment was started.")
	}
}

// RevisionARN is that of the deployment's service revision, which has the
// deployment's number.
func (d *Deployment) RevisionARN() string {
	svc := d.service
	return svc.cluster.scope.ARN("ecs", "service-revision/"+svc.cluster.name+"/"+svc.name+"/"+d.number)
}

// Complete brings the service to its steady state with this deployment, for
// the first time or after a rollback, and gives the COMPLETED event. A task
// whose image still cannot be pulled stands against it.
func (d *Deployment) Complete(at time.Time) ([]byte, error) {
	defer d.service.lock()()
	event, err := d.complete(at)
	if err == nil {
		d.service.cleanUp(at)
	}
	return event, err
}

// CompleteEarly completes it by early success criteria whose cleanup is DEFERRED: the tasks
// of those before it run on until CleanUp.
func (d *Deployment) CompleteEarly(at time.Time) ([]byte, error) {
	defer d.service.lock()()
	return d.complete(at)
}

// CleanUp stops the tasks of all deployments but the one that ECS works towards, in the
// background: no event tells.
func (svc *Service) CleanUp(at time.Time) {
	defer svc.lock()()
	svc.cleanUp(at)
}

func (svc *Service) cleanUp(at time.Time) {
	for _, t := range svc.tasks() {
		if t.starter != svc.primary.starter {
			t.stop(instant(at), "ServiceSchedulerInitiated", "Scaling activity initiated by ("+t.starter.described()+")")
		}
	}
}

func (d *Deployment) complete(at time.Time) ([]byte, error) {
	svc := d.service
	if !d.works() {
		return nil, fmt.Errorf("completing %s: %w", d.id(), ErrState)
	}
	at = instant(at)
	d.adjust(svc.desired, at)
	if _, pending := d.count(); pending > 0 {
		return nil, fmt.Errorf("completing %s: %d tasks cannot pull their images", d.id(), pending)
	}
	d.wasCompleted = true
	d.change(completed, "ECS deployment "+d.id()+" completed.", at)
	svc.records[len(svc.records)-1].complete(at)
	svc.say(at, "("+d.described()+") deployment completed.")
	svc.say(at.Add(time.Millisecond), "has reached a steady state.")
	return svc.emit("INFO", "SERVICE_DEPLOYMENT_COMPLETED", d), nil
}

// Fail lets the circuit breaker end a deployment and gives the FAILED event;
// an empty reason is the one that AWS documents. A service without a circuit
// breaker fails no deployment.
func (d *Deployment) Fail(at time.Time, reason string) ([]byte, error) {
	defer d.service.lock()()
	svc := d.service
	if !d.works() || svc.options.NoCircuitBreaker {
		return nil, fmt.Errorf("failing %s: %w", d.id(), ErrState)
	}
	at = instant(at)
	if reason == "" {
		reason = "ECS deployment circuit breaker: tasks failed to start."
	}
	for _, t := range svc.tasks() {
		if t.starter == d.starter && !svc.options.FailedTasksRunOn {
			d.failedTasks++
			t.stop(at, "TaskFailedToStart", "Task failed to start")
		}
	}
	d.change(failed, reason, at)
	d.record.fail(at, reason)
	svc.say(at, "("+d.described()+") deployment failed: tasks failed to start.")
	return svc.emit("ERROR", "SERVICE_DEPLOYMENT_FAILED", d), nil
}

// RollBack revives the newest deployment that had completed before this failed
// one: it is in progress again under its old id, whose IN_PROGRESS event comes
// back, and Complete on it ends the rollback.
func (d *Deployment) RollBack(at time.Time) (*Deployment, []byte, error) {
	defer d.service.lock()()
	svc := d.service
	old := svc.lastCompleted(d)
	if svc.primary != d || d.state != failed || svc.options.NoRollback || old == nil {
		return nil, nil, fmt.Errorf("rolling back %s: %w", d.id(), ErrState)
	}
	at = instant(at)
	reason := "ECS deployment circuit breaker: rolling back to deploymentId " + old.id() + "."
	svc.primary = old
	old.change(inProgress, reason, at)
	old.adjust(svc.desired, at)
	d.record.rollBack(at, old, reason)
	svc.say(at, "("+d.described()+") deployment rolling back to "+old.described()+".")
	return old, svc.emit("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS", old), nil
}

func (svc *Service) lastCompleted(except *Deployment) *Deployment {
	var last *Deployment
	for _, d := range svc.deployments {
		if d != except && d.wasCompleted && (last == nil || d.updatedAt.After(last.updatedAt)) {
			last = d
		}
	}
	return last
}

// works says whether ECS works towards this deployment.
func (d *Deployment) works() bool {
	return d.service.primary == d && d.state == inProgress && !d.service.deleted
}

func (d *Deployment) change(state, reason string, at time.Time) {
	d.state, d.reason, d.updatedAt = state, reason, at
}

// instant is a time as ECS keeps it, to the millisecond.
func instant(at time.Time) time.Time { return at.UTC().Truncate(time.Millisecond) }
