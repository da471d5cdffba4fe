package conformance

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func pagingCases() []testCase {
	var list []testCase
	for limit := int32(1); limit <= int32(len(letters))+1; limit++ {
		for _, forward := range []bool{true, false} {
			name := fmt.Sprintf("Paging/Limit%dForward%t", limit, forward)
			list = append(list, testCase{name, func(e *env) { pageLetters(e, limit, forward) }})
		}
	}
	for _, c := range starts {
		list = append(list, testCase{"Paging/Start" + c.name, func(e *env) { startAt(e, c.start, c.condition, c.forward, c.want) }})
	}
	return append(list,
		testCase{"Paging/LastKeyIsTheKey", lastKeyIsTheKey},
		testCase{"Paging/FullPageHasLastKey", fullPageHasLastKey},
		testCase{"Paging/DeletedStart", deletedStart},
		testCase{"Paging/RowsAddedAndRemovedBetweenPages", changedBetweenPages},
		testCase{"Paging/OneMegabyte", oneMegabyte},
		testCase{"Paging/OneMegabyteBeforeFilter", oneMegabyteFilter},
		testCase{"Paging/OneMegabyteBeforeProjection", oneMegabyteProjection},
	)
}

// pages reads all pages and joins their sort keys.
func (e *env) pages(in *dynamodb.QueryInput) (all string, n int) {
	for {
		out := e.runQuery(in)
		all += sortKeys(out.Items)
		n++
		if in.Limit != nil && out.ScannedCount > *in.Limit {
			e.fatalf("page of %d items, limit %d", out.ScannedCount, *in.Limit)
		}
		if len(out.LastEvaluatedKey) == 0 {
			return all, n
		}
		if n > 100 {
			e.fatalf("paging does not end: %s", all)
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

func pageLetters(e *env, limit int32, forward bool) {
	e.createLetters()
	in := e.query("pk = :p", `{":p":"a"}`)
	in.Limit, in.ScanIndexForward = &limit, &forward
	want := letters
	if !forward {
		want = "gfedcba"
	}
	got, _ := e.pages(in)
	e.equal("sort keys", got, want)
}

// starts are start keys of a query on partition "a" and what follows them, or
// the code.
var starts = []struct {
	name, start, condition string
	forward                bool
	want                   string
}{
	{"AtItem", `{"pk":"a","sk":"c"}`, "", true, "defg"},
	{"AtItemBackward", `{"pk":"a","sk":"c"}`, "", false, "ba"},
	{"BetweenItems", `{"pk":"a","sk":"cc"}`, "", true, "defg"},
	{"BetweenItemsBackward", `{"pk":"a","sk":"cc"}`, "", false, "cba"},
	{"BehindEnd", `{"pk":"a","sk":"zz"}`, "", true, ""},
	{"BehindEndBackward", `{"pk":"a","sk":"zz"}`, "", false, "gfedcba"},
	{"InRange", `{"pk":"a","sk":"d"}`, " AND sk > :s", true, "efg"},
	{"OutOfRange", `{"pk":"a","sk":"b"}`, " AND sk > :s", true, validation},
	{"OtherPartition", `{"pk":"b","sk":"a"}`, "", true, validation},
	{"WithoutSortKey", `{"pk":"a"}`, "", true, validation},
	{"OfOtherType", `{"pk":"a","sk":1}`, "", true, validation},
	{"WithTooMuch", `{"pk":"a","sk":"c","n":1}`, "", true, validation},
}

func startAt(e *env, start, condition string, forward bool, want string) {
	e.createLetters()
	in := e.query("pk = :p"+condition, `{":p":"a"}`)
	if condition != "" {
		in.ExpressionAttributeValues[":s"] = &types.AttributeValueMemberS{Value: "c"}
	}
	in.ScanIndexForward, in.ExclusiveStartKey = &forward, parse(start)
	out, err := e.client.Query(e.ctx, in)
	if want == validation {
		e.code(err, validation)
		return
	}
	e.ok(err)
	e.equal("sort keys", sortKeys(out.Items), want)
}

func lastKeyIsTheKey(e *env) {
	e.createLetters()
	in := e.query("pk = :p", `{":p":"a"}`)
	in.Limit, in.ProjectionExpression = aws.Int32(3), text("n")
	e.equal("last key", show(e.runQuery(in).LastEvaluatedKey), `{"pk":"a","sk":"c"}`)
}

// fullPageHasLastKey: a page as long as the limit has a last key even if
// nothing follows, one that is shorter has none.
func fullPageHasLastKey(e *env) {
	e.createLetters()
	in := e.query("pk = :p", `{":p":"a"}`)
	in.Limit = aws.Int32(int32(len(letters)))
	e.equal("last key", show(e.runQuery(in).LastEvaluatedKey), `{"pk":"a","sk":"g"}`)
	in.Limit = aws.Int32(int32(len(letters)) + 1)
	e.equal("last key", show(e.runQuery(in).LastEvaluatedKey), "")
}

func deletedStart(e *env) {
	e.createLetters()
	in := e.query("pk = :p", `{":p":"a"}`)
	in.Limit = aws.Int32(3)
	in.ExclusiveStartKey = e.runQuery(in).LastEvaluatedKey
	_, err := e.client.DeleteItem(e.ctx, &dynamodb.DeleteItemInput{TableName: &e.table, Key: in.ExclusiveStartKey})
	e.ok(err)
	e.equal("rest", sortKeys(e.runQuery(in).Items), "def")
}

func changedBetweenPages(e *env) {
	e.createLetters()
	in := e.query("pk = :p", `{":p":"a"}`)
	in.Limit = aws.Int32(3)
	in.ExclusiveStartKey = e.runQuery(in).LastEvaluatedKey
	e.put(`{"pk":"a","sk":"aa"}`) // before the page
	e.put(`{"pk":"a","sk":"dd"}`) // in it
	_, err := e.client.DeleteItem(e.ctx, &dynamodb.DeleteItemInput{TableName: &e.table, Key: parse(`{"pk":"a","sk":"e"}`)})
	e.ok(err)
	got, _ := e.pages(in)
	e.equal("rest", got, "dddfg")
}

// createBig makes 9 items of 150 kB, 7 of which exceed a page.
func (e *env) createBig() *dynamodb.QueryInput {
	e.create()
	for i := range 9 {
		item := parse(fmt.Sprintf(`{"pk":"a","sk":"%d"}`, i))
		item["v"] = &types.AttributeValueMemberS{Value: repeat(150000)}
		e.ok(e.tryPutRow(item))
	}
	return e.query("pk = :p", `{":p":"a"}`)
}

func oneMegabyte(e *env) {
	in := e.createBig()
	out := e.runQuery(in)
	e.equal("first page", sortKeys(out.Items), "0123456")
	in.ExclusiveStartKey = out.LastEvaluatedKey
	out = e.runQuery(in)
	e.equal("second page", sortKeys(out.Items), "78")
	e.equal("last key", show(out.LastEvaluatedKey), "")
}

func oneMegabyteFilter(e *env) {
	in := e.createBig()
	in.FilterExpression = text("attribute_exists(q)")
	out := e.runQuery(in)
	e.equal("counts", fmt.Sprint(out.Count, out.ScannedCount), "0 7")
	e.equal("last key", show(out.LastEvaluatedKey), `{"pk":"a","sk":"6"}`)
}

func oneMegabyteProjection(e *env) {
	in := e.createBig()
	in.ProjectionExpression = text("sk")
	e.equal("first page", sortKeys(e.runQuery(in).Items), "0123456")
}
