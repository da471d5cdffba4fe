package ecs_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
)

// states gives a service's deployments as DescribeServices has them.
func (w *world) states() string {
	w.t.Helper()
	text := ""
	for _, d := range w.describe().Deployments {
		text += fmt.Sprintf("%s %s %s %d/%d; ", *d.Id, *d.Status, d.RolloutState, d.RunningCount, d.DesiredCount)
	}
	return text
}

func (w *world) wantStates(want string) {
	w.t.Helper()
	if got := w.states(); got != want {
		w.t.Errorf("deployments\n%s\nwant\n%s", got, want)
	}
}

// records gives the service deployments, newest first.
func (w *world) records() []types.ServiceDeployment {
	w.t.Helper()
	list, err := w.client.ListServiceDeployments(w.t.Context(), &awsecs.ListServiceDeploymentsInput{
		Cluster: aws.String("prod-cluster"), Service: aws.String("checkout-api"),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	var arns []string
	for _, brief := range list.ServiceDeployments {
		arns = append(arns, *brief.ServiceDeploymentArn)
	}
	out, err := w.client.DescribeServiceDeployments(w.t.Context(), &awsecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: arns})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.ServiceDeployments
}

func (w *world) wantRecords(want ...types.ServiceDeploymentStatus) {
	w.t.Helper()
	var got []types.ServiceDeploymentStatus
	for _, r := range w.records() {
		got = append(got, r.Status)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Errorf("service deployments %v, want %v", got, want)
	}
}

func TestRollout(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{DesiredCount: 2})
	w.push("v1")
	w.push("v2")
	d1 := w.deploy("v1")
	w.wantStates(d1.ID() + " PRIMARY IN_PROGRESS 2/2; ")
	w.complete(d1)
	w.wantStates(d1.ID() + " PRIMARY COMPLETED 2/2; ")
	d2 := w.deploy("v2")
	w.wantStates(d2.ID() + " PRIMARY IN_PROGRESS 2/2; " + d1.ID() + " ACTIVE COMPLETED 2/0; ")
	w.complete(d2)
	w.wantStates(d2.ID() + " PRIMARY COMPLETED 2/2; ")
	w.wantRecords(types.ServiceDeploymentStatusSuccessful, types.ServiceDeploymentStatusSuccessful)

	service := w.describe()
	if *service.CurrentServiceRevisions[0].Arn != d2.RevisionARN() || *service.CurrentServiceDeployment != *w.records()[0].ServiceDeploymentArn {
		t.Errorf("current revision %s, deployment %s", *service.CurrentServiceRevisions[0].Arn, *service.CurrentServiceDeployment)
	}
	if got := *service.Events[0].Message; got != "(service checkout-api) has reached a steady state." {
		t.Errorf("newest message %q", got)
	}
	if got := w.records()[0]; *got.SourceServiceRevisions[0].Arn != d1.RevisionARN() || *got.TargetServiceRevision.Arn != d2.RevisionARN() || !got.FinishedAt.Equal(w.clock) {
		t.Errorf("record %+v", got)
	}
}

