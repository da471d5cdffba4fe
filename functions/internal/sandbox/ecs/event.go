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
