package conformance

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// action makes an action on the case's table.
type action func(e *env) types.TransactWriteItem

func putAction(item, condition string) action {
	return func(e *env) types.TransactWriteItem {
		put := &types.Put{TableName: &e.table, Item: parse(item), ReturnValuesOnConditionCheckFailure: allOld}
		if condition != "" {
			put.ConditionExpression = &condition
		}
		return types.TransactWriteItem{Put: put}
	}
}

func updateAction(key, expression, values string) action {
	return func(e *env) types.TransactWriteItem {
		return types.TransactWriteItem{Update: &types.Update{
			TableName: &e.table, Key: parse(key), UpdateExpression: &expression, ExpressionAttributeValues: parse(values),
		}}
	}
}

func deleteAction(key, condition string) action {
	return func(e *env) types.TransactWriteItem {
		remove := &types.Delete{TableName: &e.table, Key: parse(key)}
		if condition != "" {
			remove.ConditionExpression = &condition
		}
		return types.TransactWriteItem{Delete: remove}
	}
}

func checkAction(key, condition string) action {
	return func(e *env) types.TransactWriteItem {
		return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
			TableName: &e.table, Key: parse(key), ConditionExpression: &condition,
		}}
	}
}

func (e *env) transact(actions ...action) error {
	in := &dynamodb.TransactWriteItemsInput{}
	for _, a := range actions {
		in.TransactItems = append(in.TransactItems, a(e))
	}
	_, err := e.client.TransactWriteItems(e.ctx, in)
	return err
}

const (
	absent = "attribute_not_exists(pk)"
	there  = "attribute_exists(pk)"
)

func key(pk string) string { return fmt.Sprintf(`{"pk":%q,"sk":"1"}`, pk) }
