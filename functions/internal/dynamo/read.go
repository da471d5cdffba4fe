package dynamo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
)

// query says which items of a partition are read, and how. What the questions read need
// not be the newest to the millisecond: they read eventually, which halves what it costs.
type query struct {
	index    string
	pk       string
	from, to string // inclusive bounds of the sort key
	backward bool
	eventual bool
	limit    int32 // of the first page; each further one is twice as long
}

// under asks for the items of a partition whose sort keys begin so, "" for all.
func under(pk, prefix string) query {
	return query{pk: pk, from: cmp.Or(prefix, beforeAll), to: prefix + afterAll}
}

// maxPage is about as many items as one megabyte holds, which ends a page anyway.
const maxPage = 2000

func page(hint int) int32 { return int32(min(max(hint, 0), maxPage)) }

// query walks over the items of a Query, page by page.
func (l *Ledger) query(ctx context.Context, q query) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		if q.from > q.to {
			return // nothing lies between, and DynamoDB refuses such bounds
		}
		for in := l.input(q); ; {
			out, err := l.client.Query(ctx, in)
			if err != nil {
				yield(nil, l.translate("querying", err))
				return
			}
			for _, i := range out.Items {
				if !l.expired(i) && !yield(i, nil) {
					return
				}
			}
			if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
				return
			}
			if in.Limit != nil {
				in.Limit = aws.Int32(min(2**in.Limit, maxPage))
			}
		}
	}
}

func (l *Ledger) input(q query) *dynamodb.QueryInput {
	in := &dynamodb.QueryInput{
		TableName:                &l.table,
		KeyConditionExpression:   aws.String("#p = :p AND #s BETWEEN :a AND :b"),
		ExpressionAttributeNames: map[string]string{"#p": q.index + "pk", "#s": q.index + "sk"},
		ExpressionAttributeValues: item{
			":p": text(q.pk), ":a": text(q.from), ":b": text(q.to),
		},
		ScanIndexForward: aws.Bool(!q.backward),
		ConsistentRead:   aws.Bool(!q.eventual && q.index == ""),
	}
	if q.index != "" {
		in.IndexName = &q.index
	}
	if q.limit > 0 {
		in.Limit = &q.limit
	}
	return in
}

// expired reports whether an item's time is over: DynamoDB takes days to delete it.
func (l *Ledger) expired(i item) bool {
	var e struct {
		Expires int64 `dynamodbav:"expires"`
	}
	return attributevalue.UnmarshalMap(i, &e) == nil && e.Expires != 0 && e.Expires <= l.now().Unix()
}

// batchItems is how many items DynamoDB reads by key at once.
const batchItems = 100

// get reads items by key, consistently; absent ones are left out.
func (l *Ledger) get(ctx context.Context, keys ...key) iter.Seq2[item, error] {
	return l.batches(ctx, keys, true)
}

// getEventually may miss the last moment's writes, for half the price.
func (l *Ledger) getEventually(ctx context.Context, keys ...key) iter.Seq2[item, error] {
	return l.batches(ctx, keys, false)
}

// batches asks for each key once, since DynamoDB refuses to be asked twice.
func (l *Ledger) batches(ctx context.Context, keys []key, consistent bool) iter.Seq2[item, error] {
	once := map[key]bool{}
	for _, k := range keys {
		once[k] = true
	}
	return func(yield func(item, error) bool) {
		for chunk := range slices.Chunk(slices.Collect(maps.Keys(once)), batchItems) {
			for i, err := range l.batch(ctx, types.KeysAndAttributes{ConsistentRead: &consistent, Keys: all(chunk, key.item)}) {
				if !yield(i, err) || err != nil {
					return
				}
			}
		}
	}
}

// batch asks until DynamoDB has answered for all keys of a request.
func (l *Ledger) batch(ctx context.Context, request types.KeysAndAttributes) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		for attempt := 0; len(request.Keys) > 0; attempt++ {
			if err := backoff.Wait(ctx, attempt); err != nil {
				yield(nil, err)
				return
			}
			out, err := l.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{l.table: request}})
			if err != nil {
				yield(nil, l.translate("reading items", err))
				return
			}
			for _, i := range out.Responses[l.table] {
				if !l.expired(i) && !yield(i, nil) {
					return
				}
			}
			request = out.UnprocessedKeys[l.table]
		}
	}
}

// decoded makes of each item, which is stored as an I, a T.
func decoded[I, T any](items iter.Seq2[item, error], read func(I) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for i, err := range items {
			var t T
			if err == nil {
				t, err = decode(i, read)
			}
			if !yield(t, err) || err != nil {
				return
			}
		}
	}
}

// collect returns all that comes before the first error, or that error.
func collect[T any](sequence iter.Seq2[T, error]) (list []T, err error) {
	for t, err := range sequence {
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// translate returns an error of DynamoDB as one that the core knows, if it does, behind
// what was done; no error stays none.
func (l *Ledger) translate(doing string, err error) error {
	if err == nil {
		return nil
	}
	if _, missing := errors.AsType[*types.ResourceNotFoundException](err); missing {
		err = fmt.Errorf("table %q: %w", l.table, errors.Join(ledger.ErrNoTable, err))
	}
	if _, refused := errors.AsType[*types.ConditionalCheckFailedException](err); refused {
		err = errors.Join(ledger.ErrConflict, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
