package conformance

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func indexCases() []testCase {
	return []testCase{
		{"Index/SortsAndIsSparse", indexSorts},
		{"Index/Range", indexRange},
		{"Index/FollowsUpdates", indexFollows},
		{"Index/KeyRemovedByUpdate", indexKeyRemoved},
		{"Index/FollowsDelete", indexFollowsDelete},
		{"Index/ProjectsAll", func(e *env) { indexProjects(e, "all", `{"g":"G","h":1,"inc":1,"o":1,"pk":"a","sk":"1"}`) }},
		{"Index/ProjectsKeys", func(e *env) { indexProjects(e, "keys", `{"g":"G","pk":"a","sk":"1"}`) }},
		{"Index/ProjectsIncluded", func(e *env) { indexProjects(e, "include", `{"g":"G","inc":1,"pk":"a","sk":"1"}`) }},
		{"Index/ConsistentReadRefused", indexConsistent},
		{"Index/AllAttributesOfKeysRefused", indexAllAttributes},
		{"Index/UnprojectedAttributeRefused", indexUnprojected},
		{"Index/UnprojectedFilterRefused", indexUnprojectedFilter},
		{"Index/FilterOfTableKey", indexFilter},
		{"Index/LastKeyHoldsBothKeys", indexLastKey},
		{"Index/StartWithoutIndexKeyRefused", indexStart},
		{"Index/PagesEqualKeys", func(e *env) { indexPages(e, true) }},
		{"Index/PagesEqualKeysBackward", func(e *env) { indexPages(e, false) }},
		{"Index/DeletedStart", indexDeletedStart},
	}
}

// indexQuery asks an index for g = "G".
func (e *env) indexQuery(index string) *dynamodb.QueryInput {
	in := e.query("g = :g", `{":g":"G"}`)
	in.IndexName = &index
	return in
}

func (e *env) indexHolds(index, want string) {
	e.equal("index "+index, sortKeys(e.runQuery(e.indexQuery(index)).Items), want)
}

func indexSorts(e *env) {
	e.create(
		`{"pk":"x","sk":"a","g":"G","h":3}`, `{"pk":"y","sk":"b","g":"G","h":10}`, `{"pk":"z","sk":"c","g":"G","h":-1}`,
		`{"pk":"x","sk":"d","g":"H","h":1}`, `{"pk":"x","sk":"e","h":1}`, `{"pk":"x","sk":"f","g":"G"}`,
	)
	e.indexHolds("all", "cab") // f has no h
	in := e.indexQuery("keys")
	got := strings.Split(sortKeys(e.runQuery(in).Items), "")
	slices.Sort(got) // without a sort key the order is not defined
	e.equal("index keys", strings.Join(got, ""), "abcf")
}

func indexRange(e *env) {
	e.create(`{"pk":"x","sk":"a","g":"G","h":3}`, `{"pk":"y","sk":"b","g":"G","h":10}`, `{"pk":"z","sk":"c","g":"G","h":-1}`)
	in := e.query("g = :g AND h >= :h", `{":g":"G",":h":3}`)
	in.IndexName, in.ScanIndexForward = text("all"), aws.Bool(false)
	e.equal("sort keys", sortKeys(e.runQuery(in).Items), "ba")
}

func indexFollows(e *env) {
	e.create(`{"pk":"x","sk":"a","g":"G","h":1}`, `{"pk":"x","sk":"b","g":"G","h":2}`)
	_, err := e.client.UpdateItem(e.ctx, e.update(`{"pk":"x","sk":"a"}`, "SET h = :h, q = :h", `{":h":3}`))
	e.ok(err)
	e.indexHolds("all", "ba")
	e.put(`{"pk":"x","sk":"b","g":"H","h":2}`)
	e.indexHolds("all", "a")
}

func indexKeyRemoved(e *env) {
	e.create(`{"pk":"x","sk":"a","g":"G","h":1}`, `{"pk":"x","sk":"b","g":"G","h":2}`)
	_, err := e.client.UpdateItem(e.ctx, e.update(`{"pk":"x","sk":"a"}`, "REMOVE h", ""))
	e.ok(err)
	e.indexHolds("all", "b")
	e.put(`{"pk":"x","sk":"b"}`)
	e.indexHolds("all", "")
}

