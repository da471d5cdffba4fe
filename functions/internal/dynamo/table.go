package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Definition is the table: on demand, one primary key, two indexes. It is the
// one place that says so for the command, the tests and the sandbox.
func Definition(table string) *dynamodb.CreateTableInput {
	text := func(name string) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: aws.String(name), AttributeType: types.ScalarAttributeTypeS}
	}
	keys := func(hash, sort string) []types.KeySchemaElement {
		return []types.KeySchemaElement{
			{AttributeName: aws.String(hash), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String(sort), KeyType: types.KeyTypeRange},
		}
	}
	index := func(name string) types.GlobalSecondaryIndex {
		return types.GlobalSecondaryIndex{
			IndexName:  aws.String(name),
			KeySchema:  keys(name+"pk", name+"sk"),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}
	}
	return &dynamodb.CreateTableInput{
		TableName:              aws.String(table),
		BillingMode:            types.BillingModePayPerRequest,
		AttributeDefinitions:   []types.AttributeDefinition{text("pk"), text("sk"), text("gsi1pk"), text("gsi1sk"), text("gsi2pk"), text("gsi2sk")},
		KeySchema:              keys("pk", "sk"),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{index("gsi1"), index("gsi2")},
	}
}

// TTLAttribute is the Number that DynamoDB's time to live looks at.
const TTLAttribute = "expires"

// Create makes the table, waits until it is there and switches its time to live
// on. With a table that is there already it does only what is missing, and
// created is false.
func Create(ctx context.Context, client *dynamodb.Client, table string) (created bool, err error) {
	_, err = client.CreateTable(ctx, Definition(table))
	_, exists := errors.AsType[*types.ResourceInUseException](err)
	if err != nil && !exists {
		return false, fmt.Errorf("creating table %q: %w", table, err)
	}
	waiter := dynamodb.NewTableExistsWaiter(client)
	if err := waiter.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &table}, 5*time.Minute); err != nil {
		return false, fmt.Errorf("waiting for table %q: %w", table, err)
	}
	return !exists, expire(ctx, client, table)
}

// expire switches the time to live on, unless it is: DynamoDB refuses to do it twice.
func expire(ctx context.Context, client *dynamodb.Client, table string) error {
	now, err := client.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &table})
	if err != nil {
		return fmt.Errorf("time to live of table %q: %w", table, err)
	}
	if d := now.TimeToLiveDescription; d != nil && (d.TimeToLiveStatus == types.TimeToLiveStatusEnabled || d.TimeToLiveStatus == types.TimeToLiveStatusEnabling) {
		return nil
	}
	_, err = client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName:               &table,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String(TTLAttribute), Enabled: aws.Bool(true)},
	})
	if err != nil {
		return fmt.Errorf("time to live of table %q: %w", table, err)
	}
	return nil
}
