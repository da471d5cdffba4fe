package ecs_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// wantEvent compares an event with a template in which $id and $event stand
// for the deployment's id and the event's.
func wantEvent(t *testing.T, got []byte, d *ecs.Deployment, template string) {
	t.Helper()
	var event struct{ ID string }
	if err := json.Unmarshal(got, &event); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if len(event.ID) != 36 {
		t.Errorf("event id %q", event.ID)
	}
	want := strings.NewReplacer("$event", event.ID, "$id", d.ID()).Replace(template)
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(want)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(compact.String(), string(got)); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestEvents(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{})
	w.push("v1")
	a, event, err := w.service.Release(w.tick(), ecs.Container{Name: "app", Image: w.repo.URI() + ":v1"})
	run(t, event, err)
	wantEvent(t, event, a, `{
		"version": "0", "id": "$event", "detail-type": "ECS Deployment State Change", "source": "aws.ecs",
		"account": "111122223333", "time": "2026-03-04T09:01:09Z", "region": "us-east-1",
		"resources": ["arn:aws:ecs:us-east-1:111122223333:service/prod-cluster/checkout-api"],
		"detail": {
			"eventType": "INFO", "eventName": "SERVICE_DEPLOYMENT_IN_PROGRESS",
			"clusterArn": "arn:aws:ecs:us-east-1:111122223333:cluster/prod-cluster",
			"deploymentId": "$id", "updatedAt": "2026-03-04T09:01:02.318Z", "reason": "ECS deployment $id in progress."
		}}`)
	wantDetail(t, w.complete(a), a, `{
		"eventType": "INFO", "eventName": "SERVICE_DEPLOYMENT_COMPLETED",
		"clusterArn": "arn:aws:ecs:us-east-1:111122223333:cluster/prod-cluster",
		"deploymentId": "$id", "updatedAt": "2026-03-04T09:02:04.636Z", "reason": "ECS deployment $id completed."}`)
	b := w.deploy("v1")
	event, err = b.Fail(w.tick(), "")
	wantDetail(t, run(t, event, err), b, `{
		"eventType": "ERROR", "eventName": "SERVICE_DEPLOYMENT_FAILED",
		"clusterArn": "arn:aws:ecs:us-east-1:111122223333:cluster/prod-cluster",
		"deploymentId": "$id", "updatedAt": "2026-03-04T09:04:09.272Z", "reason": "ECS deployment circuit breaker: tasks failed to start."}`)
	_, event, err = b.RollBack(w.tick())
	wantDetail(t, run(t, event, err), a, `{
		"eventType": "INFO", "eventName": "SERVICE_DEPLOYMENT_IN_PROGRESS",
		"clusterArn": "arn:aws:ecs:us-east-1:111122223333:cluster/prod-cluster",
		"deploymentId": "$id", "updatedAt": "2026-03-04T09:05:11.590Z",
		"reason": "ECS deployment circuit breaker: rolling back to deploymentId $id."}`)
	if n := len(w.ECS.Events()); n != 5 {
		t.Errorf("%d events are kept, want 5", n)
	}
}

func wantDetail(t *testing.T, got []byte, d *ecs.Deployment, template string) {
	t.Helper()
	var event struct{ Detail json.RawMessage }
	var want bytes.Buffer
	if err := json.Unmarshal(got, &event); err != nil {
		t.Fatal(err)
	}
	if err := json.Compact(&want, []byte(strings.ReplaceAll(template, "$id", d.ID()))); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(event.Detail)); diff != "" {
		t.Errorf("detail (-want +got):\n%s", diff)
	}
}

func TestEventOptions(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{ShortARN: true, Events: ecs.EventOptions{NoClusterARN: true, WholeSeconds: true, Lag: 75 * time.Second}})
	w.push("v1")
	d := w.deploy("v1")
	wantEvent(t, w.complete(d), d, `{
		"version": "0", "id": "$event", "detail-type": "ECS Deployment State Change", "source": "aws.ecs",
		"account": "111122223333", "time": "2026-03-04T09:03:19Z", "region": "us-east-1",
		"resources": ["arn:aws:ecs:us-east-1:111122223333:service/checkout-api"],
		"detail": {
			"eventType": "INFO", "eventName": "SERVICE_DEPLOYMENT_COMPLETED",
			"deploymentId": "$id", "updatedAt": "2026-03-04T09:02:04Z", "reason": "ECS deployment $id completed."
		}}`)
}

func TestIDsAreTheSameInEveryRun(t *testing.T) {
	run := func() string {
		w := newWorld(t, ecs.ServiceOptions{})
		w.push("v1")
		d := w.deploy("v1")
		w.complete(d)
		return d.ID() + string(bytes.Join(w.ECS.Events(), nil)) + strings.Join(d.Tasks(), " ")
	}
	first, second := run(), run()
	if first != second {
		t.Errorf("%s\n%s", first, second)
	}
	if id := strings.TrimPrefix(first, "ecs-svc/")[:19]; strings.Trim(id, "0123456789") != "" {
		t.Errorf("deployment id of %s is not 19 digits", id)
	}
}

func TestAccountsAndRegionsAreApart(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{})
	cluster := w.ECS.Cluster(wire.Scope{Account: "444455556666", Region: "eu-west-1"}, "prod-cluster")
	other := cluster.CreateService("checkout-api", ecs.ServiceOptions{})
	if got := other.ARN(); got != "arn:aws:ecs:eu-west-1:444455556666:service/prod-cluster/checkout-api" {
		t.Errorf("ARN %s", got)
	}
	if cluster.Service("checkout-api") != other || cluster.Service("nope") != nil || w.service.ARN() == other.ARN() {
		t.Error("services are mixed up")
	}
}
