package tagalongtest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// PreparedInventory is what InventorySuite checks: what an inventory prepares is asked of
// the workload.
type PreparedInventory interface {
	sweep.Inventory
	tagalong.Workload
}

// InventoryWorld sets up what InventorySuite asks of an inventory. Its methods fail the
// test where they cannot.
type InventoryWorld interface {
	DeploymentHistoryWorld
	// Fail lets the first deployment of a service fail: there is nothing to roll back to.
	Fail(t *testing.T, s tagalong.Service, deployment string, at time.Time)
	// Reach brings a deployment to a stage, with so much of the traffic, which a service by
	// its strategy CANARY shifts in hours; Pause lets a hook hold it there until a time.
	Reach(t *testing.T, s tagalong.Service, deployment, stage string, percent float64, at time.Time)
	Pause(t *testing.T, s tagalong.Service, deployment, stage string, at, until time.Time)
	// Delete deletes a service, which ECS shows as INACTIVE from then on.
	Delete(t *testing.T, s tagalong.Service, at time.Time)
}

// InventorySuite checks that an implementation keeps the contract of
// sweep.Inventory. open returns a new one and the world behind it.
func InventorySuite(t *testing.T, open func(t *testing.T) (PreparedInventory, InventoryWorld)) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, w suiteInventory)
	}{
		{"clusters are those of one account's Region, sorted", inventoryClusters},
		{"services are those of one cluster, sorted, those that are deleted not among them", inventoryServices},
		{"the services of a cluster that is not there are not found", inventoryNoCluster},
		{"services are described, as many as are asked for, without those that are gone", inventoryDescribed},
		{"a deployment in progress becomes a completed one", inventoryCourse},
		{"a deployment fails, and stays what ECS works towards", inventoryFailed},
		{"a rollback is the old deployment in progress again", inventoryRollback},
		{"a service that CodeDeploy deploys has its task sets", inventoryTaskSets},
		{"the chronicle has the records of each service, and no service without", inventoryHistory},
		{"the chronicle leaves out what may not be told", inventoryHistoryDenied},
		{"a look shows how far a service deployment has come, until it has ended", inventoryLooks},
		{"what is prepared is what would be found without", inventoryPrepared},
		{"an account that is not covered is elsewhere", inventoryElsewhere},
	} {
		t.Run(test.name, func(t *testing.T) {
			inventory, world := open(t)
			test.run(t, suiteInventory{PreparedInventory: inventory, InventoryWorld: world, t: t})
		})
	}
}

type suiteInventory struct {
	PreparedInventory
	InventoryWorld
	t *testing.T
}

func suiteScope(s tagalong.Service) tagalong.Scope {
	return tagalong.Scope{Account: s.Account, Region: s.Region}
}

// completed deploys to a service and completes it a second later.
func (w suiteInventory) completed(s tagalong.Service, at time.Time) (deployment string) {
	w.t.Helper()
	deployment = w.Deploy(w.t, s, at)
	w.Complete(w.t, s, deployment, at.Add(time.Second))
	return deployment
}

// state describes one service, without ECS's words for its states, without its tasks and
// without when the service was made.
func (w suiteInventory) state(s tagalong.Service) sweep.ServiceState {
	w.t.Helper()
	states, err := w.Describe(w.t.Context(), suiteScope(s), s.Cluster, []string{s.Name})
	if err != nil || len(states) != 1 || states[0].Service != s {
		w.t.Fatalf("states %+v, error %v, want one of %s", states, err, s)
	}
	states[0].Created, states[0].Running = time.Time{}, nil
	for i := range states[0].Current {
		states[0].Current[i].Reason = ""
	}
	return states[0]
}

