//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// theAnswer: the history function tells the named principal at its URL what
// runs, and tells nobody else.
func (w *world) theAnswer(t *testing.T, r release) {
	status, body := w.ask(t, "reader", "/v1/environments/prod/running")
	var page struct {
		Items []struct{ Service, Digest, Evidence, TagState string }
	}
	if err := json.Unmarshal(body, &page); status != http.StatusOK || err != nil {
		t.Fatalf("signed by the reader: status %d, %v: %s", status, err, body)
	}
	if len(page.Items) != 1 || page.Items[0].Service != r.service || page.Items[0].Digest != r.image.String() ||
		page.Items[0].Evidence != "revision" || page.Items[0].TagState != "confirmed" {
		t.Errorf("what runs in prod: %s", body)
	}
	if status, body := w.ask(t, "reader", "/v1/images?image="+r.repository+":prod"); status != http.StatusOK || !bytes.Contains(body, []byte(r.image)) {
		t.Errorf("where the tag's image runs: status %d: %s", status, body)
	}
	for _, nobody := range []string{"", "stranger"} {
		if status, body := w.ask(t, nobody, "/v1/environments/prod/running"); status != http.StatusForbidden {
			t.Errorf("signed by %q: status %d: %s", nobody, status, body)
		}
	}
}

// ask sends a GET to the history function's URL, signed with the key of one of
// the two users, or by nobody.
func (w *world) ask(t *testing.T, user, path string) (status int, body []byte) {
	t.Helper()
	at, err := url.Parse(strings.TrimSuffix(w.out.Tagalong.Value.HistoryURL, "/") + path)
	check(t, err)
	at.Scheme = "http"
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at.String(), nil)
	check(t, err)
	if user != "" {
		key := w.out.Keys.Value[user]
		empty := sha256.Sum256(nil)
		who := aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}
		check(t, v4.NewSigner().SignHTTP(t.Context(), who, request, hex.EncodeToString(empty[:]), "lambda", region, time.Now()))
	}
	reply, err := w.names(t).Do(request)
	check(t, err)
	defer reply.Body.Close()
	if body, err = io.ReadAll(reply.Body); err != nil {
		t.Fatal(err)
	}
	return reply.StatusCode, body
}

// names is a client that finds every host at MiniStack, which tells function
// URLs by their names.
func (w *world) names(t *testing.T) *http.Client {
	t.Helper()
	ministack, err := url.Parse(w.endpoint)
	check(t, err)
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, ministack.Host)
		},
	}}
}
