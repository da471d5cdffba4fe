package sandboxtest

import (
	"bytes"
	"io"
	"net/http"
)

// httpClient hands net/http a copy of each request's body. The SDK closes its
// own as soon as the reply begins, perhaps before net/http has read its end,
// which breaks the connection under the reply.
type httpClient struct{ *http.Client }

// Do implements the SDK's HTTPClient.
func (c httpClient) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return c.Client.Do(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	own := r.Clone(r.Context())
	own.ContentLength = int64(len(body))
	own.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	own.Body, _ = own.GetBody()
	return c.Client.Do(own)
}
