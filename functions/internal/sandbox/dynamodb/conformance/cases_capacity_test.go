package conformance

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// showCapacity writes the total and, where given, the shares.
func showCapacity(c *types.ConsumedCapacity) string {
	if c == nil {
		return "none"
	}
	out := fmt.Sprint(aws.ToFloat64(c.CapacityUnits))
	if c.Table != nil {
		out += fmt.Sprint(" table ", aws.ToFloat64(c.Table.CapacityUnits))
	}
	for _, name := range slices.Sorted(maps.Keys(c.GlobalSecondaryIndexes)) {
		out += fmt.Sprint(" ", name, " ", aws.ToFloat64(c.GlobalSecondaryIndexes[name].CapacityUnits))
	}
	return out
}

// only is the capacity of the one table that was used.
func (e *env) only(list []types.ConsumedCapacity) string {
	if len(list) != 1 {
		e.fatalf("capacity of %d tables, not of one", len(list))
	}
	return showCapacity(&list[0])
}

// writes are puts over old, the total, and with shares.
var writes = []struct{ name, old, item, total, shares string }{
	{"New", "", key("a"), "1", "1 table 1"},
	{"IndexEntryMade", "", `{"pk":"a","sk":"1","g":"G"}`, "3", "3 table 1 include 1 keys 1"},
	{"IndexEntryMoved", `{"pk":"a","sk":"1","g":"H"}`, `{"pk":"a","sk":"1","g":"G"}`, "5", "5 table 1 include 2 keys 2"},
	{"IndexEntryRemoved", `{"pk":"a","sk":"1","g":"H"}`, key("a"), "3", "3 table 1 include 1 keys 1"},
	{"IndexEntryUnchanged", `{"pk":"a","sk":"1","g":"G"}`, `{"pk":"a","sk":"1","g":"G","o":1}`, "1", "1 table 1"},
	{"ProjectedAttributeChanged", `{"pk":"a","sk":"1","g":"G"}`, `{"pk":"a","sk":"1","g":"G","inc":1}`, "2", "2 table 1 include 1"},
	{"FiveKilobytes", "", `{"pk":"a","sk":"1","v":"` + repeat(5000) + `"}`, "5", "5 table 5"},
	{"SmallOverLarge", `{"pk":"a","sk":"1","v":"` + repeat(5000) + `"}`, key("a"), "5", "5 table 5"},
}

func capacityCases() []testCase {
	var list []testCase
	for _, c := range writes {
		put := func(e *env, mode types.ReturnConsumedCapacity, want string) {
			if c.old == "" {
				e.create()
			} else {
				e.create(c.old)
			}
			out, err := e.client.PutItem(e.ctx, &dynamodb.PutItemInput{TableName: &e.table, Item: parse(c.item), ReturnConsumedCapacity: mode})
			e.ok(err)
			e.equal("capacity", showCapacity(out.ConsumedCapacity), want)
		}
		list = append(list,
			testCase{"Capacity/PutTotal" + c.name, func(e *env) { put(e, types.ReturnConsumedCapacityTotal, c.total) }},
			testCase{"Capacity/PutIndexes" + c.name, func(e *env) { put(e, types.ReturnConsumedCapacityIndexes, c.shares) }},
		)
	}
	return append(list,
		testCase{"Capacity/NoneUnasked", capacityUnasked},
		testCase{"Capacity/NoneUnaskedOfDelete", capacityUnaskedDelete},
		testCase{"Capacity/Get", func(e *env) { capacityGet(e, false, "1.5") }},
		testCase{"Capacity/GetConsistent", func(e *env) { capacityGet(e, true, "3") }},
		testCase{"Capacity/GetMissing", capacityGetMissing},
		testCase{"Capacity/Query", func(e *env) { capacityQuery(e, false, "3.5") }},
		testCase{"Capacity/QueryConsistent", func(e *env) { capacityQuery(e, true, "7") }},
		testCase{"Capacity/QueryOfIndex", capacityQueryIndex},
		testCase{"Capacity/BatchGetMissing", capacityBatchGet},
		testCase{"Capacity/TransactWrite", capacityTransaction},
		testCase{"Capacity/FailedConditionGivesNone", capacityFailed},
	)
}

