package boot

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
)

// closable is a body that tells whether it was closed, and fails if it is read
// afterwards.
type closable struct {
	io.Reader
	closed atomic.Bool
}

func (c *closable) Read(p []byte) (int, error) {
	if c.closed.Load() {
		return 0, errors.New("read after close")
	}
	return c.Reader.Read(p)
}

func (c *closable) Close() error {
	c.closed.Store(true)
	return nil
}

func TestBodyIsTheTransportsOwn(t *testing.T) {
	body := &closable{Reader: strings.NewReader("hello")}
	var got *http.Request
	client := HTTPClient(doFunc(func(r *http.Request) (*http.Response, error) {
		got = r
		return &http.Response{Body: http.NoBody}, nil
	}))
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://example.com/", body)
	if _, err := client.Do(request); err != nil {
		t.Fatal(err)
	}
	if !body.closed.Load() || request.GetBody != nil || request.Body != body {
		t.Error("the caller's request is changed, or its body left open")
	}
	for i, open := range []func() (io.ReadCloser, error){func() (io.ReadCloser, error) { return got.Body, nil }, got.GetBody, got.GetBody} {
		r, err := open()
		text, err2 := io.ReadAll(r)
		if err != nil || err2 != nil || string(text) != "hello" || got.ContentLength != 5 {
			t.Errorf("reading %d: %q of %d bytes, %v, %v", i, text, got.ContentLength, err, err2)
		}
	}
}

func TestBodyThatCannotBeReadIsNotSent(t *testing.T) {
	client := HTTPClient(doFunc(func(*http.Request) (*http.Response, error) { t.Error("sent"); return nil, nil }))
	body := &closable{}
	body.closed.Store(true)
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://example.com/", body)
	if _, err := client.Do(request); err == nil || !strings.Contains(err.Error(), "request body") {
		t.Errorf("error %v", err)
	}
}

// A server that answers before it has read the body is what the SDK's early
// close breaks: the race detector and the number of connections watch.
func TestConnectionsAreKeptUnderEarlyAnswers(t *testing.T) {
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"images":[],"failures":[]}`))
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	client := ecr.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: &server.URL, HTTPClient: HTTPClient(nil),
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
	})
	manifest := aws.String(string(bytes.Repeat([]byte("x"), 200<<10)))
	for range 100 {
		var wait sync.WaitGroup
		for range 10 {
			wait.Go(func() {
				in := &ecr.PutImageInput{RepositoryName: aws.String("repo"), ImageManifest: manifest}
				if _, err := client.PutImage(t.Context(), in); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
	}
	if n := opened.Load(); n > 12 { // without a body of its own it opens about 20
		t.Errorf("%d connections for 10 calls side by side", n)
	}
}

func TestTimeoutsAndProtocol(t *testing.T) {
	for name, base := range map[string]aws.HTTPClient{"ours": nil, "of a loaded configuration": awshttp.NewBuildableClient()} {
		got, ok := HTTPClient(base).(ownBody).base.(*awshttp.BuildableClient)
		if !ok {
			t.Fatalf("%s: no client of the SDK's", name)
		}
		transport := got.GetTransport()
		if got.GetTimeout() != 5*time.Second || got.GetDialer().Timeout != time.Second || transport.MaxIdleConnsPerHost < 10 ||
			transport.Protocols.HTTP2() || !transport.Protocols.HTTP1() || transport.Proxy == nil {
			t.Errorf("%s: timeout %v, dial %v, %+v", name, got.GetTimeout(), got.GetDialer().Timeout, transport.Protocols)
		}
	}
}
