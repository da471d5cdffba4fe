// Package tagimage puts the tagimage action together: the ledger, ECR and
// CodePipeline, but no ECS, which it does not ask.
package tagimage

import (
	"context"
	"errors"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscodepipeline "github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/accounts"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/history"
	"github.com/tagalong-aws/tagalong/functions/internal/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/tagimage"
)

// Action makes the action that a configuration describes. Rules, accounts and
// promotions that lie in the table are read from there.
func Action(ctx context.Context, config boot.Config, cfg aws.Config, log *slog.Logger) (tagimage.Action, error) {
	ledger := dynamo.New(dynamodb.NewFromConfig(cfg), config.Table)
	rules, problem := config.Environments.Resolve(ctx, ledger.Setting)
	listed, another := config.Accounts.Resolve(ctx, ledger.Setting)
	promotions, third := config.Promotions.Resolve(ctx, ledger.Setting)
	if err := errors.Join(problem, another, third); err != nil {
		return tagimage.Action{}, err
	}
	reach := accounts.New(cfg, accounts.OwnAccount(cfg), listed)
	registry := ecr.New(reach.Registry)
	return tagimage.Action{
		Region:     cfg.Region,
		Rules:      rules,
		Promotions: promotions,
		Coverage:   reach.Coverage,
		Images:     registry,
		Promoter:   &reactor.Reactor{Rules: rules, Ledger: ledger, Promotions: ledger, Registry: registry, Coverage: reach.Coverage, Retention: config.Retention, Log: log},
		Jobs:       ledger,
		Runs:       codepipeline.New(reach.Workload),
		Log:        log,
	}, nil
}

// Open returns what opens a connection to each service that the action asks, for
// boot.Start.
func Open(cfg aws.Config) []func(context.Context) {
	return append(history.Open(cfg), func(ctx context.Context) {
		_, _ = awscodepipeline.NewFromConfig(boot.Opening(cfg)).GetJobDetails(ctx, &awscodepipeline.GetJobDetailsInput{JobId: aws.String("open")})
	})
}
