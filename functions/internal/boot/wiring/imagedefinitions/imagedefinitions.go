// Package imagedefinitions puts the imagedefinitions action together: ECR, ECS and the
// artifacts in S3. Of the ledger's table it knows accounts that lie there, and no more.
package imagedefinitions

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscodepipeline "github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/artifact"
	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/accounts"
	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/imagedefinitions"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Action makes the action that a configuration describes. Accounts that lie in the
// table are read from there.
func Action(ctx context.Context, config boot.Config, cfg aws.Config) (imagedefinitions.Action, error) {
	listed, err := config.Accounts.Resolve(ctx, table(config, cfg))
	if err != nil {
		return imagedefinitions.Action{}, err
	}
	reach := accounts.New(cfg, accounts.OwnAccount(cfg), listed)
	return imagedefinitions.Action{
		Region:   cfg.Region,
		Images:   ecr.New(reach.Registry),
		Services: ecs.New(reach.Workload),
		Open:     func(s tagalong.ArtifactStore) imagedefinitions.Artifacts { return artifact.New(cfg, s) },
	}, nil
}

// table reads settings from the table, if there is one: with a few accounts the
// function is told of none.
func table(config boot.Config, cfg aws.Config) func(context.Context, string) (string, error) {
	if config.Table == "" {
		return func(context.Context, string) (string, error) {
			return "", errors.New("this function has no table: want " + boot.EnvTable + ", or the JSON itself in the variable")
		}
	}
	return dynamo.New(dynamodb.NewFromConfig(cfg), config.Table).Setting
}

// Open returns what opens the connection that every job needs, for boot.Start.
func Open(cfg aws.Config) []func(context.Context) {
	return []func(context.Context){func(ctx context.Context) {
		_, _ = awscodepipeline.NewFromConfig(boot.Opening(cfg)).GetJobDetails(ctx, &awscodepipeline.GetJobDetailsInput{JobId: aws.String("open")})
	}}
}
