package conformance

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// letters are the sort keys of partition "a" in the query cases, each with a
// number n and an attribute that differs; partition "b" has one item.
const letters = "abcdefg"

func (e *env) createLetters() {
	e.create(`{"pk":"b","sk":"a"}`)
	for i, letter := range strings.Split(letters, "") {
		e.put(fmt.Sprintf(`{"pk":"a","sk":%q,"n":%d,"name":"x"}`, letter, i))
	}
}

// sortKeys are the sort keys of items, joined.
func sortKeys(items []row) string {
	joined := ""
	for _, it := range items {
		joined += it["sk"].(*types.AttributeValueMemberS).Value
	}
	return joined
}

// queries are key conditions and the sort keys they give, or the code.
var queries = []struct{ name, condition, values, want, code string }{
	{"Partition", "pk = :p", `{":p":"a"}`, "abcdefg", ""},
	{"PartitionOfNone", "pk = :p", `{":p":"zz"}`, "", ""},
	{"Equal", "pk = :p AND sk = :s", `{":p":"a",":s":"c"}`, "c", ""},
	{"EqualOfNone", "pk = :p AND sk = :s", `{":p":"a",":s":"cc"}`, "", ""},
	{"Less", "pk = :p AND sk < :s", `{":p":"a",":s":"c"}`, "ab", ""},
	{"LessOrEqual", "pk = :p AND sk <= :s", `{":p":"a",":s":"c"}`, "abc", ""},
	{"Greater", "pk = :p AND sk > :s", `{":p":"a",":s":"c"}`, "defg", ""},
	{"GreaterOrEqual", "pk = :p AND sk >= :s", `{":p":"a",":s":"c"}`, "cdefg", ""},
	{"GreaterThanAbsent", "pk = :p AND sk > :s", `{":p":"a",":s":"cc"}`, "defg", ""},
	{"Between", "pk = :p AND sk BETWEEN :s AND :t", `{":p":"a",":s":"b",":t":"d"}`, "bcd", ""},
	{"BetweenAbsent", "pk = :p AND sk BETWEEN :s AND :t", `{":p":"a",":s":"bb",":t":"dd"}`, "cd", ""},
	{"BetweenInverted", "pk = :p AND sk BETWEEN :t AND :s", `{":p":"a",":s":"b",":t":"d"}`, "", validation},
	{"BeginsWith", "pk = :p AND begins_with(sk, :s)", `{":p":"a",":s":"c"}`, "c", ""},
	{"SortFirst", "sk > :s AND pk = :p", `{":p":"a",":s":"c"}`, "defg", ""},
	{"InParentheses", "(pk = :p) AND (sk > :s)", `{":p":"a",":s":"c"}`, "defg", ""},
	{"AndInLowerCase", "pk = :p and sk > :s", `{":p":"a",":s":"c"}`, "defg", ""},
	{"Or", "pk = :p OR sk > :s", `{":p":"a",":s":"c"}`, "", validation},
	{"Not", "pk = :p AND NOT sk > :s", `{":p":"a",":s":"c"}`, "", validation},
	{"NotEqual", "pk = :p AND sk <> :s", `{":p":"a",":s":"c"}`, "", validation},
	{"In", "pk = :p AND sk IN (:s)", `{":p":"a",":s":"c"}`, "", validation},
	{"Contains", "pk = :p AND contains(sk, :s)", `{":p":"a",":s":"c"}`, "", validation},
	{"PartitionRange", "pk > :p", `{":p":"a"}`, "", validation},
	{"PartitionBeginsWith", "begins_with(pk, :p)", `{":p":"a"}`, "", validation},
	{"WithoutPartition", "sk = :s", `{":s":"a"}`, "", validation},
	{"OtherAttribute", "pk = :p AND n = :n", `{":p":"a",":n":1}`, "", validation},
	{"SortKeyTwice", "pk = :p AND sk > :s AND sk < :t", `{":p":"a",":s":"a",":t":"c"}`, "", validation},
	{"PartitionOfOtherType", "pk = :p", `{":p":1}`, "", validation},
	{"SortOfOtherType", "pk = :p AND sk = :s", `{":p":"a",":s":1}`, "", validation},
	{"PartitionEmpty", "pk = :p", `{":p":""}`, "", validation},
	{"TwoPaths", "pk = sk", "", "", validation},
	{"NestedPath", "pk = :p AND sk.x = :s", `{":p":"a",":s":"c"}`, "", validation},
	{"UndefinedValue", "pk = :q", `{":p":"a"}`, "", validation},
	{"UnusedValue", "pk = :p", `{":p":"a",":q":"a"}`, "", validation},
	{"Empty", "", `{":p":"a"}`, "", validation},
}

