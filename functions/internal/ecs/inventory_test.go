package ecs

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

func TestTheInventorysContractOnTheSandbox(t *testing.T) {
	tagalongtest.InventorySuite(t, func(t *testing.T) (tagalongtest.PreparedInventory, tagalongtest.InventoryWorld) {
		s := sandboxtest.Start(t)
		e := inventoryOn(s)
		return e, inventoryWorld{historyWorld{sandboxWorld{s, e.Workload, map[string]*ecs.Deployment{}}}}
	})
}

func TestTheInventoryKeepsTheWorkloadsContract(t *testing.T) {
	tagalongtest.WorkloadSuite(t, func(t *testing.T) (tagalong.Workload, tagalongtest.WorkloadWorld) {
		s := sandboxtest.Start(t)
		e := inventoryOn(s)
		return e, forgetting{sandboxWorld{s, e.Workload, map[string]*ecs.Deployment{}}, e}
	})
}

// forgetting lets the inventory forget, too, what it may keep until it prepares anew.
type forgetting struct {
	sandboxWorld
	inventory *Inventory
}

func (w forgetting) Forget(t *testing.T, s tagalong.Service, deployment string) {
	w.sandboxWorld.Forget(t, s, deployment)
	w.inventory.revisions.reset()
}

func inventoryOn(s *sandboxtest.Sandbox) *Inventory { return &Inventory{Workload: on(s)} }

// inventoryWorld sets up the sandbox's ECS.
type inventoryWorld struct{ historyWorld }

func (w inventoryWorld) Fail(t *testing.T, _ tagalong.Service, deployment string, at time.Time) {
	t.Helper()
	_, err := w.deployments[deployment].Fail(at, "")
	ok(t, err)
}

func (w inventoryWorld) Reach(t *testing.T, s tagalong.Service, deployment, stage string, percent float64, at time.Time) {
	t.Helper()
	w.ECS.Cluster(wire.Scope{Account: s.Account, Region: s.Region}, s.Cluster).Service(s.Name).Update(func(o *ecs.ServiceOptions) {
		o.Strategy, o.Traffic.CanaryMinutes = "CANARY", 120
	})
	ok(t, w.deployments[deployment].Reach(stage, percent, at))
}

func (w inventoryWorld) Pause(t *testing.T, _ tagalong.Service, deployment, stage string, at, until time.Time) {
	t.Helper()
	_, err := w.deployments[deployment].Pause(stage, at, until)
	ok(t, err)
}

func (w inventoryWorld) Delete(_ *testing.T, s tagalong.Service, at time.Time) {
	w.ECS.Cluster(wire.Scope{Account: s.Account, Region: s.Region}, s.Cluster).Service(s.Name).Delete(at)
}

func scopeOf(s tagalong.Service) tagalong.Scope {
	return tagalong.Scope{Account: s.Account, Region: s.Region}
}

// inventory returns an Inventory on a world's sandbox.
func (w *world) inventory() *Inventory { return &Inventory{Workload: w.Workload} }

func TestOnlyAMissingServiceIsGone(t *testing.T) {
	for reason, gone := range map[string]bool{"MISSING": true, "ACCESS_DENIED": false, "": false} {
		e := &Inventory{Workload: answering(t, 200, `{"services":[],"failures":[{"arn":"arn:aws:ecs:us-east-1:111122223333:service/prod-cluster/checkout-api","reason":"`+reason+`"}]}`)}
		states, err := e.Describe(t.Context(), scopeOf(service), service.Cluster, []string{service.Name})
		if len(states) != 0 || (err == nil) != gone || err != nil && !strings.Contains(err.Error(), "service/prod-cluster/checkout-api") {
			t.Errorf("reason %q: states %+v, error %v", reason, states, err)
		}
	}
	w := start(t, ecs.ServiceOptions{})
	if _, err := w.inventory().Describe(t.Context(), scopeOf(service), service.Cluster, []string{"a/b"}); err == nil || !strings.Contains(err.Error(), `"a/b"`) {
		t.Errorf("service a/b: %v", err)
	}
}

func TestInventoryTranslatesErrors(t *testing.T) {
	w := start(t, ecs.ServiceOptions{})
	e, ctx, scope := w.inventory(), t.Context(), scopeOf(service)
	for operation, ask := range map[string]func() error{
		"ListClusters":     func() error { _, err := e.Clusters(ctx, scope); return err },
		"ListServices":     func() error { _, err := e.ServiceNames(ctx, scope, service.Cluster); return err },
		"DescribeServices": func() error { _, err := e.Describe(ctx, scope, service.Cluster, []string{service.Name}); return err },
	} {
		w.ECS.Deny(operation)
		if err := ask(); !errors.Is(err, tagalong.ErrDenied) || !strings.Contains(err.Error(), operation) {
			t.Errorf("%s denied: %v", operation, err)
		}
	}
	w.ECS.Throttle("ListServiceDeployments", 1)
	if _, err := e.DeploymentHistory(ctx, scope, []tagalong.Service{service}); err == nil || !strings.Contains(err.Error(), "ListServiceDeployments") {
		t.Errorf("throttled: %v", err)
	}
	w.ECS.Throttle("DescribeServiceRevisions", 1)
	if err := e.Prepare(ctx, scope, []sweep.DeploymentOf{{Service: service, Deployment: "ecs-svc/1"}}); err == nil || !strings.Contains(err.Error(), "DescribeServiceRevisions") {
		t.Errorf("throttled: %v", err)
	}
	for _, cluster := range []string{"", "a/b"} {
		if _, err := e.DeploymentHistory(ctx, scope, []tagalong.Service{{Account: service.Account, Region: service.Region, Cluster: cluster, Name: "x"}}); err == nil {
			t.Errorf("cluster %q: no error", cluster)
		}
	}
}

