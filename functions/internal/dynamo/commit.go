package dynamo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// transaction gathers what is written at once. For each item it remembers what
// a refusal of its condition means.
type transaction struct {
	table string
	items []types.TransactWriteItem
	// tags[i] is the tag that items[i] writes, if it writes one.
	tags map[int]tagalong.TagID
	err  error
}

// condition is an expression with its values; names are all prefixed with #.
type condition struct {
	expression string
	names      map[string]string
	values     item
}

func (t *transaction) put(v any, c *condition) {
	i, err := attributevalue.MarshalMap(v)
	t.err = errors.Join(t.err, err)
	put := &types.Put{TableName: &t.table, Item: i}
	if c != nil {
		put.ConditionExpression = &c.expression
		put.ExpressionAttributeNames = c.names
		put.ExpressionAttributeValues = c.values
	}
	t.items = append(t.items, types.TransactWriteItem{Put: put})
}

func (t *transaction) remove(k key, c *condition) {
	d := &types.Delete{TableName: &t.table, Key: k.item()}
	if c != nil {
		d.ConditionExpression = &c.expression
		d.ExpressionAttributeNames = c.names
		d.ExpressionAttributeValues = c.values
	}
	t.items = append(t.items, types.TransactWriteItem{Delete: d})
}

func (t *transaction) update(k key, set string, c condition) {
	t.items = append(t.items, types.TransactWriteItem{Update: &types.Update{
		TableName:                 &t.table,
		Key:                       k.item(),
		UpdateExpression:          &set,
		ConditionExpression:       &c.expression,
		ExpressionAttributeNames:  c.names,
		ExpressionAttributeValues: c.values,
	}})
}

func (k key) item() item { return item{"pk": text(k.PK), "sk": text(k.SK)} }

var absent = &condition{expression: "attribute_not_exists(pk)"}

// Commit writes a change in one transaction. The head comes first, the fact
// second if there is one: their refusal is a conflict.
func (l *Ledger) Commit(ctx context.Context, c tagalong.Change) error {
	t := l.transaction(c)
	if t.err != nil {
		return fmt.Errorf("items of %s: %w", c.Service, t.err)
	}
	return l.write(ctx, t)
}

func (l *Ledger) transaction(c tagalong.Change) *transaction {
	t := &transaction{table: l.table, tags: map[int]tagalong.TagID{}}
	t.put(toHead(c.Service, c.Head), headCondition(c.Seen))
	if c.Fact != nil {
		t.put(toFact(*c.Fact, factKey(c.Service, *c.Fact)), absent)
	}
	for _, row := range c.Rollouts {
		t.put(toRow(row), nil)
	}
	for _, k := range c.DropRollouts {
		t.remove(rowKey(c.Service, k), nil)
	}
	if c.Member != nil {
		t.put(toMember(*c.Member), nil)
	}
	if c.DropMember != "" {
		t.remove(memberKey(c.Service, c.DropMember), nil)
	}
	for _, gone := range c.Gone {
		t.put(toGone(gone), nil)
	}
	for _, gone := range c.DropGone {
		t.remove(goneKey(gone), nil)
	}
	for _, p := range c.Places {
		t.put(toPlace(p), nil)
	}
	for _, p := range c.DropPlaces {
		t.remove(placeKey(p), nil)
	}
	for _, p := range c.Previous {
		t.put(toPreviousPlace(p), nil)
	}
	for _, p := range c.DropPrevious {
		t.remove(previousKey(p), nil)
	}
	if c.Stale != nil {
		t.put(toStale(*c.Stale), nil)
	}
	if c.NewService {
		t.put(directoryItem{key{directory, listOf("") + c.Service.String()}, formatTime(c.Head.CompleteSince)}, nil)
	}
	if c.NewEnvironment != "" {
		t.put(directoryItem{key: key{directory, "E#" + c.NewEnvironment}}, nil)
		t.put(directoryItem{key: key{directory, listOf(c.NewEnvironment) + c.Service.String()}}, nil)
	}
	for _, e := range c.Endings {
		t.put(toEnding(e), nil)
	}
	for _, w := range c.Tags {
		t.tags[len(t.items)] = w.Wish.Tag
		t.tag(w)
	}
	return t
}

func headCondition(seen string) *condition {
	if seen == "" {
		return absent
	}
	return &condition{"#version = :seen", map[string]string{"#version": "version"}, item{":seen": text(seen)}}
}

// The conditions that order claims: by time, then the claimant that sorts first
// is the newer.
const (
	notNewer = "attribute_not_exists(#wishAt) OR #wishAt < :wishAt OR (#wishAt = :wishAt AND #wishBy >= :wishBy)"
	newer    = "#wishAt > :wishAt OR (#wishAt = :wishAt AND #wishBy < :wishBy)"
)

