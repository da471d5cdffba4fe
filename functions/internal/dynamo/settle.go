package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Settle records how a wish stands, if its version is still the one that was
// converged to and no unanswered put may still arrive.
func (l *Ledger) Settle(ctx context.Context, id tagalong.TagID, version string, v tagalong.Verdict) error {
	t := &transaction{table: l.table, tags: map[int]tagalong.TagID{0: id}}
	if c := settled(version, v.CheckedAt); v.Done {
		t.remove(tagKey(id), &c)
	} else {
		t.update(tagKey(id), settling(id, v, &c), c)
	}
	t.adopt(v.Children)
	err := l.writeOne(ctx, t)
	if _, refused := errors.AsType[*tagalong.RefusedError](err); refused {
		return l.unsettled(ctx, id, version, v)
	}
	return err
}

const transactionItems = 100

// adopt adds children, as many as there is room for: no index has so many platforms.
func (t *transaction) adopt(children []tagalong.Child) {
	for _, child := range children[:min(len(children), transactionItems-len(t.items))] {
		t.put(childItem{childKey(child), child.Platform}, nil)
	}
}

// settled is the condition under which a verdict may be recorded.
func settled(version string, at time.Time) condition {
	return condition{
		"#version = :version AND (attribute_not_exists(#doubtUntil) OR #doubtUntil <= :at)",
		map[string]string{"#version": "version", "#doubtUntil": "doubtUntil"},
		item{":version": text(version), ":at": text(formatTime(at))},
	}
}

// settling gives the update that records a verdict, adding its names and values.
func settling(id tagalong.TagID, v tagalong.Verdict, c *condition) string {
	_, sk := tagIndex("", v.State, id)
	set, remove := "SET #state = :state, #since = :since, #checkedAt = :at, #gsi1sk = :gsi1sk", " REMOVE #doubtUntil"
	for _, name := range []string{"state", "since", "checkedAt", "gsi1sk", "actual", "reason"} {
		c.names["#"+name] = name
	}
	c.values[":state"], c.values[":since"], c.values[":gsi1sk"] = text(string(v.State)), text(formatTime(v.Since)), text(sk)
	for name, value := range map[string]string{"actual": v.Actual.String(), "reason": v.Reason} {
		if value == "" {
			remove += ", #" + name
			continue
		}
		set += ", #" + name + " = :" + name
		c.values[":"+name] = text(value)
	}
	if v.Returned > 0 {
		c.names["#returned"], c.values[":returned"] = "returned", &types.AttributeValueMemberN{Value: strconv.Itoa(v.Returned)}
		set += ", #returned = :returned"
	}
	return set + remove
}

// unsettled tells why a verdict was refused. In doubt, what was seen is recorded
// and the tag stays pending.
func (l *Ledger) unsettled(ctx context.Context, id tagalong.TagID, version string, v tagalong.Verdict) error {
	tags, err := l.Tags(ctx, []tagalong.TagID{id})
	if err != nil {
		return err
	}
	if tag, ok := tags[id]; !ok || tag.Version != version {
		return tagalong.ErrConflict
	}
	c := condition{
		"#version = :version",
		map[string]string{"#version": "version", "#checkedAt": "checkedAt", "#actual": "actual"},
		item{":version": text(version), ":checkedAt": text(formatTime(v.CheckedAt))},
	}
	set := "SET #checkedAt = :checkedAt"
	if v.Actual == "" {
		set += " REMOVE #actual"
	} else {
		set += ", #actual = :actual"
		c.values[":actual"] = text(v.Actual.String())
	}
	t := &transaction{table: l.table, tags: map[int]tagalong.TagID{0: id}}
	t.update(tagKey(id), set, c)
	t.adopt(v.Children)
	err = l.writeOne(ctx, t)
	if _, refused := errors.AsType[*tagalong.RefusedError](err); refused {
		return tagalong.ErrConflict
	}
	if err != nil {
		return err
	}
	return tagalong.ErrInDoubt
}

// Rewish writes one tag.
func (l *Ledger) Rewish(ctx context.Context, w tagalong.TagWrite) error {
	t := &transaction{table: l.table, tags: map[int]tagalong.TagID{0: w.Wish.Tag}}
	t.tag(w)
	return l.writeOne(ctx, t)
}

// Cursor reads how far the sweeps have come.
func (l *Ledger) Cursor(ctx context.Context) (string, error) {
	var cursor string
	err := l.get(ctx, slices.Values([]key{sweepKey}), func(_ key, i item) error {
		cursor = textOf(i, "cursor")
		return nil
	})
	return cursor, err
}

// SetCursor records how far the sweeps have come.
func (l *Ledger) SetCursor(ctx context.Context, cursor string) error {
	return l.put(ctx, cursorItem{sweepKey, cursor}, nil)
}

// Adopt records children of indexes. What is there already is written again,
// as it was.
func (l *Ledger) Adopt(ctx context.Context, children []tagalong.Child) error {
	for chunk := range slices.Chunk(children, transactionItems) {
		t := &transaction{table: l.table}
		t.adopt(chunk)
		if err := l.writeOne(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// Doubt says that until a time an unanswered put of this tag may still arrive, and
// since when it has been pending. It holds whatever the wish is by then; a tag that
// nobody wishes needs none.
func (l *Ledger) Doubt(ctx context.Context, id tagalong.TagID, since, until time.Time) error {
	_, sk := tagIndex("", tagalong.TagPending, id)
	t := &transaction{table: l.table, tags: map[int]tagalong.TagID{0: id}}
	t.update(tagKey(id), "SET #doubtUntil = :until, #state = :pending, #since = :since, #gsi1sk = :gsi1sk", condition{
		"attribute_exists(pk)",
		map[string]string{"#doubtUntil": "doubtUntil", "#state": "state", "#since": "since", "#gsi1sk": "gsi1sk"},
		item{":until": text(formatTime(until)), ":pending": text(string(tagalong.TagPending)), ":since": text(formatTime(since)), ":gsi1sk": text(sk)},
	})
	err := l.writeOne(ctx, t)
	if _, refused := errors.AsType[*tagalong.RefusedError](err); refused {
		return nil
	}
	return err
}

// writeOne writes a transaction of one update as the plain update that it is,
// which costs half; with more items it is a transaction.
func (l *Ledger) writeOne(ctx context.Context, t *transaction) error {
	if t.err != nil {
		return t.err
	}
	update := t.items[0].Update
	if len(t.items) > 1 || update == nil {
		return l.write(ctx, t)
	}
	for attempt := 0; ; attempt++ {
		if err := wait(ctx, attempt); err != nil {
			return err
		}
		_, err := l.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName:                 update.TableName,
			Key:                       update.Key,
			UpdateExpression:          update.UpdateExpression,
			ConditionExpression:       update.ConditionExpression,
			ExpressionAttributeNames:  update.ExpressionAttributeNames,
			ExpressionAttributeValues: update.ExpressionAttributeValues,
		})
		if err == nil {
			return nil
		}
		if _, refused := errors.AsType[*types.ConditionalCheckFailedException](err); refused {
			return &tagalong.RefusedError{Tags: []tagalong.TagID{t.tags[0]}}
		}
		if _, busy := errors.AsType[*types.TransactionConflictException](err); !busy || attempt == maxAttempts {
			return fmt.Errorf("writing: %w", translate(err, l.table))
		}
	}
}
