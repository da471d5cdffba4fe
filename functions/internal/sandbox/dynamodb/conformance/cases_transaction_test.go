package conformance

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func transactionCases() []testCase {
	list := []testCase{
		{"Transaction/AllVerbs", transactAll},
		{"Transaction/NothingWhereOneFails", transactNothing},
		{"Transaction/ReasonsInOrder", transactReasons},
		{"Transaction/ReasonsHoldOldItems", transactOldItems},
		{"Transaction/SameItemTwice", transactTwice},
		{"Transaction/CheckAndUpdateOfOneItem", transactCheckAndUpdate},
		{"Transaction/100Actions", func(e *env) { e.create(); e.ok(e.transact(manyPuts(100)...)); e.count(100) }},
		{"Transaction/101Actions", func(e *env) { e.create(); e.code(e.transact(manyPuts(101)...), validation); e.count(0) }},
		{"Transaction/4MB", func(e *env) { e.create(); e.ok(e.transact(bigPuts(10)...)) }},
		{"Transaction/Over4MB", func(e *env) { e.create(); e.code(e.transact(bigPuts(11)...), validation) }},
		{"Transaction/DeletesOfOver4MB", transactDeletes},
		{"Transaction/OnlyFirstValidationError", transactFirstInvalid},
		{"Transaction/UnknownTable", transactUnknownTable},
		{"Transaction/SyntaxErrorRefusesAll", transactSyntax},
		{"Transaction/UnusedValueRefusesAll", transactUnused},
		{"Transaction/FollowedByIndexes", transactIndexes},
		{"Transaction/SeveralTables", transactTables},
		{"Transaction/TwoVerbsInOneAction", transactTwoVerbs},
		{"Transaction/UpdatesSeeOldItems", transactUpdates},
	}
	for _, c := range []struct {
		name string
		bad  action
	}{
		{"UpdateOfMissing", updateAction(key("b"), "SET n = :v, q = r", `{":v":1}`)},
		{"UpdateOfKey", updateAction(key("b"), "SET pk = :v", `{":v":"x"}`)},
		{"UpdateOfIndexKey", updateAction(key("b"), "SET g = :v", `{":v":1}`)},
		{"PutWithoutKey", putAction(`{"pk":"b"}`, "")},
		{"PutWithEmptyKey", putAction(`{"pk":"","sk":"1"}`, "")},
		{"DeleteWithWrongKey", deleteAction(`{"pk":"b"}`, "")},
	} {
		list = append(list, testCase{"Transaction/ValidationError" + c.name, func(e *env) { transactInvalid(e, c.bad) }})
	}
	return list
}

func manyPuts(n int) []action {
	var actions []action
	for _, k := range manyKeys(n) {
		actions = append(actions, putAction(k, ""))
	}
	return actions
}

// bigPuts are n items of 400,000 bytes; ten fit in 4 MB.
func bigPuts(n int) []action {
	var actions []action
	for _, k := range manyKeys(n) {
		item := strings.TrimSuffix(k, "}") + `,"v":"` + repeat(400000) + `"}`
		actions = append(actions, putAction(item, ""))
	}
	return actions
}

func transactAll(e *env) {
	e.create(key("b"), key("c"), key("d"))
	e.ok(e.transact(
		putAction(`{"pk":"a","sk":"1","n":1}`, absent),
		updateAction(key("b"), "SET n = :v", `{":v":2}`),
		deleteAction(key("c"), there),
		checkAction(key("d"), there),
		checkAction(key("e"), absent),
	))
	e.holds(key("a"), `{"pk":"a","sk":"1","n":1}`)
	e.holds(key("b"), `{"pk":"b","sk":"1","n":2}`)
	e.holds(key("c"), "")
	e.holds(key("d"), key("d"))
	e.holds(key("e"), "")
}

func transactNothing(e *env) {
	e.create(key("b"), key("c"))
	err := e.transact(
		putAction(key("a"), ""),
		updateAction(key("b"), "SET n = :v", `{":v":2}`),
		deleteAction(key("c"), ""),
		checkAction(key("d"), there),
	)
	e.code(err, cancelled)
	e.holds(key("a"), "")
	e.holds(key("b"), key("b"))
	e.holds(key("c"), key("c"))
}

// showReasons writes codes and items in order.
func showReasons(reasons []types.CancellationReason) string {
	var parts []string
	for _, r := range reasons {
		code := "nil"
		if r.Code != nil {
			code = *r.Code
		}
		parts = append(parts, code+show(r.Item))
	}
	return strings.Join(parts, " ")
}

func transactReasons(e *env) {
	e.create(key("b"), key("c"))
	err := e.transact(
		putAction(key("a"), ""),
		deleteAction(key("b"), absent),
		checkAction(key("c"), there),
		checkAction(key("d"), there),
		deleteAction(key("e"), ""),
	)
	reasons := e.reasons(err)
	e.equal("reasons", showReasons(reasons), "None ConditionalCheckFailed None ConditionalCheckFailed None")
	if reasons[1].Message == nil || *reasons[1].Message == "" {
		e.fatalf("no message in a reason")
	}
}