func TestRollbacksThatMayNotBeReadLeaveOutTheirServices(t *testing.T) {
	w := start(t, ecs.ServiceOptions{})
	_, err := w.deploy(t).Complete(now)
	ok(t, err)
	_, err = w.deploy(t).Fail(now, "")
	ok(t, err)
	other := service
	other.Name = "other"
	d, _, err := w.cluster.CreateService(other.Name, ecs.ServiceOptions{}).Release(now, ecs.Container{Name: "app", Image: w.image})
	ok(t, err)
	w.ECS.Deny("DescribeServiceDeployments")
	records, err := w.inventory().DeploymentHistory(t.Context(), scopeOf(service), []tagalong.Service{service, other})
	ok(t, err)
	if len(records) != 1 || len(records[other]) != 1 || records[other][0].Deployment != d.ID() {
		t.Errorf("records %+v", records)
	}
}

func TestLooksAreInTwentiesAndNoneWhereTheyAreDenied(t *testing.T) {
	w := start(t, ecs.ServiceOptions{})
	e, names, services := w.inventory(), []string{}, []tagalong.Service{}
	for n := range 21 {
		s := service
		s.Name = fmt.Sprintf("service-%d", n)
		_, _, err := w.cluster.CreateService(s.Name, ecs.ServiceOptions{}).Release(now, ecs.Container{Name: "app", Image: w.image})
		ok(t, err)
		names, services = append(names, s.Name), append(services, s)
	}
	_, err := e.Describe(t.Context(), scopeOf(service), service.Cluster, names)
	ok(t, err)
	w.ResetCalls()
	looks, err := e.Looks(t.Context(), scopeOf(service), services)
	if ok(t, err); len(looks) != len(services) {
		t.Errorf("%d looks, want %d", len(looks), len(services))
	}
	wantCalls(t, w, "DescribeServiceDeployments", "DescribeServiceDeployments")
	w.ECS.Deny("DescribeServiceDeployments")
	looks, err = e.Looks(t.Context(), scopeOf(service), services)
	if ok(t, err); len(looks) != 0 {
		t.Errorf("looks that are denied: %+v", looks)
	}
}

func TestAStageLastsAsLongAsItsSettingsSay(t *testing.T) {
	for _, test := range []struct {
		options ecs.ServiceOptions
		stage   string
		want    time.Duration
	}{
		{ecs.ServiceOptions{Traffic: ecs.TrafficOptions{BakeMinutes: 1440}}, "BAKE_TIME", 24 * time.Hour},
		{ecs.ServiceOptions{Traffic: ecs.TrafficOptions{BakeMinutes: 1440}}, "CLEAN_UP", 0},
		{ecs.ServiceOptions{Strategy: "CANARY", Traffic: ecs.TrafficOptions{CanaryMinutes: 30}}, "PRODUCTION_TRAFFIC_SHIFT", 30 * time.Minute},
		{ecs.ServiceOptions{Strategy: "LINEAR", Traffic: ecs.TrafficOptions{LinearPercent: 30, LinearMinutes: 10}}, "PRODUCTION_TRAFFIC_SHIFT", 40 * time.Minute},
		{ecs.ServiceOptions{Strategy: "LINEAR"}, "PRODUCTION_TRAFFIC_SHIFT", 0},
		{ecs.ServiceOptions{Strategy: "BLUE_GREEN"}, "PRODUCTION_TRAFFIC_SHIFT", 0},
	} {
		w := start(t, test.options)
		d := w.deploy(t)
		ok(t, d.Reach(test.stage, 10, now))
		e := w.inventory()
		_, err := e.Describe(t.Context(), scopeOf(service), service.Cluster, []string{service.Name})
		ok(t, err)
		looks, err := e.Looks(t.Context(), scopeOf(service), []tagalong.Service{service})
		if ok(t, err); looks[service].Lasts != test.want {
			t.Errorf("%s of %+v lasts %v, want %v", test.stage, test.options.Traffic, looks[service].Lasts, test.want)
		}
	}
}

