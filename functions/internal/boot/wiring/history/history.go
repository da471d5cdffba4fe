// Package history puts the questions together: the ledger and ECR, but no ECS,
// whose client alone is a twentieth of a function and of its cold start.
package history

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awsecr "github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/accounts"
	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
)

// Queries makes what answers the questions of a configuration's ledger. Accounts
// that lie in the table are read from there.
func Queries(ctx context.Context, config boot.Config, cfg aws.Config) (query.Queries, error) {
	ledger := dynamo.New(dynamodb.NewFromConfig(cfg), config.Table)
	listed, err := config.Accounts.Resolve(ctx, ledger.Setting)
	if err != nil {
		return query.Queries{}, err
	}
	reach := accounts.New(cfg, accounts.OwnAccount(cfg), listed)
	return query.Queries{Records: ledger, Registry: ecr.New(reach.Registry), Coverage: reach.Coverage, Scopes: reach.Scopes, Retention: config.Retention}, nil
}

// Open returns what opens a connection to each service that the questions ask, for
// boot.Start. The calls are such as a question makes, but none of them is sent.
func Open(cfg aws.Config) []func(context.Context) {
	cfg = boot.Opening(cfg)
	word := aws.String("open")
	return []func(context.Context){
		func(ctx context.Context) {
			_, _ = dynamodb.NewFromConfig(cfg).Query(ctx, &dynamodb.QueryInput{TableName: word})
		},
		func(ctx context.Context) {
			_, _ = awsecr.NewFromConfig(cfg).BatchGetImage(ctx, &awsecr.BatchGetImageInput{
				RepositoryName: word, ImageIds: []ecrtypes.ImageIdentifier{{ImageTag: word}},
			})
		},
	}
}
