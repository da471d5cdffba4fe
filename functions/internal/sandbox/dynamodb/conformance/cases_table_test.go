package conformance

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func tableCases() []testCase {
	return []testCase{
		{"Table/Describe", describeTable},
		{"Table/DescribeMissing", describeMissing},
		{"Table/CreateTwice", createTwice},
		{"Table/DeleteMissing", deleteMissing},
		{"Table/DeleteAndCreateIsEmpty", deleteAndCreate},
		{"Table/List", listTables},
		{"Table/CountsItems", countItems},
		{"Table/KeyNotDefined", keyNotDefined},
		{"Table/UnusedDefinition", unusedDefinition},
		{"Table/ThroughputOnDemand", throughputOnDemand},
		{"Table/IndexTwice", indexTwice},
		{"Table/IncludeWithoutAttributes", includeWithoutAttributes},
		{"Table/ItemOfMissingTable", itemOfMissingTable},
	}
}

func describeTable(e *env) {
	e.create()
	out, err := e.client.DescribeTable(e.ctx, &dynamodb.DescribeTableInput{TableName: &e.table})
	e.ok(err)
	d := out.Table
	e.equal("name", aws.ToString(d.TableName), e.table)
	e.equal("status", string(d.TableStatus), "ACTIVE")
	e.equal("billing", string(d.BillingModeSummary.BillingMode), "PAY_PER_REQUEST")
	e.equal("keys", showKeys(d.KeySchema), "pk HASH sk RANGE ")
	if aws.ToString(d.TableArn) == "" || d.CreationDateTime == nil || len(d.AttributeDefinitions) != 4 {
		e.fatalf("ARN, time or definitions are missing: %+v", d)
	}
	indexes := map[string]types.GlobalSecondaryIndexDescription{}
	for _, x := range d.GlobalSecondaryIndexes {
		indexes[*x.IndexName] = x
	}
	e.equal("index keys", showKeys(indexes["all"].KeySchema), "g HASH h RANGE ")
	e.equal("index status", string(indexes["all"].IndexStatus), "ACTIVE")
	e.equal("index projection", string(indexes["include"].Projection.ProjectionType), "INCLUDE")
	e.equal("projected", indexes["include"].Projection.NonKeyAttributes[0], "inc")
}

func showKeys(elements []types.KeySchemaElement) string {
	text := ""
	for _, element := range elements {
		text += *element.AttributeName + " " + string(element.KeyType) + " "
	}
	return text
}

func describeMissing(e *env) {
	_, err := e.client.DescribeTable(e.ctx, &dynamodb.DescribeTableInput{TableName: &e.table})
	e.code(err, notFound)
}

func createTwice(e *env) {
	e.create()
	_, err := e.client.CreateTable(e.ctx, tableInput(e.table))
	e.code(err, inUse)
}

func deleteMissing(e *env) {
	_, err := e.client.DeleteTable(e.ctx, &dynamodb.DeleteTableInput{TableName: &e.table})
	e.code(err, notFound)
}

func deleteAndCreate(e *env) {
	e.create(base)
	e.create()
	e.holds(baseKey, "")
}

// listTables pages through all tables, whatever else there is.
func listTables(e *env) {
	second := tableInput(e.table + ".2")
	e.create()
	e.createFrom(second)
	var names []string
	pages := dynamodb.NewListTablesPaginator(e.client, &dynamodb.ListTablesInput{Limit: aws.Int32(1)})
	for pages.HasMorePages() {
		out, err := pages.NextPage(e.ctx)
		e.ok(err)
		if len(out.TableNames) > 1 {
			e.fatalf("more names than the limit: %v", out.TableNames)
		}
		names = append(names, out.TableNames...)
	}
	if !slices.Contains(names, e.table) || !slices.Contains(names, *second.TableName) || !slices.IsSorted(names) {
		e.fatalf("tables are missing or out of order: %v", names)
	}
}

func countItems(e *env) {
	e.create(base, `{"pk":"b","sk":"1"}`)
	out, err := e.client.DescribeTable(e.ctx, &dynamodb.DescribeTableInput{TableName: &e.table})
	e.ok(err)
	// AWS updates both every six hours: they may lag, but are there.
	if out.Table.ItemCount == nil || out.Table.TableSizeBytes == nil {
		e.fatalf("no counts: %+v", out.Table)
	}
}

// refused tries to create a changed table.
func (e *env) refused(change func(*dynamodb.CreateTableInput)) {
	in := tableInput(e.table)
	change(in)
	_, err := e.client.CreateTable(e.ctx, in)
	if err == nil {
		e.tables = append(e.tables, e.table)
	}
	e.code(err, validation)
}

func keyNotDefined(e *env) {
	e.refused(func(in *dynamodb.CreateTableInput) { in.AttributeDefinitions = in.AttributeDefinitions[1:] })
}

func unusedDefinition(e *env) {
	e.refused(func(in *dynamodb.CreateTableInput) {
		in.AttributeDefinitions = append(in.AttributeDefinitions, definition("unused", "S"))
	})
}

func throughputOnDemand(e *env) {
	e.refused(func(in *dynamodb.CreateTableInput) {
		in.ProvisionedThroughput = &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(1), WriteCapacityUnits: aws.Int64(1)}
	})
}

func indexTwice(e *env) {
	e.refused(func(in *dynamodb.CreateTableInput) {
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, in.GlobalSecondaryIndexes[0])
	})
}

func includeWithoutAttributes(e *env) {
	e.refused(func(in *dynamodb.CreateTableInput) {
		in.GlobalSecondaryIndexes[0].Projection = &types.Projection{ProjectionType: types.ProjectionTypeInclude}
	})
}

func itemOfMissingTable(e *env) {
	e.code(e.tryPut(base), notFound)
}
