package ecs

import (
	"cmp"
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

// task is a task of a deployment or a task set, or a standalone one.
type task struct {
	id            string
	order         int
	cluster       *Cluster
	definition    *taskDefinition
	starter       *starter // the deployment or task set, nil of a standalone task
	startedBy     string
	group         string
	launchType    string
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
	return t.cluster.scope.ARN("ecs", "task/"+t.cluster.name+"/"+t.id)
}

// of reports whether a service started the task.
func (t *task) of(svc *Service) bool { return t.starter != nil && t.starter.service == svc }

// tasks gives the tasks of a service that are not stopped, oldest first.
func (svc *Service) tasks() []*task {
	var found []*task
	for _, t := range svc.cluster.tasks {
		if t.of(svc) && t.lastStatus != statusStopped {
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
	svc := st.service
	t := svc.cluster.newTask(st.taskDefinition, svc.longARN(), at)
	t.starter, t.startedBy, t.group, t.launchType = st, st.id(), "service:"+svc.name, svc.options.LaunchType
	for i := range t.containers {
		t.containers[i].digest = st.pinned(t.containers[i].name)
	}
	t.containers = append(t.containers, svc.sidecars()...)
	t.pull()
}

func (c *Cluster) newTask(td *taskDefinition, of string, at time.Time) *task {
	s := c.scheduler
	id := wire.Hex(32, s.ids.Seed("task", of)...)
	t := &task{
		id: id, order: int(s.ids), cluster: c, definition: td, createdAt: at, version: 1,
		lastStatus: statusPending, desiredStatus: statusRunning,
	}
	for _, container := range td.wire.Containers {
		t.containers = append(t.containers, taskContainer{name: container.Name, image: container.Image})
	}
	c.tasks[id] = t
	return t
}

// RunOptions are what a standalone task is started with.
type RunOptions struct {
	StartedBy  string // free text: it may look like a deployment's id
	Group      string // "" is family:FAMILY; service:NAME only ECS gives
	LaunchType string // FARGATE by default
}

// RunTask starts a standalone task of a task definition, given as FAMILY,
// FAMILY:REVISION or ARN, and gives its ARN. Its images' tags are resolved now.
//
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html.
func (c *Cluster) RunTask(taskDefinition string, options RunOptions, at time.Time) (arn string, err error) {
	c.scheduler.mu.Lock()
	defer c.scheduler.mu.Unlock()
	td, ok := c.scheduler.findTaskDefinition(c.scope, taskDefinition)
	if !ok {
		return "", fmt.Errorf("task definition %q is not registered", taskDefinition)
	}
	if strings.HasPrefix(options.Group, "service:") {
		return "", fmt.Errorf("group %q: service: is for the tasks of services", options.Group)
	}
	t := c.newTask(td, c.ARN(), instant(at))
	t.startedBy = options.StartedBy
	t.group = cmp.Or(options.Group, "family:"+td.family)
	t.launchType = cmp.Or(options.LaunchType, "FARGATE")
	t.pull()
	return t.arn(), nil
}

// StopTask stops a standalone task, given by its ARN.
//
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html.
func (c *Cluster) StopTask(arn string, at time.Time) error {
	c.scheduler.mu.Lock()
	defer c.scheduler.mu.Unlock()
	t, err := c.standalone(arn)
	if err == nil {
		t.stop(instant(at), "UserInitiated", "Task stopped by user")
	}
	return err
}

// TaskEvent records and gives what ECS tells of a standalone task as it is now.
func (c *Cluster) TaskEvent(arn string) ([]byte, error) {
	c.scheduler.mu.Lock()
	defer c.scheduler.mu.Unlock()
	t, err := c.standalone(arn)
	if err != nil {
		return nil, err
	}
	return t.emit(), nil
}

func (c *Cluster) standalone(arn string) (*task, error) {
	t := c.tasks[arn[strings.LastIndexByte(arn, '/')+1:]]
	if t == nil || t.starter != nil {
		return nil, fmt.Errorf("%s is no standalone task of %s", arn, c.name)
	}
	return t, nil
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
		found, ok := t.digestNow(c.image)
		if !ok {
			return
		}
		c.digest = found
	}
	t.lastStatus = statusRunning
	t.version++
}

func (t *task) digestNow(image string) (digest.Digest, bool) {
	if t.starter == nil {
		return t.cluster.scheduler.digestNow(image, "")
	}
	return t.starter.digestNow(image)
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
	c := t.cluster
	return c.scope.ARN("ecs", "container/"+c.name+"/"+t.id+"/"+wire.UUID("container", t.id, container, strconv.Itoa(t.order)))
}
