package codepipeline_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscodepipeline "github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
)

func (w *world) execution(x *codepipeline.Execution) *types.PipelineExecution {
	w.t.Helper()
	out, err := w.client.GetPipelineExecution(w.t.Context(), &awscodepipeline.GetPipelineExecutionInput{
		PipelineName: aws.String("checkout-release"), PipelineExecutionId: aws.String(x.ID()),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.PipelineExecution
}

var unexported = cmpopts.IgnoreUnexported(
	types.PipelineExecution{}, types.ArtifactRevision{}, types.ExecutionTrigger{}, types.PipelineRollbackMetadata{},
	types.ActionExecutionDetail{}, types.ActionExecutionInput{}, types.ActionExecutionOutput{}, types.ActionExecutionResult{},
	types.ActionTypeId{}, types.ArtifactDetail{}, types.S3Location{}, types.ErrorDetails{},
	types.JobDetails{}, types.JobData{}, types.PipelineContext{}, types.StageContext{}, types.ActionContext{},
	types.ActionConfiguration{}, types.Artifact{}, types.ArtifactLocation{}, types.S3ArtifactLocation{}, types.EncryptionKey{},
	types.AWSSessionCredentials{},
)

func TestGetPipelineExecution(t *testing.T) {
	w := newWorld(t, codepipeline.PipelineOptions{Version: 3})
	created := time.Date(2026, 3, 4, 8, 0, 0, 500e6, time.UTC)
	x := w.start(codepipeline.ExecutionOptions{
		Trigger: codepipeline.Trigger{Type: "WebhookV2", Detail: "main"},
		Revisions: []codepipeline.Revision{{
			Name: "Source", ID: "d5491e7e7124a22dd73fa746ba129c59f9dc6d5d", Summary: "Raise payment timeout",
			URL: "https://example.com/commit", ChangeIdentifier: "d5491e7", Created: created,
		}},
	})
	want := &types.PipelineExecution{
		PipelineName: aws.String("checkout-release"), PipelineVersion: aws.Int32(3), PipelineExecutionId: aws.String(x.ID()),
		Status: types.PipelineExecutionStatusInProgress, ExecutionMode: types.ExecutionModeSuperseded, ExecutionType: types.ExecutionTypeStandard,
		Trigger: &types.ExecutionTrigger{TriggerType: types.TriggerTypeWebhookV2, TriggerDetail: aws.String("main")},
		ArtifactRevisions: []types.ArtifactRevision{{
			Name: aws.String("Source"), RevisionId: aws.String("d5491e7e7124a22dd73fa746ba129c59f9dc6d5d"), RevisionSummary: aws.String("Raise payment timeout"),
			RevisionUrl: aws.String("https://example.com/commit"), RevisionChangeIdentifier: aws.String("d5491e7"), Created: &created,
		}},
	}
	if diff := cmp.Diff(want, w.execution(x), unexported); diff != "" {
		t.Errorf("execution (-want +got):\n%s", diff)
	}
	w.run(x.Finish(codepipeline.Succeeded, w.tick()))
	if got := w.execution(x).Status; got != types.PipelineExecutionStatusSucceeded {
		t.Errorf("status %s", got)
	}
}

func TestARollbackHasTheRevisionsOfItsTarget(t *testing.T) {
	w := newWorld(t, codepipeline.PipelineOptions{})
	old := w.start(codepipeline.ExecutionOptions{Revisions: []codepipeline.Revision{{Name: "Source", ID: "1111111"}}})
	w.run(old.Finish(codepipeline.Succeeded, w.tick()))
	got := w.execution(w.start(codepipeline.ExecutionOptions{RollbackOf: old}))
	if got.ExecutionType != types.ExecutionTypeRollback || got.Trigger.TriggerType != types.TriggerTypeManualRollback ||
		aws.ToString(got.RollbackMetadata.RollbackTargetPipelineExecutionId) != old.ID() || aws.ToString(got.ArtifactRevisions[0].RevisionId) != "1111111" {
		t.Errorf("rollback %+v", got)
	}
	w.pipeline.Restructure()
	if _, _, err := w.pipeline.Start(codepipeline.ExecutionOptions{RollbackOf: old}, w.tick()); err == nil {
		t.Error("a rollback to another structure started")
	}
}

func TestListActionExecutions(t *testing.T) {
	w := newWorld(t, codepipeline.PipelineOptions{Version: 3, Bucket: "artifacts"})
	x := w.start(codepipeline.ExecutionOptions{})
	source := w.action(w.stage(x, "Source"), "Image", ecrSource)
	w.run(source.Succeed(codepipeline.Result{Variables: map[string]string{"ImageTag": "build-42"}}, w.tick()))
	deploy := ecsDeploy
	deploy.RoleARN, deploy.Region, deploy.Namespace = "arn:aws:iam::444455556666:role/deploy", "eu-west-1", "Deploy"
	deploy.Inputs = []string{"EcrImage"}
	action := w.action(w.stage(x, "DeployProd"), "DeployToEcs", deploy)
	startedAt := w.clock
	w.run(action.Fail(codepipeline.Result{ExternalID: "ecs-svc/1", Summary: "it failed", URL: "https://example.com/"}, w.tick()))
	out, err := w.client.ListActionExecutions(t.Context(), &awscodepipeline.ListActionExecutionsInput{PipelineName: aws.String("checkout-release")})
	if err != nil {
		t.Fatal(err)
	}
	artifact, ok := x.Artifact("EcrImage")
	if !ok || artifact.Bucket != "artifacts" || !strings.HasPrefix(artifact.Key, "checkout-release/EcrImage/") {
		t.Errorf("artifact %+v", artifact)
	}
	want := types.ActionExecutionDetail{
		PipelineExecutionId: aws.String(x.ID()), ActionExecutionId: aws.String(action.ID()), PipelineVersion: aws.Int32(3),
		StageName: aws.String("DeployProd"), ActionName: aws.String("DeployToEcs"), Status: types.ActionExecutionStatusFailed,
		StartTime: &startedAt, LastUpdateTime: &w.clock,
		Input: &types.ActionExecutionInput{
			ActionTypeId:  &types.ActionTypeId{Category: types.ActionCategoryDeploy, Owner: types.ActionOwnerAws, Provider: aws.String("ECS"), Version: aws.String("1")},
			Configuration: deploy.Configuration, ResolvedConfiguration: deploy.Resolved,
			RoleArn: aws.String(deploy.RoleARN), Region: aws.String("eu-west-1"), Namespace: aws.String("Deploy"),
			InputArtifacts: []types.ArtifactDetail{{Name: aws.String("EcrImage"), S3location: &types.S3Location{Bucket: aws.String("artifacts"), Key: aws.String(artifact.Key)}}},
		},
		Output: &types.ActionExecutionOutput{
			OutputArtifacts: []types.ArtifactDetail{}, OutputVariables: map[string]string{},
			ExecutionResult: &types.ActionExecutionResult{
				ExternalExecutionId: aws.String("ecs-svc/1"), ExternalExecutionSummary: aws.String("it failed"), ExternalExecutionUrl: aws.String("https://example.com/"),
				ErrorDetails: &types.ErrorDetails{Code: aws.String("JobFailed"), Message: aws.String("it failed")},
			},
		},
	}
	if len(out.ActionExecutionDetails) != 2 {
		t.Fatalf("%d actions", len(out.ActionExecutionDetails))
	}
	if diff := cmp.Diff(want, out.ActionExecutionDetails[0], unexported); diff != "" {
		t.Errorf("newest action (-want +got):\n%s", diff)
	}
	first := out.ActionExecutionDetails[1].Output
	if first.OutputVariables["ImageTag"] != "build-42" || aws.ToString(first.OutputArtifacts[0].S3location.Key) != artifact.Key {
		t.Errorf("output of the source %+v", first)
	}
}

func TestListActionExecutionsInPages(t *testing.T) {
	w := newWorld(t, codepipeline.PipelineOptions{})
	x := w.start(codepipeline.ExecutionOptions{})
	st := w.stage(x, "DeployProd")
	at := w.tick()
	for _, name := range []string{"a", "b", "c", "d", "e"} { // at one time
		_, event, err := st.StartAction(name, ecsDeploy, at)
		w.run(event, err)
	}
	pager := awscodepipeline.NewListActionExecutionsPaginator(w.client, &awscodepipeline.ListActionExecutionsInput{
		PipelineName: aws.String("checkout-release"), MaxResults: aws.Int32(2), Filter: &types.ActionExecutionFilter{PipelineExecutionId: aws.String(x.ID())},
	})
	var pages []string
	for pager.HasMorePages() {
		page, err := pager.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		names := ""
		for _, d := range page.ActionExecutionDetails {
			names += aws.ToString(d.ActionName)
		}
		pages = append(pages, names)
		w.action(st, "later-"+names, ecsDeploy) // changes nothing in the pages to come
	}
	if diff := cmp.Diff([]string{"ed", "cb", "a"}, pages); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
}

func TestARetryIsAnAttemptOfItsOwn(t *testing.T) {
	w := newWorld(t, codepipeline.PipelineOptions{})
	x, other := w.start(codepipeline.ExecutionOptions{}), w.start(codepipeline.ExecutionOptions{})
	w.action(w.stage(other, "DeployProd"), "Another", ecsDeploy)
	st := w.stage(x, "DeployProd")
	w.run(w.action(st, "Api", ecsDeploy).Succeed(codepipeline.Result{}, w.tick()))
	w.run(w.action(st, "Web", ecsDeploy).Fail(codepipeline.Result{}, w.tick()))
	w.run(st.Finish(codepipeline.Failed, w.tick()))
	w.run(x.Finish(codepipeline.Failed, w.tick()))
	w.run(st.Retry(w.tick()))
	if got := w.execution(x).Status; got != types.PipelineExecutionStatusInProgress {
		t.Errorf("status %s", got)
	}
	web := w.action(st, "Web", ecsDeploy)
	latest := func(r types.StartTimeRange) *types.ActionExecutionFilter {
		return &types.ActionExecutionFilter{LatestInPipelineExecution: &types.LatestInPipelineExecutionFilter{PipelineExecutionId: aws.String(x.ID()), StartTimeRange: r}}
	}
	for _, test := range []struct {
		name   string
		filter *types.ActionExecutionFilter
		want   string
	}{
		{"no filter", nil, "Web InProgress, Web Failed, Api Succeeded, Another InProgress"},
		{"an execution", &types.ActionExecutionFilter{PipelineExecutionId: aws.String(x.ID())}, "Web InProgress, Web Failed, Api Succeeded"},
		{"all attempts", latest("All"), "Web InProgress, Web Failed, Api Succeeded"},
		{"the latest attempt", latest("Latest"), "Web InProgress"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := w.list(test.filter); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
	w.run(web.Succeed(codepipeline.Result{}, w.tick()))
	w.run(st.Finish(codepipeline.Succeeded, w.tick()))
	w.run(x.Finish(codepipeline.Succeeded, w.tick()))
}

func TestLag(t *testing.T) {
	w := newWorld(t, codepipeline.PipelineOptions{})
	now := sandboxtest.Epoch
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	x, event, err := w.pipeline.Start(codepipeline.ExecutionOptions{}, ago(10*time.Second))
	w.run(event, err)
	st, event, err := x.StartStage("DeployProd", ago(9*time.Second))
	w.run(event, err)
	api, event, err := st.StartAction("Api", ecsDeploy, ago(8*time.Second))
	w.run(event, err)
	w.run(api.Succeed(codepipeline.Result{ExternalID: "ecs-svc/1"}, ago(4*time.Second)))
	w.run(st.Finish(codepipeline.Succeeded, ago(3*time.Second)))
	w.run(x.Finish(codepipeline.Succeeded, ago(2*time.Second)))
	filter := &types.ActionExecutionFilter{PipelineExecutionId: aws.String(x.ID())}
	for _, test := range []struct {
		lag     time.Duration
		actions string
		status  types.PipelineExecutionStatus
	}{
		{0, "Api Succeeded", types.PipelineExecutionStatusSucceeded},
		{3 * time.Second, "Api Succeeded", types.PipelineExecutionStatusInProgress},
		{4 * time.Second, "Api Succeeded", types.PipelineExecutionStatusInProgress},
		{5 * time.Second, "Api InProgress", types.PipelineExecutionStatusInProgress},
		{9 * time.Second, "", types.PipelineExecutionStatusInProgress},
	} {
		w.CodePipeline.Lag(test.lag)
		if got := w.list(filter); got != test.actions {
			t.Errorf("lagging by %s: actions %s, want %s", test.lag, got, test.actions)
		}
		if got := w.execution(x).Status; got != test.status {
			t.Errorf("lagging by %s: status %s, want %s", test.lag, got, test.status)
		}
	}
	w.CodePipeline.Lag(time.Minute)
	_, err = w.client.GetPipelineExecution(t.Context(), &awscodepipeline.GetPipelineExecutionInput{PipelineName: aws.String("checkout-release"), PipelineExecutionId: aws.String(x.ID())})
	wantCode(t, err, "PipelineExecutionNotFoundException", x.ID())
	w.CodePipeline.Lag(0)
	w.CodePipeline.LagNext(2, ago(8*time.Second))
	got := []string{w.list(filter), string(w.execution(x).Status), w.list(filter)}
	if diff := cmp.Diff([]string{"", "InProgress", "Api Succeeded"}, got); diff != "" {
		t.Errorf("two calls that lag, and one that does not (-want +got):\n%s", diff)
	}
}

func TestRefusedReads(t *testing.T) {
	w := newWorld(t, codepipeline.PipelineOptions{})
	x := w.start(codepipeline.ExecutionOptions{})
	st := w.stage(x, "DeployProd")
	w.action(st, "a", ecsDeploy)
	w.action(st, "b", ecsDeploy)
	const nobody = "00000000-0000-4000-8000-000000000000"
	name := aws.String("checkout-release")
	page, err := w.client.ListActionExecutions(t.Context(), &awscodepipeline.ListActionExecutionsInput{PipelineName: name, MaxResults: aws.Int32(1)})
	if err != nil {
		t.Fatal(err)
	}
	by := func(id string) *types.ActionExecutionFilter {
		return &types.ActionExecutionFilter{PipelineExecutionId: aws.String(id)}
	}
	for _, test := range []struct {
		name    string
		in      awscodepipeline.ListActionExecutionsInput
		code    string
		message string
	}{
		{"an unknown pipeline", awscodepipeline.ListActionExecutionsInput{PipelineName: aws.String("nope")}, "PipelineNotFoundException", "'nope'"},
		{"an unknown execution", awscodepipeline.ListActionExecutionsInput{PipelineName: name, Filter: by(nobody)}, "PipelineExecutionNotFoundException", nobody},
		{"a malformed execution", awscodepipeline.ListActionExecutionsInput{PipelineName: name, Filter: by("X")}, "ValidationException", "filter.pipelineExecutionId"},
		{"a malformed pipeline", awscodepipeline.ListActionExecutionsInput{PipelineName: aws.String("a/b")}, "ValidationException", "pipelineName"},
		{"a pipeline's name that is too long", awscodepipeline.ListActionExecutionsInput{PipelineName: aws.String(strings.Repeat("a", 101))}, "ValidationException", "less than or equal to 100"},
		{"no pipeline's name", awscodepipeline.ListActionExecutionsInput{PipelineName: aws.String("")}, "ValidationException", "greater than or equal to 1"},
		{"an empty page", awscodepipeline.ListActionExecutionsInput{PipelineName: name, MaxResults: aws.Int32(0)}, "ValidationException", "maxResults"},
		{"a page that is too large", awscodepipeline.ListActionExecutionsInput{PipelineName: name, MaxResults: aws.Int32(101)}, "ValidationException", "maxResults"},
		{"a token of nobody", awscodepipeline.ListActionExecutionsInput{PipelineName: name, NextToken: aws.String("x")}, "InvalidNextTokenException", ""},
		{"a token of another list", awscodepipeline.ListActionExecutionsInput{PipelineName: name, NextToken: page.NextToken, Filter: by(x.ID())}, "InvalidNextTokenException", ""},
		{"a range of nobody", awscodepipeline.ListActionExecutionsInput{PipelineName: name, Filter: &types.ActionExecutionFilter{LatestInPipelineExecution: &types.LatestInPipelineExecutionFilter{PipelineExecutionId: aws.String(x.ID()), StartTimeRange: "Some"}}}, "ValidationException", "[Latest, All]"},
		{"two filters", awscodepipeline.ListActionExecutionsInput{PipelineName: name, Filter: &types.ActionExecutionFilter{PipelineExecutionId: aws.String(x.ID()), LatestInPipelineExecution: &types.LatestInPipelineExecutionFilter{PipelineExecutionId: aws.String(x.ID()), StartTimeRange: "All"}}}, "ValidationException", "both"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := w.client.ListActionExecutions(t.Context(), &test.in)
			wantCode(t, err, test.code, test.message)
		})
	}
	config := w.As("444455556666")
	_, err = awscodepipeline.NewFromConfig(config).GetPipelineExecution(t.Context(), &awscodepipeline.GetPipelineExecutionInput{PipelineName: name, PipelineExecutionId: aws.String(x.ID())})
	wantCode(t, err, "PipelineNotFoundException", "Account '444455556666'")
	_, err = w.client.GetPipelineExecution(t.Context(), &awscodepipeline.GetPipelineExecutionInput{PipelineName: name, PipelineExecutionId: aws.String("X")})
	wantCode(t, err, "ValidationException", "pipelineExecutionId")
	w.CodePipeline.Deny("GetPipelineExecution")
	_, err = w.client.GetPipelineExecution(t.Context(), &awscodepipeline.GetPipelineExecutionInput{PipelineName: name, PipelineExecutionId: aws.String(x.ID())})
	wantCode(t, err, "AccessDeniedException", "codepipeline:GetPipelineExecution")
}

// TestStories tries what CodePipeline would not do.
func TestStories(t *testing.T) {
	type story struct {
		w  *world
		x  *codepipeline.Execution
		st *codepipeline.Stage
		a  *codepipeline.Action
	}
	invalidAction := func(change func(*codepipeline.ActionOptions)) func(story) error {
		return func(s story) error {
			options := ecsDeploy
			change(&options)
			_, _, err := s.st.StartAction("Other", options, s.w.tick())
			return err
		}
	}
	for _, test := range []struct {
		name string
		do   func(s story) error
		bad  bool // for another reason than the state
	}{
		{"a stage starts twice", func(s story) error { _, _, err := s.x.StartStage("DeployProd", s.w.tick()); return err }, false},
		{"an action starts twice", func(s story) error {
			_, _, err := s.st.StartAction("DeployToEcs", ecsDeploy, s.w.tick())
			return err
		}, false},
		{"a stage ends before its action", func(s story) error { _, err := s.st.Finish(codepipeline.Failed, s.w.tick()); return err }, false},
		{"an execution ends before its stage", func(s story) error { _, err := s.x.Finish(codepipeline.Failed, s.w.tick()); return err }, false},
		{"a stage is retried that did not fail", func(s story) error { _, err := s.st.Retry(s.w.tick()); return err }, false},
		{"a stage stops that nobody stops", func(s story) error { _, err := s.st.Stop(s.w.tick()); return err }, false},
		{"an action is abandoned that nobody stops", func(s story) error { _, err := s.a.Abandon(s.w.tick()); return err }, false},
		{"an action ends twice", func(s story) error {
			s.w.run(s.a.Succeed(codepipeline.Result{}, s.w.tick()))
			_, err := s.a.Fail(codepipeline.Result{}, s.w.tick())
			return err
		}, false},
		{"a stage succeeds whose action failed", func(s story) error {
			s.w.run(s.a.Fail(codepipeline.Result{}, s.w.tick()))
			_, err := s.st.Finish(codepipeline.Succeeded, s.w.tick())
			return err
		}, false},
		{"a stage is superseded", func(s story) error {
			s.w.run(s.a.Succeed(codepipeline.Result{}, s.w.tick()))
			_, err := s.st.Finish(codepipeline.Superseded, s.w.tick())
			return err
		}, false},
		{"an execution succeeds whose stage failed", func(s story) error {
			s.w.run(s.a.Fail(codepipeline.Result{}, s.w.tick()))
			s.w.run(s.st.Finish(codepipeline.Failed, s.w.tick()))
			_, err := s.x.Finish(codepipeline.Succeeded, s.w.tick())
			return err
		}, false},
		{"an execution is stopped twice", func(s story) error {
			s.w.run(s.x.Stop("", s.w.tick()))
			_, err := s.x.Stop("", s.w.tick())
			return err
		}, false},
		{"an execution starts a state", func(s story) error {
			s.w.run(s.a.Succeed(codepipeline.Result{}, s.w.tick()))
			s.w.run(s.st.Finish(codepipeline.Succeeded, s.w.tick()))
			_, err := s.x.Finish("STARTED", s.w.tick())
			return err
		}, false},
		{"a stage without a name", func(s story) error { _, _, err := s.x.StartStage("", s.w.tick()); return err }, true},
		{"an action without a name", func(s story) error { _, _, err := s.st.StartAction("", ecsDeploy, s.w.tick()); return err }, true},
		{"an action without a type", invalidAction(func(o *codepipeline.ActionOptions) { o.Type = codepipeline.ActionType{} }), true},
		{"a role that is none", invalidAction(func(o *codepipeline.ActionOptions) { o.RoleARN = "deploy" }), true},
		{"a value that is too long", invalidAction(func(o *codepipeline.ActionOptions) {
			o.Configuration = map[string]string{"UserParameters": strings.Repeat("x", 1001)}
		}), true},
		{"an artifact of nobody", invalidAction(func(o *codepipeline.ActionOptions) { o.Inputs = []string{"BuildArtifact"} }), true},
		{"an artifact without a name", invalidAction(func(o *codepipeline.ActionOptions) { o.Outputs = []string{""} }), true},
		{"too many artifacts", invalidAction(func(o *codepipeline.ActionOptions) { o.Outputs = strings.Split("abcdef", "") }), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, codepipeline.PipelineOptions{})
			x := w.start(codepipeline.ExecutionOptions{})
			st := w.stage(x, "DeployProd")
			s := story{w, x, st, w.action(st, "DeployToEcs", ecsDeploy)}
			before := len(w.CodePipeline.Events())
			err := test.do(s)
			if err == nil || errors.Is(err, codepipeline.ErrState) == test.bad {
				t.Errorf("error %v after %d events", err, before)
			}
		})
	}
}
