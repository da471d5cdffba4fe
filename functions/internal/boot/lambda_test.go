package boot

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"
)

func TestInvocationAnswers(t *testing.T) {
	for want, answer := range map[string]any{"null": nil, `{"ok":true}`: map[string]bool{"ok": true}} {
		got, err := Invocation(func(_ context.Context, event json.RawMessage) (any, error) {
			if string(event) != "not even JSON" {
				t.Errorf("event %s", event)
			}
			return answer, nil
		}).Invoke(t.Context(), []byte("not even JSON"))
		if string(got) != want || err != nil {
			t.Errorf("answer %s, error %v", got, err)
		}
	}
}

func TestHandlerEndsBeforeItsFunction(t *testing.T) {
	for given, want := range map[time.Duration]time.Duration{
		time.Minute: 2500 * time.Millisecond, 10 * time.Second: 2500 * time.Millisecond, 4 * time.Second: time.Second,
	} {
		if got := margin(given); got != want {
			t.Errorf("of %v: %v instead of %v", given, got, want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := Invocation(func(ctx context.Context, _ json.RawMessage) (any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}).Invoke(ctx, nil)
	if !errors.Is(err, errDeadline) || !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		t.Errorf("error %v; the function's own time: %v", err, ctx.Err())
	}
}

func TestHandlerIsToldOfTheEnd(t *testing.T) {
	ctx, end := context.WithCancelCause(t.Context())
	end(errTerminated)
	_, err := Invocation(func(ctx context.Context, _ json.RawMessage) (any, error) { return nil, ctx.Err() }).Invoke(ctx, nil)
	if !errors.Is(err, errTerminated) {
		t.Errorf("error %v", err)
	}
}

func TestOtherErrorsAreLeftAlone(t *testing.T) {
	broken := errors.New("broken")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := Invocation(func(context.Context, json.RawMessage) (any, error) { return nil, broken }).Invoke(ctx, nil); err != broken {
		t.Errorf("error %v", err)
	}
}
