package fence_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// point is a moment in a handler's life: before or after its nth call of an operation.
type point struct {
	operation string
	n         int
	after     bool
}

// deed is what happens to a handler at its point.
type deed int

const (
	// pause lets the handler wait there until the other one has gone on.
	pause deed = iota
	// kill ends the handler there: before a call it is never sent, after it the answer is lost.
	kill
	// hold ends the handler before a call that is under way: it arrives later.
	hold
	// lose leaves the handler alive without an answer to a call that arrives later.
	lose
)

func (d deed) String() string { return [...]string{"paused", "killed", "held", "unanswered"}[d] }

var (
	errDead = errors.New("the handler is dead")
	errLost = errors.New("connection reset by the test")
)

// handler is one run of a function: a transport that stops at its point.
type handler struct {
	aws    http.Handler // what answers: the sandbox
	at     *point       // nil: it runs through
	do     deed
	cancel context.CancelFunc

	reached chan struct{} // closed when it comes to its point
	resume  chan struct{} // closed to let it go on
	done    chan struct{} // closed when it has ended
	err     error         // after done

	mu     sync.Mutex
	counts map[string]int
	seen   []point
	// answered counts the calls that were answered.
	answered int
	dead     bool
	late     []func() // calls that arrive when the handler does not wait for them any more
}

func newHandler(aws http.Handler, at *point, do deed) *handler {
	return &handler{
		aws: aws, at: at, do: do, cancel: func() {},
		reached: make(chan struct{}), resume: make(chan struct{}), done: make(chan struct{}),
		counts: map[string]int{},
	}
}

// start runs the handler.
func (h *handler) start(handle func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	h.cancel = cancel
	go func() {
		defer close(h.done)
		defer cancel()
		h.err = handle(ctx)
	}()
}

// settle waits until the handler stands at its point or has ended. What it does
// beside the call at which it stands comes to its end first, so that a reading
// that was begun there is as old as it can be.
func (h *handler) settle() {
	select {
	case <-h.reached:
	case <-h.done:
		return
	}
	for calm, before := 0, -1; calm < 3; {
		time.Sleep(300 * time.Microsecond)
		h.mu.Lock()
		now := len(h.seen) + h.answered
		h.mu.Unlock()
		if calm++; now != before {
			calm, before = 0, now
		}
	}
}

// finish lets the handler go on from its point and waits for its end.
func (h *handler) finish() {
	close(h.resume)
	<-h.done
}

// RoundTrip is the hook on the SDK's transport.
func (h *handler) RoundTrip(req *http.Request) (*http.Response, error) {
	body := []byte{}
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	deliver := func() *http.Response { return h.deliver(req, body) }
	operation := req.Header.Get("X-Amz-Target")
	operation = operation[strings.LastIndexByte(operation, '.')+1:]
	before, dead := h.count(operation)
	if dead {
		return nil, errDead
	}
	if h.stop(before) {
		if err := h.suffer(func() { deliver() }); err != nil {
			return nil, err
		}
	}
	response := deliver()
	h.mu.Lock()
	h.answered++
	h.mu.Unlock()
	if h.stop(point{before.operation, before.n, true}) {
		if err := h.suffer(nil); err != nil {
			return nil, err
		}
	}
	return response, nil
}

// count numbers the call.
func (h *handler) count(operation string) (before point, dead bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts[operation]++
	before = point{operation: operation, n: h.counts[operation]}
	h.seen = append(h.seen, before, point{before.operation, before.n, true})
	return before, h.dead
}

func (h *handler) stop(at point) bool { return h.at != nil && *h.at == at }

// suffer does the deed. call is the call that was about to be sent, nil after it.
func (h *handler) suffer(call func()) error {
	if h.do == pause {
		close(h.reached)
		<-h.resume
		return nil
	}
	h.mu.Lock()
	if call != nil && (h.do == hold || h.do == lose) {
		h.late = append(h.late, call)
	}
	h.dead = h.do != lose
	h.mu.Unlock()
	if h.do == lose {
		return errLost
	}
	h.cancel()
	close(h.reached)
	return errDead
}

func (h *handler) deliver(req *http.Request, body []byte) *http.Response {
	in := httptest.NewRequest(req.Method, req.URL.String(), bytes.NewReader(body))
	in.Header = req.Header.Clone()
	recorder := httptest.NewRecorder()
	h.aws.ServeHTTP(recorder, in)
	response := recorder.Result()
	response.Request = req
	return response
}