// tag writes a wish, or says that one of its claims has changed.
func (t *transaction) tag(w tagalong.TagWrite) {
	k := tagKey(w.Wish.Tag)
	order := item{":wishAt": text(formatTime(w.Wish.At)), ":wishBy": text(w.Wish.By), ":claims": text(w.Claims)}
	names := map[string]string{"#wishAt": "wishAt", "#wishBy": "wishBy", "#claims": "claims"}
	switch w.Mode {
	case tagalong.Advance:
		set, more := wish(w)
		t.update(k, set, condition{notNewer, more.names, more.values})
	case tagalong.Yield:
		t.update(k, "SET #claims = :claims", condition{newer, names, order})
	case tagalong.Renew:
		set, more := wish(w)
		c := claimsCondition(w.Seen)
		maps.Copy(more.values, c.values)
		t.update(k, set, condition{c.expression, more.names, more.values})
	case tagalong.Touch:
		t.update(k, "SET #claims = :claims", condition{
			"#claims = :seen", map[string]string{"#claims": "claims"}, item{":claims": text(w.Claims), ":seen": text(w.Seen)},
		})
	case tagalong.Drop:
		t.remove(k, claimsCondition(w.Seen))
	}
}

// claimsCondition holds while no claim on the tag has changed since it was read.
func claimsCondition(seen string) *condition {
	if seen == "" {
		return absent
	}
	return &condition{"#claims = :seen", map[string]string{"#claims": "claims"}, item{":seen": text(seen)}}
}

// wish gives the update that sets a wish: pending, under a new version. What ECR
// said last, and a doubt about it, stay.
func wish(w tagalong.TagWrite) (set string, c condition) {
	pk, sk := tagIndex(w.Wish.Environment, tagalong.TagPending, w.Wish.Tag)
	values := item{
		":registry":    text(w.Wish.Tag.Registry),
		":repository":  text(w.Wish.Tag.Name),
		":tag":         text(w.Wish.Tag.Tag),
		":wish":        text(w.Wish.Digest.String()),
		":wishAt":      text(formatTime(w.Wish.At)),
		":wishBy":      text(w.Wish.By),
		":environment": text(w.Wish.Environment),
		":once":        &types.AttributeValueMemberBOOL{Value: w.Wish.Once},
		":version":     text(w.Version),
		":claims":      text(w.Claims),
		":state":       text(string(tagalong.TagPending)),
		":since":       text(formatTime(w.At)),
		":gsi1pk":      text(pk),
		":gsi1sk":      text(sk),
	}
	names := map[string]string{"#reason": "reason", "#returned": "returned"}
	set = "SET "
	for i, name := range slices.Sorted(maps.Keys(values)) {
		if i > 0 {
			set += ", "
		}
		set += "#" + name[1:] + " = " + name
		names["#"+name[1:]] = name[1:]
	}
	return set + " REMOVE #reason, #returned", condition{names: names, values: values}
}

const maxAttempts = 12 // a transaction conflict is over in milliseconds

// write runs the transaction until it is written or refused: throttling and
// conflicts with other transactions are waited out.
func (l *Ledger) write(ctx context.Context, t *transaction) error {
	for attempt := 0; ; attempt++ {
		if err := wait(ctx, attempt); err != nil {
			return err
		}
		_, err := l.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: t.items})
		if err == nil {
			return nil
		}
		canceled, ok := errors.AsType[*types.TransactionCanceledException](err)
		if !ok {
			return fmt.Errorf("writing: %w", translate(err, l.table))
		}
		refused, busy := t.judge(canceled)
		if refused != nil {
			return refused
		}
		if !busy || attempt == maxAttempts {
			return fmt.Errorf("writing: %w", err)
		}
	}
}

// judge reads why a transaction was cancelled: refused by a condition, or only
// busy. The reasons are in the order of the items.
func (t *transaction) judge(canceled *types.TransactionCanceledException) (refused error, busy bool) {
	var tags []tagalong.TagID
	for i, reason := range canceled.CancellationReasons {
		switch code := aws.ToString(reason.Code); code {
		case "ConditionalCheckFailed":
			tag, isTag := t.tags[i]
			if !isTag {
				return tagalong.ErrConflict, false
			}
			tags = append(tags, tag)
		case "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded":
			busy = true
		}
	}
	if len(tags) > 0 {
		return &tagalong.RefusedError{Tags: tags}, false
	}
	return nil, busy
}

// wait pauses before another attempt: doubling, with full jitter, up to a second.
func wait(ctx context.Context, attempt int) error {
	if attempt == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(rand.N(min(10*time.Millisecond<<attempt, time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