func inventoryClusters(t *testing.T, w suiteInventory) {
	s := suiteService("api")
	for _, cluster := range []string{"shop", "bank", "mail"} {
		s.Cluster = cluster
		w.Deploy(t, s, later(0))
	}
	far := s
	far.Region, far.Cluster = "eu-west-1", "far"
	w.Deploy(t, far, later(0))
	clusters, err := w.Clusters(t.Context(), suiteScope(s))
	same(t, "error", nil, err)
	same(t, "clusters", []string{"bank", "mail", "shop"}, clusters)
	clusters, err = w.Clusters(t.Context(), suiteScope(far))
	same(t, "error", nil, err)
	same(t, "of the other Region", []string{"far"}, clusters)
}

func inventoryServices(t *testing.T, w suiteInventory) {
	s := suiteService("api")
	var want []string
	for n := range 120 { // ECS lists a hundred at a time
		s.Name = fmt.Sprintf("service-%03d", (n*7)%120)
		want = append(want, s.Name)
		w.Deploy(t, s, later(n))
	}
	w.Delete(t, s, later(200))
	want = slices.Sorted(slices.Values(want[:len(want)-1]))
	other := suiteService("other")
	other.Cluster = "another-cluster"
	w.Deploy(t, other, later(0))
	names, err := w.ServiceNames(t.Context(), suiteScope(s), s.Cluster)
	same(t, "error", nil, err)
	same(t, "services", want, names)
}

func inventoryNoCluster(t *testing.T, w suiteInventory) {
	s := suiteService("api")
	w.Deploy(t, s, later(0))
	if names, err := w.ServiceNames(t.Context(), suiteScope(s), "nope"); !errors.Is(err, tagalong.ErrNotFound) {
		t.Errorf("services %v, error %v", names, err)
	}
	if states, err := w.Describe(t.Context(), suiteScope(s), "nope", []string{s.Name}); !errors.Is(err, tagalong.ErrNotFound) {
		t.Errorf("states %+v, error %v", states, err)
	}
}

func inventoryDescribed(t *testing.T, w suiteInventory) {
	s := suiteService("api")
	var names []string
	for n := range 25 { // ECS describes ten at a time
		s.Name = fmt.Sprintf("service-%02d", n)
		names = append(names, s.Name)
		w.Deploy(t, s, later(n))
	}
	w.Delete(t, s, later(100))
	states, err := w.Describe(t.Context(), suiteScope(s), s.Cluster, append(names, "nope"))
	same(t, "error", nil, err)
	var got []string
	for _, state := range states {
		got = append(got, state.Service.Name)
	}
	slices.Sort(got)
	same(t, "services", names[:24], got)
	none, err := w.Describe(t.Context(), suiteScope(s), s.Cluster, nil)
	same(t, "none, error", nil, err)
	same(t, "none", 0, len(none))
}

func inventoryCourse(t *testing.T, w suiteInventory) {
	s := suiteService("api")
	first := w.Deploy(t, s, later(0))
	want := sweep.DeploymentState{ID: first, Primary: true, State: timeline.StateInProgress, Created: later(0), Changed: later(0)}
	same(t, "in progress", sweep.ServiceState{Service: s, Current: []sweep.DeploymentState{want}}, w.state(s))
	w.Complete(t, s, first, later(1))
	want.State, want.Changed = timeline.StateCompleted, later(1)
	same(t, "completed", sweep.ServiceState{Service: s, Current: []sweep.DeploymentState{want}}, w.state(s))
}

func inventoryFailed(t *testing.T, w suiteInventory) {
	s := suiteService("api")
	first := w.Deploy(t, s, later(0))
	w.Fail(t, s, first, later(1))
	want := sweep.DeploymentState{ID: first, Primary: true, State: timeline.StateFailed, Created: later(0), Changed: later(1)}
	same(t, "failed", sweep.ServiceState{Service: s, Current: []sweep.DeploymentState{want}}, w.state(s))
}