// selections are settings of a query of partition "a".
var selections = []struct {
	name   string
	change func(*dynamodb.QueryInput)
	want   string // sort keys, or the code
	counts string // Count/ScannedCount
}{
	{"Backward", func(in *dynamodb.QueryInput) { in.ScanIndexForward = aws.Bool(false) }, "gfedcba", "7/7"},
	{"Consistent", func(in *dynamodb.QueryInput) { in.ConsistentRead = aws.Bool(true) }, "abcdefg", "7/7"},
	{"AllAttributes", func(in *dynamodb.QueryInput) { in.Select = types.SelectAllAttributes }, "abcdefg", "7/7"},
	{"CountGivesNoItems", func(in *dynamodb.QueryInput) { in.Select = types.SelectCount }, "", "7/7"},
	{"CountWithLimit", func(in *dynamodb.QueryInput) { in.Select, in.Limit = types.SelectCount, aws.Int32(3) }, "", "3/3"},
	{"SpecificWithoutProjection", func(in *dynamodb.QueryInput) { in.Select = types.SelectSpecificAttributes }, validation, ""},
	{"ProjectedWithoutIndex", func(in *dynamodb.QueryInput) { in.Select = types.SelectAllProjectedAttributes }, validation, ""},
	{"AllWithProjection", func(in *dynamodb.QueryInput) {
		in.Select, in.ProjectionExpression = types.SelectAllAttributes, text("sk")
	}, validation, ""},
	{"Projection", func(in *dynamodb.QueryInput) { in.ProjectionExpression = text("sk") }, "abcdefg", "7/7"},
	{"Filter", func(in *dynamodb.QueryInput) { filter(in, "n > :n") }, "efg", "3/7"},
	{"FilterCount", func(in *dynamodb.QueryInput) { filter(in, "n > :n"); in.Select = types.SelectCount }, "", "3/7"},
	{"FilterAfterLimit", func(in *dynamodb.QueryInput) { filter(in, "n > :n"); in.Limit = aws.Int32(5) }, "e", "1/5"},
	{"FilterOfNone", func(in *dynamodb.QueryInput) { filter(in, "n > :n"); in.Limit = aws.Int32(2) }, "", "0/2"},
	{"FilterOfSortKey", func(in *dynamodb.QueryInput) { filter(in, "sk > :n") }, validation, ""},
	{"FilterOfPartitionKey", func(in *dynamodb.QueryInput) { filter(in, "pk = :n") }, validation, ""},
	{"FilterReservedWord", func(in *dynamodb.QueryInput) { filter(in, "name > :n") }, validation, ""},
	{"LimitZero", func(in *dynamodb.QueryInput) { in.Limit = aws.Int32(0) }, validation, ""},
	{"LimitNegative", func(in *dynamodb.QueryInput) { in.Limit = aws.Int32(-1) }, validation, ""},
	{"UnknownIndex", func(in *dynamodb.QueryInput) { in.IndexName = text("nowhere") }, validation, ""},
	{"UnknownTable", func(in *dynamodb.QueryInput) { in.TableName = text("conformance.nowhere") }, notFound, ""},
}

// filter adds a filter with the value :n, the number 3.
func filter(in *dynamodb.QueryInput, expression string) {
	in.FilterExpression = &expression
	in.ExpressionAttributeValues[":n"] = &types.AttributeValueMemberN{Value: "3"}
}

func queryCases() []testCase {
	var list []testCase
	for _, c := range queries {
		list = append(list, testCase{"Query/" + c.name, func(e *env) {
			e.createLetters()
			out, err := e.client.Query(e.ctx, e.query(c.condition, c.values))
			e.code(err, c.code)
			if err == nil {
				e.equal("sort keys", sortKeys(out.Items), c.want)
			}
		}})
	}
	for _, c := range selections {
		list = append(list, testCase{"Query/" + c.name, func(e *env) {
			e.createLetters()
			in := e.query("pk = :p", `{":p":"a"}`)
			c.change(in)
			out, err := e.client.Query(e.ctx, in)
			if c.counts == "" {
				e.code(err, c.want)
				return
			}
			e.ok(err)
			e.equal("sort keys", sortKeys(out.Items), c.want)
			e.equal("counts", fmt.Sprintf("%d/%d", out.Count, out.ScannedCount), c.counts)
		}})
	}
	return append(list,
		testCase{"Query/SortsNumbersByValue", func(e *env) { querySorted(e, "N", `10`, `-1`, `9`, `0.5`, `100`, `-20`) }},
		testCase{"Query/SortsTextByBytes", func(e *env) { querySorted(e, "S", `"b"`, `"a"`, `"B"`, `"ä"`, `"ab"`, `"z"`) }},
		testCase{"Query/SortsBinaryByBytes", func(e *env) { querySorted(e, "B", `{"$b":"b"}`, `{"$b":"a"}`, `{"$b":"ab"}`, `{"$b":"B"}`) }},
	)
}

// sortedKeys are what querySorted expects for each type of key.
var sortedKeys = map[string]string{
	"N": "-20 -1 0.5 9 10 100 ",
	"S": `"B" "a" "ab" "b" "z" "ä" `,
	"B": `{"$b":"B"} {"$b":"a"} {"$b":"ab"} {"$b":"b"} `,
}

func querySorted(e *env, kind string, keys ...string) {
	in := tableInput(e.table)
	in.AttributeDefinitions[1] = definition("sk", kind)
	e.createFrom(in)
	for _, key := range keys {
		e.put(`{"pk":"a","sk":` + key + `}`)
	}
	got := ""
	for _, it := range e.runQuery(e.query("pk = :p", `{":p":"a"}`)).Items {
		got += showValue(it["sk"]) + " "
	}
	e.equal("order", got, sortedKeys[kind])
}
