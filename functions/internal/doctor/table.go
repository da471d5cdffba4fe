package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
)

// table looks at the ledger's table, its indexes and the expiry of its rows.
func (d *Doctor) table(ctx context.Context, client *dynamodb.Client) []Finding {
	described, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &d.Table})
	if _, missing := errors.AsType[*types.ResourceNotFoundException](err); missing {
		return []Finding{bad("table", d.Table, "is not in region "+d.Config.Region, "Set AWS_REGION and the credentials to those of the ledger, or make the table: the Terraform module, or \"tagalong ledger create\"")}
	}
	if err != nil {
		return []Finding{bad("table", d.Table, err.Error(), "Allow dynamodb:DescribeTable to these credentials")}
	}
	wanted := dynamo.Definition(d.Table)
	findings := []Finding{tableFinding(d.Table, described.Table, wanted)}
	for _, index := range wanted.GlobalSecondaryIndexes {
		findings = append(findings, indexFinding(described.Table, index))
	}
	return append(findings, d.expiry(ctx, client))
}

const another = "Take another table: keys cannot be changed"

func tableFinding(name string, found *types.TableDescription, wanted *dynamodb.CreateTableInput) Finding {
	switch {
	case !sameKeys(found.KeySchema, wanted.KeySchema):
		return bad("table", name, "has the keys "+keyNames(found.KeySchema)+", not "+keyNames(wanted.KeySchema), another)
	case found.TableStatus != types.TableStatusActive && found.TableStatus != types.TableStatusUpdating:
		return bad("table", name, "is "+string(found.TableStatus), "Wait until it is ACTIVE; where its key cannot be used, allow that again")
	}
	return good("table", name, string(found.TableStatus))
}

func indexFinding(table *types.TableDescription, wanted types.GlobalSecondaryIndex) Finding {
	name := aws.ToString(wanted.IndexName)
	for _, found := range table.GlobalSecondaryIndexes {
		switch {
		case aws.ToString(found.IndexName) != name:
			continue
		case !sameKeys(found.KeySchema, wanted.KeySchema) || found.Projection == nil || found.Projection.ProjectionType != types.ProjectionTypeAll:
			return bad("index", name, "has the keys "+keyNames(found.KeySchema)+" or leaves attributes out: want "+keyNames(wanted.KeySchema)+", and all attributes", apply)
		case found.IndexStatus != types.IndexStatusActive && found.IndexStatus != types.IndexStatusUpdating:
			return bad("index", name, "is "+string(found.IndexStatus), "Wait until it is ACTIVE: until then questions have no answer")
		}
		return good("index", name, string(found.IndexStatus))
	}
	return bad("index", name, "is not there: questions that need it have no answer", apply)
}

// expiry looks at the attribute by which rows go.
func (d *Doctor) expiry(ctx context.Context, client *dynamodb.Client) Finding {
	out, err := client.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &d.Table})
	if err != nil {
		return bad("expiry", d.Table, err.Error(), "Allow dynamodb:DescribeTimeToLive to these credentials")
	}
	state := out.TimeToLiveDescription
	on := state != nil && (state.TimeToLiveStatus == types.TimeToLiveStatusEnabled || state.TimeToLiveStatus == types.TimeToLiveStatusEnabling)
	switch {
	case on && aws.ToString(state.AttributeName) != dynamo.TTLAttribute:
		return bad("expiry", d.Table, fmt.Sprintf("rows go by the attribute %q", aws.ToString(state.AttributeName)), "Switch it off: rows of the ledger go by "+dynamo.TTLAttribute)
	case !on && d.Expires:
		return bad("expiry", d.Table, "a retention is set, and rows do not go", apply+" with retention_days")
	case !on:
		return good("expiry", d.Table, "rows are kept")
	}
	return good("expiry", d.Table, "rows go by "+dynamo.TTLAttribute)
}

func sameKeys(a, b []types.KeySchemaElement) bool { return keyNames(a) == keyNames(b) }

func keyNames(keys []types.KeySchemaElement) (names string) {
	for _, kind := range []types.KeyType{types.KeyTypeHash, types.KeyTypeRange} {
		for _, k := range keys {
			if k.KeyType == kind {
				names += fmt.Sprintf("%s (%s) ", aws.ToString(k.AttributeName), kind)
			}
		}
	}
	return names[:max(0, len(names)-1)]
}