func TestRollback(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{})
	good, bad := w.push("good"), w.push("bad")
	a := w.deploy("good")
	w.complete(a)
	b := w.deploy("bad")
	event, err := b.Fail(w.tick(), "")
	run(t, event, err)
	w.wantStates(b.ID() + " PRIMARY FAILED 0/1; " + a.ID() + " ACTIVE COMPLETED 1/0; ")
	w.wantRecords(types.ServiceDeploymentStatusRollbackRequested, types.ServiceDeploymentStatusSuccessful)

	old, event, err := b.RollBack(w.tick())
	run(t, event, err)
	if old != a {
		t.Fatalf("rolled back to %s, want %s", old.ID(), a.ID())
	}
	w.wantStates(a.ID() + " PRIMARY IN_PROGRESS 1/1; " + b.ID() + " ACTIVE FAILED 0/0; ")
	w.wantRecords(types.ServiceDeploymentStatusRollbackInProgress, types.ServiceDeploymentStatusSuccessful)
	if got := w.records()[0]; *got.Rollback.ServiceRevisionArn != a.RevisionARN() || got.DeploymentCircuitBreaker.Status != "TRIGGERED" || got.DeploymentCircuitBreaker.FailureCount != 1 {
		t.Errorf("record %+v", got)
	}
	w.complete(a)
	w.wantStates(a.ID() + " PRIMARY COMPLETED 1/1; ")
	w.wantRecords(types.ServiceDeploymentStatusRollbackSuccessful, types.ServiceDeploymentStatusSuccessful)
	if w.images(a)["app"] != string(good) || w.images(b)["app"] != string(bad) {
		t.Errorf("revisions %v %v", w.images(a), w.images(b))
	}
}

func TestSupersededDeployment(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{})
	w.push("v1")
	d1 := w.deploy("v1")
	d2 := w.deploy("v1")
	w.wantRecords(types.ServiceDeploymentStatusInProgress, types.ServiceDeploymentStatusStopped)
	if _, err := d1.Complete(w.tick()); !errors.Is(err, ecs.ErrState) {
		t.Errorf("completing a superseded deployment: %v", err)
	}
	w.complete(d2)
	if _, err := d2.Complete(w.tick()); !errors.Is(err, ecs.ErrState) {
		t.Errorf("completing twice: %v", err)
	}
}

func TestFailureWithNothingToRollBackTo(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{})
	w.push("bad")
	b := w.deploy("bad")
	event, err := b.Fail(w.tick(), "ECS deployment alarms: alarm.")
	run(t, event, err)
	if _, _, err := b.RollBack(w.tick()); !errors.Is(err, ecs.ErrState) {
		t.Errorf("rolling back: %v", err)
	}
	w.wantStates(b.ID() + " PRIMARY FAILED 0/1; ")
	w.wantRecords(types.ServiceDeploymentStatusRollbackFailed)
}

func TestCircuitBreakerWithoutRollback(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{NoRollback: true})
	w.push("v1")
	a := w.deploy("v1")
	w.complete(a)
	b := w.deploy("v1")
	event, err := b.Fail(w.tick(), "")
	run(t, event, err)
	if _, _, err := b.RollBack(w.tick()); !errors.Is(err, ecs.ErrState) {
		t.Errorf("rolling back: %v", err)
	}
	w.wantStates(b.ID() + " PRIMARY FAILED 0/1; " + a.ID() + " ACTIVE COMPLETED 1/0; ")
	w.wantRecords(types.ServiceDeploymentStatusStopped, types.ServiceDeploymentStatusSuccessful)
}

func TestNoCircuitBreaker(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{NoCircuitBreaker: true})
	w.push("v1")
	if _, err := w.deploy("v1").Fail(w.tick(), ""); !errors.Is(err, ecs.ErrState) {
		t.Errorf("failing: %v", err)
	}
	if w.describe().DeploymentConfiguration.DeploymentCircuitBreaker.Enable {
		t.Error("the circuit breaker is on")
	}
}

func TestDeployRefuses(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{})
	if _, _, err := w.service.Deploy("nope:1", w.tick()); err == nil {
		t.Error("an unregistered task definition was deployed")
	}
	if _, _, err := w.service.Release(w.tick()); err == nil {
		t.Error("a task definition without containers was deployed")
	}
	w.push("v1")
	d := w.deploy("v1")
	w.service.Delete(w.tick())
	if _, err := d.Complete(w.tick()); !errors.Is(err, ecs.ErrState) {
		t.Errorf("completing a deleted service's deployment: %v", err)
	}
	if _, _, err := w.service.Deploy("checkout-api", w.tick()); err == nil {
		t.Error("a deleted service was deployed to")
	}
}
