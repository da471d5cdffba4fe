package doctor

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventbridgetypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// ruleFinding looks whether a rule brings events.
func ruleFinding(ctx context.Context, client *eventbridge.Client, rule Rule) Finding {
	out, err := client.DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: &rule.Name, EventBusName: &rule.Bus})
	if _, missing := errors.AsType[*eventbridgetypes.ResourceNotFoundException](err); missing {
		return bad("rule", rule.Name, "is not on bus "+rule.Bus+": its events reach nobody", apply+", and sweep: what was missed is found")
	}
	if err != nil {
		return bad("rule", rule.Name, err.Error(), "Allow events:DescribeRule to these credentials")
	}
	if out.State != eventbridgetypes.RuleStateEnabled {
		return bad("rule", rule.Name, "is "+string(out.State)+": its events reach nobody", "Enable it, and sweep: what was missed is found")
	}
	return good("rule", rule.Name, string(out.State))
}

// backlog is how many events may wait where all is well: a minute's work.
const backlog = 1000

// waiting looks at a queue that a function empties.
func waiting(ctx context.Context, client *sqs.Client, name string) Finding {
	n, found := messages(ctx, client, name)
	switch {
	case found != nil:
		return *found
	case n > backlog:
		return bad("queue", name, fmt.Sprintf("%d events wait", n), "Read the function's log, and look whether its event source mapping is enabled")
	}
	return good("queue", name, fmt.Sprintf("%d waiting", n))
}

// dead looks at a queue that ought to be empty.
func dead(ctx context.Context, client *sqs.Client, name string) Finding {
	n, found := messages(ctx, client, name)
	switch {
	case found != nil:
		return *found
	case n > 0:
		return bad("queue", name, fmt.Sprintf("%d dead letters", n), "Mend what the function's log says, then replay them: infra/README.md, Events that fail")
	}
	return good("queue", name, "empty")
}

// messages counts those of a queue; otherwise it returns what is wrong with it.
func messages(ctx context.Context, client *sqs.Client, name string) (int, *Finding) {
	wrong := func(err error) (int, *Finding) {
		f := bad("queue", name, err.Error(), "Allow sqs:GetQueueUrl and sqs:GetQueueAttributes to these credentials")
		if _, missing := errors.AsType[*sqstypes.QueueDoesNotExist](err); missing {
			f = bad("queue", name, "is not there", apply)
		}
		return 0, &f
	}
	queue, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	if err != nil {
		return wrong(err)
	}
	const count = sqstypes.QueueAttributeNameApproximateNumberOfMessages
	out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: queue.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{count}})
	if err != nil {
		return wrong(err)
	}
	n, err := strconv.Atoi(out.Attributes[string(count)])
	if err != nil {
		return wrong(fmt.Errorf("number of messages: %w", err))
	}
	return n, nil
}
