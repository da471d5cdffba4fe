package codepipeline_test

import (
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
		w.CodePipeline.LagNext(2, ago(test.lag).Add(time.Millisecond))
		if got := w.list(filter); got != test.actions {
			t.Errorf("lagging by %s: actions %s, want %s", test.lag, got, test.actions)
		}
		if got := w.execution(x).Status; got != test.status {
			t.Errorf("lagging by %s: status %s, want %s", test.lag, got, test.status)
		}
	}
	w.CodePipeline.LagNext(1, ago(time.Minute))
	_, err = w.client.GetPipelineExecution(t.Context(), &awscodepipeline.GetPipelineExecutionInput{PipelineName: aws.String("checkout-release"), PipelineExecutionId: aws.String(x.ID())})
	wantCode(t, err, "PipelineExecutionNotFoundException", x.ID())
	w.CodePipeline.LagNext(2, ago(8*time.Second))
	got := []string{w.list(filter), string(w.execution(x).Status), w.list(filter)}
	if diff := cmp.Diff([]string{"", "InProgress", "Api Succeeded"}, got); diff != "" {
		t.Errorf("two calls that lag, and one that does not (-want +got):\n%s", diff)
	}
}

func TestIDsMayBeChosen(t *testing.T) {
	const id = "3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38"
	w := newWorld(t, codepipeline.PipelineOptions{})
	deploy := ecsDeploy
	deploy.ID = "b84d2f10-57c3-4e6a-8f1b-2c90d7a34e65"
	x := w.start(codepipeline.ExecutionOptions{ID: id})
	if a := w.action(w.stage(x, "DeployProd"), "DeployToEcs", deploy); x.ID() != id || a.ID() != deploy.ID {
		t.Errorf("execution %s, action %s", x.ID(), a.ID())
	}
	if _, _, err := w.pipeline.Start(codepipeline.ExecutionOptions{ID: id}, w.tick()); err == nil {
		t.Error("an execution started twice")
	}
}
