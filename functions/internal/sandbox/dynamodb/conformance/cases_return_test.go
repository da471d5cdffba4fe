package conformance

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// returns are the ReturnValues of an update
// SET n and new REMOVE q of {"n":1,"q":1,"o":1}.
var returns = []struct {
	name, missing string // missing is the result where there was no item
	mode          types.ReturnValue
	want          string
}{
	{"None", "", types.ReturnValueNone, ""},
	{"AllOld", "", types.ReturnValueAllOld, `{"pk":"a","sk":"1","n":1,"q":1,"o":1}`},
	{"AllNew", `{"pk":"a","sk":"1","n":2,"new":2}`, types.ReturnValueAllNew, `{"pk":"a","sk":"1","n":2,"o":1,"new":2}`},
	{"UpdatedOld", "", types.ReturnValueUpdatedOld, `{"n":1,"q":1}`},
	{"UpdatedNew", `{"n":2,"new":2}`, types.ReturnValueUpdatedNew, `{"n":2,"new":2}`},
}

func returnCases() []testCase {
	var list []testCase
	for _, c := range returns {
		list = append(list, testCase{"Return/Update" + c.name, func(e *env) {
			e.create(`{"pk":"a","sk":"1","n":1,"q":1,"o":1}`)
			e.returned(c.mode, c.want)
		}}, testCase{"Return/UpdateOfMissing" + c.name, func(e *env) {
			e.create()
			e.returned(c.mode, c.missing)
		}})
	}
	return append(list,
		testCase{"Return/PutAllOldIsTheOldItem", putAllOld},
		testCase{"Return/PutAllOldOfMissing", putAllOldMissing},
		testCase{"Return/PutAllNewRefused", putAllNew},
		testCase{"Return/DeleteAllOld", deleteAllOld},
		testCase{"Return/DeleteAllNewRefused", deleteAllNew},
	)
}

// returned updates the item and compares what comes back; nothing and an empty
// map are the same.
func (e *env) returned(mode types.ReturnValue, want string) {
	in := e.update(baseKey, "SET n = :v, #n = :v REMOVE q", `{":v":2}`)
	in.ExpressionAttributeNames = map[string]string{"#n": "new"}
	in.ReturnValues = mode
	e.updated(in, want)
}

func (e *env) updated(in *dynamodb.UpdateItemInput, want string) {
	out, err := e.client.UpdateItem(e.ctx, in)
	e.ok(err)
	got := ""
	if len(out.Attributes) > 0 {
		got = show(out.Attributes)
	}
	e.equal("attributes", got, canonical(want))
}

// replaced puts over base and gives what comes back.
func (e *env) replaced(mode types.ReturnValue) (row, error) {
	out, err := e.client.PutItem(e.ctx, &dynamodb.PutItemInput{TableName: &e.table, Item: parse(`{"pk":"a","sk":"1","new":1}`), ReturnValues: mode})
	if err != nil {
		return nil, err
	}
	return out.Attributes, nil
}

func putAllOld(e *env) {
	e.create(base)
	old, err := e.replaced(types.ReturnValueAllOld)
	e.ok(err)
	e.equal("attributes", show(old), canonical(base))
	e.holds(baseKey, `{"pk":"a","sk":"1","new":1}`)
}

func putAllOldMissing(e *env) {
	e.create()
	old, err := e.replaced(types.ReturnValueAllOld)
	e.ok(err)
	if len(old) > 0 {
		e.fatalf("attributes of nothing: %s", show(old))
	}
}

func putAllNew(e *env) {
	e.create(base)
	_, err := e.replaced(types.ReturnValueAllNew)
	e.code(err, validation)
	e.holds(baseKey, base)
}

func (e *env) removed(mode types.ReturnValue) (row, error) {
	out, err := e.client.DeleteItem(e.ctx, &dynamodb.DeleteItemInput{TableName: &e.table, Key: parse(baseKey), ReturnValues: mode})
	if err != nil {
		return nil, err
	}
	return out.Attributes, nil
}

func deleteAllOld(e *env) {
	e.create(base)
	old, err := e.removed(types.ReturnValueAllOld)
	e.ok(err)
	e.equal("attributes", show(old), canonical(base))
	old, err = e.removed(types.ReturnValueAllOld)
	e.ok(err)
	if len(old) > 0 {
		e.fatalf("attributes of nothing: %s", show(old))
	}
}

func deleteAllNew(e *env) {
	e.create(base)
	_, err := e.removed(types.ReturnValueAllNew)
	e.code(err, validation)
	e.holds(baseKey, base)
}
