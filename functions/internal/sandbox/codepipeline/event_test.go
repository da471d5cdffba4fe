package codepipeline_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/events"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
)

// shape replaces each value of a JSON document by its type; numbers keep how
// they are written, and the names of states what they say. Members whose names
// are given are left out.
func shape(t *testing.T, data []byte, without []string) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return shapeOf(tree, without)
}

func shapeOf(value any, without []string) any {
	switch v := value.(type) {
	case map[string]any:
		shaped := map[string]any{}
		for name, member := range v {
			if slices.Contains(without, name) {
				continue
			}
			shaped[name] = shapeOf(member, without)
			if name == "state" || name == "detail-type" {
				shaped[name] = member
			}
		}
		return shaped
	case []any:
		shaped := []any{}
		for _, element := range v {
			shaped = append(shaped, shapeOf(element, without))
		}
		return shaped
	case json.Number:
		return strings.TrimLeft(v.String(), "0123456789")
	case string:
		return "text"
	}
	return value
}

func without(names ...string) []string { return names }

// wantLike compares the form of an event with that of a sample payload.
func wantLike(t *testing.T, got []byte, sample string, without ...[]string) {
	t.Helper()
	want, err := os.ReadFile("../../../../events/testdata/" + sample)
	if err != nil {
		t.Fatal(err)
	}
	left := slices.Concat(without...)
	if diff := cmp.Diff(shape(t, want, left), shape(t, got, left)); diff != "" {
		t.Errorf("an event that is not like %s (-want +got):\n%s", sample, diff)
	}
}

// result has all that a provider can tell.
var result = codepipeline.Result{ExternalID: "ecs-svc/7330915268420174663", Summary: "Deployment completed", URL: "https://console.aws.amazon.com/ecs/home"}

// TestEventsAreLikeTheSamples tells stories that give an event for each sample of
// CodePipeline's.
func TestEventsAreLikeTheSamples(t *testing.T) {
	w := newWorld(t, codepipeline.PipelineOptions{Version: 3})
	got := map[string][]byte{}
	maps.Copy(got, w.succeeding())
	maps.Copy(got, w.failing())
	maps.Copy(got, w.stopping())
	maps.Copy(got, w.ending())
	for sample, event := range got {
		t.Run(sample, func(t *testing.T) {
			wantLike(t, event, "codepipeline-"+sample+".json")
			if _, err := events.Parse(event); err != nil {
				t.Error(err)
			}
			if !slices.ContainsFunc(w.CodePipeline.Events(), func(kept []byte) bool { return bytes.Equal(kept, event) }) {
				t.Error("it is not among the events")
			}
		})
	}
}

func (w *world) succeeding() map[string][]byte {
	w.t.Helper()
	got := map[string][]byte{}
	x, event, err := w.pipeline.Start(codepipeline.ExecutionOptions{Trigger: codepipeline.Trigger{Detail: "arn:aws:iam::111122223333:user/dana"}}, w.tick())
	got["pipeline-started"] = w.run(event, err)
	source := w.stage(x, "Source")
	got["action-succeeded-ecr-source"] = w.run(w.action(source, "Image", ecrSource).Succeed(result, w.tick()))
	w.run(source.Finish(codepipeline.Succeeded, w.tick()))
	st, event, err := x.StartStage("DeployProd", w.tick())
	got["stage-started"] = w.run(event, err)
	deploy := ecsDeploy
	deploy.Inputs = []string{"EcrImage"}
	a, event, err := st.StartAction("DeployToEcs", deploy, w.tick())
	got["action-started-ecs-deploy"] = w.run(event, err)
	got["action-succeeded-ecs-deploy"] = w.run(a.Succeed(result, w.tick()))
	got["stage-succeeded"] = w.run(st.Finish(codepipeline.Succeeded, w.tick()))
	got["pipeline-succeeded"] = w.run(x.Finish(codepipeline.Succeeded, w.tick()))
	return got
}

func (w *world) failing() map[string][]byte {
	w.t.Helper()
	got := map[string][]byte{}
	x := w.start(codepipeline.ExecutionOptions{})
	w.run(w.action(w.stage(x, "Source"), "Image", ecrSource).Succeed(result, w.tick()))
	st := w.stage(x, "DeployProd")
	deploy := ecsDeploy
	deploy.Inputs = []string{"EcrImage"}
	got["action-failed-ecs-deploy"] = w.run(w.action(st, "DeployToEcs", deploy).Fail(result, w.tick()))
	got["stage-failed"] = w.run(st.Finish(codepipeline.Failed, w.tick()))
	got["stage-resumed"] = w.run(st.Retry(w.tick()))
	w.run(w.action(st, "DeployToEcs", deploy).Succeed(result, w.tick()))
	got["stage-succeeded-after-retry"] = w.run(st.Finish(codepipeline.Succeeded, w.tick()))
	return got
}

