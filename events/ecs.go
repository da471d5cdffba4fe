package events

import (
	"slices"
	"strings"
	"time"
)

// DeploymentEventName is what has happened to a deployment.
type DeploymentEventName string

// The names of the events of a deployment. A rollback is in progress and then
// completed like any deployment.
const (
	DeploymentInProgress DeploymentEventName = "SERVICE_DEPLOYMENT_IN_PROGRESS"
	DeploymentCompleted  DeploymentEventName = "SERVICE_DEPLOYMENT_COMPLETED"

	// DeploymentFailed is sent only for services that have the deployment
	// circuit breaker or deployment alarms.
	DeploymentFailed DeploymentEventName = "SERVICE_DEPLOYMENT_FAILED"
)

func (n DeploymentEventName) known() bool {
	return n == DeploymentInProgress || n == DeploymentCompleted || n == DeploymentFailed
}

// DeploymentStateChange says that a deployment of a service started, reached
// its steady state or failed:
//
//	{
//	  "version": "0",
//	  "id": "0b7d13ee-be49-4e6e-8043-7e170761ac20",
//	  "detail-type": "ECS Deployment State Change",
//	  "source": "aws.ecs",
//	  "account": "111122223333",
//	  "time": "2026-03-04T09:19:56Z",
//	  "region": "us-east-1",
//	  "resources": ["arn:aws:ecs:us-east-1:111122223333:service/prod-cluster/checkout-api"],
//	  "detail": {
//	    "eventType": "INFO",
//	    "eventName": "SERVICE_DEPLOYMENT_COMPLETED",
//	    "clusterArn": "arn:aws:ecs:us-east-1:111122223333:cluster/prod-cluster",
//	    "deploymentId": "ecs-svc/7330915268420174663",
//	    "updatedAt": "2026-03-04T09:18:41.077Z",
//	    "reason": "ECS deployment ecs-svc/7330915268420174663 completed."
//	  }
//	}
//
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
//
// That page does not show clusterArn, and not all events have it. updatedAt is
// UTC, sometimes with milliseconds and sometimes in whole seconds; the
// envelope's time may be more than a minute later.
//
// One deployment may complete more than once: a rollback revives the earlier
// deployment under its old id. Service, deployment, name and UpdatedAt together
// tell one such event from another.
//
// The account and the Region of the envelope, of the service and of the cluster
// are the same, as is the cluster in both ARNs; [Parse] refuses events that
// contradict themselves. A name that is none of the constants makes the event
// an [Unknown].
type DeploymentStateChange struct {
	envelope   Envelope
	service    ServiceARN
	cluster    ClusterARN // as the event says it, which need not be
	eventType  string
	name       DeploymentEventName
	deployment string
	updatedAt  time.Time
	reason     string
}

func parseDeploymentStateChange(top object, envelope Envelope) Event {
	detail := top.child("detail")
	name := DeploymentEventName(must(detail, "eventName", eventName))
	if name != "" && !name.known() {
		return Unknown{envelope}
	}
	service, cluster := serviceOf(top, detail)
	return DeploymentStateChange{
		envelope:   envelope,
		service:    service,
		cluster:    cluster,
		eventType:  may(detail, "eventType", word),
		name:       name,
		deployment: must(detail, "deploymentId", deploymentID),
		updatedAt:  must(detail, "updatedAt", instant),
		reason:     may(detail, "reason", text),
	}
}

// eventName accepts names that AWS may think of later.
var eventName = check("the name of an event, such as SERVICE_DEPLOYMENT_COMPLETED", isLabel)

// Envelope returns the event as it arrived.
func (e DeploymentStateChange) Envelope() Envelope { return e.envelope.clone() }

// ServiceARN is the service that is deployed, by the ARN that AWS knows it by.
// Its short form does not say the cluster; ClusterARN may know it all the same.
func (e DeploymentStateChange) ServiceARN() ServiceARN { return e.service }

