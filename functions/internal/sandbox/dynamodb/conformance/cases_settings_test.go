package conformance

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func settingsCases() []testCase {
	return []testCase{
		{"Settings/TimeToLive", timeToLive},
		{"Settings/TimeToLiveTwice", timeToLiveTwice},
		{"Settings/TimeToLiveOfMissingTable", timeToLiveMissing},
		{"Settings/ExpiredItemsStayReadable", expired},
		{"Settings/PointInTimeRecovery", recovery},
		{"Settings/Tags", tags},
	}
}

func (e *env) setTimeToLive(on bool) error {
	_, err := e.client.UpdateTimeToLive(e.ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName:               &e.table,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: text("expires"), Enabled: &on},
	})
	return err
}

func (e *env) timeToLiveIs(want types.TimeToLiveStatus, attribute string) {
	out, err := e.client.DescribeTimeToLive(e.ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &e.table})
	e.ok(err)
	e.equal("status", string(out.TimeToLiveDescription.TimeToLiveStatus), string(want))
	e.equal("attribute", aws.ToString(out.TimeToLiveDescription.AttributeName), attribute)
}

func timeToLive(e *env) {
	e.create()
	e.timeToLiveIs(types.TimeToLiveStatusDisabled, "")
	e.ok(e.setTimeToLive(true))
	e.timeToLiveIs(types.TimeToLiveStatusEnabled, "expires")
}

func timeToLiveTwice(e *env) {
	e.create()
	e.ok(e.setTimeToLive(true))
	e.code(e.setTimeToLive(true), validation)
}

func timeToLiveMissing(e *env) {
	_, err := e.client.DescribeTimeToLive(e.ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &e.table})
	e.code(err, notFound)
}

// expired: AWS deletes within days, so a reader must expect expired items.
func expired(e *env) {
	e.create()
	e.ok(e.setTimeToLive(true))
	item := `{"pk":"a","sk":"1","expires":1700000000}`
	e.put(item)
	e.holds(baseKey, item)
}

func recovery(e *env) {
	e.create()
	_, err := e.client.UpdateContinuousBackups(e.ctx, &dynamodb.UpdateContinuousBackupsInput{
		TableName:                        &e.table,
		PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: aws.Bool(true)},
	})
	e.ok(err)
	out, err := e.client.DescribeContinuousBackups(e.ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: &e.table})
	e.ok(err)
	e.equal("status", string(out.ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus), "ENABLED")
}

func tags(e *env) {
	e.create()
	described, err := e.client.DescribeTable(e.ctx, &dynamodb.DescribeTableInput{TableName: &e.table})
	e.ok(err)
	arn := described.Table.TableArn
	_, err = e.client.TagResource(e.ctx, &dynamodb.TagResourceInput{ResourceArn: arn, Tags: []types.Tag{{Key: text("k"), Value: text("v")}}})
	e.ok(err)
	out, err := e.client.ListTagsOfResource(e.ctx, &dynamodb.ListTagsOfResourceInput{ResourceArn: arn})
	e.ok(err)
	if len(out.Tags) != 1 || *out.Tags[0].Key != "k" || *out.Tags[0].Value != "v" {
		e.fatalf("tags: %v", out.Tags)
	}
	_, err = e.client.UntagResource(e.ctx, &dynamodb.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"k"}})
	e.ok(err)
	out, err = e.client.ListTagsOfResource(e.ctx, &dynamodb.ListTagsOfResourceInput{ResourceArn: arn})
	e.ok(err)
	if len(out.Tags) != 0 {
		e.fatalf("tags after removal: %v", out.Tags)
	}
}
