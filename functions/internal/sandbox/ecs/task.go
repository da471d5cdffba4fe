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

// task is a task of a deployment or a task set.
type task struct {
	id            string
	order         int
	starter       *starter // the deployment or task set
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
	c := t.starter.service.cluster
	return c.scope.ARN("ecs", "task/"+c.name+"/"+t.id)
}

// tasks gives the tasks of a service that are not stopped, oldest first.
func (svc *Service) tasks() []*task {
	var found []*task
	for _, t := range svc.cluster.tasks {
		if t.starter.service == svc && t.lastStatus != statusStopped {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, func(a, b *task) int { return a.order - b.order })
	return found
}

func (st *starter) tasks() []*task {
	return slices.DeleteFunc(st.service.tasks(), func(t *task) bool { return t.starter != st })
}

// adjust starts or stops tasks until there are as many as desired.
func (st *starter) adjust(desired int, at time.Time) {
	tasks := st.tasks()
	for _, t := range tasks {
		t.pull()
	}
	for n := len(tasks); n < desired; n++ {
		st.start(at)
	}
	for i := len(tasks) - 1; i >= desired; i-- {
		tasks[i].stop(at, "ServiceSchedulerInitiated", "Scaling activity initiated by ("+st.described()+")")
	}
}

// start starts a task. One whose image cannot be pulled stays pending.
func (st *starter) start(at time.Time) {
	s := st.service.cluster.scheduler
	id := wire.Hex(32, s.ids.Seed("task", st.service.longARN())...)
	t := &task{
		id: id, order: int(s.ids), starter: st, createdAt: at, version: 1,
		lastStatus: statusPending, desiredStatus: statusRunning,
	}
	for _, c := range st.taskDefinition.wire.Containers {
		t.containers = append(t.containers, taskContainer{c.Name, c.Image, st.pinned(c.Name)})
	}
	t.containers = append(t.containers, st.service.sidecars()...)
	t.pull()
	st.service.cluster.tasks[id] = t
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
		found, ok := t.starter.digestNow(c.image)
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

// StopTasks stops the n oldest tasks for good: nothing replaces them until the
// next change of the service.
func (st *starter) StopTasks(n int, at time.Time) {
	defer st.service.lock()()
	tasks := st.tasks()
	for _, t := range tasks[:min(n, len(tasks))] {
		t.stop(at, "UserInitiated", "Task stopped by user")
	}
}

// SetTaskDigest makes the nth task, counted from 0, report a digest of its own
// for a container; "" is one that is not known yet.
func (st *starter) SetTaskDigest(n int, container string, reported digest.Digest) error {
	defer st.service.lock()()
	tasks := st.tasks()
	if n < 0 || n >= len(tasks) {
		return fmt.Errorf("%s has %d tasks, none is number %d", st.id(), len(tasks), n)
	}
	for i := range tasks[n].containers {
		if c := &tasks[n].containers[i]; c.name == container {
			c.digest = reported
			return nil
		}
	}
	return fmt.Errorf("task %s has no container %q", tasks[n].arn(), container)
}

// Tasks gives the ARNs of the tasks that are not stopped.
func (st *starter) Tasks() []string {
	defer st.service.lock()()
	var arns []string
	for _, t := range st.tasks() {
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
	c := t.starter.service.cluster
	return c.scope.ARN("ecs", "container/"+c.name+"/"+t.id+"/"+wire.UUID("container", t.id, container, strconv.Itoa(t.order)))
}