const total = types.ReturnConsumedCapacityTotal

func capacityUnasked(e *env) {
	e.create()
	out, err := e.client.PutItem(e.ctx, &dynamodb.PutItemInput{TableName: &e.table, Item: parse(base)})
	e.ok(err)
	e.equal("capacity", showCapacity(out.ConsumedCapacity), "none")
}

func capacityUnaskedDelete(e *env) {
	e.create()
	out, err := e.client.DeleteItem(e.ctx, &dynamodb.DeleteItemInput{TableName: &e.table, Key: parse(baseKey)})
	e.ok(err)
	e.equal("capacity", showCapacity(out.ConsumedCapacity), "none")
}

// nine is an item of nine kilobytes.
func nine(sk string) string {
	return `{"pk":"a","sk":"` + sk + `","v":"` + repeat(9000) + `"}`
}

func capacityGet(e *env, consistent bool, want string) {
	e.create(nine("1"))
	out, err := e.client.GetItem(e.ctx, &dynamodb.GetItemInput{
		TableName: &e.table, Key: parse(baseKey), ConsistentRead: &consistent,
		ProjectionExpression: text("pk"), ReturnConsumedCapacity: total,
	})
	e.ok(err)
	e.equal("capacity", showCapacity(out.ConsumedCapacity), want)
}

func capacityGetMissing(e *env) {
	e.create()
	out, err := e.client.GetItem(e.ctx, &dynamodb.GetItemInput{TableName: &e.table, Key: parse(baseKey), ReturnConsumedCapacity: total})
	e.ok(err)
	e.equal("capacity", showCapacity(out.ConsumedCapacity), "0.5")
}

// capacityQuery reads 27 kB at once, before the filter.
func capacityQuery(e *env, consistent bool, want string) {
	e.create(nine("1"), nine("2"), nine("3"))
	in := e.query("pk = :p", `{":p":"a"}`)
	in.ConsistentRead, in.ReturnConsumedCapacity = &consistent, total
	e.equal("capacity", showCapacity(e.runQuery(in).ConsumedCapacity), want)
}

func capacityQueryIndex(e *env) {
	e.create(`{"pk":"a","sk":"1","g":"G","h":1}`)
	in := e.indexQuery("all")
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityIndexes
	e.equal("capacity", showCapacity(e.runQuery(in).ConsumedCapacity), "0.5 table 0 all 0.5")
}

func capacityBatchGet(e *env) {
	e.create(key("a"))
	out, err := e.client.BatchGetItem(e.ctx, &dynamodb.BatchGetItemInput{
		RequestItems: map[string]types.KeysAndAttributes{
			e.table: {Keys: []row{parse(key("a")), parse(key("b"))}, ConsistentRead: aws.Bool(true)},
		},
		ReturnConsumedCapacity: total,
	})
	e.ok(err)
	e.equal("capacity", e.only(out.ConsumedCapacity), "2")
}

func capacityTransaction(e *env) {
	e.create(key("b"))
	out, err := e.client.TransactWriteItems(e.ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{
			putAction(nine("1"), "")(e), deleteAction(key("b"), "")(e), updateAction(key("c"), "SET n = :v", `{":v":1}`)(e),
		},
		ReturnConsumedCapacity: total,
	})
	e.ok(err)
	e.equal("capacity", e.only(out.ConsumedCapacity), "22")
}

func capacityFailed(e *env) {
	e.create()
	_, err := e.client.PutItem(e.ctx, &dynamodb.PutItemInput{
		TableName: &e.table, Item: parse(base), ConditionExpression: text(there), ReturnConsumedCapacity: total,
	})
	e.code(err, conditionFailed)
}
