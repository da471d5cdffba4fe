package codepipeline

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// invoked starts an action that invokes a function.
func invoked(t *testing.T, s *sandboxtest.Sandbox) (*codepipeline.Execution, *codepipeline.Action) {
	t.Helper()
	x, _, err := s.CodePipeline.CreatePipeline(wire.Scope{}, "checkout-release", codepipeline.PipelineOptions{Key: "alias/pipelines"}).
		Start(codepipeline.ExecutionOptions{}, sandboxtest.Epoch)
	if err != nil {
		t.Fatal(err)
	}
	stage, _, err := x.StartStage("DeployProd", sandboxtest.Epoch)
	if err != nil {
		t.Fatal(err)
	}
	action, _, err := stage.StartAction("Tag", codepipeline.ActionOptions{
		Type:          codepipeline.ActionType{Category: "Invoke", Provider: "Lambda"},
		Configuration: map[string]string{"FunctionName": "tagimage", "UserParameters": "{}"},
		Outputs:       []string{"Promoted"},
	}, sandboxtest.Epoch)
	if err != nil {
		t.Fatal(err)
	}
	return x, action
}

func must(a codepipeline.Artifact, ok bool) codepipeline.Artifact {
	if !ok {
		panic("no such artifact")
	}
	return a
}

const noJob = "00000000-0000-4000-8000-000000000000"

func TestJobIsAsCodePipelineKnowsIt(t *testing.T) {
	s := sandboxtest.Start(t)
	x, action := invoked(t, s)
	jobs := NewJobs(s.Config())
	id, key, made := action.Job().ID(), action.Job().Credentials(), must(x.Artifact("Promoted"))
	got, err := jobs.Job(t.Context(), id)
	keys := got.Store.Credentials.Reveal()
	got.Store.Credentials = tagalong.Credentials{}
	want := tagalong.Job{
		ID: id, Account: "111122223333", UserParameters: "{}",
		Store: tagalong.ArtifactStore{Outputs: []tagalong.Artifact{{Name: "Promoted", Bucket: made.Bucket, Object: made.Key}}, Key: "alias/pipelines"},
		Context: tagalong.JobContext{
			Pipeline:  tagalong.Pipeline{Account: "111122223333", Region: "us-east-1", Name: "checkout-release"},
			Execution: x.ID(), Stage: "DeployProd", Action: "Tag", ActionID: action.ID(),
		},
	}
	if err != nil || !reflect.DeepEqual(got, want) || keys != tagalong.Keys(key) {
		t.Errorf("%+v, error %v", got, err)
	}
	if _, err := jobs.Job(t.Context(), noJob); !errors.Is(err, tagalong.ErrNoJob) || !strings.Contains(err.Error(), noJob) {
		t.Errorf("error %v", err)
	}
}

func TestJobIsAnsweredInOneAttempt(t *testing.T) {
	s := sandboxtest.Start(t)
	_, action := invoked(t, s)
	cfg, id := s.Config(), action.Job().ID()
	cfg.Retryer = nil // the SDK's own, of three attempts
	jobs := NewJobs(cfg)
	success := tagalong.Success{Summary: "done", Variables: map[string]string{"ImageTag": "prod"}}
	answers := map[string]func(id string) error{
		"PutJobSuccessResult": func(id string) error { return jobs.Succeed(t.Context(), id, success) },
		"PutJobFailureResult": func(id string) error {
			return jobs.Fail(t.Context(), id, tagalong.Failure{Type: tagalong.ConfigurationError, Message: "no"})
		},
	}
	for operation, answer := range answers {
		s.CodePipeline.Throttle(operation, 1)
		s.ResetCalls()
		if err := answer(id); sandboxtest.Code(err) != "ThrottlingException" || len(s.Calls()) != 1 {
			t.Errorf("%s: error %v, calls %+v", operation, err, s.Calls())
		}
		if err := answer(noJob); !errors.Is(err, tagalong.ErrNoJob) {
			t.Errorf("%s: error %v", operation, err)
		}
	}
	if err := answers["PutJobSuccessResult"](id); err != nil {
		t.Fatal(err)
	}
	if a := action.Job().Answer(); a.Status != codepipeline.JobSucceeded || a.Summary != "done" || a.Variables["ImageTag"] != "prod" {
		t.Errorf("answer %+v", a)
	}
	for operation, answer := range answers {
		if err := answer(id); !errors.Is(err, tagalong.ErrJobOver) {
			t.Errorf("%s: error %v", operation, err)
		}
	}
}

func TestJobFails(t *testing.T) {
	s := sandboxtest.Start(t)
	_, action := invoked(t, s)
	if err := NewJobs(s.Config()).Fail(t.Context(), action.Job().ID(), tagalong.Failure{Type: tagalong.RevisionUnavailable, Message: "gone"}); err != nil {
		t.Fatal(err)
	}
	if a := action.Job().Answer(); a.Status != codepipeline.JobFailed || a.FailureType != "RevisionUnavailable" || a.Message != "gone" {
		t.Errorf("answer %+v", a)
	}
}

func TestJobOfAnActionInAnotherRegionBelongsToItsPipeline(t *testing.T) {
	replies := map[string]string{
		`{"jobDetails":{"accountId":"111122223333","data":{"pipelineContext":{"pipelineName":"p","pipelineArn":"arn:aws:codepipeline:eu-west-1:444455556666:p"}}}}`: "444455556666 eu-west-1",
		`{"jobDetails":{"accountId":"111122223333","data":{"pipelineContext":{"pipelineName":"p"}}}}`:                                                               "111122223333 us-east-1",
		`{"jobDetails":{"data":{"pipelineContext":{"pipelineName":"p"}}}}`:                                                                                          "",
		`{"jobDetails":{}}`: "",
		`{}`:                "",
	}
	for reply, want := range replies {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(reply)) }))
		cfg := sandboxtest.Start(t).Config()
		cfg.BaseEndpoint = aws.String(server.URL)
		got, err := NewJobs(cfg).Job(t.Context(), noJob)
		server.Close()
		if want != "" && (err != nil || got.Context.Pipeline.Account+" "+got.Context.Pipeline.Region != want) || want == "" && err == nil {
			t.Errorf("%s: %+v, error %v", reply, got, err)
		}
	}
}
