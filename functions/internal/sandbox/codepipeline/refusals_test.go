package codepipeline_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscodepipeline "github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline/types"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
)

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
