// Package api answers the questions over HTTP. Its Handler serves a Lambda
// function and a plain server alike; openapi.json says what it takes and returns.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
)

// timeout ends a question before API Gateway does, which waits for 30 s,
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html.
const timeout = 20 * time.Second

// statusGone is what the log says of a client that hung up before its answer was
// found, as nginx has it.
const statusGone = 499

// Handler answers GET and HEAD requests. Each of them is a line of the log,
// without what was asked for: that may hold a secret.
func Handler(q query.Queries, log *slog.Logger) http.Handler {
	return server{queries: q, log: log}
}

type server struct {
	queries query.Queries
	log     *slog.Logger
}

// ServeHTTP implements http.Handler.
func (s server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	id := requestID(ctx)
	route, answer, err := s.answer(ctx, r)
	switch {
	case hungUp(r, err):
		answer = reply{status: statusGone}
	case err != nil:
		answer = problemOf(err, id).reply()
	}
	status := answer.write(w, r)
	s.note(line{r.Method, route.pattern, status, time.Since(begun), id, err})
}

// hungUp reports whether an answer failed only because nobody waits for it any more.
func hungUp(r *http.Request, err error) bool {
	return errors.Is(err, context.Canceled) && errors.Is(r.Context().Err(), context.Canceled)
}

func (s server) answer(ctx context.Context, r *http.Request) (route, reply, error) {
	route, names, err := find(r.URL.EscapedPath())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		err = errMethod
	}
	if err != nil {
		return route, reply{}, err
	}
	a, err := route.read(names, r.URL.RawQuery, s.now())
	if err != nil {
		return route, reply{}, err
	}
	answer, err := route.answer(ctx, s.queries, a)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", ctx.Err(), err) // not everybody says so
	}
	return route, answer, a.blame(err)
}

func (s server) now() time.Time {
	if s.queries.Now == nil {
		return time.Now()
	}
	return s.queries.Now()
}

// line is what the log says of a request.
type line struct {
	method   string
	route    string
	status   int
	duration time.Duration
	id       string
	err      error
}

// note writes a line of the log. The request's context stays out of it, since a
// log handler may take the id from there once more.
func (s server) note(l line) {
	level, attributes := slog.LevelInfo, []slog.Attr{
		slog.String("method", l.method),
		slog.String("route", l.route),
		slog.Int("status", l.status),
		slog.Duration("duration", l.duration),
		slog.String("requestId", l.id),
	}
	if l.status >= http.StatusInternalServerError {
		level = slog.LevelError
		attributes = append(attributes, slog.String("error", cause(l.err)))
	}
	s.log.LogAttrs(context.Background(), level, "request", attributes...)
}
