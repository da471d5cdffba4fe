package conformance

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func tokenCases() []testCase {
	return []testCase{
		{"Token/RepeatDoesNothing", tokenRepeat},
		{"Token/OtherParameters", tokenOther},
		{"Token/OtherTokenWrites", tokenNew},
		{"Token/CancelledMayBeRepeated", tokenCancelled},
		{"Token/TooLong", tokenTooLong},
	}
}

// withToken adds 1 to n in a transaction with a token made of the table's
// creation, so that a second run of the case has another.
func (e *env) withToken(suffix string, a action) error {
	out, err := e.client.DescribeTable(e.ctx, &dynamodb.DescribeTableInput{TableName: &e.table})
	e.ok(err)
	token := suffix + out.Table.CreationDateTime.Format("20060102150405.000000000")
	_, err = e.client.TransactWriteItems(e.ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{a(e)}, ClientRequestToken: &token,
	})
	return err
}

var increment = updateAction(baseKey, "ADD n :v", `{":v":1}`)

func tokenRepeat(e *env) {
	e.create()
	e.ok(e.withToken("repeat", increment))
	e.ok(e.withToken("repeat", increment))
	e.holds(baseKey, `{"pk":"a","sk":"1","n":1}`)
}

func tokenOther(e *env) {
	e.create()
	e.ok(e.withToken("other", increment))
	e.code(e.withToken("other", updateAction(baseKey, "ADD n :v", `{":v":2}`)), tokenMismatch)
	e.holds(baseKey, `{"pk":"a","sk":"1","n":1}`)
}

func tokenNew(e *env) {
	e.create()
	e.ok(e.withToken("one", increment))
	e.ok(e.withToken("two", increment))
	e.holds(baseKey, `{"pk":"a","sk":"1","n":2}`)
}

func tokenCancelled(e *env) {
	e.create()
	check := checkAction(key("b"), there)
	e.code(e.withToken("cancelled", check), cancelled)
	e.put(key("b"))
	e.ok(e.withToken("cancelled", check))
}

func tokenTooLong(e *env) {
	e.create()
	token := repeat(37)
	_, err := e.client.TransactWriteItems(e.ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{increment(e)}, ClientRequestToken: &token,
	})
	e.code(err, validation)
}
