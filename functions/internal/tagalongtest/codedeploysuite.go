package tagalongtest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// CodeDeployWorld sets up what CodeDeploySuite asks of CodeDeploy. Its methods
// fail the test where they cannot. Of a group there is one deployment at a time.
type CodeDeployWorld interface {
	// Serve makes a group that deploys to a service, which has its first task set,
	// and returns that one's id.
	Serve(t *testing.T, g Group, s tagalong.Service) (taskSet string)
	// Servers makes a group that does not deploy to ECS.
	Servers(t *testing.T, g Group)
	// Create makes a deployment that has not started yet and returns its id.
	Create(t *testing.T, g Group, at time.Time) (id string)
	// Start starts it, without a task set.
	Start(t *testing.T, id string, at time.Time)
	// Install has its task set created, and returns that one's id.
	Install(t *testing.T, id string, at time.Time) (taskSet string)
	// ShiftTraffic gives its task set the traffic, which does not end it.
	ShiftTraffic(t *testing.T, id string, at time.Time)
	// Succeed, Fail and Stop end it.
	Succeed(t *testing.T, id string, at time.Time)
	Fail(t *testing.T, id string, at time.Time, reason string)
	Stop(t *testing.T, id string, at time.Time)
	// RollBack starts the deployment that rolls it back to the task set that was
	// there before, and returns its id.
	RollBack(t *testing.T, id string, at time.Time) (back string)
	// Elsewhere returns an account that is neither ours nor configured.
	Elsewhere(t *testing.T) string
}

// CodeDeploySuite checks that an implementation keeps the contract of
// pipeline.CodeDeploy. open returns a new one and the world behind it.
func CodeDeploySuite(t *testing.T, open func(t *testing.T) (pipeline.CodeDeploy, CodeDeployWorld)) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, w suiteCodeDeploy)
	}{
		{"a deployment has its own task set until it has succeeded", deploymentCourse},
		{"a deployment that failed says why, and which task set it had made", deploymentFailed},
		{"a deployment that was stopped before its task set has none", deploymentStopped},
		{"a rollback has no task set until it has succeeded, and then the one before", deploymentRollback},
		{"a deployment that is over does not change with the next", deploymentOver},
		{"a deployment to servers has no targets", deploymentToServers},
		{"a deployment that is not there is not found", deploymentAbsent},
		{"the deployments of a group are those created in a span, both ends of it too", deploymentsInSpan},
		{"a group that is not there is not found", deploymentsAbsent},
		{"an account that is not covered is elsewhere", deploymentElsewhere},
	} {
		t.Run(test.name, func(t *testing.T) {
			codeDeploy, world := open(t)
			test.run(t, suiteCodeDeploy{CodeDeploy: codeDeploy, world: world, t: t})
		})
	}
}

type suiteCodeDeploy struct {
	pipeline.CodeDeploy
	world CodeDeployWorld
	t     *testing.T
}

var (
	suiteGroup        = Group{"111122223333", "us-east-1", "AppECS-shop", "DgpECS-api"}
	suiteDeploymentID = time.Date(2026, 3, 4, 9, 14, 40, 318e6, time.UTC)
)

// later is a minute after another.
func later(minutes int) time.Time { return suiteDeploymentID.Add(time.Duration(minutes) * time.Minute) }

func (w suiteCodeDeploy) wantDeployment(what string, want pipeline.CodeDeployDeployment) {
	w.t.Helper()
	got, err := w.Deployment(w.t.Context(), suiteGroup.Account, suiteGroup.Region, want.ID)
	if err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
	same(w.t, what, want, got)
}

// begin makes a service with its group and a deployment that has its task set.
func (w suiteCodeDeploy) begin(s tagalong.Service) (deployment, before, own string) {
	before = w.world.Serve(w.t, suiteGroup, s)
	deployment = w.world.Create(w.t, suiteGroup, later(0))
	w.world.Start(w.t, deployment, later(1))
	return deployment, before, w.world.Install(w.t, deployment, later(2))
}