func inventoryRollback(t *testing.T, w suiteInventory) {
	s := suiteService("api")
	good := w.completed(s, later(0))
	bad := w.Deploy(t, s, later(2))
	w.RollBack(t, s, bad, later(3))
	state := w.state(s)
	want := sweep.DeploymentState{ID: good, Primary: true, State: timeline.StateInProgress, Created: later(0), Changed: later(3)}
	same(t, "what ECS works towards", []sweep.DeploymentState{want}, primaries(state))
	if other := slices.IndexFunc(state.Current, func(d sweep.DeploymentState) bool { return d.ID == bad }); other < 0 || state.Current[other].State != timeline.StateFailed {
		t.Errorf("states %+v, want %s among them, failed", state.Current, bad)
	}
	w.Complete(t, s, good, later(4))
	want.State, want.Changed = timeline.StateCompleted, later(4)
	same(t, "rolled back", []sweep.DeploymentState{want}, primaries(w.state(s)))
}

func primaries(state sweep.ServiceState) (found []sweep.DeploymentState) {
	for _, d := range state.Current {
		if d.Primary {
			found = append(found, d)
		}
	}
	return found
}

func inventoryTaskSets(t *testing.T, w suiteInventory) {
	s := suiteService("api")
	w.ServeByCodeDeploy(t, s)
	state := w.state(s)
	if set := primaries(state); !state.TaskSets || len(set) != 1 || set[0].ID == "" || set[0].State != timeline.StateCompleted || set[0].Created.IsZero() || set[0].Changed.Before(set[0].Created) {
		t.Errorf("state %+v, want a completed task set that is primary", state)
	}
}

func inventoryHistory(t *testing.T, w suiteInventory) {
	var services []tagalong.Service
	want := map[tagalong.Service][]pipeline.ServiceDeployment{}
	for n := range 25 { // ECS describes twenty rollbacks at a time
		s := suiteService(fmt.Sprintf("service-%02d", n))
		if n%2 == 1 {
			s.Cluster = "another-cluster"
		}
		services = append(services, s)
		good := w.completed(s, later(n))
		bad := w.Deploy(t, s, later(100+n))
		w.RollBack(t, s, bad, later(200+n))
		w.Complete(t, s, good, later(300+n))
		want[s] = []pipeline.ServiceDeployment{
			{Deployment: good, Status: "SUCCESSFUL", CreatedAt: later(n), FinishedAt: later(n).Add(time.Second)},
			{Deployment: bad, Status: "ROLLBACK_SUCCESSFUL", CreatedAt: later(100 + n), FinishedAt: later(300 + n), RolledBackTo: good, RolledBackAt: later(200 + n)},
		}
	}
	byCodeDeploy := suiteService("shifting")
	w.ServeByCodeDeploy(t, byCodeDeploy)
	got, err := w.DeploymentHistory(t.Context(), suiteScope(services[0]), append(services, byCodeDeploy, suiteService("nope")))
	same(t, "error", nil, err)
	for _, records := range got {
		slices.SortFunc(records, func(a, b pipeline.ServiceDeployment) int { return a.CreatedAt.Compare(b.CreatedAt) })
		for i := range records {
			records[i].Reason = ""
		}
	}
	same(t, "records", want, got)
}

func inventoryHistoryDenied(t *testing.T, w suiteInventory) {
	s := suiteService("api")
	w.completed(s, later(0))
	w.DenyRecords(t)
	got, err := w.DeploymentHistory(t.Context(), suiteScope(s), []tagalong.Service{s})
	same(t, "error", nil, err)
	same(t, "records", 0, len(got))
}

// canaryLasts is how long a service by its strategy CANARY shifts its traffic.
const canaryLasts = 2 * time.Hour

