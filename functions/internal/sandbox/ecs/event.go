package ecs

import (
	"encoding/json"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// event is "ECS Deployment State Change" as EventBridge delivers it,
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html.
type event struct {
	Version    string   `json:"version"`
	ID         string   `json:"id"`
	DetailType string   `json:"detail-type"`
	Source     string   `json:"source"`
	Account    string   `json:"account"`
	Time       string   `json:"time"`
	Region     string   `json:"region"`
	Resources  []string `json:"resources"`
	Detail     detail   `json:"detail"`
}

type detail struct {
	EventType    string `json:"eventType"`
	EventName    string `json:"eventName"`
	ClusterARN   string `json:"clusterArn,omitempty"`
	DeploymentID string `json:"deploymentId"`
	UpdatedAt    string `json:"updatedAt"`
	Reason       string `json:"reason"`
}

const (
	seconds      = "2006-01-02T15:04:05Z"
	milliseconds = "2006-01-02T15:04:05.000Z"
)

// emit makes the event of a deployment's newest change.
func (svc *Service) emit(kind, name string, d *Deployment) []byte {
	options := svc.options.Events
	lag, format, cluster := options.Lag, milliseconds, svc.cluster.ARN()
	if lag == 0 {
		lag = 7 * time.Second
	}
	if options.WholeSeconds {
		format = seconds
	}
	if options.NoClusterARN {
		cluster = ""
	}
	data, _ := json.Marshal(event{ // strings only
		Version: "0", ID: wire.UUID("event", svc.longARN(), d.number, name, d.updatedAt.Format(milliseconds)),
		DetailType: "ECS Deployment State Change", Source: "aws.ecs",
		Account: svc.cluster.scope.Account, Time: d.updatedAt.Add(lag).Format(seconds), Region: svc.cluster.scope.Region,
		Resources: []string{svc.arn()},
		Detail: detail{
			EventType: kind, EventName: name, ClusterARN: cluster,
			DeploymentID: d.id(), UpdatedAt: d.updatedAt.Format(format), Reason: d.reason,
		},
	})
	svc.cluster.scheduler.Record(data)
	return data
}
