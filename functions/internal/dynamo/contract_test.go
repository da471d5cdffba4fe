package dynamo_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

var tables atomic.Int64

// opened makes a table of its own for each ledger, and removes it in the end.
func opened(client *dynamodb.Client) func(*testing.T) tagalongtest.Store {
	return func(t *testing.T) tagalongtest.Store {
		table := fmt.Sprintf("ledger-%d", tables.Add(1))
		if _, err := dynamo.Create(t.Context(), client, table); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			// The test's own context has ended by now.
			if _, err := client.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &table}); err != nil {
				t.Errorf("deleting %s: %v", table, err)
			}
		})
		return dynamo.New(client, table)
	}
}

func TestTheContractOnTheSandbox(t *testing.T) {
	tagalongtest.LedgerSuite(t, opened(dynamodb.NewFromConfig(sandboxtest.Start(t).Config())))
}

// TestCreateDoesWhatIsMissing interrupts the making of a table after its first step.
func TestCreateDoesWhatIsMissing(t *testing.T) {
	client := dynamodb.NewFromConfig(sandboxtest.Start(t).Config())
	if _, err := client.CreateTable(t.Context(), dynamo.Definition("half")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		created, err := dynamo.Create(t.Context(), client, "half")
		if err != nil || created {
			t.Errorf("created %v, error %v; want neither", created, err)
		}
	}
	table := "half"
	now, err := client.DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: &table})
	if err != nil || now.TimeToLiveDescription.TimeToLiveStatus != "ENABLED" {
		t.Errorf("time to live: %+v, error %v", now, err)
	}
}
