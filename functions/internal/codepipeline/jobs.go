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

var _ tagalong.Jobs = (*Jobs)(nil)

// NewJobs takes the function's own configuration.
func NewJobs(cfg aws.Config) *Jobs {
	return &Jobs{codepipeline.NewFromConfig(cfg), cfg.Region}
}

// Job implements tagalong.Jobs with
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_GetJobDetails.html.
func (j *Jobs) Job(ctx context.Context, id string) (tagalong.JobContext, error) {
	out, err := j.client.GetJobDetails(ctx, &codepipeline.GetJobDetailsInput{JobId: &id})
	if err != nil {
		return tagalong.JobContext{}, jobError(id, err)
	}
	if out.JobDetails == nil || out.JobDetails.Data == nil || out.JobDetails.Data.PipelineContext == nil {
		return tagalong.JobContext{}, fmt.Errorf("job %s: no pipelineContext in the reply", id)
	}
	c := out.JobDetails.Data.PipelineContext
	found := tagalong.JobContext{
		Pipeline: tagalong.Pipeline{
			Account: aws.ToString(out.JobDetails.AccountId),
			Region:  j.region,
			Name:    aws.ToString(c.PipelineName),
		},
		Execution: aws.ToString(c.PipelineExecutionId),
	}
	// arn:PARTITION:codepipeline:REGION:ACCOUNT:NAME; without it the pipeline is here
	if part := strings.Split(aws.ToString(c.PipelineArn), ":"); len(part) == 6 && part[2] == "codepipeline" {
		found.Pipeline.Region, found.Pipeline.Account = part[3], part[4]
	}
	if c.Stage != nil {
		found.Stage = aws.ToString(c.Stage.Name)
	}
	if c.Action != nil {
		found.Action, found.ActionID = aws.ToString(c.Action.Name), aws.ToString(c.Action.ActionExecutionId)
	}
	return found, nil
}

// Succeed implements tagalong.Jobs with
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PutJobSuccessResult.html.
func (j *Jobs) Succeed(ctx context.Context, id string, s tagalong.Success) error {
	_, err := j.client.PutJobSuccessResult(ctx, &codepipeline.PutJobSuccessResultInput{
		JobId:            &id,
		ExecutionDetails: &types.ExecutionDetails{Summary: &s.Summary},
		OutputVariables:  s.Variables,
	}, once)
	return jobError(id, err)
}

// Fail implements tagalong.Jobs with
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
