package codepipeline_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscodepipeline "github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
)

// job starts an execution whose stage Promote invokes a function.
func (w *world) job(options codepipeline.ActionOptions) (*codepipeline.Action, *codepipeline.Job) {
	w.t.Helper()
	x := w.start(codepipeline.ExecutionOptions{Revisions: []codepipeline.Revision{{Name: "EcrImage", ID: "sha256:89966b64"}}})
	w.run(w.action(w.stage(x, "Source"), "Image", ecrSource).Succeed(codepipeline.Result{}, w.tick()))
	a := w.action(w.stage(x, "Promote"), "Tag", options)
	if a.Job() == nil {
		w.t.Fatal("the action has no job")
	}
	return a, a.Job()
}

func TestGetJobDetails(t *testing.T) {
	const key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	w := newWorld(t, codepipeline.PipelineOptions{Key: key})
	options := invoke
	options.Inputs, options.Outputs = []string{"EcrImage"}, []string{"Promoted"}
	a, j := w.job(options)
	out, err := w.client.GetJobDetails(t.Context(), &awscodepipeline.GetJobDetailsInput{JobId: aws.String(j.ID())})
	if err != nil {
		t.Fatal(err)
	}
	var event struct {
		Job struct {
			ID   string
			Data struct {
				ArtifactCredentials             codepipeline.Credentials
				InputArtifacts, OutputArtifacts []struct {
					Location struct {
						S3Location struct{ BucketName, ObjectKey string }
					}
				}
			}
		} `json:"CodePipeline.job"`
	}
	if err := json.Unmarshal(j.Event(), &event); err != nil {
		t.Fatal(err)
	}
	in, made, credentials := event.Job.Data.InputArtifacts[0].Location.S3Location, event.Job.Data.OutputArtifacts[0].Location.S3Location, event.Job.Data.ArtifactCredentials
	location := func(bucket, key string) *types.ArtifactLocation {
		return &types.ArtifactLocation{Type: "S3", S3Location: &types.S3ArtifactLocation{BucketName: &bucket, ObjectKey: &key}}
	}
	want := &types.JobDetails{
		Id: aws.String(event.Job.ID), AccountId: aws.String("111122223333"),
		Data: &types.JobData{
			ActionTypeId:        &types.ActionTypeId{Category: "Invoke", Owner: "AWS", Provider: aws.String("Lambda"), Version: aws.String("1")},
			ActionConfiguration: &types.ActionConfiguration{Configuration: invoke.Configuration},
			PipelineContext: &types.PipelineContext{
				PipelineName: aws.String("checkout-release"), PipelineArn: aws.String("arn:aws:codepipeline:us-east-1:111122223333:checkout-release"),
				Stage: &types.StageContext{Name: aws.String("Promote")}, Action: &types.ActionContext{Name: aws.String("Tag"), ActionExecutionId: aws.String(a.ID())},
			},
			InputArtifacts:  []types.Artifact{{Name: aws.String("EcrImage"), Revision: aws.String("sha256:89966b64"), Location: location(in.BucketName, in.ObjectKey)}},
			OutputArtifacts: []types.Artifact{{Name: aws.String("Promoted"), Location: location(made.BucketName, made.ObjectKey)}},
			ArtifactCredentials: &types.AWSSessionCredentials{
				AccessKeyId: &credentials.AccessKeyID, SecretAccessKey: &credentials.SecretAccessKey, SessionToken: &credentials.SessionToken,
			},
			EncryptionKey: &types.EncryptionKey{Id: aws.String(key), Type: "KMS"},
		},
	}
	execution := cmpopts.IgnoreFields(types.PipelineContext{}, "PipelineExecutionId")
	if diff := cmp.Diff(want, out.JobDetails, unexported, execution); diff != "" {
		t.Errorf("job (-want +got):\n%s", diff)
	}
	actions := w.list(&types.ActionExecutionFilter{PipelineExecutionId: out.JobDetails.Data.PipelineContext.PipelineExecutionId})
	if actions != "Tag InProgress, Image Succeeded" {
		t.Errorf("actions of the job's execution: %s", actions)
	}
}

// What AWS's pages leave open.
func TestGetJobDetailsMaySayLess(t *testing.T) {
	w := newWorld(t, codepipeline.PipelineOptions{NoCredentials: true, NoARN: true, ForgetsEnded: true})
	_, j := w.job(invoke)
	ask := func() (*awscodepipeline.GetJobDetailsOutput, error) {
		return w.client.GetJobDetails(t.Context(), &awscodepipeline.GetJobDetailsInput{JobId: aws.String(j.ID())})
	}
	out, err := ask()
	if err != nil {
		t.Fatal(err)
	}
	if d := out.JobDetails.Data; d.ArtifactCredentials != nil || d.PipelineContext.PipelineArn != nil || !strings.Contains(string(j.Event()), j.Credentials().SecretAccessKey) {
		t.Errorf("job %+v", d)
	}
	if err := w.succeed(awscodepipeline.PutJobSuccessResultInput{JobId: aws.String(j.ID())}); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(); sandboxtest.Code(err) != "JobNotFoundException" {
		t.Errorf("of a job that is over: %v", err)
	}
}