// ClusterARN is the service's cluster, taken from the service's ARN or else
// from the event's own clusterArn. It is zero if neither says it.
func (e DeploymentStateChange) ClusterARN() ClusterARN { return clusterOf(e.service, e.cluster) }

// Cluster is the name of the service's cluster, empty if the event does not
// say it.
func (e DeploymentStateChange) Cluster() string { return e.ClusterARN().Name() }

// EventType is INFO or ERROR, and may be empty.
func (e DeploymentStateChange) EventType() string { return e.eventType }

// Name is what has happened to the deployment.
func (e DeploymentStateChange) Name() DeploymentEventName { return e.name }

// Deployment is the id of the deployment, such as ecs-svc/7330915268420174663.
func (e DeploymentStateChange) Deployment() string { return e.deployment }

// UpdatedAt is when it happened, UTC, in milliseconds.
func (e DeploymentStateChange) UpdatedAt() time.Time { return e.updatedAt }

// Reason is ECS's sentence about it, at most 1,024 bytes of it, and may be
// empty. It is for people: AWS does not promise its wording.
func (e DeploymentStateChange) Reason() string { return e.reason }

// RollsBack reports whether the start of this deployment is a rollback to it, as
// far as the reason says so. The deployment's completion does not say it again.
func (e DeploymentStateChange) RollsBack() bool {
	return e.name == DeploymentInProgress && strings.Contains(e.reason, "rolling back")
}

// MarshalJSON returns the part of the event that this package knows.
func (e DeploymentStateChange) MarshalJSON() ([]byte, error) {
	return e.envelope.encode(struct {
		EventType    string              `json:"eventType,omitempty"`
		EventName    DeploymentEventName `json:"eventName"`
		ClusterARN   ClusterARN          `json:"clusterArn,omitzero"`
		DeploymentID string              `json:"deploymentId"`
		UpdatedAt    timestamp           `json:"updatedAt"`
		Reason       string              `json:"reason,omitempty"`
	}{e.eventType, e.name, e.cluster, e.deployment, timestamp(e.updatedAt), e.reason})
}

// ServiceAction says what the scheduler does for a service, such as reaching
// a steady state, which it repeats every few hours:
//
//	{
//	  "version": "0",
//	  "id": "827087bf-aafd-4bd6-84a0-5ea6b8d27adf",
//	  "detail-type": "ECS Service Action",
//	  "source": "aws.ecs",
//	  "account": "111122223333",
//	  "time": "2026-03-04T10:42:17Z",
//	  "region": "us-east-1",
//	  "resources": ["arn:aws:ecs:us-east-1:111122223333:service/prod-cluster/checkout-api"],
//	  "detail": {
//	    "eventType": "ERROR",
//	    "eventName": "SERVICE_DEPLOYMENT_FAILED",
//	    "clusterArn": "arn:aws:ecs:us-east-1:111122223333:cluster/prod-cluster",
//	    "reason": "ECS deployment circuit breaker: tasks failed to start.",
//	    "createdAt": "2026-03-04T10:42:17.530Z"
//	  }
//	}
//
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_events.html
//
// createdAt is UTC. Names of deployment events are among the names of service
// actions too. Such an action still names no deployment: it says that something
// was deployed but not what, and cannot stand for a [DeploymentStateChange].
type ServiceAction struct {
	envelope  Envelope
	service   ServiceARN
	cluster   ClusterARN // as the event says it, which need not be
	eventType string
	name      string
	createdAt time.Time
	reason    string
}

func parseServiceAction(top object, envelope Envelope) Event {
	detail := top.child("detail")
	service, cluster := serviceOf(top, detail)
	return ServiceAction{
		envelope:  envelope,
		service:   service,
		cluster:   cluster,
		eventType: may(detail, "eventType", word),
		name:      must(detail, "eventName", word),
		createdAt: must(detail, "createdAt", instant),
		reason:    may(detail, "reason", text),
	}
}

