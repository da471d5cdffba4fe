package dynamo

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tagalong-aws/tagalong/functions/internal/pattern"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// write puts, updates or deletes one item, if a condition holds.
type write struct {
	record    any    // what is put, nil if nothing is
	key       key    // of what is updated or deleted
	update    string // the expression, "" if nothing is updated
	condition string // the expression, "" if there is none
	values    item   // of both expressions
	// tag is the one whose claims the condition is about; where there is none, its
	// refusal is a conflict.
	tag *tagalong.TagID
}

// condition is an expression over attributes (#name) and values (:name).
type condition struct {
	expression string
	values     item
}

var absent = condition{expression: "attribute_not_exists(pk)"}

func put(record any) write { return write{record: record, values: item{}} }

func remove(k key) write { return write{key: k, values: item{}} }

// update sets attributes, and removes those whose value is nil.
func update(k key, attributes item) write {
	var set, gone []string
	values := item{}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if attributes[name] == nil {
			gone = append(gone, "#"+name)
			continue
		}
		set = append(set, "#"+name+" = :"+name)
		values[":"+name] = attributes[name]
	}
	expression := "SET " + strings.Join(set, ", ")
	if len(gone) > 0 {
		expression += " REMOVE " + strings.Join(gone, ", ")
	}
	return write{key: k, update: expression, values: values}
}

// when adds the condition under which the item is written.
func (w write) when(c condition) write {
	w.condition = c.expression
	if len(c.values) > 0 {
		w.values = maps.Clone(w.values)
		maps.Copy(w.values, c.values)
	}
	return w
}

// of says whose claims the condition is about.
func (w write) of(tag tagalong.TagID) write {
	w.tag = &tag
	return w
}

var attributeName = pattern.New(`#\w+`)

// expressions returns the condition, and the names and values of both expressions: #x is
// x. What is not there is nil, since DynamoDB refuses empty ones.
func (w write) expressions() (condition *string, names map[string]string, values item) {
	for _, name := range attributeName.FindAllString(w.update+" "+w.condition, -1) {
		if names == nil {
			names = map[string]string{}
		}
		names[name] = name[1:]
	}
	if w.condition != "" {
		condition = &w.condition
	}
	if len(w.values) > 0 {
		values = w.values
	}
	return condition, names, values
}

// in returns the write as a part of a transaction on a table.
func (w write) in(table string) (i types.TransactWriteItem, err error) {
	condition, names, values := w.expressions()
	switch {
	case w.record != nil:
		i.Put = &types.Put{TableName: &table, ConditionExpression: condition, ExpressionAttributeNames: names, ExpressionAttributeValues: values}
		i.Put.Item, err = attributevalue.MarshalMap(w.record)
	case w.update != "":
		i.Update = &types.Update{TableName: &table, Key: w.key.item(), UpdateExpression: &w.update, ConditionExpression: condition, ExpressionAttributeNames: names, ExpressionAttributeValues: values}
	default:
		i.Delete = &types.Delete{TableName: &table, Key: w.key.item(), ConditionExpression: condition, ExpressionAttributeNames: names, ExpressionAttributeValues: values}
	}
	return i, err
}
