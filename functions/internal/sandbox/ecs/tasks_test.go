package ecs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// list counts the tasks that a filter finds, by pages of 40.
func (w *world) list(in awsecs.ListTasksInput) (int, error) {
	w.t.Helper()
	in.Cluster, in.MaxResults = aws.String("prod-cluster"), aws.Int32(40)
	seen := map[string]bool{}
	pages := awsecs.NewListTasksPaginator(w.client, &in)
	for pages.HasMorePages() {
		out, err := pages.NextPage(w.t.Context())
		if err != nil {
			return 0, err
		}
		for _, arn := range out.TaskArns {
			seen[arn] = true
		}
	}
	return len(seen), nil
}

func TestListTasks(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{DesiredCount: 95})
	w.push("v1")
	d1 := w.deploy("v1")
	w.complete(d1)
	w.service.Scale(100)
	w.service.Scale(90)
	d2 := w.deploy("v1")
	d2.StopTasks(3, sandboxtest.Epoch)
	tests := []struct {
		name string
		in   awsecs.ListTasksInput
		want int
	}{
		{"all", awsecs.ListTasksInput{}, 177},
		{"started by the first", awsecs.ListTasksInput{StartedBy: aws.String(d1.ID())}, 90},
		{"started by the second", awsecs.ListTasksInput{StartedBy: aws.String(d2.ID())}, 87},
		{"started by nobody", awsecs.ListTasksInput{StartedBy: aws.String("ecs-svc/1")}, 0},
		{"stopped", awsecs.ListTasksInput{DesiredStatus: types.DesiredStatusStopped}, 13},
		{"of the service", awsecs.ListTasksInput{ServiceName: aws.String("checkout-api")}, 177},
		{"of the family", awsecs.ListTasksInput{Family: aws.String("checkout-api"), LaunchType: types.LaunchTypeFargate}, 177},
		{"on EC2", awsecs.ListTasksInput{LaunchType: types.LaunchTypeEc2}, 0},
	}
	for _, test := range tests {
		if got, err := w.list(test.in); err != nil || got != test.want {
			t.Errorf("%s: %d tasks, want %d: %v", test.name, got, test.want, err)
		}
	}
}

func TestListTasksRefuses(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{})
	for _, in := range []awsecs.ListTasksInput{
		{ServiceName: aws.String("checkout-api")}, {Family: aws.String("f")},
		{LaunchType: types.LaunchTypeEc2}, {DesiredStatus: types.DesiredStatusRunning},
	} {
		in.StartedBy = aws.String("ecs-svc/1")
		_, err := w.list(in)
		wantCode(t, err, "InvalidParameterException", "cannot specify startedBy with other arguments")
	}
	_, err := w.list(awsecs.ListTasksInput{ServiceName: aws.String("nope")})
	wantCode(t, err, "ServiceNotFoundException", "")
	_, err = w.list(awsecs.ListTasksInput{DesiredStatus: "DONE"})
	wantCode(t, err, "InvalidParameterException", "")
	_, err = w.client.ListTasks(t.Context(), &awsecs.ListTasksInput{Cluster: aws.String("prod-cluster"), MaxResults: aws.Int32(101)})
	wantCode(t, err, "InvalidParameterException", "")
	_, err = w.client.ListTasks(t.Context(), &awsecs.ListTasksInput{})
	wantCode(t, err, "ClusterNotFoundException", "Cluster not found.")
	_, err = w.client.ListTasks(t.Context(), &awsecs.ListTasksInput{Cluster: aws.String("prod-cluster"), ContainerInstance: aws.String("x")})
	wantCode(t, err, "ValidationException", `"containerInstance" is not known to the sandbox`)
}