func TestADeploymentWaitsForTheLastOfItsHooks(t *testing.T) {
	soon, late := now.Add(time.Hour), now.Add(2*time.Hour)
	hook := func(status types.DeploymentLifecycleHookStatus, ends *time.Time) types.DeploymentLifecycleHookDetail {
		return types.DeploymentLifecycleHookDetail{Status: status, ExpiresAt: ends}
	}
	for _, test := range []struct {
		hooks []types.DeploymentLifecycleHookDetail
		held  bool
		until time.Time
	}{
		{nil, false, time.Time{}},
		{[]types.DeploymentLifecycleHookDetail{hook("SUCCEEDED", &late), hook("TIMED_OUT", &late)}, false, time.Time{}},
		{[]types.DeploymentLifecycleHookDetail{hook("AWAITING_ACTION", &late), hook("IN_PROGRESS", &soon)}, true, late},
		{[]types.DeploymentLifecycleHookDetail{hook("AWAITING_ACTION", &late), hook("IN_PROGRESS", nil)}, true, time.Time{}},
	} {
		if held, until := waits(test.hooks); held != test.held || !until.Equal(test.until) {
			t.Errorf("%+v: held %t until %v", test.hooks, held, until)
		}
	}
}

func TestWhatIsPreparedIsAskedForOnce(t *testing.T) {
	w := start(t, ecs.ServiceOptions{})
	d, free := w.deploy(t), w.deploy(t, ecs.Container{Name: "free", Image: w.image, Inconsistent: true})
	e := w.inventory()
	wanted := []sweep.DeploymentOf{{Service: service, Deployment: d.ID()}, {Service: service, Deployment: free.ID()}, {Service: service, Deployment: "ecs-svc/1"}}
	w.ResetCalls()
	ok(t, e.Prepare(t.Context(), scopeOf(service), wanted))
	wantCalls(t, w, "DescribeServiceRevisions")
	for range 2 {
		for _, of := range wanted {
			spec, err := e.Revision(t.Context(), service, of.Deployment)
			if (err == nil) != (of.Deployment != "ecs-svc/1") {
				t.Errorf("%s: %+v, error %v", of.Deployment, spec, err)
			}
			if err == nil {
				spec.Containers[0].Name = "changed by the caller"
			}
		}
	}
	wantCalls(t, w)
	if spec, err := e.Revision(t.Context(), service, free.ID()); err != nil || spec.Containers[0].Name != "free" || spec.Containers[0].Digest != "" {
		t.Errorf("spec %+v, error %v", spec, err)
	}
	for range 2 {
		if runs, err := e.Tasks(t.Context(), service, free.ID()); err != nil || len(runs) != 1 {
			t.Errorf("tasks %+v, error %v", runs, err)
		}
	}
	wantCalls(t, w, "ListTasks", "DescribeTasks")
	// What is prepared anew is read anew: digests may be known meanwhile.
	d.SetRevision(ecs.Unfilled)
	ok(t, e.Prepare(t.Context(), scopeOf(service), wanted[:1]))
	if spec, err := e.Revision(t.Context(), service, d.ID()); err != nil || len(spec.Containers) != 0 {
		t.Errorf("spec %+v, error %v", spec, err)
	}
	wantCalls(t, w, "DescribeServiceRevisions")
}

func TestABatchThatIsDeniedIsAskedOneByOne(t *testing.T) {
	w := start(t, ecs.ServiceOptions{})
	good, bad := w.deploy(t), w.deploy(t)
	bad.SetRevision(ecs.Denied)
	e := w.inventory()
	ok(t, e.Prepare(t.Context(), scopeOf(service), []sweep.DeploymentOf{{Service: service, Deployment: good.ID()}, {Service: service, Deployment: bad.ID()}}))
	if spec, err := e.Revision(t.Context(), service, good.ID()); err != nil || len(spec.Containers) != 1 {
		t.Errorf("spec %+v, error %v", spec, err)
	}
	if _, err := e.Revision(t.Context(), service, bad.ID()); !errors.Is(err, tagalong.ErrDenied) {
		t.Errorf("error %v", err)
	}
}

func TestATaskDefinitionIsAskedForOnce(t *testing.T) {
	w := start(t, ecs.ServiceOptions{})
	d := w.deploy(t)
	e := w.inventory()
	states, err := e.Describe(t.Context(), scopeOf(service), service.Cluster, []string{service.Name})
	if err != nil || len(states) != 1 {
		t.Fatalf("states %+v, error %v", states, err)
	}
	revision, err := w.Workload.Revision(t.Context(), service, d.ID())
	ok(t, err)
	w.ResetCalls()
	for _, known := range []string{"", "", revision.TaskDefinition} {
		if spec, err := e.Definition(t.Context(), service, d.ID(), known); err != nil || len(spec.Containers) != 1 {
			t.Errorf("known as %q: %+v, error %v", known, spec, err)
		}
	}
	wantCalls(t, w, "DescribeTaskDefinition")
	if _, err := e.Definition(t.Context(), service, "ecs-svc/1", ""); !errors.Is(err, tagalong.ErrNotFound) {
		t.Errorf("a deployment that is over: %v", err)
	}
	wantCalls(t, w)
}
