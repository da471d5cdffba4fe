package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/tagalong-aws/tagalong/functions/internal/api"
	"github.com/tagalong-aws/tagalong/functions/internal/page"
)

// guarded is the function history behind IAM: it answers who signs with these credentials.
type guarded struct {
	http.Handler
	keys aws.Credentials
	seen []*http.Request
}

func (g *guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.seen = append(g.seen, r)
	if !g.signed(r) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"Message":"Forbidden"}`)
		return
	}
	g.Handler.ServeHTTP(w, r)
}

// signed makes the signature once more, from what has come.
func (g *guarded) signed(r *http.Request) bool {
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		return false
	}
	again, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+r.Host+r.URL.RequestURI(), nil)
	if err != nil {
		return false
	}
	err = v4.NewSigner().SignHTTP(r.Context(), g.keys, again, noBody, "execute-api", "us-east-1", at)
	return err == nil && r.Header.Get("Authorization") == again.Header.Get("Authorization")
}

func TestServeSignsWhatItPassesOn(t *testing.T) {
	st, _ := sandboxed(t, "told")
	log := slog.New(slog.DiscardHandler)
	history := &guarded{Handler: page.Handler(st.queries, api.Handler(st.queries, log), log), keys: aws.Credentials{AccessKeyID: "SANDBOX", SecretAccessKey: "sandbox", SessionToken: "token"}}
	function := httptest.NewServer(history)
	defer function.Close()
	t.Setenv("AWS_SESSION_TOKEN", "token")
	t.Setenv("TAGALONG_TABLE", "")
	url, _ := served(t, "--remote", function.URL+"/some/prefix")
	for target, want := range map[string]string{
		"/": "What runs where", "/image?image=checkout-api": "Where it runs and ran", "/?at=2026-03-04T09:16:00Z&service=check*": "not now",
		"/v1/environments/prod/running?service=prod-*%2Fc*": `"items"`,
	} {
		if status, body := get(t, url+target, ""); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %.300s", target, status, body)
		}
	}
	for _, r := range history.seen {
		if !strings.HasPrefix(r.URL.Path, "/some/prefix/") || r.Header.Get("X-Amz-Security-Token") != "token" || r.Header.Get("User-Agent") != "" {
			t.Errorf("%s %v", r.URL, r.Header)
		}
	}
	history.keys.SecretAccessKey = "another"
	if status, body := get(t, url+"/", ""); status != http.StatusForbidden || !strings.Contains(body, "your credentials may not call it") {
		t.Errorf("%d %s", status, body)
	}
	function.Close()
	if status, body := get(t, url+"/", ""); status != http.StatusBadGateway || !strings.Contains(body, "the function history at --remote: ") {
		t.Errorf("%d %s", status, body)
	}
}

func TestServePassesOnNothingElse(t *testing.T) {
	sandboxed(t, "told")
	var seen []http.Header
	function := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = append(seen, r.Header) }))
	defer function.Close()
	url, _ := served(t, "--remote", function.URL)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		r, err := http.NewRequestWithContext(t.Context(), method, url+"/", strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Cookie", "of=another program")
		r.Header.Set("If-None-Match", `"x"`)
		reply, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		reply.Body.Close()
		if want := map[string]int{http.MethodGet: 200, http.MethodPost: 405}[method]; reply.StatusCode != want {
			t.Errorf("%s: %d", method, reply.StatusCode)
		}
	}
	if len(seen) != 1 || seen[0].Get("If-None-Match") != `"x"` {
		t.Fatalf("%v", seen)
	}
	for name := range seen[0] {
		if !slices.Contains([]string{"Accept-Encoding", "Authorization", "If-None-Match", "X-Amz-Date"}, name) {
			t.Errorf("header %s", name)
		}
	}
}

func TestASignatureIsForTheServiceOfTheHost(t *testing.T) {
	for host, want := range map[string][2]string{
		"abcdefghij.lambda-url.eu-west-1.on.aws":             {"lambda", "eu-west-1"},
		"abcdefghij.execute-api.eu-central-1.amazonaws.com":  {"execute-api", "eu-central-1"},
		"abcdefghij.execute-api.cn-north-1.amazonaws.com.cn": {"execute-api", "cn-north-1"},
		"tagalong.example.com":                               {"execute-api", "us-east-1"},
	} {
		if service, region := scopeOf(host, "us-east-1"); service != want[0] || region != want[1] {
			t.Errorf("%s: %s %s", host, service, region)
		}
	}
}

func TestWhereTheFunctionIsIsAnHTTPSAddress(t *testing.T) {
	for _, text := range []string{"", "history", "http://example.com/", "ftp://example.com/", "https://user@example.com/", "https://example.com/?x=1", "https://"} {
		if at, err := remoteURL(text); err == nil {
			t.Errorf("%q: %s", text, at)
		}
	}
	for _, text := range []string{"https://abcdefghij.lambda-url.us-east-1.on.aws/", "http://127.0.0.1:8081/prefix"} {
		if _, err := remoteURL(text); err != nil {
			t.Error(err)
		}
	}
}
