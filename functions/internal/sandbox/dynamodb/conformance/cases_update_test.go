package conformance

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// updates are expressions on an item with the attributes before, which get the
// attributes after, or the code.
var updates = []struct{ name, before, expression, values, after, code string }{
	{"Set", `"n":1`, "SET n = :v, q = :w", `{":v":2,":w":"x"}`, `"n":2,"q":"x"`, ""},
	{"SetNested", `"m":{"x":1}`, "SET m.x = :v, m.y = :v", `{":v":2}`, `"m":{"x":2,"y":2}`, ""},
	{"SetBelowMissing", `"n":1`, "SET q.r = :v", `{":v":2}`, "", validation},
	{"SetBelowScalar", `"n":1`, "SET n.r = :v", `{":v":2}`, "", validation},
	{"SetIndexOfMap", `"m":{"x":1}`, "SET m[0] = :v", `{":v":2}`, "", validation},
	{"SetNameOfList", `"l":[1]`, "SET l.x = :v", `{":v":2}`, "", validation},
	{"SetIndex", `"l":[1,2,3]`, "SET l[1] = :v", `{":v":9}`, `"l":[1,9,3]`, ""},
	{"SetIndexBehindEndAppends", `"l":[1]`, "SET l[9] = :v", `{":v":2}`, `"l":[1,2]`, ""},
	{"SetIndexesBehindEndInOrder", `"l":[1]`, "SET l[9] = :v, l[7] = :w", `{":v":9,":w":7}`, `"l":[1,7,9]`, ""},
	{"SetCopiesPath", `"n":1,"m":{"x":2}`, "SET q = m.x", "", `"n":1,"m":{"x":2},"q":2`, ""},
	{"SetSeesOldItem", `"x":1,"y":2`, "SET x = y, y = x", "", `"x":2,"y":1`, ""},
	{"SetFromMissing", `"n":1`, "SET q = r", "", "", validation},
	{"Plus", `"n":1`, "SET n = n + :v", `{":v":2}`, `"n":3`, ""},
	{"Minus", `"n":1`, "SET n = :v - n", `{":v":2.5}`, `"n":1.5`, ""},
	{"PlusOfText", `"n":"1"`, "SET n = n + :v", `{":v":2}`, "", validation},
	{"PlusOfMissing", `"n":1`, "SET n = q + :v", `{":v":2}`, "", validation},
	{"PlusThrice", `"n":1`, "SET n = n + n + n", "", "", validation},
	{"IfNotExistsMissing", `"n":1`, "SET q = if_not_exists(q, :v)", `{":v":2}`, `"n":1,"q":2`, ""},
	{"IfNotExistsPresent", `"n":1`, "SET n = if_not_exists(n, :v)", `{":v":2}`, `"n":1`, ""},
	{"IfNotExistsOtherPath", `"n":1`, "SET q = if_not_exists(n, :v)", `{":v":2}`, `"n":1,"q":1`, ""},
	{"IfNotExistsPlus", `"n":1`, "SET q = if_not_exists(q, :v) + :w", `{":v":0,":w":2}`, `"n":1,"q":2`, ""},
	{"IfNotExistsOfValue", `"n":1`, "SET q = if_not_exists(:v, :v)", `{":v":2}`, "", validation},
	{"ListAppend", `"l":[1]`, "SET l = list_append(l, :v)", `{":v":[2,"x"]}`, `"l":[1,2,"x"]`, ""},
	{"ListPrepend", `"l":[1]`, "SET l = list_append(:v, l)", `{":v":[2]}`, `"l":[2,1]`, ""},
	{"ListAppendToNew", `"n":1`, "SET l = list_append(if_not_exists(l, :e), :v)", `{":e":[],":v":[2]}`, `"n":1,"l":[2]`, ""},
	{"ListAppendOfScalar", `"l":[1]`, "SET l = list_append(l, :v)", `{":v":2}`, "", validation},
	{"ListAppendToScalar", `"n":1`, "SET l = list_append(n, :v)", `{":v":[2]}`, "", validation},
	{"Remove", `"n":1,"m":{"x":1,"y":2}`, "REMOVE n, m.x", "", `"m":{"y":2}`, ""},
	{"RemoveMissing", `"n":1`, "REMOVE q", "", `"n":1`, ""},
	{"RemoveBelowMissing", `"n":1`, "REMOVE q.r", "", "", validation},
	{"RemoveIndexes", `"l":[1,2,3,4]`, "REMOVE l[0], l[2]", "", `"l":[2,4]`, ""},
	{"RemoveIndexBehindEnd", `"l":[1]`, "REMOVE l[5]", "", `"l":[1]`, ""},
	{"RemoveLastElementLeavesList", `"l":[1]`, "REMOVE l[0]", "", `"l":[]`, ""},
	{"RemoveIndexKey", `"g":"G","h":1`, "REMOVE g", "", `"h":1`, ""},
	{"SetAndRemoveIndexes", `"l":[1,2,3]`, "SET l[0] = :v REMOVE l[1]", `{":v":9}`, `"l":[9,3]`, ""},
	{"AddNumber", `"n":1`, "ADD n :v", `{":v":-3}`, `"n":-2`, ""},
	{"AddToMissingNumber", `"n":1`, "ADD q :v", `{":v":2}`, `"n":1,"q":2`, ""},
	{"AddNested", `"m":{"x":1}`, "ADD m.x :v", `{":v":2}`, `"m":{"x":3}`, ""},
	{"AddBelowMissing", `"n":1`, "ADD q.r :v", `{":v":2}`, "", validation},
	{"AddToText", `"n":"1"`, "ADD n :v", `{":v":2}`, "", validation},
	{"AddText", `"n":1`, "ADD n :v", `{":v":"2"}`, "", validation},
	{"AddToSet", `"s":{"$ss":["a"]}`, "ADD s :v", `{":v":{"$ss":["b","a"]}}`, `"s":{"$ss":["a","b"]}`, ""},
	{"AddToMissingSet", `"n":1`, "ADD s :v", `{":v":{"$ss":["b"]}}`, `"n":1,"s":{"$ss":["b"]}`, ""},
	{"AddToNumberSetByValue", `"s":{"$ns":[1,2]}`, "ADD s :v", `{":v":{"$ns":["2.0",3]}}`, `"s":{"$ns":[1,2,3]}`, ""},
	{"AddOtherSet", `"s":{"$ss":["a"]}`, "ADD s :v", `{":v":{"$ns":[1]}}`, "", validation},
	{"AddPath", `"n":1`, "ADD n n", "", "", validation},
	{"DeleteFromSet", `"s":{"$ss":["a","b"]}`, "DELETE s :v", `{":v":{"$ss":["a","q"]}}`, `"s":{"$ss":["b"]}`, ""},
	{"DeleteLastOfSetRemovesIt", `"n":1,"s":{"$ss":["a"]}`, "DELETE s :v", `{":v":{"$ss":["a"]}}`, `"n":1`, ""},
	{"DeleteFromMissing", `"n":1`, "DELETE s :v", `{":v":{"$ss":["a"]}}`, `"n":1`, ""},
	{"DeleteScalar", `"s":{"$ss":["a"]}`, "DELETE s :v", `{":v":"a"}`, "", validation},
	{"DeleteOtherSet", `"s":{"$ss":["a"]}`, "DELETE s :v", `{":v":{"$ns":[1]}}`, "", validation},
	{"AllClauses", `"n":1,"s":{"$ss":["a"]},"x":1,"c":1`, "set q = :v remove x add c :v delete s :s", `{":v":1,":s":{"$ss":["z"]}}`, `"n":1,"s":{"$ss":["a"]},"c":2,"q":1`, ""},
	{"ClauseTwice", `"n":1`, "SET x = :v SET y = :v", `{":v":1}`, "", validation},
	{"PathTwice", `"n":1`, "SET x = :v, x = :v", `{":v":1}`, "", validation},
	{"PathsOverlap", `"m":{"x":1}`, "SET m = :v, m.x = :v", `{":v":1}`, "", validation},
	{"PathsOverlapAcrossClauses", `"n":1`, "SET n = :v REMOVE n", `{":v":1}`, "", validation},
	{"PathsConflict", `"l":[1]`, "SET l[0] = :v, l.x = :v", `{":v":1}`, "", validation},
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
		testCase{"Update/WithoutExpressionMakesItem", updateWithoutExpression},
		testCase{"Update/FailureMakesNoItem", updateFailureMakesNoItem},
		testCase{"Update/RemoveMakesNoItem", func(e *env) { removesOnly(e, "REMOVE q", "") }},
		testCase{"Update/DeleteMakesNoItem", func(e *env) { removesOnly(e, "DELETE q :v", `{":v":{"$ss":["a"]}}`) }},
		testCase{"Update/Names", updateNames},
	)
}