// Envelope returns the event as it arrived.
func (e ServiceAction) Envelope() Envelope { return e.envelope.clone() }

// ServiceARN is the service that is acted for.
func (e ServiceAction) ServiceARN() ServiceARN { return e.service }

// ClusterARN is the service's cluster, zero if the event does not say it.
func (e ServiceAction) ClusterARN() ClusterARN { return clusterOf(e.service, e.cluster) }

// EventType is INFO, WARN or ERROR, and may be empty.
func (e ServiceAction) EventType() string { return e.eventType }

// Name is the action, such as SERVICE_STEADY_STATE. AWS adds names.
func (e ServiceAction) Name() string { return e.name }

// CreatedAt is when it happened, UTC, in milliseconds.
func (e ServiceAction) CreatedAt() time.Time { return e.createdAt }

// Reason is ECS's explanation, at most 1,024 bytes of it, and may be empty.
func (e ServiceAction) Reason() string { return e.reason }

// MarshalJSON returns the part of the event that this package knows.
func (e ServiceAction) MarshalJSON() ([]byte, error) {
	return e.envelope.encode(struct {
		EventType  string     `json:"eventType,omitempty"`
		EventName  string     `json:"eventName"`
		ClusterARN ClusterARN `json:"clusterArn,omitzero"`
		CreatedAt  timestamp  `json:"createdAt"`
		Reason     string     `json:"reason,omitempty"`
	}{e.eventType, e.name, e.cluster, timestamp(e.createdAt), e.reason})
}

// TaskStateChange says that a task or one of its containers has changed. It
// looks like a task of the API operation DescribeTasks; this is about half of
// one, and what is left out here is ignored:
//
//	{
//	  "version": "0",
//	  "id": "f8e5a73e-fcb5-482d-9321-f0c69407d9a6",
//	  "detail-type": "ECS Task State Change",
//	  "source": "aws.ecs",
//	  "account": "111122223333",
//	  "time": "2026-03-04T09:16:04Z",
//	  "region": "us-east-1",
//	  "resources": ["arn:aws:ecs:us-east-1:111122223333:task/prod-cluster/3e7a1395d08a42a89371db1f2755625e"],
//	  "detail": {
//	    "clusterArn": "arn:aws:ecs:us-east-1:111122223333:cluster/prod-cluster",
//	    "containers": [{
//	      "name": "checkout-api",
//	      "image": "111122223333.dkr.ecr.us-east-1.amazonaws.com/checkout-api:build-42",
//	      "imageDigest": "sha256:89966b648e537b6990d14a2e44e8075ac2ca0ff4250bf7d8bbfe0abdccf67a7d",
//	      "lastStatus": "RUNNING"
//	    }],
//	    "desiredStatus": "RUNNING",
//	    "group": "service:checkout-api",
//	    "lastStatus": "RUNNING",
//	    "startedAt": "2026-03-04T09:16:03.771Z",
//	    "startedBy": "ecs-svc/7330915268420174663",
//	    "taskArn": "arn:aws:ecs:us-east-1:111122223333:task/prod-cluster/3e7a1395d08a42a89371db1f2755625e",
//	    "taskDefinitionArn": "arn:aws:ecs:us-east-1:111122223333:task-definition/checkout-api:42",
//	    "updatedAt": "2026-03-04T09:16:03.771Z",
//	    "version": 4
//	  }
//	}
//
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
//
// All times are UTC. A stopped task has stoppedAt, stopCode and stoppedReason.
// version grows by one with each change of the task: of two events of a task
// the one with the higher version is the newer, whatever their times.
type TaskStateChange struct {
	envelope       Envelope
	task           resource
	cluster        ClusterARN
	taskDefinition string
	group          string
	startedBy      string
	lastStatus     string
	desiredStatus  string
	version        int64
	startedAt      time.Time
	stoppedAt      time.Time
	updatedAt      time.Time
	stopCode       string
	stoppedReason  string
	containers     []Container
}

