package page

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/exchange"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
)

// Handler serves the page, under whatever prefix, and beside it what next serves.
func Handler(q query.Queries, next http.Handler, log *slog.Logger) http.Handler {
	return server{queries: q, next: next, log: log}
}

type server struct {
	queries query.Queries
	next    http.Handler // the API
	log     *slog.Logger
}

// ServeHTTP implements http.Handler.
func (s server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if below, ok := ofAPI(r.URL.Path); ok || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
		s.next.ServeHTTP(w, at(r, below))
		return
	}
	name := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	v, ok := views[name]
	if !ok && !wantsHTML(r) {
		s.next.ServeHTTP(w, r)
		return
	}
	begun := time.Now()
	ctx, cancel := context.WithTimeout(r.Context(), exchange.Timeout)
	defer cancel()
	out := newReply(w, r)
	err := errNoPage
	route := "/" + name
	if ok {
		err = s.answer(ctx, out, r, name, v)
	} else {
		route = ""
	}
	if exchange.HungUp(r, err) {
		out.status = exchange.StatusGone
	}
	exchange.Line{Method: r.Method, Route: route, Status: s.finish(ctx, out, err), Duration: time.Since(begun), ID: out.id, Err: err}.Write(s.log)
}

// ofAPI reports whether a path is one of the API's, and what is left of it without the
// prefix under which both are served.
func ofAPI(path string) (below string, ok bool) {
	for _, mark := range []string{"/v1/", "/openapi.json"} {
		if at := strings.Index(path, mark); at >= 0 {
			return path[at:], true
		}
	}
	return path, false
}

// at returns the request with another path, if it is another.
func at(r *http.Request, path string) *http.Request {
	if path == r.URL.Path {
		return r
	}
	there := r.Clone(r.Context())
	there.URL.Path = path
	if _, raw, ok := strings.Cut(r.URL.RawPath, path[:len("/v1/")]); ok {
		there.URL.RawPath = path[:len("/v1/")] + raw
	}
	return there
}

func wantsHTML(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// view is one of the pages.
type view struct {
	name string // in the navigation; "" is not in it
	// show reads what has to be read before the first byte goes out: whatever tells that
	// a name is not known.
	show func(ctx context.Context, q query.Queries, a asked) (shown, error)
}

// views are the pages, by the last segment of their path: all links are relative, so
// that they hold under any prefix.
var views map[string]view

// navigation are the views that every page links to, in order.
var navigation = []string{"", "changes", "exposure", "releases", "tags", "drift"}

func init() { // the views link to each other
	views = map[string]view{
		"":         {"Running", showMatrix},
		"changes":  {"Changes", showChanges},
		"releases": {"Releases", showReleases},
		"tags":     {"Tags", showTags},
		"drift":    {"Drift", showDrift},
		"exposure": {"Exposure", showExposure},
		"service":  {"", showService},
		"image":    {"", showImage},
		"release":  {"", showRelease},
		"diff":     {"", showDiff},
		"find":     {"", showFind},
	}
}

// answer sends a page, or the rows behind it.
func (s server) answer(ctx context.Context, out *reply, r *http.Request, name string, v view) error {
	now := time.Now
	if s.queries.Now != nil {
		now = s.queries.Now
	}
	a, err := read(name, r.URL.RawQuery, now().UTC())
	if err != nil {
		return err
	}
	if name == "find" {
		if v, a, err = s.found(ctx, v, a); err != nil {
			return err
		}
	}
	page, err := v.show(ctx, s.queries, a)
	if err != nil {
		return err
	}
	if a.format != "" {
		return out.file(ctx, page, a.format)
	}
	return out.page(ctx, a, page)
}

// found leads who looks for a finding to what burns by it.
func (s server) found(ctx context.Context, v view, a asked) (view, asked, error) {
	id, is, err := findingNamed(ctx, s.queries, a.get("q"))
	if !is || err != nil {
		return v, a, err
	}
	a.view, a.values = "exposure", url.Values{"cve": {id}}
	return views["exposure"], a, nil
}

// finish says what went wrong, if anything did, and returns the status for the log. Once
// the first bytes are out, the page itself has said it.
func (s server) finish(ctx context.Context, out *reply, err error) int {
	if err == nil || out.begun || out.status == exchange.StatusGone {
		if err != nil && out.status == http.StatusOK {
			return http.StatusInternalServerError
		}
		return out.status
	}
	status, title, text := told(err, out.id)
	out.status = status
	_ = out.page(ctx, asked{}, shown{title: title, body: func(context.Context) (node, error) { return problem(text), nil }})
	return status
}

var errNoPage = errors.New("no such page")

// Error implements error.
func (e badRequest) Error() string { return e.error.Error() }

// badRequest is something that the address asks for wrongly.
type badRequest struct{ error }

func badf(format string, args ...any) error { return badRequest{fmt.Errorf(format, args...)} }
