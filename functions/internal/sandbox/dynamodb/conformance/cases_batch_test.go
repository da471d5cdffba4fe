package conformance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func batchCases() []testCase {
	return []testCase{
		{"BatchGet/SomeMissing", batchGet},
		{"BatchGet/SeveralTables", batchGetTables},
		{"BatchGet/Projection", batchGetProjection},
		{"BatchGet/100Keys", func(e *env) { e.create(); _, err := e.batchGet(manyKeys(100)...); e.ok(err) }},
		{"BatchGet/101Keys", func(e *env) { e.create(); _, err := e.batchGet(manyKeys(101)...); e.code(err, validation) }},
		{"BatchGet/KeyTwice", func(e *env) { e.create(); _, err := e.batchGet(baseKey, baseKey); e.code(err, validation) }},
		{"BatchGet/BadKey", func(e *env) { e.create(); _, err := e.batchGet(baseKey, `{"pk":"a"}`); e.code(err, validation) }},
		{"BatchGet/UnknownTable", batchGetUnknown},
		{"BatchWrite/Put", batchWrite},
		{"BatchWrite/25Items", func(e *env) { e.create(); e.ok(e.batchPut(manyKeys(25)...)); e.count(25) }},
		{"BatchWrite/26Items", func(e *env) { e.create(); e.code(e.batchPut(manyKeys(26)...), validation); e.count(0) }},
		{"BatchWrite/ItemTwice", func(e *env) { e.create(); e.code(e.batchPut(baseKey, baseKey), validation) }},
		{"BatchWrite/BadItemWritesNothing", batchWriteBad},
	}
}

func manyKeys(n int) []string {
	var keys []string
	for i := range n {
		keys = append(keys, fmt.Sprintf(`{"pk":"p%d","sk":"s"}`, i))
	}
	return keys
}

// batchGet gives the items, sorted by their notation.
func (e *env) batchGet(keys ...string) (string, error) {
	request := types.KeysAndAttributes{}
	for _, key := range keys {
		request.Keys = append(request.Keys, parse(key))
	}
	out, err := e.client.BatchGetItem(e.ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{e.table: request}})
	if err != nil {
		return "", err
	}
	if len(out.UnprocessedKeys) > 0 {
		e.fatalf("unprocessed keys: %v", out.UnprocessedKeys)
	}
	var items []string
	for _, it := range out.Responses[e.table] {
		items = append(items, show(it))
	}
	slices.Sort(items)
	return strings.Join(items, " "), nil
}

func batchGet(e *env) {
	e.create(base, `{"pk":"b","sk":"1"}`)
	got, err := e.batchGet(`{"pk":"b","sk":"1"}`, `{"pk":"c","sk":"1"}`, baseKey)
	e.ok(err)
	want := []string{canonical(base), `{"pk":"b","sk":"1"}`}
	slices.Sort(want)
	e.equal("items", got, strings.Join(want, " "))
}

func batchGetTables(e *env) {
	second := tableInput(e.table + ".2")
	e.create(`{"pk":"a","sk":"1","n":1}`)
	e.createFrom(second)
	request := types.KeysAndAttributes{Keys: []row{parse(baseKey)}}
	out, err := e.client.BatchGetItem(e.ctx, &dynamodb.BatchGetItemInput{
		RequestItems: map[string]types.KeysAndAttributes{e.table: request, *second.TableName: request},
	})
	e.ok(err)
	e.equal("first", showAll(out.Responses[e.table]), `{"n":1,"pk":"a","sk":"1"}`)
	e.equal("second", showAll(out.Responses[*second.TableName]), "")
}

func batchGetProjection(e *env) {
	e.create(base)
	out, err := e.client.BatchGetItem(e.ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
		e.table: {Keys: []row{parse(baseKey)}, ProjectionExpression: text("#n"), ExpressionAttributeNames: map[string]string{"#n": "n"}},
	}})
	e.ok(err)
	e.equal("items", showAll(out.Responses[e.table]), `{"n":5}`)
}

func batchGetUnknown(e *env) {
	_, err := e.batchGet(baseKey)
	e.code(err, notFound)
}

// count ends the case unless the table has so many items.
func (e *env) count(want int) {
	out, err := e.client.Scan(e.ctx, &dynamodb.ScanInput{TableName: &e.table, Select: types.SelectCount})
	e.ok(err)
	e.equal("items in the table", fmt.Sprint(out.Count), fmt.Sprint(want))
}

func putRequest(item string) types.WriteRequest {
	return types.WriteRequest{PutRequest: &types.PutRequest{Item: parse(item)}}
}

func (e *env) batch(requests ...types.WriteRequest) error {
	out, err := e.client.BatchWriteItem(e.ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{e.table: requests}})
	if err == nil && len(out.UnprocessedItems) > 0 {
		e.fatalf("unprocessed items: %v", out.UnprocessedItems)
	}
	return err
}

func (e *env) batchPut(items ...string) error {
	var requests []types.WriteRequest
	for _, it := range items {
		requests = append(requests, putRequest(it))
	}
	return e.batch(requests...)
}

func batchWrite(e *env) {
	e.create(base)
	e.ok(e.batchPut(`{"pk":"b","sk":"1","n":1}`, baseKey))
	e.holds(baseKey, baseKey)
	e.holds(`{"pk":"b","sk":"1"}`, `{"pk":"b","sk":"1","n":1}`)
}

func batchWriteBad(e *env) {
	e.create()
	e.code(e.batchPut(baseKey, `{"pk":"a"}`), validation)
	e.count(0)
}
