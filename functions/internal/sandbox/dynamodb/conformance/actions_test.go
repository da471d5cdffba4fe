package conformance

import (
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// validation and its like are the codes that cases expect.
const (
	validation      = "ValidationException"
	conditionFailed = "ConditionalCheckFailedException"
	cancelled       = "TransactionCanceledException"
	notFound        = "ResourceNotFoundException"
	inUse           = "ResourceInUseException"
	tokenMismatch   = "IdempotentParameterMismatchException"
)

// tableInput is the table that most cases use: keys pk and sk, and three
// indexes on g: "all" sorted by the number h, "keys" and "include" without a
// sort key.
func tableInput(name string) *dynamodb.CreateTableInput {
	return &dynamodb.CreateTableInput{
		TableName:   &name,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			definition("pk", "S"), definition("sk", "S"), definition("g", "S"), definition("h", "N"),
		},
		KeySchema: keySchema("pk", "sk"),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{
			indexInput("all", types.Projection{ProjectionType: types.ProjectionTypeAll}, "g", "h"),
			indexInput("keys", types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}, "g"),
			indexInput("include", types.Projection{ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: []string{"inc"}}, "g"),
		},
	}
}

func definition(name, kind string) types.AttributeDefinition {
	return types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeType(kind)}
}

// keySchema is a partition key and possibly a sort key.
func keySchema(names ...string) []types.KeySchemaElement {
	kinds := []types.KeyType{types.KeyTypeHash, types.KeyTypeRange}
	elements := []types.KeySchemaElement{}
	for i := range names {
		elements = append(elements, types.KeySchemaElement{AttributeName: &names[i], KeyType: kinds[i]})
	}
	return elements
}

func indexInput(name string, projection types.Projection, keys ...string) types.GlobalSecondaryIndex {
	return types.GlobalSecondaryIndex{IndexName: &name, KeySchema: keySchema(keys...), Projection: &projection}
}

// create makes the case's table with items in it.
func (e *env) create(items ...string) {
	e.createFrom(tableInput(e.table))
	for _, text := range items {
		e.put(text)
	}
}

// createFrom makes a table and waits until it is there.
func (e *env) createFrom(in *dynamodb.CreateTableInput) {
	_, _ = e.client.DeleteTable(e.ctx, &dynamodb.DeleteTableInput{TableName: in.TableName}) // of a run that was stopped
	_, err := e.client.CreateTable(e.ctx, in)
	e.ok(err)
	e.tables = append(e.tables, *in.TableName)
	waiter := dynamodb.NewTableExistsWaiter(e.client, func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay = 10 * time.Millisecond })
	e.ok(waiter.Wait(e.ctx, &dynamodb.DescribeTableInput{TableName: in.TableName}, time.Minute))
}

func (e *env) put(text string) { e.ok(e.tryPut(text)) }

func (e *env) tryPut(text string) error {
	_, err := e.client.PutItem(e.ctx, &dynamodb.PutItemInput{TableName: &e.table, Item: parse(text)})
	return err
}

// get reads consistently; no item is "".
func (e *env) get(key string) string {
	out, err := e.client.GetItem(e.ctx, &dynamodb.GetItemInput{TableName: &e.table, Key: parse(key), ConsistentRead: aws.Bool(true)})
	e.ok(err)
	return show(out.Item)
}

// holds ends the case unless the item with the key is the one wanted.
func (e *env) holds(key, want string) {
	e.equal("item "+key, e.get(key), canonical(want))
}

// update is an UpdateItem of the case's table.
func (e *env) update(key, expression, values string) *dynamodb.UpdateItemInput {
	in := &dynamodb.UpdateItemInput{TableName: &e.table, Key: parse(key), ExpressionAttributeValues: parse(values)}
	if expression != "" {
		in.UpdateExpression = &expression
	}
	return in
}

// query is a Query of the case's table.
func (e *env) query(condition, values string) *dynamodb.QueryInput {
	return &dynamodb.QueryInput{TableName: &e.table, KeyConditionExpression: &condition, ExpressionAttributeValues: parse(values)}
}

func (e *env) runQuery(in *dynamodb.QueryInput) *dynamodb.QueryOutput {
	out, err := e.client.Query(e.ctx, in)
	e.ok(err)
	return out
}

// reasons are the codes of a cancelled transaction; the case ends if err is
// something else.
func (e *env) reasons(err error) []types.CancellationReason {
	var failed *types.TransactionCanceledException
	if !errors.As(err, &failed) {
		e.fatalf("not a cancelled transaction: %v", err)
	}
	return failed.CancellationReasons
}

// repeat is text of n bytes.
func repeat(n int) string {
	data := make([]byte, n)
	for i := range data {
		data[i] = 'x'
	}
	return string(data)
}

func (e *env) tryPutRow(item row) error {
	_, err := e.client.PutItem(e.ctx, &dynamodb.PutItemInput{TableName: &e.table, Item: item})
	return err
}
