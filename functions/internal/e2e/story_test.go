//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	box "github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

const commit = "0f3b8a51c2d4e6f708192a3b4c5d6e7f80912a3b"

// theRelease: the events of a pipeline's stage that deploys give its release to
// the rollout, of whose own events the ledger has heard none.
func (w *world) theRelease(t *testing.T) {
	r := w.pushed(t, "released")
	service := w.ECS.Cluster(wire.Scope{}, "prod-cluster").CreateService(r.service, ecs.ServiceOptions{})
	at := time.Now().Add(-time.Minute)
	execution, events := w.deploy(t, "shop-release", at, box.Succeeded, box.ActionOptions{
		Type:          box.ActionType{Category: "Deploy", Provider: "ECS"},
		Configuration: map[string]string{"ClusterName": "prod-cluster", "ServiceName": r.service},
	}, func([]byte) error {
		d, _, err := service.Release(at.Add(2*time.Second), ecs.Container{Name: "app", Image: r.uri + ":build-1"})
		check(t, err)
		_, err = d.Complete(at.Add(20 * time.Second))
		return err
	})
	// Those of a pipeline that is not covered wake nothing, and end nowhere.
	for _, event := range events {
		w.put(t, bytes.ReplaceAll(event, []byte("shop-release"), []byte("other-release")))
	}
	for _, event := range events {
		w.put(t, event)
	}
	w.awaitTag(t, r)
	w.awaitRelease(t, r, execution.ID(), "completed")
	for _, call := range w.recorder.Kept() {
		if bytes.Contains(call.Body, []byte("other-release")) {
			t.Errorf("%s:%s about a pipeline that is not covered: %s", call.Service, call.Operation, call.Body)
		}
	}
}

// theRollback: a release that ECS rolled back has failed, by the pipeline's events
// alone, and the tag is where it was.
func (w *world) theRollback(t *testing.T) {
	r := w.release(t, "rolledback", ecs.ServiceOptions{})
	w.theTag(t, r)
	service := w.ECS.Cluster(wire.Scope{}, "prod-cluster").Service(r.service)
	w.push(t, r.repository, "build-2")
	at := time.Now().Add(-20 * time.Second)
	execution, events := w.deploy(t, "shop-rollback", at, box.Failed, box.ActionOptions{
		Type:          box.ActionType{Category: "Deploy", Provider: "ECS"},
		Configuration: map[string]string{"ClusterName": "prod-cluster", "ServiceName": r.service},
	}, func([]byte) error {
		d, _, err := service.Release(at.Add(2*time.Second), ecs.Container{Name: "app", Image: r.uri + ":build-2"})
		check(t, err)
		_, err = d.Fail(at.Add(4*time.Second), "")
		check(t, err)
		old, _, err := d.RollBack(at.Add(5 * time.Second))
		check(t, err)
		_, err = old.Complete(at.Add(8 * time.Second))
		return err
	})
	for _, event := range events {
		w.put(t, event)
	}
	w.awaitRelease(t, r, execution.ID(), "failed")
	w.awaitTag(t, r)
}

// theShift: a blue/green deployment that CodeDeploy makes is told by its own
// events, and by those of the pipeline that began it.
func (w *world) theShift(t *testing.T) {
	r := w.pushed(t, "shifted")
	cluster := w.ECS.Cluster(wire.Scope{}, "prod-cluster")
	service := cluster.CreateService(r.service, ecs.ServiceOptions{Controller: "CODE_DEPLOY"})
	family, err := w.ECS.Register(w.Home(), r.service, ecs.Container{Name: "app", Image: r.uri + ":build-1"})
	check(t, err)
	at := time.Now().Add(-time.Minute)
	_, err = service.CreateTaskSet(family, ecs.TaskSetOptions{}, at.Add(-time.Hour))
	check(t, err)
	group := w.CodeDeploy.Application(wire.Scope{}, "AppECS-prod-cluster-shifted").Group("DgpECS-prod-cluster-shifted", service)
	var shifted [][]byte
	execution, events := w.deploy(t, "shop-shift", at, box.Succeeded, box.ActionOptions{
		Type:          box.ActionType{Category: "Deploy", Provider: "CodeDeployToECS"},
		Configuration: map[string]string{"ApplicationName": "AppECS-prod-cluster-shifted", "DeploymentGroupName": "DgpECS-prod-cluster-shifted"},
	}, func(begun []byte) error {
		d, err := group.Create(family, at.Add(2*time.Second))
		check(t, err)
		w.put(t, begun)
		w.awaitCall(t, "GetDeploymentGroup") // it has no targets yet
		started, err := d.Start(at.Add(4 * time.Second))
		check(t, err)
		check(t, d.Install(at.Add(5*time.Second)))
		check(t, d.Deployment(at.Add(6*time.Second)))
		succeeded, err := d.Succeed(at.Add(8 * time.Second))
		shifted = [][]byte{started, succeeded}
		return err
	})
	for _, event := range shifted {
		w.put(t, event)
	}
	w.awaitTag(t, r)
	for _, event := range events {
		w.put(t, event)
	}
	w.awaitRelease(t, r, execution.ID(), "completed")
}

