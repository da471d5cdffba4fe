// Package lambdatest runs a function as Lambda does: as a process that asks for
// events.
package lambdatest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
)

// Runtime is Lambda's side of a function's process,
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, with so much of
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html that
// the process is told when it must end.
type Runtime struct {
	*httptest.Server
	events  chan invocation
	answers chan Answer
	ended   chan struct{}
}

// Endpoint is what AWS_LAMBDA_RUNTIME_API is for a function.
func (api *Runtime) Endpoint() string { return strings.TrimPrefix(api.URL, "http://") }

// Variables are those of a function that this runtime drives. AWS is at an endpoint,
// where the function's calls are told from the test's own by its key.
func (api *Runtime) Variables(function, endpoint string, more ...string) []string {
	return append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + api.Endpoint(),
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=" + sandboxtest.KeyOf(function), "AWS_SECRET_ACCESS_KEY=very-secret", "AWS_SESSION_TOKEN=token",
		"AWS_ENDPOINT_URL=" + endpoint,
	}, more...)
}

// invocation is an event that waits for the function.
type invocation struct {
	event []byte
	time  time.Duration // till the deadline
}

// Answer is how an invocation ended.
type Answer struct {
	Failed bool
	Body   string
}

// StartRuntime starts one that listens until the test ends.
func StartRuntime(t testing.TB) *Runtime {
	t.Helper()
	api := &Runtime{events: make(chan invocation), answers: make(chan Answer, 1), ended: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", api.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", api.take)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", api.take)
	mux.HandleFunc("POST /2020-01-01/extension/register", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Lambda-Extension-Identifier", "extension")
	})
	mux.HandleFunc("GET /2020-01-01/extension/event/next", func(_ http.ResponseWriter, r *http.Request) { api.wait(r) })
	api.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		close(api.ended)
		api.Close()
	})
	return api
}

func (api *Runtime) wait(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-api.ended:
	}
}

func (api *Runtime) next(w http.ResponseWriter, r *http.Request) {
	select {
	case e := <-api.events:
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(e.time).UnixMilli(), 10))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:111122223333:function:tagalong")
		_, _ = w.Write(e.event)
	case <-r.Context().Done():
	case <-api.ended:
	}
}

func (api *Runtime) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		body = []byte(err.Error())
	}
	w.WriteHeader(http.StatusAccepted)
	api.answers <- Answer{Failed: strings.HasSuffix(r.URL.Path, "/error"), Body: string(body)}
}

// Invoke returns the function an event and waits for its answer.
func (api *Runtime) Invoke(t testing.TB, event []byte, limit time.Duration) Answer {
	t.Helper()
	late := time.After(limit + 10*time.Second)
	select {
	case api.events <- invocation{event, limit}:
	case <-late:
		t.Fatal("the function asks for no event")
	}
	select {
	case a := <-api.answers:
		return a
	case <-late:
		t.Fatal("the function gives no answer")
	}
	return Answer{}
}

// Send returns the function an event that it may never answer, since it is to be
// killed. It waits until the function takes it, or until ctx ends.
func (api *Runtime) Send(ctx context.Context, event []byte, limit time.Duration) {
	select {
	case api.events <- invocation{event, limit}:
	case <-ctx.Done():
	}
}