func TestDescribeTasks(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{LaunchType: "EC2"})
	w.push("v1")
	d := w.deploy("v1")
	arn := d.Tasks()[0]
	id := arn[strings.LastIndex(arn, "/")+1:]
	const absent = "arn:aws:ecs:us-east-1:111122223333:task/prod-cluster/absent"
	out, err := w.client.DescribeTasks(t.Context(), &awsecs.DescribeTasksInput{Cluster: aws.String("arn:aws:ecs:us-east-1:111122223333:cluster/prod-cluster"), Tasks: []string{arn, id, absent}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Tasks) != 2 || *out.Tasks[0].TaskArn != arn || *out.Tasks[0].StartedBy != d.ID() || *out.Tasks[0].Group != "service:checkout-api" ||
		out.Tasks[0].LaunchType != types.LaunchTypeEc2 || out.Tasks[0].PlatformVersion != nil || len(out.Failures) != 1 || *out.Failures[0].Arn != absent {
		t.Errorf("%+v", out)
	}
	for _, test := range []struct {
		tasks []string
		code  string
	}{
		{[]string{}, "InvalidParameterException"},
		{make([]string, 101), "InvalidParameterException"},
		{[]string{strings.Replace(arn, "prod-cluster", "other", 1)}, "InvalidParameterException"},
		{[]string{strings.Replace(arn, "1111", "4444", 1)}, "InvalidParameterException"},
		{[]string{strings.Replace(arn, ":task/", ":service/", 1)}, "InvalidParameterException"},
	} {
		_, err := w.client.DescribeTasks(t.Context(), &awsecs.DescribeTasksInput{Cluster: aws.String("prod-cluster"), Tasks: test.tasks})
		wantCode(t, err, test.code, "")
	}
}

func TestTasksThatDisagree(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{DesiredCount: 2})
	w.push("v1")
	d := w.deploy("v1")
	other := digest.FromString("other")
	if err := d.SetTaskDigest(1, "app", other); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, task := range w.tasksOf(d) {
		found[*task.Containers[0].ImageDigest] = true
	}
	if len(found) != 2 || !found[string(other)] {
		t.Errorf("digests %v", found)
	}
	if d.SetTaskDigest(2, "app", other) == nil || d.SetTaskDigest(0, "nope", other) == nil {
		t.Error("a task or container that is not there was changed")
	}
}

func TestStoppedTasksVanish(t *testing.T) {
	now := sandboxtest.Epoch
	s := sandboxtest.StartWith(t, sandbox.Options{Now: func() time.Time { return now }})
	client := awsecs.NewFromConfig(s.Config())
	service := s.ECS.Cluster(wire.Scope{}, "c").CreateService("s", ecs.ServiceOptions{})
	d, _, err := service.Release(now, ecs.Container{Name: "app", Image: "nginx"})
	if err != nil {
		t.Fatal(err)
	}
	tasks := d.Tasks()
	d.StopTasks(9, now)
	describe := func() string {
		out, err := client.DescribeTasks(t.Context(), &awsecs.DescribeTasksInput{Cluster: aws.String("c"), Tasks: tasks})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(len(out.Tasks), len(out.Failures))
	}
	if got := describe(); got != "1 0" {
		t.Errorf("at once: %s", got)
	}
	now = now.Add(61 * time.Minute)
	if got := describe(); got != "0 1" {
		t.Errorf("after an hour: %s", got)
	}
}

// Whoever runs a task by itself says what started it, and may say anything.
func TestAStandaloneTaskIsListedByWhatItSays(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{})
	w.push("v1")
	d := w.deploy("v1")
	arn, err := w.service.Cluster().RunTask(w.service.Name(), ecs.RunOptions{StartedBy: d.ID()}, sandboxtest.Epoch)
	if err != nil {
		t.Fatal(err)
	}
	for want, in := range map[int]awsecs.ListTasksInput{2: {StartedBy: aws.String(d.ID())}, 1: {ServiceName: aws.String(w.service.Name())}} {
		if got, err := w.list(in); err != nil || got != want {
			t.Errorf("%d tasks, error %v; want %d", got, err, want)
		}
	}
	out, err := w.client.DescribeTasks(t.Context(), &awsecs.DescribeTasksInput{Cluster: aws.String("prod-cluster"), Tasks: []string{arn}})
	if err != nil || len(out.Tasks) != 1 || aws.ToString(out.Tasks[0].Group) != "family:"+w.service.Name() || aws.ToString(out.Tasks[0].LastStatus) != "RUNNING" {
		t.Errorf("task %+v, error %v", out, err)
	}
	if _, err := w.service.Cluster().RunTask(w.service.Name(), ecs.RunOptions{Group: "service:" + w.service.Name()}, sandboxtest.Epoch); err == nil {
		t.Error("a standalone task is in the group of a service")
	}
}
