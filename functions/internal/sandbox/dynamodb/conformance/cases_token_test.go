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

// withToken does an action in a transaction with a token made of the table's
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

const (
	one   = `{"pk":"a","sk":"1","n":1}`
	other = `{"pk":"a","sk":"1","n":2}`
)

// putOne is done again and again, with another item in between.
var putOne = putAction(one, "")

func tokenRepeat(e *env) {
	e.create()
	e.ok(e.withToken("repeat", putOne))
	e.put(other)
	e.ok(e.withToken("repeat", putOne))
	e.holds(baseKey, other)
}

func tokenOther(e *env) {
	e.create()
	e.ok(e.withToken("other", putOne))
	e.code(e.withToken("other", putAction(other, "")), tokenMismatch)
	e.holds(baseKey, one)
}

func tokenNew(e *env) {
	e.create()
	e.ok(e.withToken("one", putOne))
	e.put(other)
	e.ok(e.withToken("two", putOne))
	e.holds(baseKey, one)
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
		TransactItems: []types.TransactWriteItem{putOne(e)}, ClientRequestToken: &token,
	})
	e.code(err, validation)
}