func to(s tagalong.Service, taskSet string) []pipeline.CodeDeployTarget {
	return []pipeline.CodeDeployTarget{{Service: s, TaskSet: taskSet}}
}

func deploymentCourse(t *testing.T, w suiteCodeDeploy) {
	s := suiteService("api")
	w.world.Serve(t, suiteGroup, s)
	id := w.world.Create(t, suiteGroup, later(0))
	want := pipeline.CodeDeployDeployment{ID: id, State: pipeline.CodeDeployInProgress, CreatedAt: later(0), Targets: to(s, "")}
	w.wantDeployment("created", want)
	w.world.Start(t, id, later(1))
	w.wantDeployment("started", want)
	want.Targets = to(s, w.world.Install(t, id, later(2)))
	w.wantDeployment("installed", want)
	w.world.ShiftTraffic(t, id, later(3))
	w.wantDeployment("shifted", want)
	w.world.Succeed(t, id, later(4))
	want.State, want.EndedAt = pipeline.CodeDeploySucceeded, later(4)
	w.wantDeployment("succeeded", want)
}

func deploymentFailed(t *testing.T, w suiteCodeDeploy) {
	s := suiteService("api")
	id, _, own := w.begin(s)
	w.world.Fail(t, id, later(5), "the tasks are unhealthy")
	w.wantDeployment("failed", pipeline.CodeDeployDeployment{
		ID: id, State: pipeline.CodeDeployFailed, CreatedAt: later(0), EndedAt: later(5),
		Reason: "the tasks are unhealthy", Targets: to(s, own),
	})
}

func deploymentStopped(t *testing.T, w suiteCodeDeploy) {
	s := suiteService("api")
	w.world.Serve(t, suiteGroup, s)
	id := w.world.Create(t, suiteGroup, later(0))
	w.world.Start(t, id, later(1))
	w.world.Stop(t, id, later(2))
	got, err := w.Deployment(t.Context(), suiteGroup.Account, suiteGroup.Region, id)
	if err != nil {
		t.Fatal(err)
	}
	got.Reason = "" // which is CodeDeploy's to word
	same(t, "stopped", pipeline.CodeDeployDeployment{ID: id, State: pipeline.CodeDeployStopped, CreatedAt: later(0), EndedAt: later(2), Targets: to(s, "")}, got)
}

func deploymentRollback(t *testing.T, w suiteCodeDeploy) {
	s := suiteService("api")
	id, before, _ := w.begin(s)
	w.world.Fail(t, id, later(5), "the tasks are unhealthy")
	back := w.world.RollBack(t, id, later(6))
	want := pipeline.CodeDeployDeployment{ID: back, State: pipeline.CodeDeployInProgress, CreatedAt: later(6), Rollback: true, Targets: to(s, "")}
	w.wantDeployment("rolling back", want)
	w.world.Succeed(t, back, later(7))
	want.State, want.EndedAt, want.Targets = pipeline.CodeDeploySucceeded, later(7), to(s, before)
	w.wantDeployment("rolled back", want)
}

func deploymentOver(t *testing.T, w suiteCodeDeploy) {
	s := suiteService("api")
	first, _, own := w.begin(s)
	w.world.Succeed(t, first, later(3))
	second := w.world.Create(t, suiteGroup, later(4))
	w.world.Start(t, second, later(5))
	next := w.world.Install(t, second, later(6))
	w.world.Succeed(t, second, later(7))
	w.wantDeployment("the first", pipeline.CodeDeployDeployment{ID: first, State: pipeline.CodeDeploySucceeded, CreatedAt: later(0), EndedAt: later(3), Targets: to(s, own)})
	w.wantDeployment("the second", pipeline.CodeDeployDeployment{ID: second, State: pipeline.CodeDeploySucceeded, CreatedAt: later(4), EndedAt: later(7), Targets: to(s, next)})
}

