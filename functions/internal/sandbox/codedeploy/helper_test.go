package codedeploy_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscodedeploy "github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/tagalong-aws/tagalong/events"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codedeploy"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

const (
	application = "AppECS-prod-cluster-checkout-api"
	groupName   = "DgpECS-prod-cluster-checkout-api"
	target      = "prod-cluster:checkout-api"
)

// world is a sandbox with a service that CodeDeploy deploys, which runs its
// first task set, and a client.
type world struct {
	*sandboxtest.Sandbox
	t       *testing.T
	client  *awscodedeploy.Client
	repo    *ecr.Repository
	service *ecs.Service
	blue    *ecs.TaskSet
	group   *codedeploy.Group
	clock   time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s := sandboxtest.Start(t)
	w := &world{
		Sandbox: s, t: t, client: awscodedeploy.NewFromConfig(s.Config()),
		repo:    s.ECR.Repository(wire.Scope{}, "checkout-api"),
		service: s.ECS.Cluster(wire.Scope{}, "prod-cluster").CreateService("checkout-api", ecs.ServiceOptions{Controller: "CODE_DEPLOY", DesiredCount: 2}),
		clock:   sandboxtest.Epoch,
	}
	blue, err := w.service.CreateTaskSet(w.push("v1"), ecs.TaskSetOptions{}, w.tick())
	if err != nil {
		t.Fatal(err)
	}
	w.blue = blue
	w.group = s.CodeDeploy.Application(wire.Scope{}, application).Group(groupName, w.service)
	return w
}

// tick lets a minute and a bit pass.
func (w *world) tick() time.Time {
	w.clock = w.clock.Add(62*time.Second + 318*time.Millisecond)
	return w.clock
}

// push gives a task definition of a new image.
func (w *world) push(tag string) string {
	w.t.Helper()
	if _, err := w.repo.Push(ecr.Image{Seed: tag, Tags: []string{tag}}); err != nil {
		w.t.Fatal(err)
	}
	return w.register(tag)
}

func (w *world) register(tag string) string {
	w.t.Helper()
	arn, err := w.ECS.Register(w.Home(), "checkout-api", ecs.Container{Name: "app", Image: w.repo.URI() + ":" + tag})
	if err != nil {
		w.t.Fatal(err)
	}
	return arn
}

// deploy starts a deployment that has its task set.
func (w *world) deploy(tag string) *codedeploy.Deployment {
	w.t.Helper()
	d, event, err := w.group.Deploy(w.push(tag), w.tick())
	w.wantEvent(d, events.CodeDeployStarted, event, err)
	return d
}

// wantEvent checks an event as the function that receives it would read it.
func (w *world) wantEvent(d *codedeploy.Deployment, state events.CodeDeployState, raw []byte, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	event, err := events.Parse(raw)
	if err != nil {
		w.t.Fatal(err)
	}
	got, ok := event.(events.CodeDeployStateChange)
	if !ok || got.Deployment() != d.ID() || got.State() != state || got.Application() != application || got.DeploymentGroup() != groupName ||
		!got.Time().Equal(w.clock.Truncate(time.Second)) {
		w.t.Errorf("event %s", raw)
	}
}

func (w *world) get(d *codedeploy.Deployment) types.DeploymentInfo {
	w.t.Helper()
	out, err := w.client.GetDeployment(w.t.Context(), &awscodedeploy.GetDeploymentInput{DeploymentId: aws.String(d.ID())})
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.DeploymentInfo
}

// sets gives a deployment's task sets as label id status weight.
func (w *world) sets(d *codedeploy.Deployment) (sets []types.ECSTaskSet) {
	w.t.Helper()
	out, err := w.client.BatchGetDeploymentTargets(w.t.Context(), &awscodedeploy.BatchGetDeploymentTargetsInput{DeploymentId: aws.String(d.ID()), TargetIds: []string{target}})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.DeploymentTargets[0].EcsTarget.TaskSetsInfo
}

// wantSets checks them.
func (w *world) wantSets(what string, d *codedeploy.Deployment, want ...types.ECSTaskSet) {
	w.t.Helper()
	got := w.sets(d)
	if len(got) != len(want) {
		w.t.Fatalf("%s: sets %+v", what, got)
	}
	for i := range want {
		if *got[i].Identifer != *want[i].Identifer || *got[i].Status != *want[i].Status || got[i].TaskSetLabel != want[i].TaskSetLabel ||
			got[i].TrafficWeight != want[i].TrafficWeight || got[i].RunningCount != want[i].RunningCount {
			w.t.Errorf("%s: set %+v, want %+v", what, got[i], want[i])
		}
	}
}

func set(s *ecs.TaskSet, label types.TargetLabel, status string, running int64) types.ECSTaskSet {
	wanted := types.ECSTaskSet{Identifer: aws.String(s.ID()), Status: &status, TaskSetLabel: label, RunningCount: running}
	if status == "PRIMARY" {
		wanted.TrafficWeight = 100
	}
	return wanted
}