func (w *world) succeed(in awscodepipeline.PutJobSuccessResultInput) error {
	_, err := w.client.PutJobSuccessResult(w.t.Context(), &in)
	return err
}

func (w *world) fail(job string, details *types.FailureDetails) error {
	_, err := w.client.PutJobFailureResult(w.t.Context(), &awscodepipeline.PutJobFailureResultInput{JobId: &job, FailureDetails: details})
	return err
}

func wantAnswer(t *testing.T, j *codepipeline.Job, want codepipeline.Answer) (event []byte) {
	t.Helper()
	got := j.Answer()
	event, got.Event = got.Event, nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	return event
}

func TestAJobIsAnsweredOnce(t *testing.T) {
	w := newWorld(t, codepipeline.PipelineOptions{})
	_, j := w.job(invoke)
	wantAnswer(t, j, codepipeline.Answer{Status: codepipeline.JobPending})
	variables := map[string]string{"ImageDigest": "sha256:89966b64"}
	success := awscodepipeline.PutJobSuccessResultInput{
		JobId: aws.String(j.ID()), OutputVariables: variables,
		ExecutionDetails: &types.ExecutionDetails{Summary: aws.String("tagged"), ExternalExecutionId: aws.String("x"), PercentComplete: aws.Int32(100)},
	}
	if err := w.succeed(success); err != nil {
		t.Fatal(err)
	}
	event := wantAnswer(t, j, codepipeline.Answer{Status: codepipeline.JobSucceeded, Summary: "tagged", ExternalID: "x", Percent: 100, Variables: variables})
	wantLike(t, event, "codepipeline-action-succeeded-ecs-deploy.json", without("input-artifacts", "external-execution-url"))
	if got := w.list(nil); got != "Tag Succeeded, Image Succeeded" {
		t.Errorf("actions %s", got)
	}
	wantCode(t, w.succeed(success), "InvalidJobStateException", j.ID())
	wantCode(t, w.fail(j.ID(), &types.FailureDetails{Type: "JobFailed", Message: aws.String("no")}), "InvalidJobStateException", j.ID())
}

func TestAJobFails(t *testing.T) {
	w := newWorld(t, codepipeline.PipelineOptions{})
	a, j := w.job(invoke)
	if err := w.fail(j.ID(), &types.FailureDetails{Type: "ConfigurationError", Message: aws.String("no such image"), ExternalExecutionId: aws.String("x")}); err != nil {
		t.Fatal(err)
	}
	event := wantAnswer(t, j, codepipeline.Answer{Status: codepipeline.JobFailed, FailureType: "ConfigurationError", Message: "no such image", ExternalID: "x"})
	if !strings.Contains(string(event), `"error-code":"ConfigurationError"`) {
		t.Errorf("event %s", event)
	}
	if _, err := a.Succeed(codepipeline.Result{}, w.tick()); err == nil {
		t.Error("the action did not end with its job")
	}
}

func TestAJobIsOverWithItsAction(t *testing.T) {
	w := newWorld(t, codepipeline.PipelineOptions{})
	a, j := w.job(invoke)
	w.run(a.Fail(codepipeline.Result{Summary: "no answer within 20 minutes"}, w.tick()))
	wantCode(t, w.succeed(awscodepipeline.PutJobSuccessResultInput{JobId: aws.String(j.ID())}), "InvalidJobStateException", j.ID())
	wantAnswer(t, j, codepipeline.Answer{Status: codepipeline.JobPending})
}

func TestAJobGoesOnWithAToken(t *testing.T) {
	w := newWorld(t, codepipeline.PipelineOptions{})
	_, j := w.job(invoke)
	err := w.succeed(awscodepipeline.PutJobSuccessResultInput{JobId: aws.String(j.ID()), ContinuationToken: aws.String(`{"v":1}`)})
	if err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, j, codepipeline.Answer{Status: codepipeline.JobPending, Continuation: `{"v":1}`})
	wantLike(t, j.Event(), "codepipeline-lambda-job-continuation.json")
	if err := w.succeed(awscodepipeline.PutJobSuccessResultInput{JobId: aws.String(j.ID())}); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, j, codepipeline.Answer{Status: codepipeline.JobSucceeded})
}

// TestAJobLivesWhereItsActionActs answers a job of an action in another Region
// and account, as its function there does.
func TestAJobLivesWhereItsActionActs(t *testing.T) {
	w := newWorld(t, codepipeline.PipelineOptions{})
	options := invoke
	options.Region, options.RoleARN = "eu-west-1", "arn:aws:iam::444455556666:role/invoke"
	_, j := w.job(options)
	wantCode(t, w.succeed(awscodepipeline.PutJobSuccessResultInput{JobId: aws.String(j.ID())}), "JobNotFoundException", j.ID())
	config := w.As("444455556666")
	config.Region = "eu-west-1"
	w.client = awscodepipeline.NewFromConfig(config)
	if err := w.succeed(awscodepipeline.PutJobSuccessResultInput{JobId: aws.String(j.ID())}); err != nil {
		t.Error(err)
	}
}

