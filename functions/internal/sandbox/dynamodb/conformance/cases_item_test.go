package conformance

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

func itemCases() []testCase {
	list := []testCase{
		{"Item/PutGet", func(e *env) { e.create(base); e.holds(baseKey, base) }},
		{"Item/PutReplaces", putReplaces},
		{"Item/GetMissing", func(e *env) { e.create(); e.holds(baseKey, "") }},
		{"Item/DeleteMissing", itemDeleteMissing},
	}
	for _, c := range []struct{ name, item string }{
		{"WithoutSortKey", `{"pk":"a"}`},
		{"WithoutKeys", `{"n":1}`},
		{"KeyOfOtherType", `{"pk":"a","sk":1}`},
		{"PartitionKeyEmpty", `{"pk":"","sk":"1"}`},
		{"SortKeyEmpty", `{"pk":"a","sk":""}`},
		{"IndexKeyEmpty", `{"pk":"a","sk":"1","g":""}`},
		{"IndexKeyOtherType", `{"pk":"a","sk":"1","g":1}`},
		{"IndexSortOtherType", `{"pk":"a","sk":"1","h":"1"}`},
		{"IndexKeyNull", `{"pk":"a","sk":"1","g":null}`},
		{"EmptyAttributeName", `{"pk":"a","sk":"1","":1}`},
	} {
		list = append(list, testCase{"Item/PutRefused" + c.name, func(e *env) {
			e.create()
			e.code(e.tryPut(c.item), validation)
		}})
	}
	for _, c := range []struct{ name, key string }{
		{"WithoutSortKey", `{"pk":"a"}`},
		{"KeyOfOtherType", `{"pk":"a","sk":1}`},
		{"TooMuch", `{"pk":"a","sk":"1","n":1}`},
		{"OtherName", `{"pk":"a","key":"1"}`},
		{"EmptyKey", `{"pk":"a","sk":""}`},
	} {
		list = append(list, testCase{"Item/KeyRefused" + c.name, func(e *env) { badKey(e, parse(c.key)) }})
	}
	return list
}

func putReplaces(e *env) {
	e.create(base)
	e.put(`{"pk":"a","sk":"1","q":1}`)
	e.holds(baseKey, `{"pk":"a","sk":"1","q":1}`)
}

func itemDeleteMissing(e *env) {
	e.create()
	_, err := e.client.DeleteItem(e.ctx, &dynamodb.DeleteItemInput{TableName: &e.table, Key: parse(baseKey)})
	e.ok(err)
}

// badKey uses a key that does not fit in all three operations.
func badKey(e *env, key row) {
	e.create(base)
	_, err := e.client.GetItem(e.ctx, &dynamodb.GetItemInput{TableName: &e.table, Key: key})
	e.code(err, validation)
	_, err = e.client.DeleteItem(e.ctx, &dynamodb.DeleteItemInput{TableName: &e.table, Key: key})
	e.code(err, validation)
	_, err = e.client.UpdateItem(e.ctx, &dynamodb.UpdateItemInput{TableName: &e.table, Key: key})
	e.code(err, validation)
	e.holds(baseKey, base)
}