// Container is a container of a task as an event reports it.
type Container struct {
	// Name is the container's name in the task definition.
	Name string `json:"name"`

	// Image is the image as the task definition names it, by tag, digest or
	// both. It is empty for containers that AWS puts beside, such as the
	// agent of GuardDuty.
	Image string `json:"image,omitempty"`

	// ImageDigest is the digest of the image that runs, empty until it is
	// pulled.
	ImageDigest string `json:"imageDigest,omitempty"`

	// LastStatus is PENDING, RUNNING or STOPPED, and may be empty.
	LastStatus string `json:"lastStatus,omitempty"`
}

var (
	taskARN           = resourceARN("task")
	taskDefinitionARN = check("arn:PARTITION:ecs:REGION:ACCOUNT:task-definition/FAMILY:REVISION", isTaskDefinitionARN)
	stopCode          = check("a stop code of 1 to 128 letters", func(s string) bool {
		return sized(s, 1, 128) && only(s, func(c byte) bool { return isUpper(c) || isLower(c) })
	})
)

func isTaskDefinitionARN(s string) bool {
	_, names, ok := splitARN(s, "task-definition")
	if !ok || len(names) != 1 {
		return false
	}
	family, revision, _ := strings.Cut(names[0], ":")
	return isName(family) && sized(revision, 1, 20) && only(revision, isDigit)
}

func parseTaskStateChange(top object, envelope Envelope) Event {
	detail := top.child("detail")
	task, cluster := resourceOf(top, detail, "taskArn", taskARN)
	return TaskStateChange{
		envelope:       envelope,
		task:           task,
		cluster:        cluster,
		taskDefinition: must(detail, "taskDefinitionArn", taskDefinitionARN),
		group:          may(detail, "group", line),
		startedBy:      may(detail, "startedBy", line),
		lastStatus:     must(detail, "lastStatus", word),
		desiredStatus:  may(detail, "desiredStatus", word),
		version:        detail.integer("version"),
		startedAt:      may(detail, "startedAt", instant),
		stoppedAt:      may(detail, "stoppedAt", instant),
		updatedAt:      may(detail, "updatedAt", instant),
		stopCode:       may(detail, "stopCode", stopCode),
		stoppedReason:  may(detail, "stoppedReason", text),
		containers:     parseContainers(detail),
	}
}

func parseContainers(detail object) []Container {
	var list []Container
	for _, o := range detail.children("containers") {
		list = append(list, Container{
			Name:        must(o, "name", containerName),
			Image:       may(o, "image", imageReference),
			ImageDigest: may(o, "imageDigest", imageDigest),
			LastStatus:  may(o, "lastStatus", word),
		})
	}
	return list
}

// Envelope returns the event as it arrived.
func (e TaskStateChange) Envelope() Envelope { return e.envelope.clone() }

// TaskARN is the task, in the long form or in the short one, which does not
// say the cluster.
func (e TaskStateChange) TaskARN() string { return e.task.String() }

// ClusterARN is the task's cluster.
func (e TaskStateChange) ClusterARN() ClusterARN { return e.cluster }

// TaskDefinitionARN is the task definition with its revision.
func (e TaskStateChange) TaskDefinitionARN() string { return e.taskDefinition }

// Service is the name of the service that the task belongs to, empty for a
// task that stands alone.
func (e TaskStateChange) Service() string {
	if name, ok := strings.CutPrefix(e.group, "service:"); ok && isName(name) {
		return name
	}
	return ""
}

// Standalone reports whether no service started the task: only ECS puts a task into the group
// of a service.
func (e TaskStateChange) Standalone() bool {
	return e.group != "" && !strings.HasPrefix(e.group, "service:")
}

