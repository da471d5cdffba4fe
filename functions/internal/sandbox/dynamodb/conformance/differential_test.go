package conformance

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Differential does the same random operations on two implementations and
// compares every answer: attributes, error codes, reasons of cancellations,
// old items, pages and their last keys. The operations are the same in every
// run. They stay within what the deviations of this package leave comparable:
// index keys are unique, so that the order is defined, and updates are such
// that the implementation is known to take or refuse as AWS does.
func Differential(t *testing.T, one, other *dynamodb.Client, implementation Implementation, operations int) {
	d := &differ{random: rand.New(rand.NewPCG(1, 2)), strict: implementation != MiniStack}
	for i, client := range []*dynamodb.Client{one, other} {
		d.envs[i] = &env{ctx: t.Context(), client: client, table: tableName("Differential")}
		defer d.envs[i].deleteTables()
	}
	d.envs[0].create()
	d.envs[1].create()
	for i := range operations {
		name, run := d.operation()
		got, want := run(d.envs[0]), run(d.envs[1])
		if got != want {
			t.Fatalf("operation %d, %s:\n one   %s\n other %s", i, name, got, want)
		}
	}
}

// differ draws operations.
type differ struct {
	random *rand.Rand
	envs   [2]*env
	strict bool // draw updates too that do not fit the item
}

// operation draws an operation: its description and what does it on an
// implementation and writes down what came of it.
func (d *differ) operation() (string, func(*env) string) {
	switch d.random.IntN(8) {
	case 0, 1:
		return d.put()
	case 2:
		return d.delete()
	case 3, 4:
		return d.update()
	case 5:
		return d.transaction()
	default:
		return d.query()
	}
}

func optional(expression string) *string {
	if expression == "" {
		return nil
	}
	return &expression
}

// answer writes down attributes, or the code of an error and what it holds.
func answer(attributes row, err error) string {
	if len(attributes) == 0 {
		attributes = nil
	}
	if err == nil {
		return "ok " + show(attributes)
	}
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		return "failed " + show(failed.Item)
	}
	var stopped *types.TransactionCanceledException
	if errors.As(err, &stopped) {
		return "cancelled " + showReasons(stopped.CancellationReasons)
	}
	return errorCode(err)
}

func (d *differ) put() (string, func(*env) string) {
	item := d.item()
	condition, values := d.condition()
	return fmt.Sprint("put ", item, " if ", condition, values), func(e *env) string {
		out, err := e.client.PutItem(e.ctx, &dynamodb.PutItemInput{
			TableName: &e.table, Item: parse(item), ConditionExpression: optional(condition), ExpressionAttributeValues: parse(values),
			ReturnValues: types.ReturnValueAllOld, ReturnValuesOnConditionCheckFailure: allOld,
		})
		if err != nil {
			return answer(nil, err)
		}
		return answer(out.Attributes, nil)
	}
}

func (d *differ) delete() (string, func(*env) string) {
	key := d.keyText()
	condition, values := d.condition()
	return fmt.Sprint("delete ", key, " if ", condition, values), func(e *env) string {
		out, err := e.client.DeleteItem(e.ctx, &dynamodb.DeleteItemInput{
			TableName: &e.table, Key: parse(key), ConditionExpression: optional(condition), ExpressionAttributeValues: parse(values),
			ReturnValues: types.ReturnValueAllOld, ReturnValuesOnConditionCheckFailure: allOld,
		})
		if err != nil {
			return answer(nil, err)
		}
		return answer(out.Attributes, nil)
	}
}

func (d *differ) update() (string, func(*env) string) {
	key := d.keyText()
	condition, values := d.condition()
	expression, more := d.updateExpression()
	return fmt.Sprint("update ", key, " ", expression, more, " if ", condition, values), func(e *env) string {
		out, err := e.client.UpdateItem(e.ctx, &dynamodb.UpdateItemInput{
			TableName: &e.table, Key: parse(key), ConditionExpression: optional(condition), UpdateExpression: &expression,
			ExpressionAttributeNames: names(expression), ExpressionAttributeValues: merge(values, more),
			ReturnValues: types.ReturnValueAllNew, ReturnValuesOnConditionCheckFailure: allOld,
		})
		if err != nil {
			return answer(nil, err)
		}
		return answer(out.Attributes, nil)
	}
}

