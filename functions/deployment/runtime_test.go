package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// runtimeAPI is Lambda's side of a function's process,
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, with so much of
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html that
// the process is told when it must end.
type runtimeAPI struct {
	*httptest.Server
	events  chan invocation
	answers chan answer
	ended   chan struct{}
}

type invocation struct {
	event []byte
	time  time.Duration // till the deadline
}

// answer is how an invocation ended.
type answer struct {
	failed bool
	body   string
}

func startRuntime(t *testing.T) *runtimeAPI {
	t.Helper()
	api := &runtimeAPI{events: make(chan invocation), answers: make(chan answer, 1), ended: make(chan struct{})}
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

func (api *runtimeAPI) wait(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-api.ended:
	}
}

func (api *runtimeAPI) next(w http.ResponseWriter, r *http.Request) {
	select {
	case e := <-api.events:
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(e.time).UnixMilli(), 10))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:111122223333:function:tagalong-deployment")
		_, _ = w.Write(e.event)
	case <-r.Context().Done():
	case <-api.ended:
	}
}

func (api *runtimeAPI) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		body = []byte(err.Error())
	}
	w.WriteHeader(http.StatusAccepted)
	api.answers <- answer{failed: strings.HasSuffix(r.URL.Path, "/error"), body: string(body)}
}

// invoke gives the function an event and waits for its answer.
func (api *runtimeAPI) invoke(t *testing.T, event []byte, limit time.Duration) answer {
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
	return answer{}
}

// function builds the function once, as make build does, but for this machine.
var function = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "tagalong-deployment-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "bootstrap")
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	if err != nil {
		return "", &exec.Error{Name: "go build: " + string(out), Err: err}
	}
	return path, nil
})

func TestMain(m *testing.M) {
	status := m.Run()
	if path, err := function(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(status)
}

// process is a running function.
type process struct {
	*exec.Cmd
	output *output
}

// output is what a process wrote.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer // no embedded one: its ReadFrom would pass the mutex by
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// await gives the output when it holds a text n times: it comes through a pipe,
// and may come later than the answer.
func (o *output) await(t *testing.T, text string, n int) string {
	t.Helper()
	for range 500 {
		if all := o.String(); strings.Count(all, text) >= n {
			return all
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s is not %d times in:\n%s", text, n, o)
	return ""
}

// launch starts the function with nothing but the given environment.
func launch(t *testing.T, environment ...string) *process {
	t.Helper()
	path, err := function()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.CommandContext(t.Context(), path), output: &output{}}
	p.Env = environment
	p.Stdout, p.Stderr = p.output, p.output
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Process.Kill()
		_ = p.Wait()
	})
	return p
}
