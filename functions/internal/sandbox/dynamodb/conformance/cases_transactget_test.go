package conformance

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func transactGetCases() []testCase {
	return []testCase{
		{"TransactGet/SomeMissing", transactGet},
		{"TransactGet/Projection", transactGetProjection},
		{"TransactGet/SameItemTwice", transactGetTwice},
		{"TransactGet/101Items", transactGetMany},
		{"TransactGet/UnknownTable", transactGetUnknown},
	}
}

// transactGet reads keys in one transaction; no item is nil.
func (e *env) transactGet(change func(*types.Get), keys ...string) ([]row, error) {
	in := &dynamodb.TransactGetItemsInput{}
	for _, k := range keys {
		get := &types.Get{TableName: &e.table, Key: parse(k)}
		if change != nil {
			change(get)
		}
		in.TransactItems = append(in.TransactItems, types.TransactGetItem{Get: get})
	}
	out, err := e.client.TransactGetItems(e.ctx, in)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, response := range out.Responses {
		if len(response.Item) == 0 {
			response.Item = nil
		}
		rows = append(rows, response.Item)
	}
	return rows, nil
}

func transactGet(e *env) {
	e.create(base, key("b"))
	rows, err := e.transactGet(nil, key("b"), key("c"), baseKey)
	e.ok(err)
	e.equal("items", showAll(rows), key("b")+"  "+canonical(base))
}

func transactGetProjection(e *env) {
	e.create(base)
	rows, err := e.transactGet(func(get *types.Get) { get.ProjectionExpression = text("n, m.x") }, baseKey)
	e.ok(err)
	e.equal("items", showAll(rows), `{"m":{"x":1},"n":5}`)
}

func transactGetTwice(e *env) {
	e.create(base)
	_, err := e.transactGet(nil, baseKey, baseKey)
	e.code(err, validation)
}

func transactGetMany(e *env) {
	e.create()
	_, err := e.transactGet(nil, manyKeys(101)...)
	e.code(err, validation)
}

func transactGetUnknown(e *env) {
	_, err := e.transactGet(nil, baseKey)
	e.code(err, notFound)
}
