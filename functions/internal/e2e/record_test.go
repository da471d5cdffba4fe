//go:build e2e

package e2e

import (
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
)

// before starts a server that keeps each request and hands it on. The host's name
// stays as it was signed.
func (w *world) before(t *testing.T, target string) (address string) {
	t.Helper()
	to, err := url.Parse(target)
	check(t, err)
	server := httptest.NewServer(w.recorder.Before(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
	}}))
	t.Cleanup(server.Close)
	return server.URL
}
