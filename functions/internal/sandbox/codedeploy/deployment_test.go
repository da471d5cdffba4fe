package codedeploy_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/events"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codedeploy"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

func TestADeploymentReplacesTheTaskSet(t *testing.T) {
	w := newWorld(t)
	d := w.deploy("v2")
	green := d.TaskSet()
	w.wantSets("installed", d, set(w.blue, "Blue", "PRIMARY", 2), set(green, "Green", "ACTIVE", 2))
	event, err := d.Ready(w.tick())
	w.wantEvent(d, events.CodeDeployReady, event, err)
	if info := w.get(d); info.Status != types.DeploymentStatusReady || info.CompleteTime != nil {
		t.Errorf("ready: %+v", info)
	}
	if err := d.Deployment(w.tick()); err != nil {
		t.Fatal(err)
	}
	w.wantSets("shifted", d, set(w.blue, "Blue", "ACTIVE", 2), set(green, "Green", "PRIMARY", 2))
	event, err = d.Succeed(w.tick())
	w.wantEvent(d, events.CodeDeploySucceeded, event, err)
	w.wantSets("succeeded", d, set(green, "Green", "PRIMARY", 2))
	info := w.get(d)
	if info.Status != types.DeploymentStatusSucceeded || !info.CompleteTime.Equal(w.clock) || info.ComputePlatform != types.ComputePlatformEcs ||
		info.Creator != types.DeploymentCreatorUser || info.ErrorInformation != nil || info.Revision.RevisionType != types.RevisionLocationTypeAppSpecContent {
		t.Errorf("succeeded: %+v", info)
	}
	if w.service.PrimaryTaskSet() != green || len(w.ECS.Events()) != 0 || len(w.CodeDeploy.Events()) != 3 {
		t.Errorf("primary %+v, %d events of ECS, %d of CodeDeploy", w.service.PrimaryTaskSet(), len(w.ECS.Events()), len(w.CodeDeploy.Events()))
	}
	later := w.deploy("v3")
	event, err = later.Succeed(w.tick())
	w.wantEvent(later, events.CodeDeploySucceeded, event, err)
	w.wantSets("the first, later", d, set(green, "Green", "PRIMARY", 2))
}

func TestADeploymentThatFailsLeavesTheOriginal(t *testing.T) {
	for name, test := range map[string]struct {
		shifted bool
		end     func(d *codedeploy.Deployment, w *world) ([]byte, error)
		state   events.CodeDeployState
		status  types.DeploymentStatus
		code    types.ErrorCode
	}{
		"failed": {false, func(d *codedeploy.Deployment, w *world) ([]byte, error) { return d.Fail(w.tick(), "words") },
			events.CodeDeployFailed, types.DeploymentStatusFailed, types.ErrorCodeEcsUpdateError},
		"stopped after the shift": {true, func(d *codedeploy.Deployment, w *world) ([]byte, error) { return d.Stop(w.tick()) },
			events.CodeDeployStopped, types.DeploymentStatusStopped, types.ErrorCodeManualStop},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			d := w.deploy("v2")
			green := d.TaskSet()
			if test.shifted {
				if err := d.Deployment(w.tick()); err != nil {
					t.Fatal(err)
				}
			}
			event, err := test.end(d, w)
			w.wantEvent(d, test.state, event, err)
			w.wantSets(name, d, set(w.blue, "Blue", "PRIMARY", 2), set(green, "Green", "DRAINING", 0))
			if info := w.get(d); info.Status != test.status || info.ErrorInformation.Code != test.code || *info.ErrorInformation.Message == "" {
				t.Errorf("%+v", info)
			}
			if w.service.PrimaryTaskSet() != w.blue {
				t.Errorf("primary %+v", w.service.PrimaryTaskSet())
			}
		})
	}
}

