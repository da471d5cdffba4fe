package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/lambdatest"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

func TestMain(m *testing.M) { lambdatest.Main(m) }

const commit = "4f2a9c1be07d5836a1c4e9f20b7d6658c3a1f0e2"

// world is a sandbox with a stage that has deployed a service, and the function.
type world struct {
	*sandboxtest.Sandbox
	*lambdatest.Runtime
	*lambdatest.Process
	repository *ecr.Repository
	execution  *codepipeline.Execution
	staged     []byte // the stage's event
}

func start(t *testing.T, more ...string) *world {
	t.Helper()
	w := &world{Sandbox: sandboxtest.StartWith(t, sandbox.Options{}), Runtime: lambdatest.StartRuntime(t)}
	if _, err := dynamo.Create(t.Context(), dynamodb.NewFromConfig(w.Config()), "ledger"); err != nil {
		t.Fatal(err)
	}
	w.repository = w.ECR.Repository(wire.Scope{}, "checkout-api")
	if _, err := w.repository.Push(ecr.Image{Seed: "v1", Tags: []string{"build-1"}}); err != nil {
		t.Fatal(err)
	}
	w.deploy(t)
	w.Process = lambdatest.Launch(t, w.Variables("pipeline", w.Sandbox.URL, append([]string{
		"TAGALONG_TABLE=ledger",
		`TAGALONG_ENVIRONMENTS=[{"environment":"prod","clusters":["prod-*"],"pipelines":["checkout-*"],"stages":["DeployProd"]}]`,
	}, more...)...)...)
	return w
}

// deploy lets a stage of a pipeline deploy a service.
func (w *world) deploy(t *testing.T) {
	t.Helper()
	clock := time.Now().Add(-10 * time.Minute)
	tick := func() time.Time {
		clock = clock.Add(time.Minute)
		return clock
	}
	must := func(event []byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		w.staged = event
	}
	pipeline := w.CodePipeline.CreatePipeline(wire.Scope{}, "checkout-release", codepipeline.PipelineOptions{})
	x, event, err := pipeline.Start(codepipeline.ExecutionOptions{Revisions: []codepipeline.Revision{{Name: "Source", ID: commit}}}, tick())
	must(event, err)
	w.execution = x
	stage, event, err := x.StartStage("DeployProd", tick())
	must(event, err)
	action, event, err := stage.StartAction("Deploy", codepipeline.ActionOptions{
		Type:          codepipeline.ActionType{Category: "Deploy", Provider: "ECS"},
		Configuration: map[string]string{"ClusterName": "prod-cluster", "ServiceName": "checkout-api"},
	}, tick())
	must(event, err)
	service := w.ECS.Cluster(wire.Scope{}, "prod-cluster").CreateService("checkout-api", ecs.ServiceOptions{})
	d, event, err := service.Release(tick(), ecs.Container{Name: "app", Image: w.repository.URI() + ":build-1"})
	must(event, err)
	must(d.Complete(tick()))
	must(action.Succeed(codepipeline.Result{}, tick()))
	must(stage.Finish(codepipeline.Succeeded, tick()))
}

func succeed(t *testing.T, a lambdatest.Answer) {
	t.Helper()
	if a.Failed || a.Body != "null" {
		t.Errorf("failed %v: %s", a.Failed, a.Body)
	}
}

func TestAStageBecomesARelease(t *testing.T) {
	w := start(t)
	succeed(t, w.Invoke(t, w.staged, 30*time.Second))
	succeed(t, w.Invoke(t, w.staged, 30*time.Second)) // at least once may be twice
	rows, err := stream.Collect(dynamo.New(dynamodb.NewFromConfig(w.Config()), "ledger").ReleaseRollouts(t.Context(), "checkout-release", w.execution.ID(), ledger.Span{}, 0))
	if err != nil || len(rows) != 1 || rows[0].State != timeline.StateCompleted || rows[0].Release.Stage != "DeployProd" || rows[0].Release.Commit != commit {
		t.Errorf("rows %+v, error %v", rows, err)
	}
	if on := w.repository.Tag("prod"); on == "" || on != w.repository.Tag("build-1") {
		t.Errorf("the tag is on %q", on)
	}
	output := w.Output.Await(t, `"_aws"`, 2)
	if !strings.Contains(output, `"TagsMoved":1`) || !strings.Contains(output, `"Environment":"prod"`) || strings.Contains(output, "very-secret") {
		t.Errorf("output:\n%s", output)
	}
}

func TestMalformedEventIsAnErrorThatNamesTheField(t *testing.T) {
	w := start(t)
	for event, want := range map[string]string{
		strings.Replace(string(w.staged), w.execution.ID(), "none", 1): "detail.execution-id",
		strings.Replace(string(w.staged), `"stage"`, `"scene"`, 1):     "detail.stage",
		`{"source":"aws.codepipeline"`:                                 "event",
		``:                                                             "event",
	} {
		a := w.Invoke(t, []byte(event), 30*time.Second)
		var reply struct{ ErrorMessage string }
		if err := json.Unmarshal([]byte(a.Body), &reply); err != nil || !a.Failed || !strings.Contains(reply.ErrorMessage, want) {
			t.Errorf("event %q: failed %v: %s", event, a.Failed, a.Body)
		}
	}
	succeed(t, w.Invoke(t, w.staged, 30*time.Second)) // the process goes on
}

func TestEventThatIsNotForUsIsNoError(t *testing.T) {
	w := start(t)
	for _, event := range w.CodePipeline.Events() {
		if strings.Contains(string(event), "Pipeline Execution State Change") {
			succeed(t, w.Invoke(t, event, 30*time.Second))
		}
	}
	succeed(t, w.Invoke(t, []byte(strings.ReplaceAll(string(w.staged), "DeployProd", "Build")), 30*time.Second))
	for _, c := range w.Calls() {
		if c.Service == "codepipeline" && c.Operation != "" {
			t.Errorf("call %+v", c)
		}
	}
}

func TestFailureNamesTheOperation(t *testing.T) {
	w := start(t)
	w.CodePipeline.Deny("ListActionExecutions")
	if a := w.Invoke(t, w.staged, 30*time.Second); !a.Failed || !strings.Contains(a.Body, "ListActionExecutions") || !strings.Contains(a.Body, "AccessDenied") {
		t.Errorf("failed %v: %s", a.Failed, a.Body)
	}
	w.CodePipeline.Permit("ListActionExecutions")
	succeed(t, w.Invoke(t, w.staged, 30*time.Second))
}

func TestLagEndsWithAnErrorOfItsOwn(t *testing.T) {
	w := start(t)
	w.CodePipeline.LagNext(99, time.Time{})
	if a := w.Invoke(t, w.staged, 2*time.Second); !a.Failed || !strings.Contains(a.Body, "not found in CodePipeline") {
		t.Errorf("failed %v: %s", a.Failed, a.Body)
	}
	w.CodePipeline.LagNext(0, time.Time{})
	succeed(t, w.Invoke(t, w.staged, 30*time.Second))
}
