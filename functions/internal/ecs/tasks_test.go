package ecs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

func TestTasksOfADeployment(t *testing.T) {
	w := start(t, ecs.ServiceOptions{DesiredCount: 3, GuardDuty: true})
	d := w.deploy(t)
	if _, err := d.Complete(now); err != nil {
		t.Fatal(err)
	}
	other := w.deploy(t, ecs.Container{Name: "app", Image: w.image}) // beside it, not completed
	w.ResetCalls()
	runs, err := w.Tasks(t.Context(), service, d.ID())
	if err != nil || len(runs) != 3 {
		t.Fatalf("%d tasks, error %v", len(runs), err)
	}
	wantCalls(t, w, "ListTasks", "DescribeTasks")
	for _, run := range runs {
		if run.Containers[0] != (tagalong.Ran{Name: "app", Image: w.image, Digest: w.digest}) || !strings.HasSuffix(run.TaskDefinition, ":1") {
			t.Errorf("task %+v", run)
		}
		if agent := run.Containers[1]; agent.Image != "" || agent.Digest == "" {
			t.Errorf("container that ECS added: %+v", agent)
		}
	}
	if runs, err := w.Tasks(t.Context(), service, other.ID()); err != nil || len(runs) != 3 || !strings.HasSuffix(runs[0].TaskDefinition, ":2") {
		t.Errorf("the other deployment: %v, error %v", runs, err)
	}
}

func TestTasksArePaged(t *testing.T) {
	w := start(t, ecs.ServiceOptions{DesiredCount: 230})
	d := w.deploy(t)
	w.ResetCalls()
	runs, err := w.Tasks(t.Context(), service, d.ID())
	if err != nil || len(runs) != 230 {
		t.Errorf("%d tasks, error %v", len(runs), err)
	}
	wantCalls(t, w, "ListTasks", "DescribeTasks", "ListTasks", "DescribeTasks", "ListTasks", "DescribeTasks")
}

func TestTasksThatStoppedStillTell(t *testing.T) {
	w := start(t, ecs.ServiceOptions{DesiredCount: 2})
	good := w.deploy(t)
	if _, err := good.Complete(now); err != nil {
		t.Fatal(err)
	}
	bad := w.deploy(t)
	if _, err := bad.Fail(now, ""); err != nil {
		t.Fatal(err)
	}
	w.ResetCalls()
	runs, err := w.Tasks(t.Context(), service, bad.ID())
	if err != nil || len(runs) != 2 || runs[0].Containers[0].Digest != w.digest {
		t.Errorf("tasks %v, error %v", runs, err)
	}
	wantCalls(t, w, "ListTasks", "ListTasks", "DescribeTasks")
}

func TestTasksThatRunButKnowNothingLeaveItToThoseThatStopped(t *testing.T) {
	w := start(t, ecs.ServiceOptions{DesiredCount: 2})
	d := w.deploy(t)
	d.StopTasks(1, now)
	if err := d.SetTaskDigest(0, "app", ""); err != nil {
		t.Fatal(err)
	}
	runs, err := w.Tasks(t.Context(), service, d.ID())
	if err != nil || len(runs) != 2 || runs[0].Containers[0].Digest != "" || runs[1].Containers[0].Digest != w.digest {
		t.Errorf("tasks %v, error %v", runs, err)
	}
}

func TestTasksOfWhatIsGone(t *testing.T) {
	w := start(t, ecs.ServiceOptions{})
	d := w.deploy(t)
	for name, s := range map[string]tagalong.Service{
		"cluster": {Account: service.Account, Region: service.Region, Cluster: "gone", Name: service.Name},
		"service": {Account: service.Account, Region: service.Region, Cluster: service.Cluster, Name: "gone"},
	} {
		id := d.ID()
		if name == "service" {
			id = "ecs-svc/42"
		}
		if runs, err := w.Tasks(t.Context(), s, id); err != nil || len(runs) != 0 {
			t.Errorf("%s gone: %v, error %v", name, runs, err)
		}
	}
	if runs, err := w.Tasks(t.Context(), service, "somebody"); err != nil || len(runs) != 0 {
		t.Errorf("no deployment: %v, error %v", runs, err)
	}
}

