package conformance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// projections of base, or the code.
var projections = []struct{ name, expression, want string }{
	{"Names", "pk, n", `{"n":5,"pk":"a"}`},
	{"Missing", "n, q", `{"n":5}`},
	{"NothingLeft", "q", `{}`},
	{"Twice", "n, n", validation},
	{"ReservedWord", "n, status", validation},
	{"Value", ":v", validation},
	{"Function", "size(n)", validation},
	{"TrailingComma", "n,", validation},
	{"WithoutComma", "n m", validation},
	{"Empty", "", validation},
}

func projectionCases() []testCase {
	var list []testCase
	for _, c := range projections {
		list = append(list, testCase{"Projection/" + c.name, func(e *env) {
			e.create(base)
			out, err := e.client.GetItem(e.ctx, &dynamodb.GetItemInput{TableName: &e.table, Key: parse(baseKey), ProjectionExpression: &c.expression})
			if c.want == validation {
				e.code(err, validation)
				return
			}
			e.ok(err)
			e.equal("item", show(out.Item), c.want)
		}})
	}
	return append(list, testCase{"Projection/UnusedName", func(e *env) {
		e.create(base)
		_, err := e.client.GetItem(e.ctx, &dynamodb.GetItemInput{
			TableName: &e.table, Key: parse(baseKey),
			ProjectionExpression: text("n"), ExpressionAttributeNames: map[string]string{"#n": "n"},
		})
		e.code(err, validation)
	}})
}

func scanCases() []testCase {
	return []testCase{
		{"Scan/AllPages", scanPages},
		{"Scan/Filter", scanFilter},
		{"Scan/Index", scanIndex},
	}
}

func scanPages(e *env) {
	e.create()
	var want []string
	for i := range 20 {
		item := fmt.Sprintf(`{"pk":"p%d","sk":"s%d"}`, i%7, i)
		e.put(item)
		want = append(want, item)
	}
	var got []string
	pages := dynamodb.NewScanPaginator(e.client, &dynamodb.ScanInput{TableName: &e.table, Limit: aws.Int32(3)})
	for pages.HasMorePages() {
		out, err := pages.NextPage(e.ctx)
		e.ok(err)
		for _, it := range out.Items {
			got = append(got, show(it))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	e.equal("items", strings.Join(got, " "), strings.Join(want, " "))
}

func scanFilter(e *env) {
	e.createLetters()
	out, err := e.client.Scan(e.ctx, &dynamodb.ScanInput{
		TableName: &e.table, FilterExpression: text("pk = :p AND n > :n"), ExpressionAttributeValues: parse(`{":p":"a",":n":4}`),
	})
	e.ok(err)
	e.equal("sort keys", sortKeys(out.Items), "fg")
	e.equal("counts", fmt.Sprint(out.Count, out.ScannedCount), "2 8")
}

func scanIndex(e *env) {
	e.create(`{"pk":"x","sk":"a","g":"G","h":1}`, `{"pk":"x","sk":"b"}`)
	out, err := e.client.Scan(e.ctx, &dynamodb.ScanInput{TableName: &e.table, IndexName: text("all")})
	e.ok(err)
	e.equal("sort keys", sortKeys(out.Items), "a")
}
