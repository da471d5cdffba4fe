package boot

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
)

func TestOpeningSendsNoCallAndLeavesAConnection(t *testing.T) {
	var opened, calls, heads atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			heads.Add(1)
			http.Error(w, "what do you want?", http.StatusForbidden)
			return
		}
		calls.Add(1)
		_, _ = w.Write([]byte("{}"))
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	cfg := aws.Config{
		Region: "us-east-1", BaseEndpoint: &server.URL, HTTPClient: HTTPClient(nil),
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
	}
	Prewarm(t.Context(), func(ctx context.Context) {
		if _, err := ecs.NewFromConfig(Opening(cfg)).ListClusters(ctx, nil); err == nil {
			t.Error("no error")
		}
	})
	if heads.Load() != 1 || calls.Load() != 0 {
		t.Errorf("%d heads, %d calls", heads.Load(), calls.Load())
	}
	if _, err := ecs.NewFromConfig(cfg).ListClusters(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if opened.Load() != 1 || calls.Load() != 1 {
		t.Errorf("%d connections, %d calls", opened.Load(), calls.Load())
	}
}

func TestPrewarmIsBoundedAndNeverFails(t *testing.T) {
	unreachable := aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String("http://127.0.0.1:1"), HTTPClient: HTTPClient(nil),
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
	}
	begun := time.Now()
	Prewarm(t.Context(),
		func(ctx context.Context) { _, _ = ecs.NewFromConfig(Opening(unreachable)).ListClusters(ctx, nil) },
		func(ctx context.Context) { <-ctx.Done() },
		func(ctx context.Context) { <-ctx.Done() },
	)
	if took := time.Since(begun); took > warmTimeout+time.Second {
		t.Errorf("took %v", took)
	}
}