func TestTasksThatVanishBetweenTheCallsAreLeftOut(t *testing.T) {
	w := answering(t, 200, `{"taskArns":["arn:aws:ecs:us-east-1:111122223333:task/prod-cluster/1"],"tasks":[],"failures":[{"reason":"MISSING"}]}`)
	if runs, err := w.Tasks(t.Context(), service, "ecs-svc/1"); err != nil || len(runs) != 0 {
		t.Errorf("tasks %v, error %v", runs, err)
	}
}

func TestTasksDeniedIsAnErrorThatNamesTheOperation(t *testing.T) {
	w := start(t, ecs.ServiceOptions{})
	d := w.deploy(t)
	for _, operation := range []string{"ListTasks", "DescribeTasks"} {
		w.ECS.Deny(operation)
		if _, err := w.Tasks(t.Context(), service, d.ID()); !errors.Is(err, tagalong.ErrDenied) || !strings.Contains(err.Error(), operation) {
			t.Errorf("%s denied: %v", operation, err)
		}
		w.ECS.Permit(operation)
	}
	w.ECS.Throttle("ListTasks", 1)
	if _, err := w.Tasks(t.Context(), service, d.ID()); err == nil || errors.Is(err, tagalong.ErrNotFound) {
		t.Errorf("throttled: %v", err)
	}
}

func TestDefinition(t *testing.T) {
	w := start(t, ecs.ServiceOptions{})
	pinned := w.image[:strings.LastIndex(w.image, ":")] + "@" + digest.FromString("x").String()
	d := w.deploy(t, ecs.Container{Name: "app", Image: w.image}, ecs.Container{Name: "side", Image: pinned})
	w.ResetCalls()
	known, err := w.Definition(t.Context(), service, d.ID(), "arn:aws:ecs:us-east-1:111122223333:task-definition/checkout-api:1")
	if err != nil {
		t.Fatal(err)
	}
	wantCalls(t, w, "DescribeTaskDefinition")
	if len(known.Containers) != 2 || known.Containers[1] != (tagalong.Ran{Name: "side", Image: pinned}) {
		t.Errorf("spec %+v", known)
	}
	found, err := w.Definition(t.Context(), service, d.ID(), "")
	if err != nil || found.TaskDefinition != known.TaskDefinition {
		t.Errorf("looked up: %+v, error %v", found, err)
	}
	wantCalls(t, w, "DescribeServices", "DescribeTaskDefinition")
}

func TestATaskSet(t *testing.T) {
	w := start(t, ecs.ServiceOptions{Controller: "CODE_DEPLOY", DesiredCount: 2})
	definition, err := w.ECS.Register(w.Home(), service.Name, ecs.Container{Name: "app", Image: w.image})
	if err != nil {
		t.Fatal(err)
	}
	set, err := w.service.CreateTaskSet(definition, ecs.TaskSetOptions{}, now)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := w.Definition(t.Context(), service, set.ID(), "")
	if err != nil || spec.TaskDefinition != definition || len(spec.Containers) != 1 || spec.Containers[0] != (tagalong.Ran{Name: "app", Image: w.image}) {
		t.Errorf("definition %+v, error %v", spec, err)
	}
	runs, err := w.Tasks(t.Context(), service, set.ID())
	if err != nil || len(runs) != 2 || runs[1].TaskDefinition != definition || runs[1].Containers[0].Digest != w.digest {
		t.Errorf("tasks %+v, error %v", runs, err)
	}
	if spec, err := w.Revision(t.Context(), service, set.ID()); !errors.Is(err, tagalong.ErrNotFound) {
		t.Errorf("revision %+v, error %v", spec, err)
	}
}

func TestATaskSetThatIsGone(t *testing.T) {
	w := start(t, ecs.ServiceOptions{Controller: "CODE_DEPLOY"})
	definition, err := w.ECS.Register(w.Home(), service.Name, ecs.Container{Name: "app", Image: w.image})
	ok(t, err)
	_, err = w.service.CreateTaskSet(definition, ecs.TaskSetOptions{}, now)
	ok(t, err)
	failed, err := w.service.CreateTaskSet(definition, ecs.TaskSetOptions{}, now)
	ok(t, err)
	ok(t, failed.Delete(now))
	if err := definitionError(t, w, service, failed.ID(), ""); !errors.Is(err, tagalong.ErrNotFound) {
		t.Errorf("definition: %v", err)
	}
	runs, err := w.Tasks(t.Context(), service, failed.ID())
	if err != nil || len(runs) != 1 || runs[0].TaskDefinition != definition || runs[0].Containers[0].Digest != w.digest {
		t.Errorf("stopped tasks %+v, error %v", runs, err)
	}
}

