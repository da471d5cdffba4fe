package codepipeline

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline/types"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Actions implements pipeline.Pipelines with
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ListActionExecutions.html,
// whose filter by execution gives the runs of all attempts.
func (p *Pipelines) Actions(ctx context.Context, pipeline tagalong.Pipeline, execution string) (actions []pipeline.Action, err error) {
	what := "actions of execution " + execution + " of pipeline " + pipeline.Name
	client, err := p.clientOf(ctx, pipeline, execution)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	pager := codepipeline.NewListActionExecutionsPaginator(client, &codepipeline.ListActionExecutionsInput{
		PipelineName: &pipeline.Name, Filter: &types.ActionExecutionFilter{PipelineExecutionId: &execution},
	})
	for pager.HasMorePages() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, translate(what, err)
		}
		for _, detail := range page.ActionExecutionDetails {
			actions = append(actions, actionOf(pipeline, detail))
		}
	}
	return actions, nil
}

func actionOf(named tagalong.Pipeline, detail types.ActionExecutionDetail) pipeline.Action {
	action := pipeline.Action{
		ID:        aws.ToString(detail.ActionExecutionId),
		Stage:     aws.ToString(detail.StageName),
		Name:      aws.ToString(detail.ActionName),
		Status:    pipeline.ActionStatus(detail.Status),
		StartedAt: instant(detail.StartTime),
		UpdatedAt: instant(detail.LastUpdateTime),
		Account:   named.Account,
		Region:    named.Region,
	}
	if detail.Input != nil {
		addInput(&action, *detail.Input)
	}
	if detail.Output != nil {
		addOutput(&action, *detail.Output)
	}
	return action
}

// addOutput adds what the action gave.
func addOutput(action *pipeline.Action, output types.ActionExecutionOutput) {
	if result := output.ExecutionResult; result != nil {
		action.External = aws.ToString(result.ExternalExecutionId)
	}
	if len(output.OutputVariables) > 0 {
		action.Variables = output.OutputVariables
	}
}

// addInput adds what the action was given.
func addInput(action *pipeline.Action, input types.ActionExecutionInput) {
	if t := input.ActionTypeId; t != nil {
		action.Category, action.Provider = string(t.Category), aws.ToString(t.Provider)
	}
	if account := roleAccount(aws.ToString(input.RoleArn)); account != "" {
		action.Account = account
	}
	if region := aws.ToString(input.Region); region != "" {
		action.Region = region
	}
	action.Configuration = input.ResolvedConfiguration
	if len(action.Configuration) == 0 {
		action.Configuration = input.Configuration
	}
}

// roleAccount returns the account of a role's ARN, "" if it is none.
func roleAccount(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[2] != "iam" || !accountID.MatchString(parts[4]) {
		return ""
	}
	return parts[4]
}

func instant(t *time.Time) time.Time { return aws.ToTime(t).UTC().Truncate(time.Millisecond) }
