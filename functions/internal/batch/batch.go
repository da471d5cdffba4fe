// Package batch is for functions that stand behind a queue: what reaches them is a batch
// of messages of SQS, each of which holds one event of EventBridge, or such an event
// alone.
//
// Within a batch services go side by side, and the events of one service one after the
// other. A message that fails holds no other one, and is given back to the queue alone.
package batch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
)

// Size is how many messages a batch has at most (infra/queues.tf says the same), and how
// many services go side by side: none waits behind one that takes its time.
const Size = 10

// Handle takes one event of EventBridge as it arrives.
type Handle func(ctx context.Context, event json.RawMessage) error

// Handler returns a handler of batches and of events alone, for boot.Start. It answers
// a batch with the messages that failed, and an event alone with null or its error.
func Handler(log *slog.Logger, handle Handle) func(context.Context, json.RawMessage) (any, error) {
	return func(ctx context.Context, raw json.RawMessage) (any, error) {
		messages, err := split(raw)
		switch {
		case err != nil:
			return nil, err
		case len(messages) == 0:
			return nil, handle(ctx, raw)
		}
		return answerOf(run(ctx, log, messages, handle)), nil
	}
}

// run handles the messages of a batch and returns those that failed. When the context
// ends, before the function's own time does, so do those at work, and those whose turn
// has not come have failed, too.
func run(ctx context.Context, log *slog.Logger, messages []message, handle Handle) []message {
	groups := bySubject(messages)
	failed := make([][]message, len(groups))
	parallel.ForEach(len(groups), Size, func(i int) {
		for k, m := range groups[i] {
			if err := attempt(ctx, m, len(groups[i])-k, handle); err != nil {
				failed[i] = append(failed[i], m)
				log.ErrorContext(ctx, "message goes back to the queue", "message", m.id, "received", m.received, "error", err.Error())
			}
		}
	})
	return slices.Concat(failed...)
}

var errShare = errors.New("ended so that later events of its service have their turn")

// share ends a context when a message has had its part of the time that is left to so many
// of its group. A busy service is waited for as long as there is time: were that all of the
// batch's, the first event of a service would leave none to the others, now and each time
// that they come back together. Most take milliseconds, and leave the last one nearly all.
func share(ctx context.Context, left int) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok || left == 1 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, time.Until(deadline)/time.Duration(left), errShare)
}

// attempt handles one message, of so many that are left of its group. A panic is an error of that message alone, as net/http
// has it: were it one of the whole batch, what is done would be done again, together
// with the same message, for as long as the queue keeps that.
func attempt(ctx context.Context, m message, left int, handle Handle) (err error) {
	ctx, cancel := share(ctx, left)
	defer cancel()
	if ctx.Err() != nil {
		return fmt.Errorf("not begun: %w", context.Cause(ctx))
	}
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	if err := handle(ctx, m.body); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		return err
	}
	return nil
}
