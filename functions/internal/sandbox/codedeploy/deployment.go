package codedeploy

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// The states of a deployment.
const (
	created    = "Created"
	inProgress = "InProgress"
	ready      = "Ready"
	succeeded  = "Succeeded"
	failed     = "Failed"
	stopped    = "Stopped"
)

// The creators of deployments that the sandbox knows.
const (
	byUser     = "user"
	byRollback = "codeDeployRollback"
)

// Deployment is a deployment in the hands of a story or a test. To ECS it is a
// blue/green one: it puts a replacement task set (green) in the place of the
// original one (blue).
//
// https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-ecs.html.
type Deployment struct {
	group          *Group
	id             string
	taskDefinition string
	before         string // the original's task definition
	status         string
	creator        string
	failure        *errorInformation
	createdAt      time.Time
	startedAt      time.Time
	completedAt    time.Time
	updatedAt      time.Time

	rolledBack  *Deployment // that this one rolls back
	rolledBy    *Deployment // that rolls this one back
	original    *ecs.TaskSet
	replacement *ecs.TaskSet  // nil till Install
	last        []wireTaskSet // as it was when the deployment ended
}

// ErrState says that CodeDeploy would not do this to a deployment in its state.
var ErrState = errors.New("deployment is in another state")

// Create makes a deployment of a task definition, given as FAMILY,
// FAMILY:REVISION or ARN, which has not started yet: no event says so. A group
// has one deployment at a time.
func (g *Group) Create(taskDefinition string, at time.Time) (*Deployment, error) {
	defer g.lock()()
	if other := g.running(); other != nil {
		return nil, fmt.Errorf("deploying to group %s: it has an active deployment %s", g.name, other.id)
	}
	return g.create(taskDefinition, byUser, at), nil
}

func (g *Group) create(taskDefinition, creator string, at time.Time) *Deployment {
	d := &Deployment{
		group: g, id: g.nextID(), taskDefinition: taskDefinition,
		status: created, creator: creator, createdAt: instant(at), updatedAt: instant(at),
	}
	g.deployments = append(g.deployments, d)
	g.application.service.deployments[deploymentKey{g.application.scope, d.id}] = d
	return d
}

func (g *Group) nextID() string {
	if len(g.ids) > 0 {
		id := g.ids[0]
		g.ids = g.ids[1:]
		return id
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	return "d-" + wire.Text(9, alphabet, "deployment", g.id, strconv.Itoa(len(g.deployments)))
}

// Deploy creates and starts a deployment and has its task set created at once;
// it gives the START event.
func (g *Group) Deploy(taskDefinition string, at time.Time) (*Deployment, []byte, error) {
	d, err := g.Create(taskDefinition, at)
	if err != nil {
		return nil, nil, err
	}
	event, err := d.Start(at)
	if err != nil {
		return nil, nil, err
	}
	return d, event, d.Install(at)
}

// Start starts a deployment that was created and gives the START event. It has
// no task set of its own yet.
func (d *Deployment) Start(at time.Time) ([]byte, error) {
	defer d.group.lock()()
	if d.status != created {
		return nil, fmt.Errorf("starting %s: %w", d.id, ErrState)
	}
	return d.start(at)
}

func (d *Deployment) start(at time.Time) ([]byte, error) {
	if d.group.target != nil {
		if d.original = d.group.target.PrimaryTaskSet(); d.original == nil {
			return nil, fmt.Errorf("starting %s: service %s has no primary task set", d.id, d.group.targetID())
		}
		d.before = d.original.State().TaskDefinition
	}
	d.startedAt = instant(at)
	return d.change(inProgress, "START", at), nil
}

// Install has ECS create the replacement task set, which gets no traffic yet.
func (d *Deployment) Install(at time.Time) error {
	defer d.group.lock()()
	if d.status != inProgress || d.group.target == nil || d.replacement != nil {
		return fmt.Errorf("installing %s: %w", d.id, ErrState)
	}
	set, err := d.group.target.CreateTaskSet(d.taskDefinition, ecs.TaskSetOptions{ExternalID: d.id}, at)
	if err != nil {
		return fmt.Errorf("installing %s: %w", d.id, err)
	}
	d.replacement, d.updatedAt = set, instant(at)
	return nil
}

// Ready lets the replacement wait for its traffic and gives the READY event.
func (d *Deployment) Ready(at time.Time) ([]byte, error) {
	defer d.group.lock()()
	if d.status != inProgress || d.replacement == nil || d.shifted() {
		return nil, fmt.Errorf("making %s ready: %w", d.id, ErrState)
	}
	return d.change(ready, "READY", at), nil
}

// Shift gives the replacement all traffic: it is PRIMARY, and no event says so.
// The original waits for its end.
func (d *Deployment) Deployment(at time.Time) error {
	defer d.group.lock()()
	return d.shift(at)
}

func (d *Deployment) shift(at time.Time) error {
	if !d.works() || d.replacement == nil {
		return fmt.Errorf("shifting traffic to %s: %w", d.id, ErrState)
	}
	if err := d.replacement.MakePrimary(at); err != nil {
		return fmt.Errorf("shifting traffic to %s: %w", d.id, err)
	}
	d.status, d.updatedAt = inProgress, instant(at)
	return nil
}

// ID is d- and 9 capital letters and digits.
func (d *Deployment) ID() string { return d.id }

// TaskSet gives the replacement, nil if there is none.
func (d *Deployment) TaskSet() *ecs.TaskSet {
	defer d.group.lock()()
	return d.replacement
}

// works says whether CodeDeploy works towards the deployment's end.
func (d *Deployment) works() bool { return d.status == inProgress || d.status == ready }

func (d *Deployment) shifted() bool {
	return d.replacement != nil && d.replacement.State().Status == "PRIMARY"
}

// change sets a new state and gives the event that says so.
func (d *Deployment) change(status, event string, at time.Time) []byte {
	d.status, d.updatedAt = status, instant(at)
	return d.emit(event, at)
}