func inventoryLooks(t *testing.T, w suiteInventory) {
	s, other := suiteService("api"), suiteService("other")
	w.completed(other, later(0))
	good := w.completed(s, later(0))
	next := w.Deploy(t, s, later(2))
	look := func() map[tagalong.Service]tagalong.RolloutLook {
		t.Helper()
		_, err := w.Describe(t.Context(), suiteScope(s), s.Cluster, []string{s.Name, other.Name})
		same(t, "error", nil, err)
		looks, err := w.Looks(t.Context(), suiteScope(s), []tagalong.Service{s, other, suiteService("nope")})
		same(t, "error", nil, err)
		return looks
	}
	weight := 35.0
	for _, want := range []tagalong.RolloutLook{
		{Deployment: next, Updated: later(2)},
		{Deployment: next, Updated: later(3), Stage: "PRODUCTION_TRAFFIC_SHIFT", Weight: &weight, Lasts: canaryLasts},
		{Deployment: next, Updated: later(4), Stage: "POST_PRODUCTION_TRAFFIC_SHIFT", Weight: &weight, Waits: true, WaitsUntil: later(1000)},
	} {
		switch {
		case want.Waits:
			w.Pause(t, s, next, want.Stage, want.Updated, want.WaitsUntil)
		case want.Stage != "":
			w.Reach(t, s, next, want.Stage, *want.Weight, want.Updated)
		}
		same(t, "look", map[tagalong.Service]tagalong.RolloutLook{s: want}, look())
	}
	w.RollBack(t, s, next, later(5))
	same(t, "what a rollback works towards", good, look()[s].Deployment)
	w.Complete(t, s, good, later(6))
	same(t, "looks at the end", 0, len(look()))
}

func inventoryPrepared(t *testing.T, w suiteInventory) {
	var wanted []sweep.DeploymentOf
	want := map[sweep.DeploymentOf]tagalong.Spec{}
	for n := range 45 { // ECS describes twenty revisions at a time
		s := suiteService(fmt.Sprintf("service-%02d", n%15))
		of := sweep.DeploymentOf{Service: s, Deployment: w.completed(s, later(n*10))}
		spec, err := w.Revision(t.Context(), s, of.Deployment)
		same(t, "error", nil, err)
		want[of] = spec
		wanted = append(wanted, of)
	}
	absent := sweep.DeploymentOf{Service: suiteService("service-00"), Deployment: "ecs-svc/1"}
	strange := sweep.DeploymentOf{Service: suiteService("service-00"), Deployment: "nothing of ECS's"}
	same(t, "prepared", nil, w.Prepare(t.Context(), suiteScope(absent.Service), append(wanted, absent, strange)))
	for of, spec := range want {
		got, err := w.Revision(t.Context(), of.Service, of.Deployment)
		same(t, "error", nil, err)
		same(t, "revision of "+of.Deployment, spec, got)
	}
	for _, of := range []sweep.DeploymentOf{absent, strange} {
		if spec, err := w.Revision(t.Context(), of.Service, of.Deployment); !errors.Is(err, tagalong.ErrNotFound) {
			t.Errorf("revision of %q: %+v, error %v", of.Deployment, spec, err)
		}
	}
	same(t, "nothing to prepare", nil, w.Prepare(t.Context(), suiteScope(absent.Service), nil))
}

func inventoryElsewhere(t *testing.T, w suiteInventory) {
	s := suiteService("api")
	s.Account = w.Elsewhere(t)
	_, clusters := w.Clusters(t.Context(), suiteScope(s))
	_, names := w.ServiceNames(t.Context(), suiteScope(s), s.Cluster)
	_, states := w.Describe(t.Context(), suiteScope(s), s.Cluster, []string{s.Name})
	_, records := w.DeploymentHistory(t.Context(), suiteScope(s), []tagalong.Service{s})
	_, looks := w.Looks(t.Context(), suiteScope(s), []tagalong.Service{s})
	prepared := w.Prepare(t.Context(), suiteScope(s), []sweep.DeploymentOf{{Service: s, Deployment: "ecs-svc/1"}})
	for what, err := range map[string]error{"clusters": clusters, "services": names, "states": states, "records": records, "looks": looks, "prepared": prepared} {
		if !errors.Is(err, tagalong.ErrElsewhere) {
			t.Errorf("%s: error %v, want %v", what, err, tagalong.ErrElsewhere)
		}
	}
}
