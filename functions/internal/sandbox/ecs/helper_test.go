package ecs_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// world is a sandbox with one service and a client.
type world struct {
	*sandboxtest.Sandbox
	t       *testing.T
	client  *awsecs.Client
	repo    *ecr.Repository
	service *ecs.Service
	clock   time.Time
}

func newWorld(t *testing.T, options ecs.ServiceOptions) *world {
	t.Helper()
	s := sandboxtest.Start(t)
	return &world{
		Sandbox: s, t: t, client: awsecs.NewFromConfig(s.Config()),
		repo:    s.ECR.Repository(wire.Scope{}, "checkout-api"),
		service: s.ECS.Cluster(wire.Scope{}, "prod-cluster").CreateService("checkout-api", options),
		clock:   sandboxtest.Epoch,
	}
}

// tick lets a minute and a bit pass.
func (w *world) tick() time.Time {
	w.clock = w.clock.Add(62*time.Second + 318*time.Millisecond)
	return w.clock
}

func (w *world) push(tag string) digest.Digest {
	w.t.Helper()
	d, err := w.repo.Push(ecr.Image{Seed: tag, Tags: []string{tag}})
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

func (w *world) deploy(tag string) *ecs.Deployment {
	w.t.Helper()
	return w.release(ecs.Container{Name: "app", Image: w.repo.URI() + ":" + tag})
}

func (w *world) release(containers ...ecs.Container) *ecs.Deployment {
	w.t.Helper()
	d, event, err := w.service.Release(w.tick(), containers...)
	run(w.t, event, err)
	return d
}

// complete completes a deployment a moment later.
func (w *world) complete(d *ecs.Deployment) []byte {
	w.t.Helper()
	event, err := d.Complete(w.tick())
	return run(w.t, event, err)
}

// images gives what a deployment's revision says: container=digest.
func (w *world) images(d *ecs.Deployment) map[string]string {
	w.t.Helper()
	found := map[string]string{}
	for _, image := range w.revision(d).ContainerImages {
		found[*image.ContainerName] = aws.ToString(image.ImageDigest)
	}
	return found
}

func (w *world) revision(d *ecs.Deployment) types.ServiceRevision {
	w.t.Helper()
	out, err := w.client.DescribeServiceRevisions(w.t.Context(), &awsecs.DescribeServiceRevisionsInput{ServiceRevisionArns: []string{d.RevisionARN()}})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(out.ServiceRevisions) != 1 {
		w.t.Fatalf("revisions of %s: %+v, failures %+v", d.ID(), out.ServiceRevisions, out.Failures)
	}
	return out.ServiceRevisions[0]
}

func (w *world) describe() types.Service {
	w.t.Helper()
	out, err := w.client.DescribeServices(w.t.Context(), &awsecs.DescribeServicesInput{
		Cluster: aws.String("prod-cluster"), Services: []string{"checkout-api"},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(out.Services) != 1 {
		w.t.Fatalf("services %+v, failures %+v", out.Services, out.Failures)
	}
	return out.Services[0]
}

// tasksOf gives the running tasks that a deployment started.
func (w *world) tasksOf(d *ecs.Deployment) []types.Task {
	w.t.Helper()
	list, err := w.client.ListTasks(w.t.Context(), &awsecs.ListTasksInput{Cluster: aws.String("prod-cluster"), StartedBy: aws.String(d.ID())})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(list.TaskArns) == 0 {
		return nil
	}
	out, err := w.client.DescribeTasks(w.t.Context(), &awsecs.DescribeTasksInput{Cluster: aws.String("prod-cluster"), Tasks: list.TaskArns})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.Tasks
}

// run performs a change of state and fails the test if ECS would refuse it.
func run(t *testing.T, event []byte, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// wantCode checks an error's code and a part of its message.
func wantCode(t *testing.T, err error, code, message string) {
	t.Helper()
	if got := sandboxtest.Code(err); got != code {
		t.Errorf("error %q, want %q: %v", got, code, err)
	}
	if err != nil && !strings.Contains(err.Error(), message) {
		t.Errorf("error %v\ndoes not say %q", err, message)
	}
}
