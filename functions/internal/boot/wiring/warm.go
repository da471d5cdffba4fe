package wiring

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/history"
)

// Open returns what opens a connection to each service that the reactor asks, for
// boot.Start. The calls are those that an event makes, but none of them is sent. The
// event bus is none of them: few set one, and it is told beside the tags.
func Open(cfg aws.Config) []func(context.Context) {
	return append(history.Open(cfg), func(ctx context.Context) {
		_, _ = ecs.NewFromConfig(boot.Opening(cfg)).DescribeServiceRevisions(ctx, &ecs.DescribeServiceRevisionsInput{ServiceRevisionArns: []string{"open"}})
	})
}
