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
