package ecs_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
)

func TestDigestsOfEveryKindOfImage(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{GuardDuty: true, ServiceConnect: true})
	v1, envoy, pinned := w.push("v1"), digest.FromString("envoy"), digest.FromString("pinned")
	w.ECS.Publish("public.ecr.aws/envoy:v1", envoy)
	d := w.release(
		ecs.Container{Name: "app", Image: w.repo.URI() + ":v1"},
		ecs.Container{Name: "loose", Image: w.repo.URI() + ":v1", Inconsistent: true},
		ecs.Container{Name: "envoy", Image: "public.ecr.aws/envoy:v1"},
		ecs.Container{Name: "unpublished", Image: "nginx"},
		ecs.Container{Name: "pinned", Image: "nginx:1@" + string(pinned)},
	)
	revision := w.images(d)
	want := map[string]digest.Digest{"app": v1, "loose": "", "envoy": envoy, "unpublished": "", "pinned": pinned}
	for container, digest := range want {
		if got, ok := revision[container]; !ok || got != string(digest) {
			t.Errorf("revision: %s has %q, want %q", container, got, digest)
		}
	}
	if len(revision) != len(want) || !w.revision(d).GuardDutyEnabled {
		t.Errorf("revision %v", revision)
	}
	want["loose"] = v1 // a task knows what it pulled
	for _, c := range w.tasksOf(d)[0].Containers {
		if strings.HasPrefix(*c.Name, "aws-guardduty-agent-") || strings.HasPrefix(*c.Name, "ecs-service-connect-") {
			if c.Image != nil || c.ImageDigest == nil {
				t.Errorf("sidecar %+v", c)
			}
			continue
		}
		if got := aws.ToString(c.ImageDigest); got != string(want[*c.Name]) {
			t.Errorf("task: %s has %q, want %q", *c.Name, got, want[*c.Name])
		}
	}
	if d.Digest("app") != v1 || d.Digest("loose") != "" || d.Digest("nope") != "" {
		t.Error("the deployment's digests are not those of its revision")
	}
}

func TestDeploymentKeepsItsDigest(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{})
	old := w.push("live")
	d := w.deploy("live")
	w.complete(d)
	young, err := w.repo.Push(ecr.Image{Seed: "younger", Tags: []string{"live"}})
	if err != nil {
		t.Fatal(err)
	}
	w.service.Scale(3)
	for _, task := range w.tasksOf(d) {
		if got := *task.Containers[0].ImageDigest; got != string(old) {
			t.Errorf("a task started later has %s, want %s", got, old)
		}
	}
	if again := w.deploy("live"); again.Digest("app") != young {
		t.Errorf("the next deployment has %s, want %s", again.Digest("app"), young)
	}
}

func TestDeploymentWithoutTasks(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{})
	v1 := w.push("v1")
	w.service.Scale(0)
	d := w.deploy("v1")
	w.complete(d)
	if got := w.images(d)["app"]; got != "" {
		t.Errorf("digest %s without a task", got)
	}
	w.service.Scale(1)
	if got := w.images(d)["app"]; got != "" {
		t.Errorf("the revision got digest %s from scaling", got)
	}
	if got := *w.tasksOf(d)[0].Containers[0].ImageDigest; got != string(v1) {
		t.Errorf("task has %s, want %s", got, v1)
	}
}

func TestImageThatIsNotThere(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{})
	d := w.deploy("v1")
	task := w.tasksOf(d)[0]
	if *task.LastStatus != "PENDING" || task.Containers[0].ImageDigest != nil || task.StartedAt != nil {
		t.Errorf("task %+v", task)
	}
	if _, err := d.Complete(w.tick()); err == nil {
		t.Error("a deployment whose image is absent was completed")
	}
	v1 := w.push("v1")
	w.complete(d)
	if got := *w.tasksOf(d)[0].Containers[0].ImageDigest; got != string(v1) {
		t.Errorf("task has %s, want %s", got, v1)
	}
}

func TestReportedPlatform(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{ReportPlatform: "linux/arm64"})
	pushed, err := w.repo.PushIndex(ecr.Index{Seed: "v1", Tags: []string{"v1"}})
	if err != nil {
		t.Fatal(err)
	}
	d := w.deploy("v1")
	if got := w.images(d)["app"]; got != string(pushed.ARM64) {
		t.Errorf("digest %s, want %s of %+v", got, pushed.ARM64, pushed)
	}
	w.service.Update(func(o *ecs.ServiceOptions) { o.ReportPlatform = "" })
	if got := w.images(w.deploy("v1"))["app"]; got != string(pushed.Digest) {
		t.Errorf("digest %s, want the index's %s", got, pushed.Digest)
	}
}

func TestRevisionStates(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{})
	w.push("v1")
	d := w.deploy("v1")
	missing := func() bool {
		out, err := w.client.DescribeServiceRevisions(t.Context(), &awsecs.DescribeServiceRevisionsInput{ServiceRevisionArns: []string{d.RevisionARN()}})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.ServiceRevisions) == 0 && *out.Failures[0].Reason == "MISSING" && *out.Failures[0].Arn == d.RevisionARN()
	}
	d.SetRevision(ecs.Unfilled)
	if got := w.images(d); len(got) != 0 {
		t.Errorf("unfilled: %v", got)
	}
	d.SetRevision(ecs.Expired)
	if !missing() {
		t.Error("expired: still there")
	}
	d.SetRevision(ecs.Denied)
	_, err := w.client.DescribeServiceRevisions(t.Context(), &awsecs.DescribeServiceRevisionsInput{ServiceRevisionArns: []string{d.RevisionARN()}})
	wantCode(t, err, "AccessDeniedException", d.RevisionARN())
	d.SetRevision(ecs.Filled)
	if got := w.images(d); len(got) != 1 {
		t.Errorf("filled: %v", got)
	}
	w.service.Update(func(o *ecs.ServiceOptions) { o.NoRevisions = true })
	if service := w.describe(); !missing() || len(service.CurrentServiceRevisions) != 0 || service.CurrentServiceDeployment != nil {
		t.Error("an old service has revisions")
	}
	w.service.Update(func(o *ecs.ServiceOptions) { o.NoRevisions = false })
	w.service.Delete(w.tick())
	if !missing() {
		t.Error("a deleted service has revisions")
	}
}

func TestDescribeServiceRevisionsRefuses(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{})
	const arn = "arn:aws:ecs:us-east-1:111122223333:service-revision/c/s/1"
	tests := []struct {
		name, code string
		arns       []string
	}{
		{"none", "InvalidParameterException", []string{}},
		{"21", "InvalidParameterException", make([]string, 21)},
		{"no ARN", "InvalidParameterException", []string{"s/1"}},
		{"another kind", "InvalidParameterException", []string{strings.Replace(arn, "service-revision", "service", 1)}},
		{"another Region", "InvalidParameterException", []string{strings.Replace(arn, "us-east-1", "eu-west-1", 1)}},
		{"another account", "AccessDeniedException", []string{strings.Replace(arn, "1111", "4444", 1)}},
		{"unknown", "", []string{arn}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := w.client.DescribeServiceRevisions(t.Context(), &awsecs.DescribeServiceRevisionsInput{ServiceRevisionArns: test.arns})
			wantCode(t, err, test.code, "")
		})
	}
}
