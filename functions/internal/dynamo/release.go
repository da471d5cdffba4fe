package dynamo

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// releaseItem says what put a rollout in place; nil where nothing is known.
type releaseItem struct {
	Pipeline  string `dynamodbav:"pipeline"`
	Execution string `dynamodbav:"execution"`
	Stage     string `dynamodbav:"stage"`
	buildItem
}

func toRelease(r tagalong.Release) *releaseItem {
	if r == (tagalong.Release{}) {
		return nil
	}
	return &releaseItem{Pipeline: r.Pipeline, Execution: r.Execution, Stage: r.Stage, buildItem: buildItem{r.Commit, r.Images}}
}

func (i *releaseItem) release() tagalong.Release {
	if i == nil {
		return tagalong.Release{}
	}
	return tagalong.Release{Pipeline: i.Pipeline, Execution: i.Execution, Stage: i.Stage, Commit: i.Commit, Images: i.Images}
}

// buildItem is what an execution knows of what it deploys.
type buildItem struct {
	Commit string `dynamodbav:"commit,omitempty"`
	Images string `dynamodbav:"images,omitempty"`
}

func toBuild(b tagalong.Build) buildItem { return buildItem{b.Commit, b.Images} }

func (i buildItem) build() tagalong.Build { return tagalong.Build{Commit: i.Commit, Images: i.Images} }

// restoredItem is what a rollback came back with; nil where nothing is known.
type restoredItem struct{ buildItem }

func toRestored(b tagalong.Build) *restoredItem {
	if b == (tagalong.Build{}) {
		return nil
	}
	return &restoredItem{toBuild(b)}
}

// UnmarshalDynamoDBAttributeValue implements attributevalue.Unmarshaler: before images were
// kept beside it, the commit stood there alone.
func (i *restoredItem) UnmarshalDynamoDBAttributeValue(stored types.AttributeValue) error {
	if commit, alone := stored.(*types.AttributeValueMemberS); alone {
		i.Commit = commit.Value
		return nil
	}
	return attributevalue.Unmarshal(stored, &i.buildItem)
}

func (i *restoredItem) restored() tagalong.Build {
	if i == nil {
		return tagalong.Build{}
	}
	return i.build()
}

// releasePK is the partition of an execution's own records; its rollouts are found under
// it by an index.
func releasePK(pipeline, execution string) string { return "X#" + pipeline + "/" + execution }

// Release reads all that lies under an execution, in one Query.
func (l *Ledger) Release(ctx context.Context, pipeline, execution string) (ledger.ReleaseRecord, bool, error) {
	r := ledger.ReleaseRecord{Pipeline: tagalong.Pipeline{Name: pipeline}, Execution: execution}
	q := under(releasePK(pipeline, execution), "")
	q.eventual = true
	known := false
	for i, err := range l.query(ctx, q) {
		if err == nil {
			err = addToRelease(&r, i)
		}
		if err != nil {
			return ledger.ReleaseRecord{}, false, fmt.Errorf("release %s/%s: %w", pipeline, execution, err)
		}
		known = true
	}
	return r, known, nil
}

func addToRelease(r *ledger.ReleaseRecord, i item) error {
	switch sk := textOf(i, "sk"); {
	case sk == skExecution:
		origin, err := decode(i, asStored[executionItem])
		r.Pipeline.Account, r.Pipeline.Region, r.Origin = origin.Account, origin.Region, origin.execution()
		return err
	case strings.HasPrefix(sk, prefixPromotion):
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
