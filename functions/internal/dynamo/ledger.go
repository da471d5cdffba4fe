// Package dynamo keeps the ledger in one DynamoDB table. keys.go says where an
// item lies, item.go what it holds, commit.go how a change is written.
package dynamo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Ledger is a table with the ledger in it.
type Ledger struct {
	client *dynamodb.Client
	table  string
	now    func() time.Time
}

var (
	_ tagalong.Ledger  = (*Ledger)(nil)
	_ tagalong.Records = (*Ledger)(nil)
)

// New gives the ledger in a table.
func New(client *dynamodb.Client, table string) *Ledger {
	return &Ledger{client: client, table: table, now: time.Now}
}

// At gives the same ledger with another clock.
func (l *Ledger) At(now func() time.Time) *Ledger {
	return &Ledger{client: l.client, table: l.table, now: now}
}

type item = map[string]types.AttributeValue

// query walks over the items of a Query, page by page. The expression is of the
// attributes #p and #s; values are :p, :a and :b.
type query struct {
	index    string
	pk       string
	from, to string // inclusive bounds of the sort key
	backward bool
	eventual bool
	limit    int32 // of the first page; each further one is twice as long
}

// maxPage is about as many items as one megabyte holds, which ends a page anyway.
const maxPage = 2000

func (l *Ledger) query(ctx context.Context, q query) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		if q.from > q.to {
			return // nothing lies between, and DynamoDB refuses such bounds
		}
		for in := l.input(q); ; {
			out, err := l.client.Query(ctx, in)
			if err != nil {
				yield(nil, fmt.Errorf("querying: %w", translate(err, l.table)))
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

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// expired tells whether an item's time is over: DynamoDB takes days to delete it.
func (l *Ledger) expired(i item) bool {
	var e struct {
		Expires int64 `dynamodbav:"expires"`
	}
	return attributevalue.UnmarshalMap(i, &e) == nil && e.Expires != 0 && e.Expires <= l.now().Unix()
}

func textOf(i item, name string) string {
	s, _ := i[name].(*types.AttributeValueMemberS)
	if s == nil {
		return ""
	}
	return s.Value
}

// headPage is as many items as a window of facts has, the head, and one more,
// behind which DynamoDB knows that nothing of the window is left.
const headPage = 18

// Load reads head and window in one backward Query that begins at the head.
func (l *Ledger) Load(ctx context.Context, s tagalong.Service) (tagalong.Snapshot, error) {
	return l.load(ctx, s, false)
}

// LoadWhole reads head and all facts.
func (l *Ledger) LoadWhole(ctx context.Context, s tagalong.Service) (tagalong.Snapshot, error) {
	return l.load(ctx, s, true)
}

func (l *Ledger) load(ctx context.Context, s tagalong.Service, whole bool) (tagalong.Snapshot, error) {
	for attempt := 0; ; attempt++ {
		if err := wait(ctx, attempt); err != nil {
			return tagalong.Snapshot{}, err
		}
		snap, err := l.look(ctx, s, whole)
		if err != nil || !torn(snap) || attempt == tornAttempts {
			return snap, err
		}
	}
}

// tornAttempts bound the waiting for a fact that has gone for good, by somebody's hand.
const tornAttempts = 5

// torn tells whether the head was read with a transaction of which the fact was
// not: a Query may show half of one,
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html.
func torn(snap tagalong.Snapshot) bool {
	last := snap.Head.Last
	return last.Name != "" && !last.Time.Before(snap.Head.Since) && !slices.ContainsFunc(snap.Facts, func(f tagalong.Fact) bool {
		return f.Subject() == last.Subject() && f.Name == last.Name && f.Time.Equal(last.Time)
	})
}

func (l *Ledger) look(ctx context.Context, s tagalong.Service, whole bool) (tagalong.Snapshot, error) {
	snap := tagalong.Snapshot{Whole: whole}
	q := query{pk: servicePK(s), from: prefixFact, to: skHead, backward: true}
	if !whole {
		q.limit = headPage
	}
	for i, err := range l.query(ctx, q) {
		if err != nil {
			return tagalong.Snapshot{}, err
		}
		if textOf(i, "sk") == skHead {
			var h headItem
			err := attributevalue.UnmarshalMap(i, &h)
			if err == nil {
				snap.Head, err = h.head()
			}
			if err != nil {
				return tagalong.Snapshot{}, fmt.Errorf("head of %s: %w", s, err)
			}
			continue
		}
		fact, err := toFactOf(i)
		if err != nil {
			return tagalong.Snapshot{}, fmt.Errorf("facts of %s: %w", s, err)
		}
		if !whole && fact.Time.Before(snap.Head.Since) {
			break
		}
		snap.Facts = append(snap.Facts, fact)
	}
	slices.Reverse(snap.Facts)
	return snap, nil
}

func toFactOf(i item) (tagalong.Fact, error) {
	var stored factItem
	if err := attributevalue.UnmarshalMap(i, &stored); err != nil {
		return tagalong.Fact{}, err
	}
	f, err := parseFact(stored.SK)
	f.Source, f.Reason, f.RecordedAt = tagalong.Source(stored.Source), stored.Reason, parseTime(stored.RecordedAt)
	f.Release, f.Limit = stored.Release.release(), parseTime(stored.Limit)
	return f, err
}

// parseFact reads a fact's sort key.
func parseFact(sk string) (tagalong.Fact, error) {
	part := strings.SplitN(strings.TrimPrefix(sk, prefixFact), "#", 4)
	if len(part) < 3 {
		return tagalong.Fact{}, fmt.Errorf("sort key %q: want %stime#name#deployment or action, and perhaps #source", sk, prefixFact)
	}
	f := tagalong.Fact{Time: parseTime(part[0]), Name: tagalong.FactName(part[1])}
	if f.Name == tagalong.ActionStarted || f.Name == tagalong.ActionEnded {
		f.Action = part[2]
	} else {
		f.Deployment = part[2]
	}
	if len(part) == 4 {
		f.Source = tagalong.Source(part[3])
	}
	return f, nil
}

// Details reads rows by their keys.
func (l *Ledger) Details(ctx context.Context, s tagalong.Service, keys []tagalong.RolloutKey) (map[tagalong.RolloutKey]tagalong.Details, error) {
	wanted := map[key]tagalong.RolloutKey{}
	for _, k := range keys {
		wanted[rowKey(s, k)] = k
	}
	details := map[tagalong.RolloutKey]tagalong.Details{}
	err := l.get(ctx, maps.Keys(wanted), func(k key, i item) error {
		var row rowItem
		if err := attributevalue.UnmarshalMap(i, &row); err != nil {
			return err
		}
		details[wanted[k]] = row.details()
		return nil
	})
	return details, err
}

// Tags reads tags by their keys.
func (l *Ledger) Tags(ctx context.Context, ids []tagalong.TagID) (map[tagalong.TagID]tagalong.Tag, error) {
	return l.tags(ctx, ids, l.get)
}

func (l *Ledger) tags(ctx context.Context, ids []tagalong.TagID, get getter) (map[tagalong.TagID]tagalong.Tag, error) {
	wanted := map[key]tagalong.TagID{}
	for _, id := range ids {
		wanted[tagKey(id)] = id
	}
	tags := map[tagalong.TagID]tagalong.Tag{}
	err := get(ctx, maps.Keys(wanted), func(k key, i item) error {
		var tag tagItem
		if err := attributevalue.UnmarshalMap(i, &tag); err != nil {
			return err
		}
		tags[wanted[k]] = tag.tag()
		return nil
	})
	return tags, err
}

// Claims reads the open places, the previous places, the promotions and the tags of
// a repository: they lie side by side in its partition.
func (l *Ledger) Claims(ctx context.Context, r tagalong.Repository) (tagalong.RepositoryClaims, error) {
	claims := tagalong.RepositoryClaims{Tags: map[tagalong.TagID]tagalong.Tag{}, Readers: tagalong.Readers{}}
	for i, err := range l.query(ctx, query{pk: repositoryPK(r), from: prefixNext, to: prefixTag + afterAll}) {
		if err != nil {
			return tagalong.RepositoryClaims{}, err
		}
		if err := addClaim(&claims, i); err != nil {
			return tagalong.RepositoryClaims{}, fmt.Errorf("claims of %s: %w", r, err)
		}
	}
	return claims, nil
}

const (
	readersAtOnce = 50 // ten containers with five tags each: no second round
	readersPage   = 25 // a service has no more open places of one image
)

// Readers asks the index for each tag, side by side, until it finds another service.
func (l *Ledger) Readers(ctx context.Context, ids []tagalong.TagID, except tagalong.Service) (tagalong.Readers, error) {
	found := make([]tagalong.Readers, len(ids))
	problems := make([]error, len(ids))
	parallel.Each(len(ids), readersAtOnce, func(i int) {
		found[i], problems[i] = l.readersOf(ctx, ids[i], except)
	})
	all := tagalong.Readers{}
	for _, readers := range found {
		maps.Copy(all, readers)
	}
	return all, errors.Join(problems...)
}

func (l *Ledger) readersOf(ctx context.Context, id tagalong.TagID, except tagalong.Service) (tagalong.Readers, error) {
	readers := tagalong.Readers{}
	open := l.query(ctx, query{index: "gsi1", pk: readersPK(id), from: beforeAll, to: afterAll, limit: readersPage})
	for place, err := range decoded(open, placeItem.place) {
		if err != nil {
			return nil, fmt.Errorf("readers of %s: %w", id, err)
		}
		if place.Service != except {
			readers.Add(place)
			return readers, nil
		}
	}
	return readers, nil
}

func addClaim(claims *tagalong.RepositoryClaims, i item) error {
	switch sk := textOf(i, "sk"); {
	case strings.HasPrefix(sk, prefixNow), strings.HasPrefix(sk, prefixNext):
		var open placeItem
		if err := attributevalue.UnmarshalMap(i, &open); err != nil {
			return err
		}
		place, err := open.place()
		claims.Readers.Add(place)
		held, another := open.claims()
		claims.Claims = append(claims.Claims, held...)
		return cmp.Or(err, another)
	case strings.HasPrefix(sk, prefixPrev):
		var previous previousItem
		if err := attributevalue.UnmarshalMap(i, &previous); err != nil {
			return err
		}
		place, err := previous.place()
		claims.Claims = append(claims.Claims, place.Claims()...)
		return err
	case strings.HasPrefix(sk, prefixPromo):
		var promotion promotionItem
		if err := attributevalue.UnmarshalMap(i, &promotion); err != nil {
			return err
		}
		claims.Claims = append(claims.Claims, promotion.claim())
		return nil
	case strings.HasPrefix(sk, prefixTag):
		var tag tagItem
		if err := attributevalue.UnmarshalMap(i, &tag); err != nil {
			return err
		}
		claims.Tags[tag.tag().ID] = tag.tag()
		return nil
	}
	return fmt.Errorf("item %s: unknown kind", textOf(i, "sk"))
}

// get reads items by key, consistently.
func (l *Ledger) get(ctx context.Context, keys iter.Seq[key], take func(key, item) error) error {
	return l.batches(ctx, keys, true, take)
}

// getEventually may miss the last moment's writes, for half the price.
func (l *Ledger) getEventually(ctx context.Context, keys iter.Seq[key], take func(key, item) error) error {
	return l.batches(ctx, keys, false, take)
}

type getter func(ctx context.Context, keys iter.Seq[key], take func(key, item) error) error

// batches reads a hundred items at a time, until DynamoDB has answered for all of
// them.
func (l *Ledger) batches(ctx context.Context, keys iter.Seq[key], consistent bool, take func(key, item) error) error {
	for chunk := range slices.Chunk(slices.Collect(keys), 100) {
		request := types.KeysAndAttributes{ConsistentRead: &consistent}
		for _, k := range chunk {
			request.Keys = append(request.Keys, item{"pk": text(k.PK), "sk": text(k.SK)})
		}
		for attempt := 0; len(request.Keys) > 0; attempt++ {
			if err := wait(ctx, attempt); err != nil {
				return err
			}
			out, err := l.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{l.table: request}})
			if err != nil {
				return fmt.Errorf("reading items: %w", translate(err, l.table))
			}
			for _, i := range out.Responses[l.table] {
				if l.expired(i) {
					continue
				}
				if err := take(key{textOf(i, "pk"), textOf(i, "sk")}, i); err != nil {
					return fmt.Errorf("item %s %s: %w", textOf(i, "pk"), textOf(i, "sk"), err)
				}
			}
			request = out.UnprocessedKeys[l.table]
		}
	}
	return nil
}

// translate gives the errors that the core knows, and says what to do about the others.
func translate(err error, table string) error {
	if _, missing := errors.AsType[*types.ResourceNotFoundException](err); missing {
		return fmt.Errorf("table %q: %w", table, errors.Join(tagalong.ErrNoTable, err))
	}
	return err
}
