//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// sweep invokes the function as its schedule does, but waits for it.
func (w *world) sweep(t *testing.T) {
	t.Helper()
	function := w.out.Tagalong.Value.FunctionARNs["sweep"]
	answer, err := w.lambda.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &function, Payload: []byte("{}")})
	check(t, err)
	if answer.FunctionError != nil || string(answer.Payload) != "null" {
		t.Fatalf("the sweep: %s: %s\n%s", aws.ToString(answer.FunctionError), answer.Payload, log())
	}
}

// theUnheard: of three deployments no event came, and one was rolled back. The
// ledger has all of them after a sweep, and the tags are where they belong.
func (w *world) theUnheard(t *testing.T) {
	plain := w.release(t, "unheard", ecs.ServiceOptions{})
	legacy := w.release(t, "unheard-legacy", ecs.ServiceOptions{ShortARN: true, NoRevisions: true})
	back := w.release(t, "unheard-back", ecs.ServiceOptions{})
	w.push(t, back.repository, "build-2")
	at := time.Now().Add(-5 * time.Minute)
	d, _, err := w.ECS.Cluster(wire.Scope{}, "prod-cluster").Service(back.service).Release(at, ecs.Container{Name: "app", Image: back.uri + ":build-2"})
	check(t, err)
	_, err = d.Fail(at.Add(10*time.Second), "")
	check(t, err)
	old, _, err := d.RollBack(at.Add(11 * time.Second))
	check(t, err)
	_, err = old.Complete(at.Add(30 * time.Second))
	check(t, err)

	w.sweep(t)
	for _, r := range []release{plain, legacy, back} {
		w.wantTag(t, r)
	}
	w.theRows(t, plain)
	rollouts, err := w.items(t.Context(), w.partition(back), "R#")
	check(t, err)
	var states []string
	for _, rollout := range rollouts {
		states = append(states, rollout.State)
	}
	if diff := cmp.Diff([]string{"completed", "failed", "completed"}, states); diff != "" {
		t.Errorf("rollouts of %s (-want +got):\n%s", back.service, diff)
	}
}

// theMoved: somebody moves the tag by hand to another image.
func (w *world) theMoved(t *testing.T) {
	r := w.release(t, "moved", ecs.ServiceOptions{})
	w.theTag(t, r)
	w.theRows(t, r) // what is not confirmed yet is still at the function's hands
	other := w.push(t, r.repository, "build-2", "prod")
	if on, err := w.tagged(t.Context(), r); on != other || err != nil {
		t.Fatalf("the tag is on %q, %v", on, err)
	}
	w.sweep(t)
	w.wantTag(t, r)
}

// theDeleted: two services are deleted. The tag of one goes; the other's is the only
// one that its image has, which ECR would delete with it.
func (w *world) theDeleted(t *testing.T) {
	tagged, last := w.release(t, "deleted", ecs.ServiceOptions{}), w.release(t, "deleted-last", ecs.ServiceOptions{})
	for _, r := range []release{tagged, last} {
		w.theTag(t, r)
		w.theRows(t, r)
		w.ECS.Cluster(wire.Scope{}, "prod-cluster").Service(r.service).Delete(time.Now())
	}
	_, err := w.ecr.BatchDeleteImage(t.Context(), &ecr.BatchDeleteImageInput{
		RepositoryName: &last.repository, ImageIds: []ecrtypes.ImageIdentifier{{ImageTag: aws.String("build-1")}},
	})
	check(t, err)

	w.sweep(t)
	status, body := w.ask(t, "reader", "/v1/environments/prod/running")
	if status != http.StatusOK || !bytes.Contains(body, []byte(`"moved"`)) || bytes.Contains(body, []byte(`"deleted`)) {
		t.Errorf("what runs in prod: status %d: %s", status, body)
	}
	for _, r := range []struct {
		release
		tags []string
	}{{tagged, []string{"build-1"}}, {last, []string{"prod"}}} {
		answer, err := w.ecr.DescribeImages(t.Context(), &ecr.DescribeImagesInput{RepositoryName: &r.repository})
		check(t, err)
		if len(answer.ImageDetails) != 1 {
			t.Fatalf("%s has %d images, want its one", r.repository, len(answer.ImageDetails))
		}
		if diff := cmp.Diff(r.tags, answer.ImageDetails[0].ImageTags); diff != "" {
			t.Errorf("tags of the image of %s (-want +got):\n%s", r.service, diff)
		}
	}
}

