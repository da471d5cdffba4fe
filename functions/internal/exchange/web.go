// Package exchange is what the API and the page do alike with a request: its id, its line in
// the log, and what its client takes.
package exchange

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Timeout ends a question before API Gateway does, which waits for 30 s,
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html.
const Timeout = 20 * time.Second

// StatusGone is what the log says of a client that hung up before its answer was
// found, as nginx has it.
const StatusGone = 499

// RequestID is Lambda's, by which its own lines are found, or a random one.
func RequestID(ctx context.Context) string {
	if invocation, ok := lambdacontext.FromContext(ctx); ok {
		return cmp.Or(invocation.AwsRequestID, rand.Text())
	}
	return rand.Text()
}

// HungUp reports whether an answer failed only because nobody waits for it any more.
func HungUp(r *http.Request, err error) bool {
	return errors.Is(err, context.Canceled) && errors.Is(r.Context().Err(), context.Canceled)
}

// Line is what the log says of a request: not what was asked for, which may hold a
// secret.
type Line struct {
	Method   string
	Route    string
	Status   int
	Duration time.Duration
	ID       string
	Err      error
}

// Write writes the line. The request's context stays out of it, since a log handler may
// take the id from there once more.
func (l Line) Write(log *slog.Logger) {
	level, attributes := slog.LevelInfo, []slog.Attr{
		slog.String("method", l.Method),
		slog.String("route", l.Route),
		slog.Int("status", l.Status),
		slog.Duration("duration", l.Duration),
		slog.String("requestId", l.ID),
	}
	if l.Status >= http.StatusInternalServerError {
		level = slog.LevelError
		attributes = append(attributes, slog.String("error", Cause(l.Err)))
	}
	log.LogAttrs(context.Background(), level, "request", attributes...)
}
