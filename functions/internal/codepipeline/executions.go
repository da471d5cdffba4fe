// Package codepipeline is the core's Pipelines and Jobs in AWS CodePipeline: it
// reads what began an execution and what its actions did, and answers jobs.
package codepipeline

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline/types"

	"github.com/tagalong-aws/tagalong/events"
	"github.com/tagalong-aws/tagalong/functions/internal/clients"
	"github.com/tagalong-aws/tagalong/functions/internal/pattern"
	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Pipelines is all of CodePipeline that the configurations reach. It is safe for
// concurrent use.
type Pipelines struct {
	clients *clients.Clients[codepipeline.Client]
}

var _ pipeline.Pipelines = (*Pipelines)(nil)

// New makes Pipelines; clients are made when they are first needed.
func New(configs clients.Configs) *Pipelines {
	return &Pipelines{clients.New(configs, codepipeline.NewFromConfig)}
}

var (
	accountID    = pattern.Run{Min: 12, Max: 12, Of: pattern.Digits}
	pipelineName = pattern.Run{Min: 1, Max: 100, Of: pattern.Letters + pattern.Digits + ".@_-"}
	uuid         = pattern.New(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

// clientOf checks the names and returns the client that reaches a pipeline.
func (p *Pipelines) clientOf(ctx context.Context, pipeline tagalong.Pipeline, execution string) (*codepipeline.Client, error) {
	switch {
	case !accountID.MatchString(pipeline.Account):
		return nil, fmt.Errorf("account %q: want 12 digits", pipeline.Account)
	case !events.IsRegion(pipeline.Region):
		return nil, fmt.Errorf("region %q: want the name of an AWS Region, such as us-east-1", pipeline.Region)
	case !pipelineName.MatchString(pipeline.Name):
		return nil, fmt.Errorf("pipeline %q: want 1 to 100 of a-z, A-Z, 0-9, ., @, _ and -", pipeline.Name)
	case !uuid.MatchString(execution):
		return nil, fmt.Errorf("execution %q: want a UUID in lower case", execution)
	}
	return p.clients.Of(ctx, pipeline.Account, pipeline.Region)
}

// Execution implements pipeline.Pipelines with
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_GetPipelineExecution.html.
func (p *Pipelines) Execution(ctx context.Context, named tagalong.Pipeline, execution string) (tagalong.Execution, error) {
	what := "execution " + execution + " of pipeline " + named.Name
	client, err := p.clientOf(ctx, named, execution)
	if err != nil {
		return tagalong.Execution{}, fmt.Errorf("%s: %w", what, err)
	}
	out, err := client.GetPipelineExecution(ctx, &codepipeline.GetPipelineExecutionInput{
		PipelineName: &named.Name, PipelineExecutionId: &execution,
	})
	if err != nil {
		return tagalong.Execution{}, translate(what, err)
	}
	if out.PipelineExecution == nil {
		return tagalong.Execution{}, fmt.Errorf("%s: %w", what, pipeline.ErrNoExecution)
	}
	return executionOf(*out.PipelineExecution), nil
}

func executionOf(x types.PipelineExecution) tagalong.Execution {
	execution := tagalong.Execution{Rollback: x.ExecutionType == types.ExecutionTypeRollback}
	for _, r := range x.ArtifactRevisions {
		execution.Revisions = append(execution.Revisions, tagalong.Revised{
			Name: aws.ToString(r.Name), ID: aws.ToString(r.RevisionId),
			Summary: summaryOf(aws.ToString(r.RevisionSummary)), URL: aws.ToString(r.RevisionUrl),
		})
	}
	if t := x.Trigger; t != nil {
		execution.Trigger, execution.TriggeredBy = string(t.TriggerType), aws.ToString(t.TriggerDetail)
	}
	if m := x.RollbackMetadata; m != nil {
		execution.RollbackOf = aws.ToString(m.RollbackTargetPipelineExecutionId)
	}
	return execution
}

// summaryOf returns the message of a commit. Sources over a connection (CodeConnections)
// have it in JSON beside their provider, which is seen in practice and described
// nowhere:
//
//	{"ProviderType":"GitHub","CommitMessage":"Charge a card once"}
func summaryOf(text string) string {
	var wrapped struct {
		CommitMessage string
	}
	if json.Unmarshal([]byte(text), &wrapped) != nil || wrapped.CommitMessage == "" {
		return text
	}
	return wrapped.CommitMessage
}
