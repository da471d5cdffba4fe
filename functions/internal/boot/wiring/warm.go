package wiring

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/history"
)

// connections is how many to the table and to ECR each are opened in a start: an event
// of three containers asks so much side by side. At 256 MB a handshake takes 14 ms of
// the first event and 1 to 2 ms of the start. A fourth would cost the most frequent
// event, of one container, more than it saves.
const connections = 3

// Open returns what opens the connections that an event needs to the services that the
// reactor asks, for boot.Start. The calls are those that an event makes, but none of
// them is sent. The event bus is none of the services: few set one, and it is told
// beside the tags.
func Open(cfg aws.Config) []func(context.Context) {
	return append(slices.Repeat(history.Open(cfg), connections), func(ctx context.Context) {
		_, _ = ecs.NewFromConfig(boot.Opening(cfg)).DescribeServiceRevisions(ctx, &ecs.DescribeServiceRevisionsInput{ServiceRevisionArns: []string{"open"}})
	})
}
