// Package eventbridge is the core's Announcer on an event bus of Amazon EventBridge.
package eventbridge

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/wait"
)

// Bus is an event bus. It is safe for concurrent use.
type Bus struct {
	client *eventbridge.Client
	name   string
}

var _ reactor.Announcer = (*Bus)(nil)

// New returns the event bus of a name in the configuration's account and Region, or of
// an ARN: that one may be in another Region, or in another account whose bus lets
// ours send to it.
func New(cfg aws.Config, bus string) *Bus {
	// arn:PARTITION:events:REGION:ACCOUNT:event-bus/NAME
	if part := strings.Split(bus, ":"); len(part) == 6 {
		cfg = cfg.Copy()
		cfg.Region = part[3]
	}
	return &Bus{eventbridge.NewFromConfig(cfg), bus}
}

const (
	batchEvents = 10
	batchBytes  = 256 << 10 // what a request has must be less
)

var putBackoff = wait.Backoff{Attempts: 3, Base: 100 * time.Millisecond, Max: 200 * time.Millisecond}

var errTooLarge = fmt.Errorf("event too large: EventBridge takes less than %d bytes", batchBytes)

// Announce implements reactor.Announcer with
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html.
// A request that fails as a whole, after the SDK's own attempts, is the last one: the
// others would fare no better.
func (b *Bus) Announce(ctx context.Context, all []tagalong.Event) []error {
	problems := make([]error, len(all))
	var failed error
	for _, batch := range batches(all) {
		if failed == nil {
			batch, failed = b.send(ctx, all, batch, problems)
		}
		for _, i := range batch {
			problems[i] = failed
		}
	}
	for i, e := range all {
		if size(e) >= batchBytes {
			problems[i] = errTooLarge
		}
	}
	return problems
}

// batches returns the indexes of events that go together: ten, and not too large. Those
// that are too large by themselves are left out.
func batches(all []tagalong.Event) (batches [][]int) {
	var batch []int
	bytes := 0
	for i, e := range all {
		n := size(e)
		if n >= batchBytes {
			continue
		}
		if len(batch) == batchEvents || bytes+n >= batchBytes {
			batches = append(batches, batch)
			batch, bytes = nil, 0
		}
		batch, bytes = append(batch, i), bytes+n
	}
	if len(batch) > 0 {
		batches = append(batches, batch)
	}
	return batches
}

// size is what EventBridge counts of an event,
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size.
func size(e tagalong.Event) int {
	const ofTime = 14
	n := ofTime + len(tagalong.EventSource) + len(e.DetailType) + len(e.Detail)
	for _, resource := range e.Resources {
		n += len(resource)
	}
	return n
}

// send puts a batch, and once more those entries of it that EventBridge could not
// take just then. What it says of each goes into problems. An error is about those
// that are left, of which it said nothing.
func (b *Bus) send(ctx context.Context, all []tagalong.Event, batch []int, problems []error) (left []int, err error) {
	for attempt := 1; ; attempt++ {
		results, err := b.put(ctx, all, batch)
		if err != nil {
			return batch, err
		}
		var again []int
		for k, i := range batch {
			problems[i] = b.problem(results[k])
			if slices.Contains(passing, aws.ToString(results[k].ErrorCode)) {
				again = append(again, i)
			}
		}
		if len(again) == 0 || !putBackoff.Next(ctx, attempt) {
			return nil, nil
		}
		batch = again
	}
}

// put makes one request.
func (b *Bus) put(ctx context.Context, all []tagalong.Event, batch []int) ([]types.PutEventsResultEntry, error) {
	in := &eventbridge.PutEventsInput{}
	for _, i := range batch {
		e := all[i]
		in.Entries = append(in.Entries, types.PutEventsRequestEntry{
			EventBusName: &b.name, Source: aws.String(tagalong.EventSource), DetailType: &e.DetailType,
			Time: &e.Time, Resources: e.Resources, Detail: aws.String(string(e.Detail)),
		})
	}
	out, err := b.client.PutEvents(ctx, in)
	if err == nil && len(out.Entries) != len(batch) {
		err = fmt.Errorf("%d results of %d events", len(out.Entries), len(batch))
	}
	if err != nil {
		return nil, fmt.Errorf("event bus %s: %w", b.name, err)
	}
	return out.Entries, nil
}

// passing are the codes of single entries that another attempt may do without,
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html.
var passing = []string{"InternalFailure", "InternalException", "ThrottlingException"}

func (b *Bus) problem(r types.PutEventsResultEntry) error {
	if aws.ToString(r.ErrorCode) == "" {
		return nil
	}
	return fmt.Errorf("event bus %s: %s: %s", b.name, aws.ToString(r.ErrorCode), aws.ToString(r.ErrorMessage))
}
