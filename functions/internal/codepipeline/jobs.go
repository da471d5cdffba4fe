package codepipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline/types"
	"github.com/aws/smithy-go"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Jobs is the core's Jobs in CodePipeline. A job belongs to the Region of the
// function that got it, also where its pipeline is elsewhere,
// https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-Lambda.html.
// It is safe for concurrent use.
type Jobs struct {
	client *codepipeline.Client
	region string
}

// NewJobs takes the function's own configuration.
func NewJobs(cfg aws.Config) *Jobs {
	return &Jobs{codepipeline.NewFromConfig(cfg), cfg.Region}
}

// Job implements job.Jobs with
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_GetJobDetails.html.
func (j *Jobs) Job(ctx context.Context, id string) (tagalong.Job, error) {
	out, err := j.client.GetJobDetails(ctx, &codepipeline.GetJobDetailsInput{JobId: &id})
	if err != nil {
		return tagalong.Job{}, jobError(id, err)
	}
	d := out.JobDetails
	switch {
	case d == nil || d.Data == nil || d.Data.PipelineContext == nil:
		return tagalong.Job{}, fmt.Errorf("job %s: no pipelineContext in the reply", id)
	case !accountID.MatchString(aws.ToString(d.AccountId)):
		return tagalong.Job{}, fmt.Errorf("job %s: accountId %q in the reply: want 12 digits", id, aws.ToString(d.AccountId))
	}
	job := tagalong.Job{ID: id, Account: *d.AccountId, Store: storeOf(d.Data), Context: j.context(*d.AccountId, *d.Data.PipelineContext)}
	if action := d.Data.ActionConfiguration; action != nil {
		job.UserParameters = action.Configuration["UserParameters"]
	}
	return job, nil
}

// context reads arn:PARTITION:codepipeline:REGION:ACCOUNT:NAME; without it the
// pipeline is where its action is.
func (j *Jobs) context(account string, c types.PipelineContext) tagalong.JobContext {
	found := tagalong.JobContext{
		Pipeline:  tagalong.Pipeline{Account: account, Region: j.region, Name: aws.ToString(c.PipelineName)},
		Execution: aws.ToString(c.PipelineExecutionId),
	}
	if part := strings.Split(aws.ToString(c.PipelineArn), ":"); len(part) == 6 && part[2] == "codepipeline" {
		found.Pipeline.Region, found.Pipeline.Account = part[3], part[4]
	}
	if c.Stage != nil {
		found.Stage = aws.ToString(c.Stage.Name)
	}
	if c.Action != nil {
		found.Action, found.ActionID = aws.ToString(c.Action.Name), aws.ToString(c.Action.ActionExecutionId)
	}
	return found
}

func storeOf(data *types.JobData) tagalong.ArtifactStore {
	store := tagalong.ArtifactStore{Inputs: artifactsOf(data.InputArtifacts), Outputs: artifactsOf(data.OutputArtifacts)}
	if k := data.ArtifactCredentials; k != nil {
		store.Credentials = tagalong.Hide(tagalong.Keys{
			AccessKeyID: aws.ToString(k.AccessKeyId), SecretAccessKey: aws.ToString(k.SecretAccessKey), SessionToken: aws.ToString(k.SessionToken),
		})
	}
	if data.EncryptionKey != nil {
		store.Key = aws.ToString(data.EncryptionKey.Id)
	}
	return store
}

// artifactsOf reads where artifacts lie: S3 is the only place that there is.
func artifactsOf(list []types.Artifact) (all []tagalong.Artifact) {
	for _, a := range list {
		artifact := tagalong.Artifact{Name: aws.ToString(a.Name)}
		if l := a.Location; l != nil && l.S3Location != nil {
			artifact.Bucket, artifact.Object = aws.ToString(l.S3Location.BucketName), aws.ToString(l.S3Location.ObjectKey)
		}
		all = append(all, artifact)
	}
	return all
}

// Succeed implements job.Jobs with
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PutJobSuccessResult.html.
func (j *Jobs) Succeed(ctx context.Context, id string, s tagalong.Success) error {
	_, err := j.client.PutJobSuccessResult(ctx, &codepipeline.PutJobSuccessResultInput{
		JobId:            &id,
		ExecutionDetails: &types.ExecutionDetails{Summary: &s.Summary},
		OutputVariables:  s.Variables,
	}, once)
	return jobError(id, err)
}

// Fail implements job.Jobs with
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PutJobFailureResult.html.
func (j *Jobs) Fail(ctx context.Context, id string, f tagalong.Failure) error {
	_, err := j.client.PutJobFailureResult(ctx, &codepipeline.PutJobFailureResultInput{
		JobId:          &id,
		FailureDetails: &types.FailureDetails{Type: types.FailureType(f.Type), Message: &f.Message},
	}, once)
	return jobError(id, err)
}

// once leaves further attempts to the caller, who knows how much time is left.
func once(o *codepipeline.Options) { o.Retryer = aws.NopRetryer{} }

// jobErrors are the error codes of jobs that the core has words for.
var jobErrors = map[string]error{
	"InvalidJobStateException": tagalong.ErrJobOver,
	"JobNotFoundException":     tagalong.ErrNoJob,
}

func jobError(id string, err error) error {
	if err == nil {
		return nil
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok && jobErrors[api.ErrorCode()] != nil {
		return fmt.Errorf("job %s: %w: %w", id, jobErrors[api.ErrorCode()], err)
	}
	return fmt.Errorf("job %s: %w", id, err)
}
