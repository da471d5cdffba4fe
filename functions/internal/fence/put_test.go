package fence_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// tagOf returns what the ledger says of a tag.
func (w *world) tagOf(name string) ledger.Tag {
	w.t.Helper()
	repository, tag := split(name)
	registry := strings.TrimSuffix(w.sandbox.ECR.Repository(wire.Scope{}, repository).URI(), "/"+repository)
	id := tagalong.TagID{Repository: tagalong.Repository{Registry: registry, Name: repository}, Tag: tag}
	tags, err := w.reactor(newHandler(w.sandbox, nil, pause)).Ledger.Tags(context.Background(), []tagalong.TagID{id})
	w.must(err)
	return tags[id]
}

// TestAnUnansweredPutLeavesADoubt loses the answer to the first attempt of a put:
// the second one succeeds, and yet the tag is not confirmed before the first can
// no longer arrive.
func TestAnUnansweredPutLeavesADoubt(t *testing.T) {
	w := newWorld(t, named("two deployments of one service"))
	w.prepare()
	h := newHandler(w.sandbox, &point{operation: "PutImage", n: 1}, lose)
	h.start(w.handle(h, w.a))
	<-h.done
	w.must(h.err)
	if h.counts["PutImage"] != 2 {
		t.Errorf("%d attempts to put, want 2: the one without an answer is repeated", h.counts["PutImage"])
	}
	tag := w.tagOf("app:prod")
	if tag.State != ledger.TagPending {
		t.Errorf("the tag is %s while a put may still arrive, want pending", tag.State)
	}
	if left := time.Until(tag.DoubtUntil); left < 14*time.Minute || left > 15*time.Minute {
		t.Errorf("in doubt for %s, want 15 minutes: AWS refuses an older signature", left)
	}

	// The doubt outlives the wish: the next deployment's tag is not confirmed either.
	w.must(w.deliver(w.b))
	if tag := w.tagOf("app:prod"); tag.State != ledger.TagPending {
		t.Errorf("the next wish is %s while a put of the one before may still arrive, want pending", tag.State)
	}
	for _, call := range h.late {
		call()
	}
	// A reading after the doubt settles it.
	reactor := w.reactor(newHandler(w.sandbox, nil, pause))
	reactor.Now = func() time.Time { return time.Now().UTC().Add(16 * time.Minute) }
	reactor.Recheck = true
	_, err := reactor.Handle(context.Background(), w.b)
	w.must(err)
	if problems := w.check(); problems != nil {
		t.Error(errors.Join(problems...))
	}
	if tag := w.tagOf("app:prod"); tag.State != ledger.TagConfirmed || !tag.DoubtUntil.IsZero() {
		t.Errorf("the tag is %s, in doubt until %s; want confirmed and no doubt", tag.State, tag.DoubtUntil)
	}
}

// TestTheHandlerWaitsForEveryPut lets one of two puts fail at once and holds the
// other: a function that returned now might be frozen with that put under way.
func TestTheHandlerWaitsForEveryPut(t *testing.T) {
	w := newWorld(t, named("two containers in two repositories with two tags"))
	w.prepare()
	const puts = 4 // two tags of two containers
	released, underWay := make(chan struct{}), make(chan struct{}, puts)
	first := make(chan struct{}, 1)
	first <- struct{}{}
	gate := roundTripper(func(r *http.Request) (*http.Response, error) {
		plain := newHandler(w.sandbox, nil, pause)
		if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutImage") {
			return plain.RoundTrip(r)
		}
		underWay <- struct{}{}
		select {
		case <-first: // it fails, when all are under way
			for len(underWay) < puts {
				time.Sleep(time.Millisecond)
			}
			return nil, errors.New("the test refuses this put")
		default:
			<-released
			return plain.RoundTrip(r)
		}
	})
	h := newHandler(w.sandbox, nil, pause)
	ctx, cancel := context.WithCancel(context.Background())
	h.start(func(context.Context) error { return w.handle(gate, w.a)(ctx) })
	for len(underWay) < puts {
		time.Sleep(time.Millisecond)
	}
	cancel() // no second attempt of the one that fails
	select {
	case <-h.done:
		t.Error("the handler returned with a put under way")
	case <-time.After(100 * time.Millisecond):
	}
	close(released)
	<-h.done
	if h.err == nil {
		t.Error("the failed put is no error")
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
