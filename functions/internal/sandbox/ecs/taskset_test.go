package ecs_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
)

// createSet registers a revision with one container and starts a task set of it.
func (w *world) createSet(tag string, options ecs.TaskSetOptions) *ecs.TaskSet {
	w.t.Helper()
	arn, err := w.ECS.Register(w.Home(), "checkout-api", ecs.Container{Name: "app", Image: w.repo.URI() + ":" + tag})
	if err != nil {
		w.t.Fatal(err)
	}
	set, err := w.service.CreateTaskSet(arn, options, w.tick())
	if err != nil {
		w.t.Fatal(err)
	}
	return set
}

// sets gives a service's task sets as DescribeServices has them, by id.
func (w *world) sets() map[string]types.TaskSet {
	w.t.Helper()
	found := map[string]types.TaskSet{}
	for _, set := range w.describe().TaskSets {
		found[*set.Id] = set
	}
	return found
}

// started gives how many running tasks name a deployment or a task set.
func (w *world) started(id string) int {
	w.t.Helper()
	out, err := w.client.ListTasks(w.t.Context(), &awsecs.ListTasksInput{Cluster: aws.String("prod-cluster"), StartedBy: &id})
	if err != nil {
		w.t.Fatal(err)
	}
	return len(out.TaskArns)
}

func TestTaskSets(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{Controller: "CODE_DEPLOY", DesiredCount: 3})
	w.push("v1")
	blue := w.createSet("v1", ecs.TaskSetOptions{})
	w.push("v2")
	green := w.createSet("v2", ecs.TaskSetOptions{ExternalID: "d-8QZK4T2LF", Scale: 50})
	sets := w.sets()
	if got := sets[blue.ID()]; *got.Status != "PRIMARY" || got.StartedBy != nil || got.ComputedDesiredCount != 3 || got.StabilityStatus != types.StabilityStatusSteadyState {
		t.Errorf("blue %+v", got)
	}
	if got := sets[green.ID()]; *got.Status != "ACTIVE" || *got.StartedBy != "CODE_DEPLOY" || *got.ExternalId != "d-8QZK4T2LF" || got.RunningCount != 2 || got.Scale.Value != 50 {
		t.Errorf("green %+v", got)
	}
	if err := blue.Delete(w.tick()); !errors.Is(err, ecs.ErrState) {
		t.Errorf("deleting the primary task set: %v", err)
	}
	green.Scale(100, w.tick())
	if err := green.MakePrimary(w.tick()); err != nil {
		t.Fatal(err)
	}
	if err := blue.Drain(w.tick()); err != nil {
		t.Fatal(err)
	}
	sets = w.sets()
	if *sets[green.ID()].Status != "PRIMARY" || *sets[blue.ID()].Status != "DRAINING" || w.started(blue.ID()) != 0 || w.started(green.ID()) != 3 {
		t.Errorf("sets %+v", sets)
	}
	if err := blue.MakePrimary(w.tick()); !errors.Is(err, ecs.ErrState) {
		t.Errorf("a draining task set was made primary: %v", err)
	}
	if err := blue.Delete(w.tick()); err != nil {
		t.Fatal(err)
	}
	w.service.Scale(1)
	service := w.describe()
	if len(service.TaskSets) != 1 || *service.TaskDefinition != *service.TaskSets[0].TaskDefinition || service.RunningCount != 1 || w.service.PrimaryTaskSet() != green {
		t.Errorf("service %+v", service)
	}
}

func TestTaskSetsLeaveNoOtherTrace(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{Controller: "CODE_DEPLOY"})
	w.push("v1")
	set := w.createSet("v1", ecs.TaskSetOptions{})
	service := w.describe()
	if len(w.ECS.Events()) != 0 || len(service.Deployments) != 0 || service.CurrentServiceDeployment != nil || len(service.CurrentServiceRevisions) != 0 {
		t.Errorf("events %s, service %+v", w.ECS.Events(), service)
	}
	list, err := w.client.ListServiceDeployments(t.Context(), &awsecs.ListServiceDeploymentsInput{Cluster: aws.String("prod-cluster"), Service: aws.String("checkout-api")})
	if err != nil || len(list.ServiceDeployments) != 0 {
		t.Errorf("service deployments %+v, error %v", list.ServiceDeployments, err)
	}
	arn := "arn:aws:ecs:us-east-1:111122223333:service-revision/prod-cluster/checkout-api/" + set.ID()[len("ecs-svc/"):]
	revisions, err := w.client.DescribeServiceRevisions(t.Context(), &awsecs.DescribeServiceRevisionsInput{ServiceRevisionArns: []string{arn}})
	if err != nil || len(revisions.ServiceRevisions) != 0 || len(revisions.Failures) != 1 {
		t.Errorf("revisions %+v, error %v", revisions, err)
	}
}

func TestTaskSetsAreForOtherControllers(t *testing.T) {
	rolling := newWorld(t, ecs.ServiceOptions{})
	rolling.push("v1")
	rolling.deploy("v1")
	if _, err := rolling.service.CreateTaskSet("checkout-api", ecs.TaskSetOptions{}, rolling.tick()); err == nil {
		t.Error("a service of ECS got a task set")
	}
	shifting := newWorld(t, ecs.ServiceOptions{Controller: "EXTERNAL"})
	shifting.push("v1")
	if set := shifting.createSet("v1", ecs.TaskSetOptions{ExternalID: "mine"}); *shifting.sets()[set.ID()].Status != "ACTIVE" || shifting.sets()[set.ID()].StartedBy != nil {
		t.Errorf("sets %+v", shifting.sets())
	}
	if _, _, err := shifting.service.Deploy("checkout-api", shifting.tick()); err == nil {
		t.Error("a service of another controller got a deployment")
	}
	if _, err := shifting.service.CreateTaskSet("nope", ecs.TaskSetOptions{}, shifting.tick()); err == nil {
		t.Error("a task set of an unregistered task definition was created")
	}
	shifting.service.Delete(shifting.tick())
	if _, err := shifting.service.CreateTaskSet("checkout-api", ecs.TaskSetOptions{}, shifting.tick()); err == nil {
		t.Error("a deleted service got a task set")
	}
}
