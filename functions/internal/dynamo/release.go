package dynamo

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Date records the first sight of a job, or gives the one that is recorded already.
func (l *Ledger) Date(ctx context.Context, job string, first tagalong.Sight, expires time.Time) (tagalong.Sight, error) {
	err := l.put(ctx, jobItem{key: jobKey(job), At: formatTime(first.At), Digest: first.Digest, Expires: epoch(expires)}, absent)
	known, there := errors.AsType[*types.ConditionalCheckFailedException](err)
	if !there {
		return first, err
	}
	return decode(known.Item, jobItem.sight)
}

// Sight reads what Date has recorded, consistently.
func (l *Ledger) Sight(ctx context.Context, job string) (s tagalong.Sight, seen bool, err error) {
	err = l.get(ctx, slices.Values([]key{jobKey(job)}), func(_ key, i item) (err error) {
		s, err = decode(i, jobItem.sight)
		seen = err == nil
		return err
	})
	return s, seen, err
}

// put writes one item; a refusal of its condition comes with the item that is there.
func (l *Ledger) put(ctx context.Context, v any, c *condition) error {
	i, err := attributevalue.MarshalMap(v)
	if err != nil {
		return err
	}
	in := &dynamodb.PutItemInput{TableName: &l.table, Item: i}
	if c != nil {
		in.ConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues = &c.expression, c.names, c.values
		in.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	}
	for attempt := 0; ; attempt++ {
		if err := wait(ctx, attempt); err != nil {
			return err
		}
		_, err := l.client.PutItem(ctx, in)
		if err == nil {
			return nil
		}
		if _, busy := errors.AsType[*types.TransactionConflictException](err); !busy || attempt == maxAttempts {
			return fmt.Errorf("writing: %w", translate(err, l.table))
		}
	}
}

// Promote writes a promotion and its tag. The promotion comes first: its refusal
// says that a newer one is there.
func (l *Ledger) Promote(ctx context.Context, p tagalong.PromotionWrite) error {
	t := &transaction{table: l.table, tags: map[int]tagalong.TagID{}}
	if p.Tag != nil && !p.Once {
		t.put(toPromotion(p, promotionKey(p.Claim.Tag)), newestPromotion(p.Claim))
	}
	if p.Environment != "" {
		t.put(directoryItem{key: key{directory, "E#" + p.Environment}}, nil)
	}
	if p.Tag != nil {
		t.tags[len(t.items)] = p.Tag.Wish.Tag
		t.tag(*p.Tag)
	}
	if p.Release.Pipeline != "" {
		kept := toPromotion(p, promotedKey(p.Release, p.Claim.Tag, p.Job))
		kept.Expires = epoch(p.Expires)
		t.put(kept, nil)
	}
	if t.err != nil || len(t.items) == 0 {
		return t.err
	}
	err := l.writeOne(ctx, t)
	if errors.Is(err, tagalong.ErrConflict) {
		return tagalong.ErrOvertaken
	}
	return err
}

// newestPromotion holds if no newer promotion of the tag is there.
func newestPromotion(c tagalong.Claim) *condition {
	return &condition{
		"attribute_not_exists(pk) OR #at < :at OR (#at = :at AND #by >= :by)",
		map[string]string{"#at": "at", "#by": "by"},
		item{":at": text(formatTime(c.At)), ":by": text(c.By)},
	}
}

// NoteExecution records what began an execution.
func (l *Ledger) NoteExecution(ctx context.Context, p tagalong.Pipeline, execution string, e tagalong.Execution, expires time.Time) error {
	i := toOrigin(p, e, key{releasePK(p.Name, execution), skOrigin})
	i.Expires = epoch(expires)
	return l.put(ctx, i, nil)
}

// NoteStage records that a stage of an execution came into a state.
func (l *Ledger) NoteStage(ctx context.Context, pipeline, execution string, s tagalong.StageChange, expires time.Time) error {
	i := toStage(s, stageKey(pipeline, execution, s))
	i.Expires = epoch(expires)
	return l.put(ctx, i, nil)
}

// Release reads all that lies under an execution, in one Query.
func (l *Ledger) Release(ctx context.Context, pipeline, execution string) (tagalong.ReleaseRecord, bool, error) {
	r := tagalong.ReleaseRecord{Pipeline: tagalong.Pipeline{Name: pipeline}, Execution: execution}
	known := false
	for i, err := range l.query(ctx, query{pk: releasePK(pipeline, execution), from: beforeAll, to: afterAll, eventual: true}) {
		if err == nil {
			err = addToRelease(&r, i)
		}
		if err != nil {
			return tagalong.ReleaseRecord{}, false, fmt.Errorf("release %s/%s: %w", pipeline, execution, err)
		}
		known = true
	}
	return r, known, nil
}

func addToRelease(r *tagalong.ReleaseRecord, i item) error {
	switch sk := textOf(i, "sk"); {
	case sk == skOrigin:
		origin, err := decode(i, func(o originItem) (originItem, error) { return o, nil })
		r.Pipeline.Account, r.Pipeline.Region, r.Origin = origin.Account, origin.Region, origin.execution()
		return err
	case strings.HasPrefix(sk, prefixPromo):
		promoted, err := decode(i, promotionItem.promoting)
		r.Promotions = append(r.Promotions, promoted)
		return err
	case strings.HasPrefix(sk, prefixStage):
		stage, err := decode(i, stageItem.change)
		r.Stages = append(r.Stages, stage)
		return err
	}
	return fmt.Errorf("item %s: unknown kind", textOf(i, "sk"))
}

// ReleaseRollouts reads the rollouts of an execution backward.
func (l *Ledger) ReleaseRollouts(ctx context.Context, pipeline, execution string, span tagalong.Span, hint int) iter.Seq2[tagalong.Row, error] {
	pk, behind := releaseIndex(tagalong.Release{Pipeline: pipeline, Execution: execution}, span.Behind)
	return l.rows(ctx, query{index: "gsi2", pk: pk, backward: true, limit: page(hint)}, "", span, justBefore(behind))
}
