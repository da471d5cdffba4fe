// Package sandboxtest starts a sandbox for a test and points real SDK clients
// at it.
package sandboxtest

import (
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
)

// Sandbox is a sandbox that listens until its test ends.
type Sandbox struct {
	*sandbox.Sandbox
	URL    string
	client httpClient
}

// Epoch is the time at which Start's sandboxes stand still.
var Epoch = time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)

// Start starts a sandbox with default options, at a clock that stands still.
func Start(t testing.TB) *Sandbox {
	t.Helper()
	return StartWith(t, sandbox.Options{Now: func() time.Time { return Epoch }})
}

// StartWith starts a sandbox with options.
func StartWith(t testing.TB, options sandbox.Options) *Sandbox {
	t.Helper()
	s := sandbox.New(options)
	server := httptest.NewServer(recorded(t, s))
	t.Cleanup(server.Close)
	return &Sandbox{Sandbox: s, URL: server.URL, client: httpClient{server.Client()}}
}

// Config is a client configuration for the sandbox's own account and Region:
// one attempt a call, so that a test sees every error at once.
func (s *Sandbox) Config() aws.Config {
	return aws.Config{
		Region:       s.Home().Region,
		BaseEndpoint: aws.String(s.URL),
		HTTPClient:   s.client,
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDSANDBOX", "secret", ""),
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
	}
}

// As is a client configuration for another account.
func (s *Sandbox) As(account string) aws.Config {
	key := "AKID" + account
	s.STS.AddKey(key, account)
	config := s.Config()
	config.Credentials = credentials.NewStaticCredentialsProvider(key, "secret", "")
	return config
}

// With is a client configuration with the credentials of a job, for its artifacts
// in S3; a client of S3 must use path-style addresses.
func (s *Sandbox) With(c codepipeline.Credentials) aws.Config {
	config := s.Config()
	config.Credentials = credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken)
	return config
}

// Code gives the code of an AWS error, "" for nil, and "?" for another error.
func Code(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return "?"
}