func TestARollbackIsADeploymentOfItsOwn(t *testing.T) {
	w := newWorld(t)
	d := w.deploy("v2")
	event, err := d.Fail(w.tick(), "")
	w.wantEvent(d, events.CodeDeployFailed, event, err)
	back, event, err := d.RollBack(w.tick())
	w.wantEvent(back, events.CodeDeployStarted, event, err)
	w.wantSets("started", back, set(w.blue, "Blue", "PRIMARY", 2))
	if info := w.get(back); info.Creator != types.DeploymentCreatorCodeDeployRollback || *info.RollbackInfo.RollbackTriggeringDeploymentId != d.ID() {
		t.Errorf("rollback %+v", info)
	}
	if info := w.get(d); *info.RollbackInfo.RollbackDeploymentId != back.ID() {
		t.Errorf("rolled back %+v", info)
	}
	event, err = back.Succeed(w.tick())
	w.wantEvent(back, events.CodeDeploySucceeded, event, err)
	w.wantSets("succeeded", back, set(w.blue, "Blue", "PRIMARY", 2))
	if _, _, err := d.RollBack(w.tick()); !errors.Is(err, codedeploy.ErrState) {
		t.Errorf("rolled back twice: %v", err)
	}

	again := w.deploy("v3")
	event, err = again.Stop(w.tick())
	w.wantEvent(again, events.CodeDeployStopped, event, err)
	anew, event, err := again.RollBack(w.tick())
	w.wantEvent(anew, events.CodeDeployStarted, event, err)
	if err := anew.Install(w.tick()); err != nil {
		t.Fatal(err)
	}
	event, err = anew.Succeed(w.tick())
	w.wantEvent(anew, events.CodeDeploySucceeded, event, err)
	w.wantSets("with a task set of its own", anew, set(anew.TaskSet(), "Green", "PRIMARY", 2))
	if got, want := anew.TaskSet().State().TaskDefinition, w.blue.State().TaskDefinition; got != want {
		t.Errorf("rolled back to %s, want %s", got, want)
	}
}

func TestADeploymentGoesItsSteps(t *testing.T) {
	w := newWorld(t)
	d, err := w.group.Create(w.push("v2"), w.tick())
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, codedeploy.ErrState) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, succeeding := d.Succeed(w.tick())
	_, preparing := d.Ready(w.tick())
	refused("not started: install", d.Install(w.tick()))
	refused("not started: shift", d.Deployment(w.tick()))
	refused("not started: succeed", succeeding)
	refused("not started: ready", preparing)
	if _, err := w.group.Create("checkout-api", w.tick()); err == nil {
		t.Error("a second deployment was created beside one that is not over")
	}
	event, err := d.Start(w.tick())
	w.wantEvent(d, events.CodeDeployStarted, event, err)
	_, starting := d.Start(w.tick())
	_, succeeding = d.Succeed(w.tick())
	refused("started: start", starting)
	refused("started without a task set: succeed", succeeding)
	if err := d.Install(w.tick()); err != nil {
		t.Fatal(err)
	}
	refused("installed: install", d.Install(w.tick()))
	event, err = d.Succeed(w.tick())
	w.wantEvent(d, events.CodeDeploySucceeded, event, err)
	_, failing := d.Fail(w.tick(), "")
	_, _, back := d.RollBack(w.tick())
	refused("succeeded: fail", failing)
	refused("succeeded: roll back", back)
}

func TestADeploymentWhoseImageIsMissingDoesNotSucceed(t *testing.T) {
	w := newWorld(t)
	d, event, err := w.group.Deploy(w.register("nope"), w.tick())
	w.wantEvent(d, events.CodeDeployStarted, event, err)
	if _, err := d.Succeed(w.tick()); err == nil {
		t.Error("it succeeded without its tasks")
	}
	w.push("nope")
	event, err = d.Succeed(w.tick())
	w.wantEvent(d, events.CodeDeploySucceeded, event, err)
	empty := w.ECS.Cluster(wire.Scope{}, "prod-cluster").CreateService("empty", ecs.ServiceOptions{Controller: "CODE_DEPLOY"})
	if _, _, err := w.CodeDeploy.Application(wire.Scope{}, "empty").Group("empty", empty).Deploy("checkout-api", w.tick()); err == nil {
		t.Error("a service without a task set was deployed to")
	}
}

// The events look like those that AWS sends.
func TestEventsAreLikeTheSamples(t *testing.T) {
	w := newWorld(t)
	d := w.deploy("v2")
	ready, err := d.Ready(w.tick())
	if err != nil {
		t.Fatal(err)
	}
	end, err := d.Succeed(w.tick())
	if err != nil {
		t.Fatal(err)
	}
	for file, raw := range map[string][]byte{"start": w.CodeDeploy.Events()[0], "ready": ready, "success": end} {
		sample, err := os.ReadFile(filepath.Join("../../../../events/testdata", "codedeploy-deployment-"+file+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(shape(t, sample), shape(t, raw)); diff != "" {
			t.Errorf("%s (-sample +sandbox):\n%s", file, diff)
		}
	}
}
