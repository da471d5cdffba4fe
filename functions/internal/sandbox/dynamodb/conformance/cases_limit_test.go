package conformance

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func limitCases() []testCase {
	return []testCase{
		{"Limit/ItemOf400KB", func(e *env) { e.create(); e.ok(e.tryPutRow(sized(400*1024, 0))) }},
		{"Limit/ItemOverBy1", func(e *env) { e.create(); e.code(e.tryPutRow(sized(400*1024, 1)), validation) }},
		{"Limit/UpdateOverBy1", updateTooLarge},
		{"Limit/PartitionKey2048", func(e *env) { e.create(); e.ok(e.tryPutRow(keyed(2048, 1))) }},
		{"Limit/PartitionKey2049", func(e *env) { e.create(); e.code(e.tryPutRow(keyed(2049, 1)), validation) }},
		{"Limit/SortKey1024", func(e *env) { e.create(); e.ok(e.tryPutRow(keyed(1, 1024))) }},
		{"Limit/SortKey1025", func(e *env) { e.create(); e.code(e.tryPutRow(keyed(1, 1025)), validation) }},
		{"Limit/Expression4096", func(e *env) { e.create(base); e.ok(e.check(longCondition(4096), "", nil)) }},
		{"Limit/Expression4097", func(e *env) { e.create(base); e.code(e.check(longCondition(4097), "", nil), validation) }},
		{"Limit/Operators301", func(e *env) { e.create(base); e.code(e.check(manyOperators(301), "", nil), validation) }},
		{"Limit/Nesting32", func(e *env) { e.create(); e.ok(e.tryPutRow(nested(31))) }},
		{"Limit/Nesting33", func(e *env) { e.create(); e.code(e.tryPutRow(nested(32)), validation) }},
	}
}

// sized is an item of exactly n bytes and some more.
func sized(n, more int) row {
	item := parse(baseKey) // pk, a, sk, 1: six bytes
	item["v"] = &types.AttributeValueMemberS{Value: repeat(n - 7 + more)}
	return item
}

func keyed(partition, sort int) row {
	return row{
		"pk": &types.AttributeValueMemberS{Value: repeat(partition)},
		"sk": &types.AttributeValueMemberS{Value: repeat(sort)},
	}
}

func updateTooLarge(e *env) {
	e.create(baseKey)
	in := e.update(baseKey, "SET v = :v", "")
	in.ExpressionAttributeValues = row{":v": sized(400*1024, 1)["v"]}
	_, err := e.client.UpdateItem(e.ctx, in)
	e.code(err, validation)
	e.holds(baseKey, baseKey)
}

// longCondition is a condition on base of n bytes that holds.
func longCondition(n int) string {
	expression := "attribute_not_exists(" // filled up with the name
	return expression + repeat(min(n-len(expression)-1, 255)) + ")" + strings.Repeat(" ", max(0, n-len(expression)-256))
}

// manyOperators is a condition with n of them: NOTs and a function.
func manyOperators(n int) string {
	return strings.Repeat("NOT ", n-1) + "attribute_exists(n)"
}

// nested is an item with so many lists in one another.
func nested(depth int) row {
	var v types.AttributeValue = &types.AttributeValueMemberN{Value: "1"}
	for range depth {
		v = &types.AttributeValueMemberL{Value: []types.AttributeValue{v}}
	}
	item := parse(baseKey)
	item["v"] = v
	return item
}