func transactOldItems(e *env) {
	e.create(`{"pk":"a","sk":"1","n":1}`, `{"pk":"b","sk":"1","n":2}`)
	err := e.transact(
		putAction(key("a"), absent), // asks for the old item
		deleteAction(key("b"), absent),
		putAction(key("c"), there), // asks, but there is none
	)
	e.equal("reasons", showReasons(e.reasons(err)), `ConditionalCheckFailed{"n":1,"pk":"a","sk":"1"} ConditionalCheckFailed ConditionalCheckFailed`)
}

func transactTwice(e *env) {
	e.create()
	e.code(e.transact(putAction(key("a"), ""), deleteAction(key("a"), "")), validation)
	e.holds(key("a"), "")
}

func transactCheckAndUpdate(e *env) {
	e.create(key("a"))
	e.code(e.transact(checkAction(key("a"), there), updateAction(key("a"), "SET n = :v", `{":v":2}`)), validation)
	e.holds(key("a"), key("a"))
}

func transactUnknownTable(e *env) {
	e.create()
	err := e.transact(putAction(key("a"), ""), func(*env) types.TransactWriteItem {
		return types.TransactWriteItem{Put: &types.Put{TableName: text("conformance.nowhere"), Item: parse(key("b"))}}
	})
	e.code(err, notFound)
	e.holds(key("a"), "")
}

func transactSyntax(e *env) {
	e.create()
	e.code(e.transact(putAction(key("a"), ""), updateAction(key("b"), "SET n", "")), validation)
	e.holds(key("a"), "")
}

func transactUnused(e *env) {
	e.create()
	e.code(e.transact(putAction(key("a"), ""), updateAction(key("b"), "SET n = :v", `{":v":1,":w":1}`)), validation)
	e.holds(key("a"), "")
}

func transactIndexes(e *env) {
	e.create(`{"pk":"a","sk":"a","g":"G","h":1}`, `{"pk":"a","sk":"b","g":"G","h":2}`)
	e.ok(e.transact(
		updateAction(`{"pk":"a","sk":"a"}`, "SET h = :h", `{":h":3}`),
		deleteAction(`{"pk":"a","sk":"b"}`, ""),
		putAction(`{"pk":"a","sk":"c","g":"G","h":2}`, ""),
	))
	e.indexHolds("all", "ca")
}

func transactTables(e *env) {
	second := tableInput(e.table + ".2")
	e.create()
	e.createFrom(second)
	e.ok(e.transact(putAction(key("a"), ""), func(*env) types.TransactWriteItem {
		return types.TransactWriteItem{Put: &types.Put{TableName: second.TableName, Item: parse(key("a"))}}
	}))
	e.holds(key("a"), key("a"))
	e.table = *second.TableName
	e.holds(key("a"), key("a"))
}

func transactTwoVerbs(e *env) {
	e.create()
	err := e.transact(func(e *env) types.TransactWriteItem {
		both := putAction(key("a"), "")(e)
		both.Delete = deleteAction(key("b"), "")(e).Delete
		return both
	})
	e.code(err, validation)
}

func transactUpdates(e *env) {
	e.create(`{"pk":"a","sk":"1","n":1}`, `{"pk":"b","sk":"1","n":2}`)
	e.ok(e.transact(
		updateAction(key("a"), "SET n = :v, o = n", `{":v":10}`),
		updateAction(key("b"), "SET o = n, n = :v", `{":v":20}`),
	))
	e.holds(key("a"), `{"pk":"a","sk":"1","n":10,"o":1}`)
	e.holds(key("b"), `{"pk":"b","sk":"1","n":20,"o":2}`)
}

// transactInvalid: an action that its item does not allow cancels the
// transaction, with a reason.
func transactInvalid(e *env, bad action) {
	e.create(`{"pk":"b","sk":"1","t":"text"}`)
	err := e.transact(putAction(key("a"), ""), bad, checkAction(key("c"), absent))
	e.equal("reasons", showReasons(e.reasons(err)), "None ValidationError None")
	e.holds(key("a"), "")
}

// transactFirstInvalid: keys are checked before anything else, and the first
// bad one ends the check, so other actions are fine that would fail.
func transactFirstInvalid(e *env) {
	e.create()
	err := e.transact(
		checkAction(key("c"), there),
		putAction(`{"pk":1,"sk":"1"}`, ""),
		putAction(`{"pk":2,"sk":"1"}`, ""),
	)
	e.equal("reasons", showReasons(e.reasons(err)), "None ValidationError None")
}

// transactDeletes: what counts is the size of the request, not of the items.
func transactDeletes(e *env) {
	e.create()
	e.ok(e.transact(bigPuts(10)...))
	e.ok(e.transact(bigPuts(11)[10]))
	var deletes []action
	for _, k := range manyKeys(11) {
		deletes = append(deletes, deleteAction(k, there))
	}
	e.ok(e.transact(deletes...))
	e.count(0)
}