func deploymentToServers(t *testing.T, w suiteCodeDeploy) {
	w.world.Servers(t, suiteGroup)
	id := w.world.Create(t, suiteGroup, later(0))
	w.world.Start(t, id, later(1))
	w.wantDeployment("started", pipeline.CodeDeployDeployment{ID: id, State: pipeline.CodeDeployInProgress, CreatedAt: later(0)})
	w.world.Succeed(t, id, later(2))
	w.wantDeployment("succeeded", pipeline.CodeDeployDeployment{ID: id, State: pipeline.CodeDeploySucceeded, CreatedAt: later(0), EndedAt: later(2)})
}

func deploymentAbsent(t *testing.T, w suiteCodeDeploy) {
	id, _, _ := w.begin(suiteService("api"))
	for _, asked := range []struct{ account, region, id string }{
		{suiteGroup.Account, suiteGroup.Region, "d-000000000"},
		{suiteGroup.Account, suiteGroup.Region, "no id"},
		{suiteGroup.Account, suiteGroup.Region, ""},
		{suiteGroup.Account, "us-west-2", id},
		{"444455556666", suiteGroup.Region, id},
	} {
		if _, err := w.Deployment(t.Context(), asked.account, asked.region, asked.id); !errors.Is(err, pipeline.ErrNoCodeDeployDeployment) {
			t.Errorf("%+v: error %v, want %v", asked, err, pipeline.ErrNoCodeDeployDeployment)
		}
	}
}

func (w suiteCodeDeploy) deployments(g Group, from, to time.Time) []string {
	w.t.Helper()
	ids, err := w.Deployments(w.t.Context(), g.Account, g.Region, g.Application, g.Name, from, to)
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(ids)
	return ids
}

func deploymentsInSpan(t *testing.T, w suiteCodeDeploy) {
	const count = 230
	w.world.Servers(t, suiteGroup)
	var all []string
	for n := range count {
		id := w.world.Create(t, suiteGroup, later(n))
		w.world.Start(t, id, later(n))
		w.world.Succeed(t, id, later(n).Add(time.Second))
		all = append(all, id)
	}
	other := suiteGroup
	other.Name = "DgpECS-web"
	w.world.Servers(t, other)
	stranger := w.world.Create(t, other, later(3))
	same(t, "all", slices.Sorted(slices.Values(all)), w.deployments(suiteGroup, later(0), later(count-1)))
	same(t, "some", slices.Sorted(slices.Values(all[3:6])), w.deployments(suiteGroup, later(3), later(5)))
	same(t, "one", all[7:8], w.deployments(suiteGroup, later(7), later(7)))
	same(t, "none", 0, len(w.deployments(suiteGroup, later(count), later(count+9))))
	same(t, "the other group's", []string{stranger}, w.deployments(other, later(0), later(count)))
}

func deploymentsAbsent(t *testing.T, w suiteCodeDeploy) {
	w.world.Servers(t, suiteGroup)
	for _, change := range []func(*Group){
		func(g *Group) { g.Application = "nope" },
		func(g *Group) { g.Name = "nope" },
		func(g *Group) { g.Region = "us-west-2" },
	} {
		g := suiteGroup
		change(&g)
		if _, err := w.Deployments(t.Context(), g.Account, g.Region, g.Application, g.Name, later(0), later(1)); !errors.Is(err, pipeline.ErrNoCodeDeployDeployment) {
			t.Errorf("%+v: error %v, want %v", g, err, pipeline.ErrNoCodeDeployDeployment)
		}
	}
}

func deploymentElsewhere(t *testing.T, w suiteCodeDeploy) {
	account := w.world.Elsewhere(t)
	if _, err := w.Deployment(t.Context(), account, suiteGroup.Region, "d-000000000"); !errors.Is(err, tagalong.ErrElsewhere) {
		t.Errorf("shift: error %v", err)
	}
	if _, err := w.Deployments(t.Context(), account, suiteGroup.Region, "a", "g", later(0), later(1)); !errors.Is(err, tagalong.ErrElsewhere) {
		t.Errorf("shifts: error %v", err)
	}
}