// transaction draws puts, deletes and checks of different items.
func (d *differ) transaction() (string, func(*env) string) {
	var actions []action
	name := "transaction"
	seen := map[string]bool{}
	for range 1 + d.random.IntN(4) {
		condition, values := d.condition()
		verb, subject := d.pick("put", "delete", "check"), d.keyText()
		if verb == "put" {
			subject = d.item()
		}
		id := parse(subject)
		key := show(row{"pk": id["pk"], "sk": id["sk"]})
		if seen[key] {
			continue
		}
		seen[key] = true
		if verb == "check" && condition == "" {
			condition = there
		}
		name += fmt.Sprint("; ", verb, " ", subject, " if ", condition, values)
		actions = append(actions, drawnAction(verb, subject, condition, values))
	}
	return name, func(e *env) string { return answer(nil, e.transact(actions...)) }
}

func drawnAction(verb, subject, condition, values string) action {
	return func(e *env) types.TransactWriteItem {
		switch verb {
		case "put":
			return types.TransactWriteItem{Put: &types.Put{
				TableName: &e.table, Item: parse(subject), ConditionExpression: optional(condition),
				ExpressionAttributeValues: parse(values), ReturnValuesOnConditionCheckFailure: allOld,
			}}
		case "delete":
			return types.TransactWriteItem{Delete: &types.Delete{
				TableName: &e.table, Key: parse(subject), ConditionExpression: optional(condition),
				ExpressionAttributeValues: parse(values), ReturnValuesOnConditionCheckFailure: allOld,
			}}
		default:
			return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
				TableName: &e.table, Key: parse(subject), ConditionExpression: optional(condition), ExpressionAttributeValues: parse(values),
			}}
		}
	}
}

// query draws a query of the table or its index, with a limit, and reads all
// its pages.
func (d *differ) query() (string, func(*env) string) {
	condition, values := "pk = :p", `{":p":"`+d.pick("a", "b", "c")+`"}`
	var index *string
	if d.random.IntN(3) == 0 {
		condition, values, index = "g = :p", `{":p":"`+d.pick("x", "y")+`"}`, aws.String("all")
	} else if restriction := d.pick("", " AND sk > :s", " AND sk <= :s", " AND sk BETWEEN :s AND :t", " AND begins_with(sk, :s)"); restriction != "" {
		condition += restriction
		values = strings.TrimSuffix(values, "}") + `,":s":"` + d.pick("a", "c", "dd") + `"`
		if strings.Contains(restriction, ":t") {
			values += `,":t":"` + d.pick("e", "f", "z") + `"`
		}
		values += "}"
	}
	filter := d.pick("", "attribute_exists(n)", "attribute_not_exists(m) OR str > :p")
	limit, forward := int32(1+d.random.IntN(9)), d.random.IntN(2) == 0
	name := fmt.Sprint("query ", aws.ToString(index), " ", condition, values, " filter ", filter, " limit ", limit, " forward ", forward)
	return name, func(e *env) string {
		in := e.query(condition, values)
		in.IndexName, in.Limit, in.ScanIndexForward, in.FilterExpression = index, &limit, &forward, optional(filter)
		return e.transcript(in)
	}
}

// transcript writes down all pages of a query and the keys between them. A
// last page without items is left out: whether a page that is full at the end
// of a range has a last key is up to the implementation.
func (e *env) transcript(in *dynamodb.QueryInput) string {
	var b strings.Builder
	for {
		out, err := e.client.Query(e.ctx, in)
		if err != nil {
			return b.String() + answer(nil, err)
		}
		if out.ScannedCount > 0 {
			fmt.Fprintf(&b, "from %s: %d/%d %s; ", show(in.ExclusiveStartKey), out.Count, out.ScannedCount, showAll(out.Items))
		}
		if len(out.LastEvaluatedKey) == 0 {
			return b.String()
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}