// Deployment is the id of the deployment that started the task, such as
// ecs-svc/7330915268420174663, empty for a task that stands alone.
func (e TaskStateChange) Deployment() string {
	if isDeploymentID(e.startedBy) {
		return e.startedBy
	}
	return ""
}

// LastStatus is the task's state, such as RUNNING.
func (e TaskStateChange) LastStatus() string { return e.lastStatus }

// DesiredStatus is the state that the task is heading for, and may be empty.
func (e TaskStateChange) DesiredStatus() string { return e.desiredStatus }

// Version orders the events of one task.
func (e TaskStateChange) Version() int64 { return e.version }

// StartedAt is when the task began to run, UTC, zero before that.
func (e TaskStateChange) StartedAt() time.Time { return e.startedAt }

// StoppedAt is when the task had stopped, UTC, zero before that.
func (e TaskStateChange) StoppedAt() time.Time { return e.stoppedAt }

// UpdatedAt is when the change happened, UTC, zero if the event does not say.
func (e TaskStateChange) UpdatedAt() time.Time { return e.updatedAt }

// StopCode says why the task stopped, such as ServiceSchedulerInitiated.
func (e TaskStateChange) StopCode() string { return e.stopCode }

// StoppedReason says why the task stopped, for people, in at most 1,024 bytes.
func (e TaskStateChange) StoppedReason() string { return e.stoppedReason }

// Containers are the task's containers. The list is a copy.
func (e TaskStateChange) Containers() []Container { return slices.Clone(e.containers) }

// MarshalJSON returns the part of the event that this package knows.
func (e TaskStateChange) MarshalJSON() ([]byte, error) {
	return e.envelope.encode(struct {
		ClusterARN        ClusterARN  `json:"clusterArn"`
		Containers        []Container `json:"containers,omitempty"`
		DesiredStatus     string      `json:"desiredStatus,omitempty"`
		Group             string      `json:"group,omitempty"`
		LastStatus        string      `json:"lastStatus"`
		StartedAt         timestamp   `json:"startedAt,omitzero"`
		StartedBy         string      `json:"startedBy,omitempty"`
		StopCode          string      `json:"stopCode,omitempty"`
		StoppedAt         timestamp   `json:"stoppedAt,omitzero"`
		StoppedReason     string      `json:"stoppedReason,omitempty"`
		TaskARN           string      `json:"taskArn"`
		TaskDefinitionARN string      `json:"taskDefinitionArn"`
		UpdatedAt         timestamp   `json:"updatedAt,omitzero"`
		Version           int64       `json:"version"`
	}{
		e.cluster, e.containers, e.desiredStatus, e.group, e.lastStatus,
		timestamp(e.startedAt), e.startedBy, e.stopCode, timestamp(e.stoppedAt), e.stoppedReason,
		e.task.String(), e.taskDefinition, timestamp(e.updatedAt), e.version,
	})
}

// ContainerInstanceStateChange says that an instance of EC2 which runs
// containers has changed: its resources, its agent or its status. What is left
// out here is ignored:
//
//	{
//	  "version": "0",
//	  "id": "d0c1f6a3-9b57-4c1e-8a44-6f2b7e90c315",
//	  "detail-type": "ECS Container Instance State Change",
//	  "source": "aws.ecs",
//	  "account": "111122223333",
//	  "time": "2026-03-04T09:15:21Z",
//	  "region": "us-east-1",
//	  "resources": ["arn:aws:ecs:us-east-1:111122223333:container-instance/prod-cluster/5f0c2b7de1a94d3f8b6e7a1c9d204e38"],
//	  "detail": {
//	    "clusterArn": "arn:aws:ecs:us-east-1:111122223333:cluster/prod-cluster",
//	    "containerInstanceArn": "arn:aws:ecs:us-east-1:111122223333:container-instance/prod-cluster/5f0c2b7de1a94d3f8b6e7a1c9d204e38",
//	    "status": "ACTIVE",
//	    "version": 3172
//	  }
//	}
//
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_container_instance_events.html
//
// version grows by one with each change of the instance.
type ContainerInstanceStateChange struct {
	envelope Envelope
	instance resource
	cluster  ClusterARN
	status   string
	version  int64
}

