//go:build e2e

package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
)

// item is what this test looks at of the table's items, whose forms are written
// at functions/internal/dynamo.
type item struct {
	SK         string `dynamodbav:"sk"`
	State      string `dynamodbav:"state"`  // of a rollout or a tag
	Wish       string `dynamodbav:"wish"`   // the digest that a tag should be on
	Actual     string `dynamodbav:"actual"` // the one that it was seen on
	Containers []struct {
		Repository string `dynamodbav:"repository"`
		Digest     string `dynamodbav:"digest"`
		Evidence   string `dynamodbav:"evidence"`
	} `dynamodbav:"containers"`
}

// items reads the items of a partition whose sort keys begin with a text.
func (w *world) items(ctx context.Context, pk, prefix string) (items []item, err error) {
	answer, err := w.dynamodb.Query(ctx, &dynamodb.QueryInput{
		TableName: &w.out.Tagalong.Value.TableName, ConsistentRead: aws.Bool(true),
		KeyConditionExpression: aws.String("pk = :pk AND begins_with(sk, :prefix)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":pk": &types.AttributeValueMemberS{Value: pk}, ":prefix": &types.AttributeValueMemberS{Value: prefix},
		},
	})
	if err != nil {
		return nil, err
	}
	return items, attributevalue.UnmarshalListOfMaps(answer.Items, &items)
}

// theRows: the tag's wish is confirmed, both events are facts, and there is one
// rollout, completed, with the digest and how it is known.
func (w *world) theRows(t *testing.T, r release) {
	wish := await(t, "the confirmed wish", func(ctx context.Context) (item, bool, error) {
		tags, err := w.items(ctx, "REPO#"+r.repository, "TAG#")
		if err != nil || len(tags) != 1 {
			return item{}, false, err
		}
		return tags[0], tags[0].State == "confirmed", nil
	})
	if image := r.image.String(); wish.Wish != image || wish.Actual != image {
		t.Errorf("the tag: wished on %q, seen on %q, want %s", wish.Wish, wish.Actual, image)
	}
	facts, err := w.items(t.Context(), w.partition(r), "F#")
	if err != nil || len(facts) != 2 || !strings.Contains(facts[0].SK, "#IN_PROGRESS#") || !strings.Contains(facts[1].SK, "#COMPLETED#") {
		t.Errorf("facts %v, %v", facts, err)
	}
	rollouts, err := w.items(t.Context(), w.partition(r), "R#")
	if err != nil || len(rollouts) != 1 {
		t.Fatalf("rollouts %v, %v", rollouts, err)
	}
	want := item{SK: rollouts[0].SK, State: "completed"}
	want.Containers = append(want.Containers, rollouts[0].Containers[:1]...)
	want.Containers[0].Repository, want.Containers[0].Digest, want.Containers[0].Evidence = r.repository, r.image.String(), "revision"
	if diff := cmp.Diff(want, rollouts[0]); diff != "" {
		t.Error(diff)
	}
}

// partition is the one of a release's service.
func (w *world) partition(r release) string {
	return "SVC#" + strings.Join([]string{w.Home().Account, region, "prod-cluster", r.service}, "/")
}