func updateMakesItem(e *env) {
	e.create()
	_, err := e.client.UpdateItem(e.ctx, e.update(baseKey, "SET n = if_not_exists(n, :v) ADD c :v", `{":v":1}`))
	e.ok(err)
	e.holds(baseKey, `{"pk":"a","sk":"1","n":1,"c":1}`)
}

func updateWithoutExpression(e *env) {
	e.create()
	_, err := e.client.UpdateItem(e.ctx, e.update(baseKey, "", ""))
	e.ok(err)
	e.holds(baseKey, baseKey)
}

func updateFailureMakesNoItem(e *env) {
	e.create()
	_, err := e.client.UpdateItem(e.ctx, e.update(baseKey, "SET n = n + :v", `{":v":1}`))
	e.code(err, validation)
	e.holds(baseKey, "")
}

// removesOnly: what only removes makes no item.
func removesOnly(e *env, expression, values string) {
	e.create()
	in := e.update(baseKey, expression, values)
	in.ReturnValues = types.ReturnValueAllNew
	e.updated(in, "")
	e.holds(baseKey, "")
}

func updateNames(e *env) {
	e.create(`{"pk":"a","sk":"1","m":{}}`)
	in := e.update(baseKey, "SET #s = :v, m.#r = :v", `{":v":1}`)
	in.ExpressionAttributeNames = map[string]string{"#s": "status", "#r": "a.b c"}
	_, err := e.client.UpdateItem(e.ctx, in)
	e.ok(err)
	e.holds(baseKey, `{"pk":"a","sk":"1","status":1,"m":{"a.b c":1}}`)
}