// theLeftOut: of a cluster that the module leaves out, though the rule takes any, events
// wake nothing, and the sweep does not look there.
func (w *world) theLeftOut(t *testing.T) {
	r := w.pushed(t, "left-out")
	at := time.Now().Add(-10 * time.Minute)
	d, started, err := w.ECS.Cluster(wire.Scope{}, "batch").CreateService(r.service, ecs.ServiceOptions{}).
		Release(at, ecs.Container{Name: "app", Image: r.uri + ":build-1"})
	check(t, err)
	completed, err := d.Complete(at.Add(30 * time.Second))
	check(t, err)
	for _, event := range [][]byte{started, completed} {
		w.put(t, event)
	}
	w.sweep(t)
	if on, err := w.tagged(t.Context(), r); on != "" || err != nil {
		t.Errorf("the tag is on %q, %v", on, err)
	}
	for _, call := range w.recorder.Kept() {
		if bytes.Contains(call.Body, []byte("batch")) || bytes.Contains(call.Body, []byte(r.service)) {
			t.Errorf("%s:%s about a cluster that is left out: %s", call.Service, call.Operation, call.Body)
		}
	}
}

// wantTag: the tag prod of the release's repository is on its image.
func (w *world) wantTag(t *testing.T, r release) {
	t.Helper()
	if on, err := w.tagged(t.Context(), r); on != r.image || err != nil {
		t.Errorf("the tag prod on %s is on %q, %v, want %s", r.repository, on, err, r.image)
	}
}

// told is an event of Tagalong's own.
type told struct {
	Source     string
	DetailType string `json:"detail-type"`
	Resources  []string
	Detail     struct {
		Environment, Service string
		State                string // of a rollout
		Kind                 string // of drift
		Repaired             bool   `json:"healed"`
	}
}

// theAnnouncements: the function deployment has told of the first service, pipeline
// of the released one, and the sweep of what no event told and what it had to repair.
func (w *world) theAnnouncements(t *testing.T) {
	missing := map[string]bool{"completed checkout-api": true, "completed released": true, "completed unheard": true, "ledger unheard": true, "tag": true, "retired deleted": true, "stale deleted": true}
	await(t, "the announcements", func(ctx context.Context) (map[string]bool, bool, error) {
		answer, err := w.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &w.out.Heard.Value, MaxNumberOfMessages: 10})
		if err != nil {
			return nil, false, err
		}
		for _, message := range answer.Messages {
			delete(missing, w.announced(t, []byte(*message.Body)))
			if _, err := w.sqs.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &w.out.Heard.Value, ReceiptHandle: message.ReceiptHandle}); err != nil {
				return nil, false, err
			}
		}
		return missing, len(missing) == 0, nil
	})
}

// announced returns in short what an event says: how a rollout ended, or what was
// repaired, and of which service.
func (w *world) announced(t *testing.T, event []byte) string {
	t.Helper()
	var e told
	check(t, json.Unmarshal(event, &e))
	if e.Source != "tagalong" || len(e.Resources) != 1 || e.Detail.Environment != "prod" {
		t.Errorf("event %s", event)
	}
	of := map[bool]string{true: suiteMember, false: w.Home().Account}[e.Detail.Service == "forwarded"]
	if want := (place{of, region}).arn("ecs", "service/prod-cluster/"+e.Detail.Service); e.Detail.Service != "" && e.Resources[0] != want {
		t.Errorf("event %s is about %v, want %s", event, e.Resources, want)
	}
	switch {
	case e.DetailType == "Tagalong Rollout Recorded":
		return e.Detail.State + " " + e.Detail.Service
	case e.DetailType == "Tagalong Drift Found" && e.Detail.Repaired:
		return strings.TrimSpace(e.Detail.Kind + " " + e.Detail.Service)
	}
	return ""
}
