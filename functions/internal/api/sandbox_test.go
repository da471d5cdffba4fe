package api

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
)

func TestNoLineOfTheLogSaysWhatWasAskedFor(t *testing.T) {
	ledger := dynamo.New(dynamodb.NewFromConfig(sandboxtest.Start(t).Config()), "nowhere")
	for _, target := range []string{
		"/v1/environments/marker/running", "/v1/environments/marker/history", "/v1/services/111122223333/us-east-1/marker/marker/history",
		"/v1/images?image=marker", "/v1/images?image=marker:marker", "/v1/diff?from=marker&to=marker", "/v1/tags",
		"/v1/releases/marker/" + executionID,
	} {
		w := worldOn(ledger)
		told(t, w.get(t, target), 500)
		l := w.line(t)
		if cause, _ := l["error"].(string); !strings.HasPrefix(cause, "DynamoDB Query: ") || !strings.HasSuffix(cause, ": ResourceNotFoundException") {
			t.Errorf("%s: line %v", target, l)
		}
		if strings.Contains(w.log.String(), "marker") {
			t.Errorf("%s: %s", target, &w.log)
		}
	}
}

func TestErrorsOfTheTableDoNotQuoteKeys(t *testing.T) {
	ledger := dynamo.New(dynamodb.NewFromConfig(sandboxtest.Start(t).Config()), "nowhere")
	_, counting := ledger.CountRunning(t.Context(), "marker")
	_, querying := stream.Collect(ledger.OpenPlacements(t.Context(), "marker"))
	for _, err := range []error{counting, querying} {
		if err == nil || strings.Contains(err.Error(), "marker") || !strings.Contains(err.Error(), "DynamoDB: Query") {
			t.Error(err)
		}
	}
}

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
