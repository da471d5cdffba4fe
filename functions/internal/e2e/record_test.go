//go:build e2e

package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// call is a request that somebody signed and sent to an AWS service.
type call struct {
	key       string // the access key id
	region    string
	service   string // as the signature names it
	operation string
	body      []byte
}

// recorder stands before AWS and keeps what goes by.
type recorder struct {
	mu    sync.Mutex
	calls []call
}

// before starts a server that hands everything on. The host's name stays as it
// was signed.
func (rec *recorder) before(t *testing.T, target string) (address string) {
	t.Helper()
	to, err := url.Parse(target)
	check(t, err)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		rec.keep(r, body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

var credentialExpr = regexp.MustCompile(`Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/`)

func (rec *recorder) keep(r *http.Request, body []byte) {
	scope := credentialExpr.FindStringSubmatch(r.Header.Get("Authorization"))
	if scope == nil {
		return // nobody's
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.calls = append(rec.calls, call{key: scope[1], region: scope[2], service: scope[3], operation: operation, body: body})
}

// all gives the calls so far.
func (rec *recorder) all() []call {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return append([]call(nil), rec.calls...)
}
