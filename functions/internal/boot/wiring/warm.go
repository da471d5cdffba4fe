package wiring

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
)

// Open gives what opens a connection to each service that the reactor asks, for
// boot.Start. The calls are those that an event makes, but none of them is sent.
func Open(cfg aws.Config) []func(context.Context) {
	cfg = boot.Opening(cfg)
	word := aws.String("open")
	return []func(context.Context){
		func(ctx context.Context) {
			_, _ = dynamodb.NewFromConfig(cfg).Query(ctx, &dynamodb.QueryInput{TableName: word})
		},
		func(ctx context.Context) {
			_, _ = ecs.NewFromConfig(cfg).DescribeServiceRevisions(ctx, &ecs.DescribeServiceRevisionsInput{ServiceRevisionArns: []string{*word}})
		},
		func(ctx context.Context) {
			_, _ = ecr.NewFromConfig(cfg).BatchGetImage(ctx, &ecr.BatchGetImageInput{
				RepositoryName: word, ImageIds: []ecrtypes.ImageIdentifier{{ImageTag: word}},
			})
		},
	}
}