func TestRefusedAnswers(t *testing.T) {
	w := newWorld(t, codepipeline.PipelineOptions{})
	_, j := w.job(invoke)
	id := aws.String(j.ID())
	const nobody = "00000000-0000-4000-8000-000000000000"
	long := func(n int) *string { return aws.String(strings.Repeat("ä", n)) }
	details := func(d types.ExecutionDetails) awscodepipeline.PutJobSuccessResultInput {
		return awscodepipeline.PutJobSuccessResultInput{JobId: id, ExecutionDetails: &d}
	}
	revised := func(r types.CurrentRevision) awscodepipeline.PutJobSuccessResultInput {
		return awscodepipeline.PutJobSuccessResultInput{JobId: id, CurrentRevision: &r}
	}
	for _, test := range []struct {
		name    string
		in      awscodepipeline.PutJobSuccessResultInput
		code    string
		message string
	}{
		{"an unknown job", awscodepipeline.PutJobSuccessResultInput{JobId: aws.String(nobody)}, "JobNotFoundException", nobody},
		{"a malformed job", awscodepipeline.PutJobSuccessResultInput{JobId: aws.String(strings.ToUpper(j.ID()))}, "ValidationException", "jobId"},
		{"an empty summary", details(types.ExecutionDetails{Summary: aws.String("")}), "ValidationException", "executionDetails.summary"},
		{"a long summary", details(types.ExecutionDetails{Summary: long(2049)}), "ValidationException", "less than or equal to 2048"},
		{"a long external id", details(types.ExecutionDetails{ExternalExecutionId: long(1501)}), "ValidationException", "externalExecutionId"},
		{"more than all", details(types.ExecutionDetails{PercentComplete: aws.Int32(101)}), "ValidationException", "less than or equal to 100"},
		{"less than nothing", details(types.ExecutionDetails{PercentComplete: aws.Int32(-1)}), "ValidationException", "greater than or equal to 0"},
		{"a long revision", revised(types.CurrentRevision{Revision: long(1501), ChangeIdentifier: aws.String("x")}), "ValidationException", "currentRevision.revision"},
		{"a long change identifier", revised(types.CurrentRevision{Revision: aws.String("x"), ChangeIdentifier: long(101)}), "ValidationException", "changeIdentifier"},
		{"an empty token", awscodepipeline.PutJobSuccessResultInput{JobId: id, ContinuationToken: aws.String("")}, "ValidationException", "continuationToken"},
		{"a long token", awscodepipeline.PutJobSuccessResultInput{JobId: id, ContinuationToken: long(2049)}, "ValidationException", "continuationToken"},
		{"a variable's name", awscodepipeline.PutJobSuccessResultInput{JobId: id, OutputVariables: map[string]string{"a.b": "c"}}, "ValidationException", "outputVariables"},
		{"variables that are too large", awscodepipeline.PutJobSuccessResultInput{JobId: id, OutputVariables: map[string]string{"a": strings.Repeat("x", 122880)}}, "OutputVariablesSizeExceededException", "122881"},
		{"variables before the end", awscodepipeline.PutJobSuccessResultInput{JobId: id, OutputVariables: map[string]string{"a": "b"}, ContinuationToken: aws.String("x")}, "ValidationException", "continuationToken"},
	} {
		t.Run(test.name, func(t *testing.T) { wantCode(t, w.succeed(test.in), test.code, test.message) })
	}
	for _, test := range []struct {
		name    string
		job     string
		details types.FailureDetails
		code    string
		message string
	}{
		{"an unknown job", nobody, types.FailureDetails{Type: "JobFailed", Message: aws.String("x")}, "JobNotFoundException", nobody},
		{"an unknown type", j.ID(), types.FailureDetails{Type: "Broken", Message: aws.String("x")}, "ValidationException", "JobFailed, ConfigurationError"},
		{"an empty message", j.ID(), types.FailureDetails{Type: "JobFailed", Message: aws.String("")}, "ValidationException", "failureDetails.message"},
		{"a long message", j.ID(), types.FailureDetails{Type: "JobFailed", Message: long(5001)}, "ValidationException", "less than or equal to 5000"},
		{"a long external id", j.ID(), types.FailureDetails{Type: "JobFailed", Message: aws.String("x"), ExternalExecutionId: long(1501)}, "ValidationException", "externalExecutionId"},
	} {
		t.Run("failure with "+test.name, func(t *testing.T) { wantCode(t, w.fail(test.job, &test.details), test.code, test.message) })
	}
	_, err := w.client.GetJobDetails(t.Context(), &awscodepipeline.GetJobDetailsInput{JobId: aws.String(nobody)})
	wantCode(t, err, "JobNotFoundException", nobody)
	wantAnswer(t, j, codepipeline.Answer{Status: codepipeline.JobPending})
	if err := w.succeed(details(types.ExecutionDetails{Summary: long(2048)})); err != nil {
		t.Error(err)
	}
}
