package conformance

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// updates are expressions on an item with the attributes before, which get the
// attributes after, or the code.
var updates = []struct{ name, before, expression, values, after, code string }{
	{"Set", `"n":1`, "SET n = :v, q = :w", `{":v":2,":w":"x"}`, `"n":2,"q":"x"`, ""},
	{"SetCopiesPath", `"n":1,"m":{"x":2}`, "SET q = m", "", `"n":1,"m":{"x":2},"q":{"x":2}`, ""},
	{"SetSeesOldItem", `"x":1,"y":2`, "SET x = y, y = x", "", `"x":2,"y":1`, ""},
	{"SetFromMissing", `"n":1`, "SET q = r", "", "", validation},
	{"Remove", `"n":1,"m":{"x":1,"y":2},"o":1`, "REMOVE n, m", "", `"o":1`, ""},
	{"RemoveMissing", `"n":1`, "REMOVE q", "", `"n":1`, ""},
	{"RemoveIndexKey", `"g":"G","h":1`, "REMOVE g", "", `"h":1`, ""},
	{"AllClauses", `"n":1,"x":1,"c":1`, "remove x set q = :v, c = n", `{":v":1}`, `"n":1,"c":1,"q":1`, ""},
	{"ClauseTwice", `"n":1`, "SET x = :v SET y = :v", `{":v":1}`, "", validation},
	{"PathTwice", `"n":1`, "SET x = :v, x = :v", `{":v":1}`, "", validation},
	{"PathsOverlapAcrossClauses", `"n":1`, "SET n = :v REMOVE n", `{":v":1}`, "", validation},
	{"PartitionKey", `"n":1`, "SET pk = :v", `{":v":"a"}`, "", validation},
	{"SortKey", `"n":1`, "REMOVE sk", "", "", validation},
	{"IndexKeyEmpty", `"n":1`, "SET g = :v", `{":v":""}`, "", validation},
	{"IndexKeyOfOtherType", `"n":1`, "SET g = :v", `{":v":1}`, "", validation},
	{"Empty", `"n":1`, " ", "", "", validation},
	{"NoActions", `"n":1`, "SET", "", "", validation},
	{"TrailingComma", `"n":1`, "SET n = :v,", `{":v":1}`, "", validation},
	{"UnknownFunction", `"n":1`, "SET n = increment(n)", "", "", validation},
	{"ConditionFunction", `"n":1`, "SET n = size(n)", "", "", validation},
	{"ReservedWord", `"n":1`, "SET status = :v", `{":v":1}`, "", validation},
	{"UnusedValue", `"n":1`, "SET n = :v", `{":v":1,":w":1}`, "", validation},
	{"UndefinedValue", `"n":1`, "SET n = :v, q = :w", `{":v":1}`, "", validation},
}

func updateCases() []testCase {
	var list []testCase
	for _, c := range updates {
		list = append(list, testCase{"Update/" + c.name, func(e *env) {
			before := `{"pk":"a","sk":"1",` + c.before + `}`
			e.create(before)
			_, err := e.client.UpdateItem(e.ctx, e.update(baseKey, c.expression, c.values))
			e.code(err, c.code)
			if c.code != "" {
				e.holds(baseKey, before)
			} else {
				e.holds(baseKey, `{"pk":"a","sk":"1",`+c.after+`}`)
			}
		}})
	}
	return append(list,
		testCase{"Update/MakesItem", updateMakesItem},
		testCase{"Update/SeesKeyOfNewItem", updateSeesKey},
		testCase{"Update/WithoutExpressionMakesItem", updateWithoutExpression},
		testCase{"Update/FailureMakesNoItem", updateFailureMakesNoItem},
		testCase{"Update/RemoveMakesNoItem", func(e *env) { removesOnly(e, "REMOVE q") }},
		testCase{"Update/Names", updateNames},
	)
}

func updateMakesItem(e *env) {
	e.create()
	_, err := e.client.UpdateItem(e.ctx, e.update(baseKey, "SET n = :v, c = :v", `{":v":1}`))
	e.ok(err)
	e.holds(baseKey, `{"pk":"a","sk":"1","n":1,"c":1}`)
}

// updateSeesKey: where there is no item yet, a right side sees its key.
func updateSeesKey(e *env) {
	e.create()
	_, err := e.client.UpdateItem(e.ctx, e.update(baseKey, "SET c = pk", ""))
	e.ok(err)
	e.holds(baseKey, `{"pk":"a","sk":"1","c":"a"}`)
}

func updateWithoutExpression(e *env) {
	e.create()
	_, err := e.client.UpdateItem(e.ctx, e.update(baseKey, "", ""))
	e.ok(err)
	e.holds(baseKey, baseKey)
}

func updateFailureMakesNoItem(e *env) {
	e.create()
	_, err := e.client.UpdateItem(e.ctx, e.update(baseKey, "SET n = :v, q = n", `{":v":1}`))
	e.code(err, validation)
	e.holds(baseKey, "")
}

// removesOnly: what only removes makes no item.
func removesOnly(e *env, expression string) {
	e.create()
	in := e.update(baseKey, expression, "")
	in.ReturnValues = types.ReturnValueAllNew
	e.updated(in, "")
	e.holds(baseKey, "")
}

func updateNames(e *env) {
	e.create(baseKey)
	in := e.update(baseKey, "SET #s = :v, #r = :v", `{":v":1}`)
	in.ExpressionAttributeNames = map[string]string{"#s": "status", "#r": "a.b c"}
	_, err := e.client.UpdateItem(e.ctx, in)
	e.ok(err)
	e.holds(baseKey, `{"pk":"a","sk":"1","status":1,"a.b c":1}`)
}
