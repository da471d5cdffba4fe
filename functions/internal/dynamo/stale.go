package dynamo

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// staleItem holds the tags that a service left behind in ECR:
//
//	{
//	  "pk": "STALE",
//	  "sk": "111122223333/us-east-1/prod-cluster/cart#…",
//	  "tags": [
//	    {
//	      "digest": "sha256:a5922a28816c1d5343caaf7646f78a2124344dc3004bf2357f4dcebbf5b4b867",
//	      "environment": "prod",
//	      "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	      "repository": "cart",
//	      "tag": "prod"
//	    }
//	  ]
//	}
type staleItem struct {
	key
	Tags []staleTagItem `dynamodbav:"tags"`
}

type staleTagItem struct {
	Registry    string `dynamodbav:"registry"`
	Repository  string `dynamodbav:"repository"`
	Tag         string `dynamodbav:"tag"`
	Digest      string `dynamodbav:"digest"`
	Environment string `dynamodbav:"environment"`
}

// holdItem says who removes tags, and until when nobody else may:
//
//	{
//	  "by": "…",
//	  "pk": "SWEEP",
//	  "sk": "UNTAG",
//	  "until": "2026-03-04T08:50:00.000Z"
//	}
type holdItem struct {
	key
	By    string `dynamodbav:"by"`
	Until string `dynamodbav:"until"`
}

func toStale(s tagalong.Stale) staleItem {
	return staleItem{key: staleKey(s), Tags: all(s.Tags, toStaleTag)}
}

func (i staleItem) stale() (tagalong.Stale, error) {
	service, id, found := strings.Cut(i.SK, "#")
	if !found {
		return tagalong.Stale{}, fmt.Errorf("sort key %q: want service#id", i.SK)
	}
	s, err := tagalong.ParseService(service)
	return tagalong.Stale{ID: id, Service: s, Tags: all(i.Tags, staleTagItem.tag)}, err
}

func toStaleTag(t tagalong.StaleTag) staleTagItem {
	return staleTagItem{Registry: t.ID.Registry, Repository: t.ID.Name, Tag: t.ID.Tag, Digest: t.Digest.String(), Environment: t.Environment}
}

func (i staleTagItem) tag() tagalong.StaleTag {
	return tagalong.StaleTag{
		ID:          tagalong.TagID{Repository: tagalong.Repository{Registry: i.Registry, Name: i.Repository}, Tag: i.Tag},
		Digest:      digest.Digest(i.Digest),
		Environment: i.Environment,
	}
}

// StaleTags reads all that retired services left behind.
func (l *Ledger) StaleTags(ctx context.Context) iter.Seq2[tagalong.Stale, error] {
	return func(yield func(tagalong.Stale, error) bool) {
		for i, err := range l.query(ctx, query{pk: stalePK, from: beforeAll, to: afterAll}) {
			if err != nil {
				yield(tagalong.Stale{}, err)
				return
			}
			var stored staleItem
			if err = attributevalue.UnmarshalMap(i, &stored); err != nil {
				yield(tagalong.Stale{}, fmt.Errorf("stale tags: %w", err))
				return
			}
			stale, err := stored.stale()
			if !yield(stale, err) || err != nil {
				return
			}
		}
	}
}

// SetStale writes what is left of stale tags.
func (l *Ledger) SetStale(ctx context.Context, s tagalong.Stale) error {
	if len(s.Tags) > 0 {
		return l.put(ctx, toStale(s), nil)
	}
	_, err := l.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &l.table, Key: staleKey(s).item()})
	if err != nil {
		return fmt.Errorf("writing: %w", translate(err, l.table))
	}
	return nil
}

// HoldStale keeps the removal of tags to one sweep.
func (l *Ledger) HoldStale(ctx context.Context, by string, now, until time.Time) error {
	err := l.put(ctx, holdItem{holdKey, by, formatTime(until)}, &condition{
		"attribute_not_exists(#until) OR #until <= :now OR #by = :by",
		map[string]string{"#until": "until", "#by": "by"},
		item{":now": text(formatTime(now)), ":by": text(by)},
	})
	if _, held := errors.AsType[*types.ConditionalCheckFailedException](err); held {
		return tagalong.ErrConflict
	}
	return err
}
