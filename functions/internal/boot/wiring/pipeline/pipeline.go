// Package pipeline puts the pipeline function together: the reactor, and beside
// it CodePipeline and CodeDeploy, whose clients only this function needs.
package pipeline

import (
	"context"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscodepipeline "github.com/aws/aws-sdk-go-v2/service/codepipeline"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring"
	"github.com/tagalong-aws/tagalong/functions/internal/codedeploy"
	"github.com/tagalong-aws/tagalong/functions/internal/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
)

// Handler makes the handler of pipelines' events that a configuration describes. Pipelines and
// deployments of another account are asked for as its ECS is.
func Handler(ctx context.Context, config boot.Config, cfg aws.Config, log *slog.Logger) (*pipeline.Handler, error) {
	parts, err := wiring.Assemble(ctx, config, cfg, log)
	if err != nil {
		return nil, err
	}
	return &pipeline.Handler{
		Reactor:    parts.Reactor,
		Releases:   parts.Ledger,
		Pipelines:  codepipeline.New(parts.Reach.Workload),
		CodeDeploy: codedeploy.New(parts.Reach.Workload),
		History:    parts.ECS,
	}, nil
}

// Open returns what opens a connection to each service that an event of a pipeline
// asks, for boot.Start. CodeDeploy is asked for its own deployments only.
func Open(cfg aws.Config) []func(context.Context) {
	word := aws.String("open")
	return append(wiring.Open(cfg), func(ctx context.Context) {
		_, _ = awscodepipeline.NewFromConfig(boot.Opening(cfg)).GetPipelineExecution(ctx, &awscodepipeline.GetPipelineExecutionInput{
			PipelineName: word, PipelineExecutionId: word,
		})
	})
}