func (w *world) stopping() map[string][]byte {
	w.t.Helper()
	got := map[string][]byte{}
	x := w.start(codepipeline.ExecutionOptions{})
	st := w.stage(x, "DeployProd")
	a := w.action(st, "DeployToEcs", ecsDeploy)
	got["pipeline-stopping"] = w.run(x.Stop("Holding the release for an incident", w.tick()))
	got["stage-stopping"] = w.run(st.Stop(w.tick()))
	got["action-abandoned"] = w.run(a.Abandon(w.tick()))
	got["stage-stopped"] = w.run(st.Finish(codepipeline.Stopped, w.tick()))
	got["pipeline-stopped"] = w.run(x.Finish(codepipeline.Stopped, w.tick()))
	return got
}

func (w *world) ending() map[string][]byte {
	w.t.Helper()
	got := map[string][]byte{}
	canceled := w.start(codepipeline.ExecutionOptions{})
	got["stage-canceled"] = w.run(w.stage(canceled, "DeployProd").Finish(codepipeline.Canceled, w.tick()))
	got["pipeline-canceled"] = w.run(canceled.Finish(codepipeline.Canceled, w.tick()))
	got["pipeline-superseded"] = w.run(w.start(codepipeline.ExecutionOptions{}).Finish(codepipeline.Superseded, w.tick()))
	failed := w.start(codepipeline.ExecutionOptions{})
	w.run(w.stage(failed, "DeployProd").Finish(codepipeline.Failed, w.tick()))
	got["pipeline-failed"] = w.run(failed.Finish(codepipeline.Failed, w.tick()))
	return got
}

func TestJobEventsAreLikeTheSamples(t *testing.T) {
	w := newWorld(t, codepipeline.PipelineOptions{})
	_, j := w.job(invoke)
	wantLike(t, j.Event(), "codepipeline-lambda-job.json")
	plain := invoke
	plain.Configuration = map[string]string{"FunctionName": "image-promoter"}
	_, j = w.job(plain)
	wantLike(t, j.Event(), "codepipeline-lambda-job-no-userparameters.json")
	w = newWorld(t, codepipeline.PipelineOptions{Key: "arn:aws:kms:us-east-1:111122223333:key/x"})
	artifacts := invoke
	artifacts.Inputs, artifacts.Outputs = []string{"EcrImage"}, []string{"Promoted"}
	_, j = w.job(artifacts)
	wantLike(t, j.Event(), "codepipeline-lambda-job-artifacts-kms.json")
}

// TestAnEvent shows one in full.
func TestAnEvent(t *testing.T) {
	w := newWorld(t, codepipeline.PipelineOptions{Version: 3})
	x := w.start(codepipeline.ExecutionOptions{})
	st := w.stage(x, "DeployProd")
	w.run(st.Finish(codepipeline.Failed, w.tick()))
	got := w.run(st.Retry(w.tick()))
	var event struct{ ID string }
	if err := json.Unmarshal(got, &event); err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("$event", event.ID, "$execution", x.ID()).Replace(`{"version":"0","id":"$event",` +
		`"detail-type":"CodePipeline Stage Execution State Change","source":"aws.codepipeline","account":"111122223333",` +
		`"time":"2026-03-04T09:04:09Z","region":"us-east-1","resources":["arn:aws:codepipeline:us-east-1:111122223333:checkout-release"],` +
		`"detail":{"pipeline":"checkout-release","execution-id":"$execution","stage":"DeployProd","state":"RESUMED","version":3.0,` +
		`"pipeline-execution-attempt":2.0,"stage-last-retry-attempt-time":"2026-03-04T09:04:09.272Z"}}`)
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestIDsAreTheSameInEveryRun(t *testing.T) {
	run := func() string {
		w := newWorld(t, codepipeline.PipelineOptions{})
		_, j := w.job(invoke)
		return string(j.Event()) + string(bytes.Join(w.CodePipeline.Events(), nil))
	}
	if first, second := run(), run(); first != second {
		t.Errorf("%s\n%s", first, second)
	}
}
