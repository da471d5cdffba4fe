package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/tagalong-aws/tagalong/functions/internal/api"
)

// remoteURL reads where the function history is: only https keeps what is signed from
// others, but for this machine.
func remoteURL(text string) (*url.URL, error) {
	at, err := url.Parse(text)
	if err != nil || at.Host == "" || at.RawQuery != "" || at.Fragment != "" || at.User != nil || at.Scheme != "https" && (at.Scheme != "http" || !loopback(at.Hostname())) {
		return nil, usagef("--remote %q: want the https URL of the function history, such as https://abcdefghij.lambda-url.us-east-1.on.aws/", text)
	}
	return at, nil
}

// remote serves what the function at a URL answers, signed with the caller's credentials.
func (s *session) remote(to *url.URL, log *slog.Logger) (http.Handler, error) {
	cfg, err := s.aws()
	if err != nil {
		return nil, err
	}
	signing := signer{Signer: v4.NewSigner(), credentials: cfg.Credentials, now: s.now}
	signing.service, signing.region = scopeOf(to.Hostname(), cfg.Region)
	if buildable, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok {
		signing.next = buildable.GetTransport()
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { forward(r, to) },
		Transport:      signing,
		FlushInterval:  -1, // a page streams
		ModifyResponse: allowed,
		ErrorHandler:   refuse,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			api.Refuse(w, r, http.StatusMethodNotAllowed, "want GET or HEAD")
			return
		}
		proxy.ServeHTTP(w, r)
	}), nil
}

// passedOn are the headers of a browser that the function looks at. Nothing else leaves
// this machine: no cookie of another program that listens on it.
var passedOn = []string{"Accept", "Accept-Encoding", "If-None-Match"}

func forward(r *httputil.ProxyRequest, to *url.URL) {
	r.SetURL(to)
	r.Out.Header = http.Header{}
	for _, name := range passedOn {
		if values := r.In.Header.Values(name); len(values) > 0 {
			r.Out.Header[name] = values
		}
	}
}

// signer signs requests as AWS wants them.
type signer struct {
	*v4.Signer
	credentials     aws.CredentialsProvider
	service, region string
	now             func() time.Time
	next            http.RoundTripper
}

// scopeOf returns what a signature for a host is for: a Function URL says so by its name,
// and everything else is an API of API Gateway.
func scopeOf(host, region string) (service, of string) {
	labels := strings.Split(host, ".")
	switch {
	case len(labels) > 3 && labels[1] == "lambda-url":
		return "lambda", labels[2]
	case len(labels) > 3 && labels[1] == "execute-api":
		return "execute-api", labels[2]
	}
	return "execute-api", region
}

// noBody is the checksum of a request without a body.
var noBody = hex.EncodeToString(sha256.New().Sum(nil))

// RoundTrip implements http.RoundTripper. What the way there may change is not signed.
func (s signer) RoundTrip(r *http.Request) (*http.Response, error) {
	keys, err := s.credentials.Retrieve(r.Context())
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	signed := r.Clone(r.Context())
	signed.Header, signed.Body, signed.ContentLength = http.Header{}, nil, 0
	if err := s.SignHTTP(r.Context(), keys, signed, noBody, s.service, s.region, s.now()); err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	for name, values := range r.Header {
		if signed.Header[name] == nil {
			signed.Header[name] = values
		}
	}
	if s.next == nil {
		return http.DefaultTransport.RoundTrip(signed)
	}
	return s.next.RoundTrip(signed)
}

// errForbidden is what AWS says before the function is asked.
var errForbidden = errors.New("your credentials may not call it: allow lambda:InvokeFunctionUrl and lambda:InvokeFunction, or execute-api:Invoke, to them, or set AWS_PROFILE to others")

func allowed(r *http.Response) error {
	if r.StatusCode == http.StatusForbidden {
		return errForbidden
	}
	return nil
}

// refuse says why there is no answer, in the form of the API.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusBadGateway
	if errors.Is(err, errForbidden) {
		status = http.StatusForbidden
	}
	api.Refuse(w, r, status, "the function history at --remote: "+err.Error())
}
