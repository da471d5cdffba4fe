package sandbox

import (
	"bytes"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// Call is one request that the sandbox answered, each attempt of the SDK one.
type Call struct {
	Time      time.Time // of arrival, by the sandbox's clock
	Service   string    // codedeploy, codepipeline, dynamodb, ecr, ecs, events, inspector2, s3 or sts
	Operation string
	Account   string // of the caller
	Region    string
	Err       string // the error's code, "" if there was none
}

// recorder keeps the calls in the order of their arrival.
type recorder struct {
	mu    sync.Mutex
	calls []*Call
}

func (rec *recorder) begin(at time.Time) *Call {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	c := &Call{Time: at}
	rec.calls = append(rec.calls, c)
	return c
}

func (rec *recorder) name(c *Call, service, operation string) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	c.Service, c.Operation = service, operation
}

func (rec *recorder) by(c *Call, scope wire.Scope) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	c.Account, c.Region = scope.Account, scope.Region
}

func (rec *recorder) end(c *Call, code string) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	c.Err = code
}

// Calls gives the requests since the start or the last ResetCalls, in the
// order of their arrival.
func (s *Sandbox) Calls() []Call {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	calls := make([]Call, len(s.calls.calls))
	for i, c := range s.calls.calls {
		calls[i] = *c
	}
	return calls
}

// ResetCalls forgets the requests so far.
func (s *Sandbox) ResetCalls() {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	s.calls.calls = nil
}

// watcher notes the code of an error reply on its way out.
type watcher struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader implements http.ResponseWriter.
func (w *watcher) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *watcher) Write(data []byte) (int, error) {
	if w.status >= 400 {
		w.body.Write(data)
	}
	return w.ResponseWriter.Write(data)
}

var codeExpr = regexp.MustCompile(`"__type":\s*"(?:[^"#]*#)?([^"#]*)"|<Code>([^<]*)</Code>`)

func (w *watcher) code() string {
	if w.status < 400 {
		return ""
	}
	if m := codeExpr.FindSubmatch(w.body.Bytes()); m != nil {
		return string(m[1]) + string(m[2])
	}
	return http.StatusText(w.status)
}
