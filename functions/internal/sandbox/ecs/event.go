package ecs

import (
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// detail is that of "ECS Deployment State Change",
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html.
type detail struct {
	EventType    string `json:"eventType"`
	EventName    string `json:"eventName"`
	ClusterARN   string `json:"clusterArn,omitempty"`
	DeploymentID string `json:"deploymentId"`
	UpdatedAt    string `json:"updatedAt"`
	Reason       string `json:"reason"`
}

// emit makes the event of a deployment's newest change.
func (svc *Service) emit(kind, name string, d *Deployment) []byte {
	options := svc.options.Events
	lag, format, cluster := options.Lag, wire.Milliseconds, svc.cluster.ARN()
	if lag == 0 {
		lag = 7 * time.Second
	}
	if options.WholeSeconds {
		format = wire.Seconds
	}
	if options.NoClusterARN {
		cluster = ""
	}
	data := wire.Event{
		Scope: svc.cluster.scope, ID: wire.UUID("event", svc.longARN(), d.number, name, d.updatedAt.Format(wire.Milliseconds)),
		DetailType: "ECS Deployment State Change", Source: "aws.ecs", Time: d.updatedAt.Add(lag),
		Resources: []string{svc.arn()},
		Detail: detail{
			EventType: kind, EventName: name, ClusterARN: cluster,
			DeploymentID: d.id(), UpdatedAt: d.updatedAt.Format(format), Reason: d.reason,
		},
	}.Delivered()
	svc.cluster.scheduler.Record(data)
	return data
}

// taskDetail is that of "ECS Task State Change", as far as anybody reads it,
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html.
type taskDetail struct {
	ClusterARN        string          `json:"clusterArn"`
	Containers        []wireContainer `json:"containers"`
	CreatedAt         string          `json:"createdAt"`
	DesiredStatus     string          `json:"desiredStatus"`
	Group             string          `json:"group"`
	LastStatus        string          `json:"lastStatus"`
	StartedAt         string          `json:"startedAt,omitempty"`
	StartedBy         string          `json:"startedBy,omitempty"`
	StopCode          string          `json:"stopCode,omitempty"`
	StoppedAt         string          `json:"stoppedAt,omitempty"`
	StoppedReason     string          `json:"stoppedReason,omitempty"`
	TaskARN           string          `json:"taskArn"`
	TaskDefinitionARN string          `json:"taskDefinitionArn"`
	Version           int             `json:"version"`
}

// emit makes the event of a task as it is.
func (t *task) emit() []byte {
	w := t.describe()
	d := taskDetail{
		ClusterARN: w.Cluster, Containers: w.Containers, CreatedAt: t.createdAt.Format(wire.Milliseconds), DesiredStatus: w.DesiredStatus, Group: w.Group,
		LastStatus: w.LastStatus, StartedBy: w.StartedBy, StopCode: w.StopCode, StoppedReason: w.StoppedReason,
		TaskARN: w.ARN, TaskDefinitionARN: w.TaskDefinition, Version: w.Version,
	}
	at := t.createdAt
	if w.StartedAt != nil {
		d.StartedAt = t.createdAt.Format(wire.Milliseconds)
	}
	if w.StoppedAt != nil {
		at, d.StoppedAt = t.stoppedAt, t.stoppedAt.Format(wire.Milliseconds)
	}
	data := wire.Event{
		Scope: t.cluster.scope, ID: wire.UUID("event", t.id, t.lastStatus), DetailType: "ECS Task State Change", Source: "aws.ecs",
		Time: at.Add(time.Second), Resources: []string{w.ARN}, Detail: d,
	}.Delivered()
	t.cluster.scheduler.Record(data)
	return data
}