func indexFollowsDelete(e *env) {
	e.create(`{"pk":"x","sk":"a","g":"G","h":1}`, `{"pk":"x","sk":"b","g":"G","h":1}`)
	_, err := e.client.DeleteItem(e.ctx, &dynamodb.DeleteItemInput{TableName: &e.table, Key: parse(`{"pk":"x","sk":"a"}`)})
	e.ok(err)
	e.indexHolds("all", "b")
	e.indexHolds("keys", "b")
}

func indexProjects(e *env, index, want string) {
	e.create(`{"pk":"a","sk":"1","g":"G","h":1,"inc":1,"o":1}`)
	e.equal("items", showAll(e.runQuery(e.indexQuery(index)).Items), want)
}

func (e *env) indexRefused(in *dynamodb.QueryInput) {
	e.create(`{"pk":"a","sk":"1","g":"G","h":1}`)
	_, err := e.client.Query(e.ctx, in)
	e.code(err, validation)
}

func indexConsistent(e *env) {
	in := e.indexQuery("all")
	in.ConsistentRead = aws.Bool(true)
	e.indexRefused(in)
}

func indexAllAttributes(e *env) {
	in := e.indexQuery("keys")
	in.Select = types.SelectAllAttributes
	e.indexRefused(in)
}

func indexUnprojected(e *env) {
	in := e.indexQuery("include")
	in.ProjectionExpression = text("o")
	e.indexRefused(in)
}

func indexUnprojectedFilter(e *env) {
	in := e.indexQuery("include")
	in.FilterExpression = text("attribute_exists(o)")
	e.indexRefused(in)
}

func indexFilter(e *env) {
	e.create(`{"pk":"x","sk":"a","g":"G","h":1}`, `{"pk":"y","sk":"b","g":"G","h":2}`)
	in := e.indexQuery("all")
	in.FilterExpression = text("pk = :p")
	in.ExpressionAttributeValues[":p"] = &types.AttributeValueMemberS{Value: "y"}
	e.equal("sort keys", sortKeys(e.runQuery(in).Items), "b")
}

func indexLastKey(e *env) {
	e.create(`{"pk":"x","sk":"a","g":"G","h":1,"o":1}`, `{"pk":"y","sk":"b","g":"G","h":2}`)
	in := e.indexQuery("all")
	in.Limit = aws.Int32(1)
	e.equal("last key", show(e.runQuery(in).LastEvaluatedKey), `{"g":"G","h":1,"pk":"x","sk":"a"}`)
}

func indexStart(e *env) {
	in := e.indexQuery("all")
	in.ExclusiveStartKey = parse(`{"pk":"a","sk":"1"}`)
	e.indexRefused(in)
}

// indexPages pages through items with equal index keys, with every limit: all
// must come, once each, in the order of h.
func indexPages(e *env, forward bool) {
	e.create()
	for _, sk := range strings.Split("abcdefgh", "") {
		e.put(`{"pk":"x","sk":"` + sk + `","g":"G","h":1}`)
	}
	e.put(`{"pk":"x","sk":"0","g":"G","h":0}`)
	e.put(`{"pk":"x","sk":"9","g":"G","h":2}`)
	for limit := int32(1); limit <= 11; limit++ {
		in := e.indexQuery("all")
		in.Limit, in.ScanIndexForward = &limit, &forward
		got, _ := e.pages(in)
		middle := strings.Split(strings.Trim(got, "09"), "")
		slices.Sort(middle)
		e.equal("all items", strings.Join(middle, ""), "abcdefgh")
		ends := map[bool]string{true: "09", false: "90"}[forward]
		e.equal("ends", got[:1]+got[len(got)-1:], ends)
	}
}

// indexDeletedStart goes on behind an item that has been deleted, as far as
// order is defined: by h.
func indexDeletedStart(e *env) {
	e.create()
	for i, sk := range strings.Split("abcdefg", "") {
		e.put(`{"pk":"x","sk":"` + sk + `","g":"G","h":` + string(rune('0'+i)) + `}`)
	}
	in := e.indexQuery("all")
	in.Limit = aws.Int32(3)
	in.ExclusiveStartKey = e.runQuery(in).LastEvaluatedKey
	_, err := e.client.DeleteItem(e.ctx, &dynamodb.DeleteItemInput{TableName: &e.table, Key: parse(`{"pk":"x","sk":"c"}`)})
	e.ok(err)
	e.equal("rest", sortKeys(e.runQuery(in).Items), "def")
}
