// Package api answers the questions over HTTP. Its Handler serves a Lambda
// function and a plain server alike; openapi.json says what it takes and returns.
package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/exchange"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
)

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
	ctx, cancel := context.WithTimeout(r.Context(), exchange.Timeout)
	defer cancel()
	id := exchange.RequestID(ctx)
	route, answer, err := s.answer(ctx, r)
	switch {
	case exchange.HungUp(r, err):
		answer = reply{status: exchange.StatusGone}
	case err != nil:
		answer = problemOf(err, id).reply()
	}
	status := answer.write(w, r)
	exchange.Line{Method: r.Method, Route: route.pattern, Status: status, Duration: time.Since(begun), ID: id, Err: err}.Write(s.log)
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
