package dynamo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/wait"
)

// transactionItems is how many items DynamoDB writes at once.
const transactionItems = 100

// write writes all, or nothing if a condition is refused.
func (l *Ledger) write(ctx context.Context, writes ...write) error {
	var items []types.TransactWriteItem
	for _, w := range writes {
		i, err := w.in(l.table)
		if err != nil {
			return fmt.Errorf("item %d: %w", len(items), err)
		}
		items = append(items, i)
	}
	err := retry(ctx, func() error { return l.send(ctx, items) })
	return cmp.Or(refusal(writes, err), l.translate("writing", err))
}

// send sends one update or deletion as the plain one that it is, which costs half and fails
// no transaction, and all else as a transaction.
func (l *Ledger) send(ctx context.Context, items []types.TransactWriteItem) error {
	if u := items[0].Update; u != nil && len(items) == 1 {
		_, err := l.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: u.TableName, Key: u.Key, UpdateExpression: u.UpdateExpression,
			ConditionExpression: u.ConditionExpression, ExpressionAttributeNames: u.ExpressionAttributeNames, ExpressionAttributeValues: u.ExpressionAttributeValues,
		})
		return err
	}
	if d := items[0].Delete; d != nil && len(items) == 1 {
		_, err := l.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: d.TableName, Key: d.Key,
			ConditionExpression: d.ConditionExpression, ExpressionAttributeNames: d.ExpressionAttributeNames, ExpressionAttributeValues: d.ExpressionAttributeValues,
		})
		return err
	}
	_, err := l.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
	return err
}

// reasons returns why each of the writes was not written, as a transaction lists it.
func reasons(err error) (codes []string) {
	if canceled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		return all(canceled.CancellationReasons, func(r types.CancellationReason) string { return aws.ToString(r.Code) })
	}
	if _, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return []string{conditionFailed}
	}
	if _, ok := errors.AsType[*types.TransactionConflictException](err); ok {
		return []string{"TransactionConflict"}
	}
	return nil
}

const conditionFailed = "ConditionalCheckFailed"

// refusal returns what it means that conditions were refused, nil if none was.
func refusal(writes []write, err error) error {
	var tags []tagalong.TagID
	for i, code := range reasons(err) {
		switch {
		case code != conditionFailed:
		case writes[i].tag == nil:
			return ledger.ErrConflict
		default:
			tags = append(tags, *writes[i].tag)
		}
	}
	if len(tags) == 0 {
		return nil
	}
	return &ledger.RefusedError{Tags: tags}
}

// busy reports whether only throttling, or another transaction, was in the way.
func busy(err error) bool {
	codes := reasons(err)
	return !slices.Contains(codes, conditionFailed) && slices.ContainsFunc(codes, func(code string) bool {
		return code == "TransactionConflict" || code == "ThrottlingError" || code == "ProvisionedThroughputExceeded"
	})
}

// backoff begins in milliseconds: so soon is a transaction conflict over. A table that is
// throttled, and a partition that is hot, stay so for longer.
var backoff = wait.Backoff{Base: 10 * time.Millisecond, Max: 5 * time.Second, Busy: true}

// retry calls until it is not busy, as long as ctx lasts. Calls that are throttled as a
// whole the client repeats by itself.
func retry(ctx context.Context, call func() error) error {
	return backoff.Retry(ctx, busy, func(bool) error { return call() })
}

// put writes one record by itself; ledger.ErrConflict if its condition is refused.
func (l *Ledger) put(ctx context.Context, w write) error {
	i, err := w.in(l.table)
	if err != nil {
		return err
	}
	in := &dynamodb.PutItemInput{
		TableName: &l.table, Item: i.Put.Item,
		ConditionExpression: i.Put.ConditionExpression, ExpressionAttributeNames: i.Put.ExpressionAttributeNames, ExpressionAttributeValues: i.Put.ExpressionAttributeValues,
	}
	if in.ConditionExpression != nil {
		in.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	}
	return l.translate("writing", retry(ctx, func() error {
		_, err := l.client.PutItem(ctx, in)
		return err
	}))
}

// batchPuts is how many items DynamoDB takes in a BatchWriteItem.
const batchPuts = 25

// putAll writes records that need no condition, each by itself: unlike those of a
// transaction they are in nobody's way. Of those with one key, which say the same, it
// writes one.
func (l *Ledger) putAll(ctx context.Context, writes []write) error {
	if len(writes) == 1 {
		return l.put(ctx, writes[0]) // not every role that lists an environment may write batches
	}
	var requests []types.WriteRequest
	written := map[key]bool{}
	for _, w := range writes {
		i, err := w.in(l.table)
		if err != nil {
			return err
		}
		if k := keyOf(i.Put.Item); !written[k] {
			written[k] = true
			requests = append(requests, types.WriteRequest{PutRequest: &types.PutRequest{Item: i.Put.Item}})
		}
	}
	for chunk := range slices.Chunk(requests, batchPuts) {
		if err := l.putBatch(ctx, chunk); err != nil {
			return l.translate("writing items", err)
		}
	}
	return nil
}

// putOnce is putAll for what stays as it is: what this process has written before, such as
// the names of a sidecar's image, it does not write again.
func (l *Ledger) putOnce(ctx context.Context, writes []write) error {
	unwritten := slices.DeleteFunc(writes, func(w write) bool { return l.written.has(w.record) })
	if err := l.putAll(ctx, unwritten); err != nil {
		return err
	}
	for _, w := range unwritten {
		l.written.add(w.record)
	}
	return nil
}

// memory is a set of records that forgets all when it has grown large.
type memory struct {
	mu      sync.Mutex
	records map[any]bool
}

// mostRemembered records take a few MB.
const mostRemembered = 10_000

func (m *memory) has(record any) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.records[record]
}

func (m *memory) add(record any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.records == nil || len(m.records) >= mostRemembered {
		m.records = map[any]bool{}
	}
	m.records[record] = true
}

// putBatch sends until DynamoDB has written all, as long as ctx lasts.
func (l *Ledger) putBatch(ctx context.Context, requests []types.WriteRequest) error {
	for attempt := 0; len(requests) > 0; attempt++ {
		if err := backoff.Wait(ctx, attempt); err != nil {
			return err
		}
		out, err := l.client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{l.table: requests}})
		if err != nil {
			return err
		}
		requests = out.UnprocessedItems[l.table]
	}
	return nil
}

// putIfAbsent writes one record, or returns the item that is there.
func (l *Ledger) putIfAbsent(ctx context.Context, record any) (there item, err error) {
	err = l.put(ctx, put(record).when(absent))
	if refused, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return refused.Item, nil
	}
	return nil, err
}

// delete deletes one item, whether it is there or not.
func (l *Ledger) delete(ctx context.Context, k key) error {
	_, err := l.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &l.table, Key: k.item()})
	return l.translate("deleting", err)
}
