package ecs

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/events"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// TestStandaloneTasksAreThoseOfNoService starts more of them than fit a page, beside a service
// that has some.
func TestStandaloneTasksAreThoseOfNoService(t *testing.T) {
	s := sandboxtest.Start(t)
	e := inventoryOn(s)
	w := sandboxWorld{s, e.Workload, map[string]*ecs.Deployment{}}
	service := tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod", Name: "api"}
	scope := scopeOf(service)
	image := tagalong.Ran{Name: "app", Image: "public.ecr.aws/shop/nightly:v1", Digest: tagalongtest.Image("v1").Digest}
	w.Deploy(t, service, 3, tagalong.Ran{Name: "app", Image: "public.ecr.aws/shop/api:v1", Digest: tagalongtest.Image("api").Digest})

	cluster := s.ECS.Cluster(wire.Scope{Account: scope.Account, Region: scope.Region}, "prod")
	family := tagalong.TaskFamily(scope, "prod", "nightly")
	definition := w.register(t, tagalong.Service{Account: scope.Account, Region: scope.Region, Cluster: "prod", Name: "nightly"}, image)
	var arns []string
	for range 150 {
		arn, err := cluster.RunTask(definition, ecs.RunOptions{StartedBy: "events-rule/nightly"}, now)
		ok(t, err)
		arns = append(arns, arn)
	}
	ok(t, cluster.StopTask(arns[0], now.Add(time.Second)))
	waiting := w.register(t, tagalong.Service{Account: scope.Account, Region: scope.Region, Cluster: "prod", Name: "waiting"}, tagalong.Ran{Name: "app", Image: "111122223333.dkr.ecr.us-east-1.amazonaws.com/none:v1"})
	_, err := cluster.RunTask(waiting, ecs.RunOptions{}, now)
	ok(t, err)

	tasks, err := e.StandaloneTasks(t.Context(), scope, "prod")
	ok(t, err)
	if len(tasks) != 149 {
		t.Fatalf("%d tasks, want 149", len(tasks))
	}
	id := arns[1][len(arns[1])-32:]
	i := slices.IndexFunc(tasks, func(task sweep.StandaloneTask) bool { return task.ID == id })
	want := sweep.StandaloneTask{Family: family, ID: id, Containers: []tagalong.Ran{image}, Started: now}
	if diff := cmp.Diff(want, tasks[i]); diff != "" {
		t.Errorf("a task (-want +got):\n%s", diff)
	}
	if _, err := e.StandaloneTasks(t.Context(), scope, "none"); !errors.Is(err, tagalong.ErrNotFound) {
		t.Errorf("of no cluster: %v", err)
	}
}

// TestWhatIsToldOfATaskIsWhatIsShownOfIt reads the event of a task, and asks for it.
func TestWhatIsToldOfATaskIsWhatIsShownOfIt(t *testing.T) {
	s := sandboxtest.Start(t)
	e := inventoryOn(s)
	w := sandboxWorld{s, e.Workload, map[string]*ecs.Deployment{}}
	service := tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod", Name: "nightly"}
	image := tagalong.Ran{Name: "app", Image: "public.ecr.aws/shop/nightly:v1", Digest: tagalongtest.Image("v1").Digest}
	cluster := s.ECS.Cluster(wire.Scope{Account: service.Account, Region: service.Region}, "prod")
	arn, err := cluster.RunTask(w.register(t, service, image), ecs.RunOptions{}, now)
	ok(t, err)
	told := func() events.TaskStateChange {
		t.Helper()
		raw, err := cluster.TaskEvent(arn)
		ok(t, err)
		event, err := events.Parse(raw)
		ok(t, err)
		return event.(events.TaskStateChange)
	}
	running := told()
	shown, err := e.StandaloneTasks(t.Context(), scopeOf(service), "prod")
	ok(t, err)
	if c := running.Containers()[0]; running.LastStatus() != "RUNNING" || !running.StartedAt().Equal(shown[0].Started) || c.Image != image.Image || c.ImageDigest != image.Digest.String() || running.Service() != "" {
		t.Errorf("told %+v, shown %+v", running, shown[0])
	}
	ok(t, cluster.StopTask(arn, now.Add(time.Minute)))
	if stopped := told(); stopped.LastStatus() != "STOPPED" || !stopped.StoppedAt().Equal(now.Add(time.Minute)) || stopped.Version() <= running.Version() {
		t.Errorf("told %+v", stopped)
	}
}
