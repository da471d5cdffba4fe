package ecs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

const (
	statusPending = "PENDING"
	statusRunning = "RUNNING"
	statusStopped = "STOPPED"
)

// stoppedFor is how long DescribeTasks still knows a stopped task.
const stoppedFor = time.Hour

// task is a task of a deployment.
type task struct {
	id            string
	order         int
	deployment    *Deployment
	containers    []taskContainer
	lastStatus    string
	desiredStatus string
	createdAt     time.Time
	stoppedAt     time.Time
	stopCode      string
	stoppedReason string
	version       int
}

type taskContainer struct {
	name   string
	image  string // "" for what ECS adds itself
	digest digest.Digest
}

func (t *task) arn() string {
	c := t.deployment.service.cluster
	return c.scope.ARN("ecs", "task/"+c.name+"/"+t.id)
}

// tasks gives the tasks of a service that are not stopped, oldest first.
func (svc *Service) tasks() []*task {
	var found []*task
	for _, t := range svc.cluster.tasks {
		if t.deployment.service == svc && t.lastStatus != statusStopped {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, func(a, b *task) int { return a.order - b.order })
	return found
}

func (d *Deployment) tasks() []*task {
	return slices.DeleteFunc(d.service.tasks(), func(t *task) bool { return t.deployment != d })
}

// adjust starts or stops tasks until there are as many as desired.
func (d *Deployment) adjust(at time.Time) {
	tasks := d.tasks()
	for _, t := range tasks {
		t.pull()
	}
	for n := len(tasks); n < d.service.desired; n++ {
		d.start(at)
	}
	for i := len(tasks) - 1; i >= d.service.desired; i-- {
		tasks[i].stop(at, "ServiceSchedulerInitiated", "Scaling activity initiated by ("+d.described()+")")
	}
}

// start starts a task. One whose image cannot be pulled stays pending.
func (d *Deployment) start(at time.Time) {
	s := d.service.cluster.scheduler
	id := wire.Hex(32, s.seed("task", d.service.longARN())...)
	t := &task{
		id: id, order: s.ids, deployment: d, createdAt: at, version: 1,
		lastStatus: statusPending, desiredStatus: statusRunning,
	}
	for _, c := range d.taskDefinition.wire.Containers {
		t.containers = append(t.containers, taskContainer{c.Name, c.Image, d.pinned(c.Name)})
	}
	t.containers = append(t.containers, d.service.sidecars()...)
	t.pull()
	d.service.cluster.tasks[id] = t
}

// pull gets the images of a task that waits for them, and lets it run if it
// has them all.
func (t *task) pull() {
	if t.lastStatus != statusPending {
		return
	}
	for i := range t.containers {
		c := &t.containers[i]
		if c.digest != "" {
			continue
		}
		found, ok := t.deployment.digestNow(c.image)
		if !ok {
			return
		}
		c.digest = found
	}
	t.lastStatus = statusRunning
	t.version++
}

// sidecars are the containers that ECS adds: they have a digest and no image.
func (svc *Service) sidecars() []taskContainer {
	var added []taskContainer
	add := func(prefix string) {
		name := prefix + wire.Text(7, "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", prefix, svc.longARN())
		added = append(added, taskContainer{name: name, digest: digest.FromString(prefix)})
	}
	if svc.options.GuardDuty {
		add("aws-guardduty-agent-")
	}
	if svc.options.ServiceConnect {
		add("ecs-service-connect-")
	}
	return added
}

func (t *task) stop(at time.Time, code, reason string) {
	if t.lastStatus == statusStopped {
		return
	}
	t.lastStatus, t.desiredStatus, t.stoppedAt = statusStopped, statusStopped, at
	t.stopCode, t.stoppedReason = code, reason
	t.version++
}

// StopTasks stops the n oldest tasks of the deployment for good: nothing
// replaces them until the next change of the service.
func (d *Deployment) StopTasks(n int, at time.Time) {
	defer d.service.lock()()
	tasks := d.tasks()
	for _, t := range tasks[:min(n, len(tasks))] {
		t.stop(at, "UserInitiated", "Task stopped by user")
	}
}

// SetTaskDigest makes the deployment's nth task, counted from 0, report a
// digest of its own for a container; "" is one that is not known yet.
func (d *Deployment) SetTaskDigest(n int, container string, reported digest.Digest) error {
	defer d.service.lock()()
	tasks := d.tasks()
	if n < 0 || n >= len(tasks) {
		return fmt.Errorf("%s has %d tasks, none is number %d", d.id(), len(tasks), n)
	}
	for i := range tasks[n].containers {
		if c := &tasks[n].containers[i]; c.name == container {
			c.digest = reported
			return nil
		}
	}
	return fmt.Errorf("task %s has no container %q", tasks[n].arn(), container)
}

// Tasks gives the ARNs of the deployment's tasks that are not stopped.
func (d *Deployment) Tasks() []string {
	defer d.service.lock()()
	var arns []string
	for _, t := range d.tasks() {
		arns = append(arns, t.arn())
	}
	return arns
}

// runtimeID looks like the one of a container on Fargate.
func (t *task) runtimeID(container string) string {
	number := wire.Decimal("runtime", t.id, container)
	return t.id + "-" + strings.TrimLeft(number[9:], "0")
}

func (t *task) containerARN(container string) string {
	c := t.deployment.service.cluster
	return c.scope.ARN("ecs", "container/"+c.name+"/"+t.id+"/"+wire.UUID("container", t.id, container, strconv.Itoa(t.order)))
}
