package boot

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

const (
	attemptTimeout = 5 * time.Second // of one attempt in all
	connectTimeout = time.Second
	idlePerHost    = 16 // ten containers are asked for side by side
)

// HTTPClient returns the HTTP client for all SDK clients, of the functions and of
// the CLI. base is the client of a loaded configuration, with its proxies and
// certificates, or nil. If it is one of the SDK's own, each attempt gets a
// timeout, enough connections are kept, and the protocol is HTTP/1.1: HTTP/2
// brings nothing for calls of this size.
func HTTPClient(base aws.HTTPClient) aws.HTTPClient {
	if base == nil {
		base = awshttp.NewBuildableClient()
	}
	if buildable, ok := base.(*awshttp.BuildableClient); ok {
		base = buildable.
			WithTimeout(attemptTimeout).
			WithDialerOptions(func(d *net.Dialer) { d.Timeout = connectTimeout }).
			WithTransportOptions(func(t *http.Transport) {
				t.MaxIdleConnsPerHost = idlePerHost
				t.TLSHandshakeTimeout = connectTimeout
				t.ForceAttemptHTTP2 = false
				t.Protocols = new(http.Protocols)
				t.Protocols.SetHTTP1(true)
			})
	}
	return ownBody{base}
}

// ownBody hands net/http a copy of the body that is its own. The SDK closes and
// rewinds a body as soon as it has the answer, while net/http may still read
// it: connections are dropped, and now and then a request fails. With GetBody
// net/http can also repeat by itself what it could not begin to send, on a
// connection that died while the function was frozen.
type ownBody struct{ base aws.HTTPClient }

// Do implements aws.HTTPClient.
func (c ownBody) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return c.base.Do(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("request body: %w", err)
	}
	if err := r.Body.Close(); err != nil {
		return nil, fmt.Errorf("request body: %w", err)
	}
	own := r.WithContext(r.Context()) // a copy: the SDK uses the original again
	own.ContentLength = int64(len(body))
	own.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	own.Body, _ = own.GetBody()
	return c.base.Do(own)
}