func TestDefinitionThatIsNotThere(t *testing.T) {
	w := start(t, ecs.ServiceOptions{})
	d := w.deploy(t)
	gone := service
	gone.Name = "gone"
	nowhere := service
	nowhere.Cluster = "nowhere"
	for name, err := range map[string]error{
		"deployment":  definitionError(t, w, service, "ecs-svc/42", ""),
		"service":     definitionError(t, w, gone, d.ID(), ""),
		"cluster":     definitionError(t, w, nowhere, d.ID(), ""),
		"revision":    definitionError(t, w, service, d.ID(), "arn:aws:ecs:us-east-1:111122223333:task-definition/checkout-api:9"),
		"other place": definitionError(t, w, service, d.ID(), "arn:aws:ecs:us-east-1:444455556666:task-definition/checkout-api:1"),
		"no ARN":      definitionError(t, w, service, d.ID(), "checkout-api"),
	} {
		if !errors.Is(err, tagalong.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.ECS.Deny("DescribeServices")
	if err := definitionError(t, w, service, d.ID(), ""); errors.Is(err, tagalong.ErrNotFound) || !strings.Contains(err.Error(), "DescribeServices") {
		t.Errorf("denied: %v", err)
	}
	w.service.Delete(now)
	w.ECS.Permit("DescribeServices")
	if err := definitionError(t, w, service, d.ID(), ""); !errors.Is(err, tagalong.ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
}

func definitionError(t *testing.T, w *world, s tagalong.Service, deployment, definition string) error {
	t.Helper()
	_, err := w.Definition(t.Context(), s, deployment, definition)
	if err == nil {
		t.Fatalf("%s %s %s: no error", s, deployment, definition)
	}
	return err
}

func TestClusterOfAShortARN(t *testing.T) {
	w := start(t, ecs.ServiceOptions{ShortARN: true})
	w.ECS.Cluster(wire.Scope{}, "a-cluster").CreateService(service.Name, ecs.ServiceOptions{}) // a long ARN: another service
	w.ECS.Cluster(wire.Scope{}, "z-cluster")
	w.ECS.Cluster(wire.Scope{Region: "eu-central-1"}, "there").CreateService(service.Name, ecs.ServiceOptions{ShortARN: true})
	w.ResetCalls()
	for range 2 {
		if got, err := w.find(t, service.Name); err != nil || got != service.Cluster {
			t.Errorf("cluster %q, error %v", got, err)
		}
	}
	wantCalls(t, w, "ListClusters", "DescribeServices", "DescribeServices", "DescribeServices")
	if _, err := w.find(t, "gone"); !errors.Is(err, tagalong.ErrNotFound) {
		t.Errorf("in no cluster: %v", err)
	}
	w.service.Delete(now)
	w.clusters = cache[string]{}
	if got, err := w.find(t, service.Name); err != nil || got != service.Cluster {
		t.Errorf("deleted: cluster %q, error %v", got, err)
	}
}

func TestClusterOfAShortARNWhoseServiceHasALongOne(t *testing.T) {
	w := start(t, ecs.ServiceOptions{})
	w.ECS.Cluster(wire.Scope{}, "a-cluster").CreateService(service.Name, ecs.ServiceOptions{}) // another service
	unnamed := service
	unnamed.Cluster = ""
	if got, err := w.Workload.Cluster(t.Context(), unnamed, w.deploy(t).ID()); err != nil || got != service.Cluster {
		t.Errorf("its own deployment: cluster %q, error %v", got, err)
	}
	if got, err := w.Workload.Cluster(t.Context(), unnamed, "ecs-svc/1"); !errors.Is(err, tagalong.ErrNotFound) {
		t.Errorf("nobody's deployment: cluster %q, error %v", got, err)
	}
}

func (w *world) find(t *testing.T, name string) (string, error) {
	t.Helper()
	return w.Workload.Cluster(t.Context(), tagalong.Service{Account: service.Account, Region: service.Region, Name: name}, "ecs-svc/1")
}

func TestClusterThatIsNotCertain(t *testing.T) {
	w := start(t, ecs.ServiceOptions{ShortARN: true})
	w.ECS.Cluster(wire.Scope{}, "second").CreateService(service.Name, ecs.ServiceOptions{ShortARN: true})
	if _, err := w.find(t, service.Name); !errors.Is(err, tagalong.ErrNotFound) || !strings.Contains(err.Error(), "with deployment ecs-svc/1: in no cluster") {
		t.Errorf("two clusters, and neither has the deployment: %v", err)
	}
	w.ECS.Deny("ListClusters")
	if _, err := w.find(t, service.Name); err == nil || !strings.Contains(err.Error(), "ListClusters") {
		t.Errorf("denied: %v", err)
	}
}

// Of two clusters that have a service of that short ARN it is the one whose deployment it
// is: as it is shown or, if it is shown no more, by its revision.
func TestClusterOfAShortARNThatExistsTwice(t *testing.T) {
	for _, revisions := range []bool{true, false} {
		t.Run(fmt.Sprintf("with revisions %t", revisions), func(t *testing.T) {
			w := start(t, ecs.ServiceOptions{ShortARN: true, NoRevisions: !revisions})
			second := w.ECS.Cluster(wire.Scope{}, "second").CreateService(service.Name, ecs.ServiceOptions{ShortARN: true, NoRevisions: !revisions})
			unnamed := service
			unnamed.Cluster = ""
			want := func(deployment, cluster string) {
				t.Helper()
				if got, err := w.Workload.Cluster(t.Context(), unnamed, deployment); err != nil || got != cluster {
					t.Errorf("cluster %q, error %v; want %s", got, err, cluster)
				}
			}
			old := w.deploy(t)
			own, _, err := w.service.Release(now, ecs.Container{Name: "app", Image: w.image})
			ok(t, err)
			_, err = own.Complete(now)
			ok(t, err)
			other, _, err := second.Release(now, ecs.Container{Name: "app", Image: w.image})
			ok(t, err)
			want(own.ID(), service.Cluster)
			want(other.ID(), "second")
			if revisions {
				want(old.ID(), service.Cluster) // no task of its runs any more
			}
			second.Delete(now)
			want(own.ID(), service.Cluster)
			want(other.ID(), "second") // which is late
		})
	}
}

// closed is a client that is denied every question about some clusters.
type closed struct {
	aws.HTTPClient
	clusters []string
}

// Do implements aws.HTTPClient.
func (c closed) Do(r *http.Request) (*http.Response, error) {
	var asked struct{ Cluster string }
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err := json.Unmarshal(body, &asked); err != nil || !slices.Contains(c.clusters, asked.Cluster) {
		return c.HTTPClient.Do(r)
	}
	return &http.Response{
		StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
		Body: io.NopCloser(strings.NewReader(`{"__type":"AccessDeniedException","message":"no identity-based policy allows it"}`)),
	}, nil
}

func TestClusterOfAShortARNWhereSomeMayNotBeLookedInto(t *testing.T) {
	w := start(t, ecs.ServiceOptions{ShortARN: true})
	w.ECS.Cluster(wire.Scope{}, "a-cluster")
	w.ECS.Cluster(wire.Scope{}, "z-cluster")
	w.Workload = New(func(context.Context, string, string) (aws.Config, error) {
		cfg := w.Config()
		cfg.HTTPClient = closed{cfg.HTTPClient, []string{"a-cluster", "z-cluster"}}
		return cfg, nil
	})
	if got, err := w.find(t, service.Name); err != nil || got != service.Cluster {
		t.Errorf("cluster %q, error %v", got, err)
	}
	_, err := w.find(t, "theirs")
	unseen, ok := errors.AsType[tagalong.UnseenClusters](err)
	if !ok || !errors.Is(err, tagalong.ErrDenied) || !slices.Equal(unseen.Clusters, []string{"a-cluster", "z-cluster"}) || unseen.Service.Name != "theirs" {
		t.Errorf("in no cluster that may be looked into: %v", err)
	}
}
