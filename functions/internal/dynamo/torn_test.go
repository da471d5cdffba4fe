package dynamo_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// halfway is a client whose first Query shows the head of a transaction and none
// of its facts.
type halfway struct {
	client  aws.HTTPClient
	queries int
}

// Do implements aws.HTTPClient.
func (h *halfway) Do(r *http.Request) (*http.Response, error) {
	reply, err := h.client.Do(r)
	if err != nil || !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".Query") {
		return reply, err
	}
	if h.queries++; h.queries > 1 {
		return reply, nil
	}
	var body map[string]any
	if err := json.NewDecoder(reply.Body).Decode(&body); err != nil {
		return nil, err
	}
	items := body["Items"].([]any)
	body["Items"] = items[:1] // the head comes first
	whole, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	reply.Body, reply.ContentLength = io.NopCloser(bytes.NewReader(whole)), int64(len(whole))
	reply.Header.Del("X-Amz-Crc32")
	return reply, nil
}

// TestAHeadWithoutItsFactIsReadAgain: DynamoDB may show half of a transaction to a Query.
func TestAHeadWithoutItsFactIsReadAgain(t *testing.T) {
	cfg := sandboxtest.Start(t).Config()
	if _, err := dynamo.Create(t.Context(), dynamodb.NewFromConfig(cfg), "tagalong"); err != nil {
		t.Fatal(err)
	}
	s := tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod", Name: "api"}
	fact := tagalong.Fact{Deployment: "ecs-svc/1", Name: tagalong.Completed, Time: time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC), Source: tagalong.FromEvent}
	change := ledger.Change{Service: s, Head: ledger.Head{Version: "one", Last: fact}, Fact: &fact}
	if err := dynamo.New(dynamodb.NewFromConfig(cfg), "tagalong").Commit(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	half := &halfway{client: cfg.HTTPClient}
	cfg.HTTPClient = half
	snap, err := dynamo.New(dynamodb.NewFromConfig(cfg), "tagalong").Load(t.Context(), s)
	if err != nil || len(snap.Facts) != 1 || half.queries != 2 {
		t.Errorf("%d facts after %d queries, error %v; want 1 after 2", len(snap.Facts), half.queries, err)
	}
}
