package dynamodb_test

import (
	"fmt"
	"strings"
	"testing"

	fake "github.com/tagalong-aws/tagalong/functions/internal/sandbox/dynamodb"
)

const largeTable = `{"TableName":"large","BillingMode":"PAY_PER_REQUEST",
	"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"sk","AttributeType":"S"},{"AttributeName":"g","AttributeType":"S"}],
	"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}],
	"GlobalSecondaryIndexes":[{"IndexName":"byg","KeySchema":[{"AttributeName":"g","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}],"Projection":{"ProjectionType":"ALL"}}]}`

// fill puts n items into partitions, all of them into one partition of the
// index, in an order that is neither ascending nor descending.
func fill(tb testing.TB, db *fake.DB, n, partitions int) {
	tb.Helper()
	must(tb, db, "CreateTable", largeTable)
	for i := range n {
		k := i * 7919 % n // 7919 is a prime, so every number comes once
		must(tb, db, "PutItem", fmt.Sprintf(`{"TableName":"large","Item":{"pk":{"S":"p%d"},"sk":{"S":"%08d"},"g":{"S":"G"}}}`, k%partitions, k))
	}
}

// TestLargePartition reads a partition of many chunks from both ends and from
// the middle.
func TestLargePartition(t *testing.T) {
	const n = 20000
	db := fake.New(fake.Options{})
	fill(t, db, n, 10)
	query := func(rest string) string {
		answer := must(t, db, "Query", `{"TableName":"large","IndexName":"byg","KeyConditionExpression":"g = :g","ProjectionExpression":"sk","Limit":2,
			"ExpressionAttributeValues":{":g":{"S":"G"}}`+rest+`}`)
		items, _, _ := strings.Cut(answer, `,"Count"`)
		return items
	}
	for _, c := range []struct{ rest, want string }{
		{``, `{"Items":[{"sk":{"S":"00000000"}},{"sk":{"S":"00000001"}}]`},
		{`,"ScanIndexForward":false`, `{"Items":[{"sk":{"S":"00019999"}},{"sk":{"S":"00019998"}}]`},
		{`,"ExclusiveStartKey":{"g":{"S":"G"},"pk":{"S":"p5"},"sk":{"S":"00012345"}}`, `{"Items":[{"sk":{"S":"00012346"}},{"sk":{"S":"00012347"}}]`},
	} {
		if got := query(c.rest); got != c.want {
			t.Errorf("query %s:\n got %s\nwant %s", c.rest, got, c.want)
		}
	}
	for k := range n {
		must(t, db, "DeleteItem", fmt.Sprintf(`{"TableName":"large","Key":{"pk":{"S":"p%d"},"sk":{"S":"%08d"}}}`, k%10, k))
	}
	if got := query(``); got != `{"Items":[]` {
		t.Errorf("items after all were deleted: %s", got)
	}
}

func BenchmarkPutInto100000(b *testing.B) {
	db := fake.New(fake.Options{})
	fill(b, db, 100000, 1000)
	for i := 0; b.Loop(); i++ {
		must(b, db, "PutItem", fmt.Sprintf(`{"TableName":"large","Item":{"pk":{"S":"p%d"},"sk":{"S":"x%d"},"g":{"S":"G"}}}`, i%1000, i))
	}
}

func BenchmarkQueryOf100000(b *testing.B) {
	db := fake.New(fake.Options{})
	fill(b, db, 100000, 1000)
	for b.Loop() {
		must(b, db, "Query", `{"TableName":"large","IndexName":"byg","KeyConditionExpression":"g = :g AND sk > :s","Limit":10,
			"ExpressionAttributeValues":{":g":{"S":"G"},":s":{"S":"00054321"}}}`)
	}
}

func BenchmarkTransactionIn100000(b *testing.B) {
	db := fake.New(fake.Options{})
	fill(b, db, 100000, 1000)
	for b.Loop() {
		must(b, db, "TransactWriteItems", `{"TransactItems":[
			{"Update":{"TableName":"large","Key":{"pk":{"S":"p1"},"sk":{"S":"t"}},"UpdateExpression":"SET n = :n","ExpressionAttributeValues":{":n":{"N":"1"}}}},
			{"ConditionCheck":{"TableName":"large","Key":{"pk":{"S":"p2"},"sk":{"S":"t"}},"ConditionExpression":"attribute_not_exists(pk)"}}]}`)
	}
}