// theForwarded: a service of a member account runs an image of our registry. Its events
// come by the bus for what is forwarded, its deployment is read by the role there, and
// by the rule, which names the repositories, its tag moves. Of another account, and of
// another source, the bus lets nothing in.
func (w *world) theForwarded(t *testing.T) {
	const bus = "tagalong-e2e-forwarded"
	w.STS.AddRole("arn:aws:iam::" + suiteMember + ":role/tagalong-e2e")
	r := w.pushed(t, "forwarded")
	at := time.Now().Add(-20 * time.Minute)
	d, started, err := w.ECS.Cluster(wire.Scope{Account: suiteMember}, "prod-cluster").CreateService(r.service, ecs.ServiceOptions{}).
		Release(at, ecs.Container{Name: "app", Image: r.uri + ":build-1"})
	check(t, err)
	completed, err := d.Complete(at.Add(30 * time.Second))
	check(t, err)
	for _, event := range [][]byte{
		bytes.ReplaceAll(completed, []byte(suiteMember), []byte("999988887777")),
		bytes.ReplaceAll(completed, []byte("aws.ecs"), []byte("shop.ecs")),
	} {
		w.putOn(t, bus, event)
	}
	for _, event := range [][]byte{started, completed} {
		w.putOn(t, bus, event)
	}
	w.awaitTag(t, r)
	status, body := w.ask(t, "reader", "/v1/environments/prod/running")
	if status != http.StatusOK || bytes.Contains(body, []byte("999988887777")) || !bytes.Contains(body, []byte(suiteMember)) {
		t.Errorf("what runs in prod: status %d: %s", status, body)
	}
}

// theIdle: of a service that runs no tasks nothing tells the digest but the
// registry, which is a guess: it moves no tag.
func (w *world) theIdle(t *testing.T) {
	r := w.pushed(t, "idle")
	service := w.ECS.Cluster(wire.Scope{}, "prod-cluster").CreateService(r.service, ecs.ServiceOptions{Controller: "CODE_DEPLOY"})
	service.Scale(0)
	family, err := w.ECS.Register(w.Home(), r.service, ecs.Container{Name: "app", Image: r.uri + ":build-1"})
	check(t, err)
	at := time.Now().Add(-time.Minute)
	_, err = service.CreateTaskSet(family, ecs.TaskSetOptions{}, at.Add(-time.Hour))
	check(t, err)
	d, _, err := w.CodeDeploy.Application(wire.Scope{}, "AppECS-prod-cluster-idle").Group("DgpECS-prod-cluster-idle", service).Deploy(family, at)
	check(t, err)
	check(t, d.Deployment(at.Add(6*time.Second)))
	succeeded, err := d.Succeed(at.Add(8 * time.Second))
	check(t, err)
	w.put(t, succeeded)
	rollout := await(t, "the rollout of "+r.service, func(ctx context.Context) (item, bool, error) {
		rollouts, err := w.items(ctx, w.partition(r), "R#")
		if err != nil || len(rollouts) != 1 {
			return item{}, false, err
		}
		return rollouts[0], rollouts[0].State == "completed", nil
	})
	if len(rollout.Containers) != 1 || rollout.Containers[0].Evidence != "registry" {
		t.Errorf("rollout %+v", rollout)
	}
	if on, err := w.tagged(t.Context(), r); on != "" || err != nil {
		t.Errorf("the tag is on %q, %v", on, err)
	}
}

// deploy runs a pipeline whose one action does something, told the event of its
// start, and ends as it is said. The events are those of the action and its stage.
func (w *world) deploy(t *testing.T, pipeline string, at time.Time, end box.State, options box.ActionOptions, do func(started []byte) error) (*box.Execution, [][]byte) {
	t.Helper()
	execution, _, err := w.CodePipeline.CreatePipeline(wire.Scope{}, pipeline, box.PipelineOptions{}).
		Start(box.ExecutionOptions{Revisions: []box.Revision{{Name: "Source", ID: commit}}}, at.Add(-time.Minute))
	check(t, err)
	stage, begun, err := execution.StartStage("Deploy", at)
	check(t, err)
	action, started, err := stage.StartAction("Deploy", options, at)
	check(t, err)
	check(t, do(started))
	finish := action.Succeed
	if end == box.Failed {
		finish = action.Fail
	}
	finished, err := finish(box.Result{}, at.Add(10*time.Second))
	check(t, err)
	ended, err := stage.Finish(end, at.Add(10*time.Second))
	check(t, err)
	return execution, [][]byte{begun, started, finished, ended}
}

// awaitCall waits until a function made a call.
func (w *world) awaitCall(t *testing.T, operation string) {
	t.Helper()
	await(t, "a call of "+operation, func(context.Context) (calls []sandboxtest.Call, there bool, err error) {
		calls = w.recorder.Kept()
		return nil, slices.ContainsFunc(calls, func(c sandboxtest.Call) bool { return c.Operation == operation }), nil
	})
}

// awaitRelease waits until the history function tells the release of a rollout in
// this state.
func (w *world) awaitRelease(t *testing.T, r release, execution, state string) {
	t.Helper()
	type row struct {
		Service, State string
		Release        struct{ Pipeline, Execution, Stage, Commit string }
	}
	await(t, "the release of "+r.service, func(context.Context) (found row, there bool, err error) {
		status, body := w.ask(t, "reader", "/v1/environments/prod/history")
		var page struct{ Items []row }
		if err := json.Unmarshal(body, &page); status != http.StatusOK || err != nil {
			return found, false, err
		}
		for _, item := range page.Items {
			if item.Service == r.service && item.State == state {
				found = item
			}
		}
		return found, found.Release.Execution == execution && found.Release.Stage == "Deploy" && found.Release.Commit == commit, nil
	})
}
