package ecs

import (
	"fmt"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// TrafficOptions are how a service's deployments take over the traffic, where its strategy
// is not ROLLING. The zero value shifts all of it at once, and waits for nothing.
type TrafficOptions struct {
	BakeMinutes   int // in which both revisions run
	CanaryMinutes int
	LinearPercent float64 // a step
	LinearMinutes int
	// UpdatedAsAsked has updatedAt of what is under way be the time of the question: AWS's
	// documents leave open whether it changes within a stage.
	UpdatedAsAsked bool
}

// lifecycle is where a service deployment stands that is under way,
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html.
type lifecycle struct {
	stage  string
	weight *float64 // of the deployment's revision, nil in a rolling deployment
	hook   *wireHook
}

// wireHook is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentLifecycleHookDetail.html.
type wireHook struct {
	ID            string     `json:"hookId"`
	TargetType    string     `json:"targetType"`
	Status        string     `json:"status"`
	ExpiresAt     *wire.Time `json:"expiresAt,omitempty"`
	TimeoutAction string     `json:"timeoutAction"`
}

type canaryConfig struct {
	Minutes int `json:"canaryBakeTimeInMinutes"`
}

type linearConfig struct {
	Percent float64 `json:"stepPercent"`
	Minutes int     `json:"stepBakeTimeInMinutes"`
}

// Reach brings a deployment that is under way to a stage, with so much of the production
// traffic. A rolling one has no share of it.
func (d *Deployment) Reach(stage string, percent float64, at time.Time) error {
	defer d.service.lock()()
	return d.reach(stage, percent, at)
}

func (d *Deployment) reach(stage string, percent float64, at time.Time) error {
	if !d.works() {
		return fmt.Errorf("bringing %s to %s: %w", d.id(), stage, ErrState)
	}
	d.record.lifecycle = lifecycle{stage: stage}
	if s := d.service.options.Strategy; s != "" && s != "ROLLING" {
		d.record.lifecycle.weight = &percent
	}
	d.record.updatedAt = instant(at)
	return nil
}

// Pause lets a pause hook hold the deployment at a stage until a time, with the share of
// the traffic that it has, and gives the event.
//
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/pause-lifecycle-hooks.html
func (d *Deployment) Pause(stage string, at, until time.Time) ([]byte, error) {
	defer d.service.lock()()
	percent := 0.0
	if w := d.record.lifecycle.weight; w != nil {
		percent = *w
	}
	if err := d.reach(stage, percent, at); err != nil {
		return nil, err
	}
	id := "ecs-pause-" + wire.Text(31, "abcdefghijklmnopqrstuvwxyz0123456789", d.record.arn, stage, at.String())
	d.record.lifecycle.hook = &wireHook{ID: id, TargetType: "PAUSE", Status: "AWAITING_ACTION", ExpiresAt: wire.At(instant(until)), TimeoutAction: "ROLLBACK"}
	return d.emitHook("HOOK_AWAITING_ACTION"), nil
}

// Continue lets the deployment go on that a hook holds, and gives the event.
func (d *Deployment) Continue(at time.Time) ([]byte, error) {
	defer d.service.lock()()
	if !d.works() || d.record.lifecycle.hook == nil || d.record.lifecycle.hook.Status != "AWAITING_ACTION" {
		return nil, fmt.Errorf("continuing %s: %w", d.id(), ErrState)
	}
	d.record.lifecycle.hook.Status, d.record.updatedAt = "SUCCEEDED", instant(at)
	return d.emitHook("HOOK_SUCCEEDED"), nil
}

// hookDetail is that of "ECS Hook State Change",
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_hook_state_change_events.html.
type hookDetail struct {
	EventType         string `json:"eventType"`
	EventName         string `json:"eventName"`
	HookID            string `json:"hookId"`
	HookType          string `json:"hookType"`
	ExpiresAt         string `json:"expiresAt"`
	Stage             string `json:"lifecycleStage"`
	Cluster           string `json:"clusterArn"`
	Service           string `json:"serviceArn"`
	ServiceDeployment string `json:"serviceDeploymentArn"`
	UpdatedAt         string `json:"updatedAt"`
}

// emitHook makes the event of the newest change of a deployment's hook.
func (d *Deployment) emitHook(name string) []byte {
	svc, hook, at := d.service, d.record.lifecycle.hook, d.record.updatedAt
	data := wire.Event{
		Scope: svc.cluster.scope, ID: wire.UUID("event", d.record.arn, hook.ID, name),
		DetailType: "ECS Hook State Change", Source: "aws.ecs", Time: at, Resources: []string{d.record.arn},
		Detail: hookDetail{
			EventType: "INFO", EventName: name, HookID: hook.ID, HookType: hook.TargetType,
			ExpiresAt: hook.ExpiresAt.UTC().Format(wire.Seconds), Stage: d.record.lifecycle.stage,
			Cluster: svc.cluster.ARN(), Service: svc.arn(), ServiceDeployment: d.record.arn,
			UpdatedAt: at.Format("2006-01-02T15:04:05.000000000Z"),
		},
	}.Delivered()
	svc.cluster.scheduler.Record(data)
	return data
}
