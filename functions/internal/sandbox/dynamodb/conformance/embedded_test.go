package conformance

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
)

// bufferedClient reads the body before it sends it. The SDK closes its own as
// soon as an answer begins; with a server that answers at once the transport
// may still be reading it then, and drops the connection with the answer.
type bufferedClient struct{ http.Client }

func (c *bufferedClient) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the request: %w", err)
	}
	buffered := r.Clone(r.Context())
	buffered.Body = io.NopCloser(bytes.NewReader(body))
	return c.Client.Do(buffered)
}

// connect makes an SDK client for an endpoint that takes any credentials. It
// does not retry: a case must not pass, or fail, by a second attempt.
func connect(url string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: &url,
		Region:       "eu-west-1",
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		Retryer:      aws.NopRetryer{},
		HTTPClient:   &bufferedClient{},
	})
}

// embedded starts this project's own implementation.
func embedded(t *testing.T) *dynamodb.Client {
	return connect(sandboxtest.Start(t).URL)
}

func TestEmbedded(t *testing.T) {
	Suite(t, embedded(t))
}