var containerInstanceARN = resourceARN("container-instance")

func parseContainerInstanceStateChange(top object, envelope Envelope) Event {
	detail := top.child("detail")
	instance, cluster := resourceOf(top, detail, "containerInstanceArn", containerInstanceARN)
	return ContainerInstanceStateChange{
		envelope: envelope,
		instance: instance,
		cluster:  cluster,
		status:   must(detail, "status", word),
		version:  detail.integer("version"),
	}
}

// Envelope returns the event as it arrived.
func (e ContainerInstanceStateChange) Envelope() Envelope { return e.envelope.clone() }

// ContainerInstanceARN is the instance, in the long form or in the short one,
// which does not say the cluster.
func (e ContainerInstanceStateChange) ContainerInstanceARN() string { return e.instance.String() }

// ClusterARN is the instance's cluster.
func (e ContainerInstanceStateChange) ClusterARN() ClusterARN { return e.cluster }

// Status is the instance's state, such as ACTIVE or DRAINING.
func (e ContainerInstanceStateChange) Status() string { return e.status }

// Version orders the events of one instance.
func (e ContainerInstanceStateChange) Version() int64 { return e.version }

// MarshalJSON returns the part of the event that this package knows.
func (e ContainerInstanceStateChange) MarshalJSON() ([]byte, error) {
	return e.envelope.encode(struct {
		ClusterARN           ClusterARN `json:"clusterArn"`
		ContainerInstanceARN string     `json:"containerInstanceArn"`
		Status               string     `json:"status"`
		Version              int64      `json:"version"`
	}{e.cluster, e.instance.String(), e.status, e.version})
}

// serviceOf reads the service that an event is about, and its cluster as far
// as the event says it beside the service's ARN.
func serviceOf(top, detail object) (ServiceARN, ClusterARN) {
	service := first(top, "resources", serviceARN)
	cluster := may(detail, "clusterArn", clusterARN)
	agree(top, service.place, "resources[0]")
	agreeCluster(detail, cluster, service.place, service.cluster, "resources[0]")
	return service, cluster
}

// resourceOf reads the task or instance that an event is about, and its
// cluster.
func resourceOf(top, detail object, name string, f form[resource]) (resource, ClusterARN) {
	r := must(detail, name, f)
	cluster := must(detail, "clusterArn", clusterARN)
	agree(top, r.place, detail.at(name))
	agreeCluster(detail, cluster, r.place, r.cluster, detail.at(name))
	return r, cluster
}

// clusterOf is the cluster of a service by its ARN, or else as it was said.
func clusterOf(service ServiceARN, said ClusterARN) ClusterARN {
	if service.cluster == "" {
		return said
	}
	return ClusterARN{service.place, service.cluster}
}

// agree notes where the envelope contradicts the place of the resource that
// the event names in another field. Nothing contradicts a place that could not
// be read.
func agree(top object, at place, where string) {
	account := must(top, "account", accountID)
	region := must(top, "region", regionName)
	if at == (place{}) {
		return
	}
	if account != "" && account != at.account {
		top.wrong("account", account, at.account+" as in "+where)
	}
	if region != "" && region != at.region {
		top.wrong("region", region, at.region+" as in "+where)
	}
}

// agreeCluster notes that clusterArn contradicts the resource that the event
// names in another field.
func agreeCluster(detail object, cluster ClusterARN, at place, name, where string) {
	if cluster.IsZero() || at == (place{}) {
		return
	}
	want := ClusterARN{at, name}
	if name == "" {
		want.name = cluster.name
	}
	if cluster != want {
		detail.wrong("clusterArn", cluster.String(), want.String()+" as in "+where)
	}
}
