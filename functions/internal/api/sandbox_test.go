package api

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
)

func TestAnswersFromDynamoDBAreThoseFromMemory(t *testing.T) {
	client := dynamodb.NewFromConfig(sandboxtest.Start(t).Config())
	if _, err := dynamo.Create(t.Context(), client, "ledger"); err != nil {
		t.Fatal(err)
	}
	memory, table := story(t), worldOn(dynamo.New(client, "ledger"))
	table.tell(t)
	for _, c := range everything {
		if diff := cmp.Diff(memory.get(t, c.target).Body.String(), table.get(t, c.target).Body.String()); diff != "" {
			t.Errorf("%s (-memory +DynamoDB):\n%s", c.target, diff)
		}
		if rows := walk(t, table, c.target, 1); len(rows) != c.rows {
			t.Errorf("%s: %d rows one by one, want %d", c.target, len(rows), c.rows)
		}
	}
	for _, c := range wrong {
		if got, want := told(t, table.get(t, c.target), 400), told(t, memory.get(t, c.target), 400); got.Detail != want.Detail {
			t.Errorf("%.80s: %s, in memory %s", c.target, got.Detail, want.Detail)
		}
	}
}
