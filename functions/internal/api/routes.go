package api

import (
	"context"
	_ "embed" // for openapi.json
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
)

// route is a path, what it takes and what it gives.
type route struct {
	pattern    string // with the names of its parameters in braces
	parameters []parameter
	question
}

// question answers what was asked with these arguments.
type question struct {
	page   any // an empty one, nil if the answer is no page
	answer func(context.Context, query.Queries, arguments) (reply, error)
}

// routes are all there are: the handler serves nothing else, and openapi.json
// describes each.
var routes = []route{
	pages("/v1/environments", nil, environments),
	pages("/v1/environments/{environment}/running", []parameter{environment, at, servicePattern}, running),
	pages("/v1/environments/{environment}/history", []parameter{environment, since, until}, history),
	pages("/v1/services/{account}/{region}/{cluster}/{service}/history", []parameter{account, region, cluster, serviceName, since, until}, history),
	pages("/v1/images", []parameter{image}, images),
	pages("/v1/in-use", []parameter{previous, incomplete}, inUse),
	pages("/v1/exposure", []parameter{anyEnvironment, servicePattern, finding, severity, fixable, at, ever}, exposure),
	pages("/v1/find", []parameter{text}, findText),
	pages("/v1/releases", []parameter{anyEnvironment, anyPipeline, since, until}, releases),
	{"/v1/gate", []parameter{image, ranIn, ranFor, notRunning, noNew, against}, question{query.Page[query.GateRow]{}, gate}},
	{"/v1/releases/{pipeline}/{execution}", []parameter{pipeline, execution, limit, cursor}, question{query.ReleasePage{}, release}},
	pages("/v1/diff", []parameter{from, to}, diff),
	pages("/v1/tags", []parameter{anyEnvironment, pending}, tags),
	{pattern: "/openapi.json", question: question{answer: describe}},
}

func environments(ctx context.Context, q query.Queries, a arguments) (query.Page[query.EnvironmentRow], error) {
	return q.Environments(ctx, a.paging)
}

func running(ctx context.Context, q query.Queries, a arguments) (query.Page[query.RunningRow], error) {
	return q.Running(ctx, query.RunningQuery{Environment: a.environment, Services: a.services, At: a.at}, a.paging)
}

func history(ctx context.Context, q query.Queries, a arguments) (query.Page[ledger.HistoryRow], error) {
	return q.History(ctx, query.HistoryQuery{Environment: a.environment, Service: a.service, Since: a.since, Until: a.until}, a.paging)
}

func images(ctx context.Context, q query.Queries, a arguments) (query.Page[query.WhereRow], error) {
	return q.Where(ctx, a.image, a.paging)
}

func inUse(ctx context.Context, q query.Queries, a arguments) (query.Page[query.InUseRow], error) {
	page, _, err := q.InUse(ctx, query.InUseQuery{Previous: a.previous, Incomplete: a.incomplete}, a.paging)
	return page, err
}

func exposure(ctx context.Context, q query.Queries, a arguments) (query.Page[query.ExposureRow], error) {
	a.exposure.Environment, a.exposure.Services, a.exposure.At = a.environment, a.services, a.at
	page, reasons, err := q.Exposure(ctx, a.exposure, a.paging)
	page.Watched = query.InWords(reasons) + page.Watched
	return page, err
}

func findText(ctx context.Context, q query.Queries, a arguments) (query.Page[query.FindRow], error) {
	return q.Find(ctx, a.text, a.paging)
}

func releases(ctx context.Context, q query.Queries, a arguments) (query.Page[query.ReleasesRow], error) {
	return q.Releases(ctx, query.ReleasesQuery{Environment: a.environment, Pipeline: a.release.Pipeline, Since: a.since, Until: a.until}, a.paging)
}

func release(ctx context.Context, q query.Queries, a arguments) (reply, error) {
	page, err := q.Release(ctx, a.release, a.paging)
	if err != nil {
		return reply{}, err
	}
	return pageReply(page)
}

// gate answers in one page: there are no more rows than conditions.
func gate(ctx context.Context, q query.Queries, a arguments) (reply, error) {
	a.gate.Image = a.image
	switch {
	case a.gate.NoNew != "" && a.gate.Against == "":
		return reply{}, badParameters{}.add(against.name, "", errors.New("against missing: want the environment that noNew compares with"))
	case a.gate.RanIn == "" && a.gate.NotRunning == "" && a.gate.NoNew == "":
		return reply{}, badParameters{}.add(ranIn.name, "", errors.New("ranIn missing: want a condition: ranIn, notRunning, or noNew with against"))
	}
	rows, err := q.Gate(ctx, a.gate)
	if err != nil {
		return reply{}, err
	}
	return pageReply(query.Page[query.GateRow]{Items: rows})
}

func diff(ctx context.Context, q query.Queries, a arguments) (query.Page[query.DiffRow], error) {
	return q.Diff(ctx, a.from, a.to, a.paging)
}

func tags(ctx context.Context, q query.Queries, a arguments) (query.Page[query.TagRow], error) {
	return q.Tags(ctx, query.TagsQuery{Environment: a.environment, Pending: a.pending}, a.paging)
}

//go:embed openapi.json
var document []byte

func describe(context.Context, query.Queries, arguments) (reply, error) {
	r := newReply(http.StatusOK, "application/json", "public, max-age=3600")
	r.body = document
	return r, nil
}

// pages makes a route whose answers come page by page.
func pages[R any](pattern string, parameters []parameter, ask func(context.Context, query.Queries, arguments) (query.Page[R], error)) route {
	return route{pattern, append(parameters, limit, cursor), question{query.Page[R]{}, func(ctx context.Context, q query.Queries, a arguments) (reply, error) {
		page, err := ask(ctx, q, a)
		if err != nil {
			return reply{}, err
		}
		if page.Next != "" {
			page.Next = a.moment + page.Next
		}
		answer, err := pageReply(page)
		if err != nil {
			return reply{}, err
		}
		answer.note(page.CompleteSince)
		return answer, nil
	}}}
}

// find looks up a path, still escaped, and what its names stand for. It is no
// http.ServeMux, which would redirect where a path is not clean.
func find(path string) (found route, names map[string]string, err error) {
	for _, r := range routes {
		if names, ok := match(r.pattern, path); ok {
			return r, names, nil
		}
	}
	return route{}, nil, errPath
}

func match(pattern, path string) (map[string]string, bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, false
	}
	names := map[string]string{}
	for i := range want {
		text, err := url.PathUnescape(got[i])
		switch name, named := nameIn(want[i]); {
		case err != nil:
			return nil, false
		case named && text != "":
			names[name] = text
		case text != want[i]:
			return nil, false
		}
	}
	return names, true
}

// nameIn reports whether a segment of a pattern is a name in braces.
func nameIn(segment string) (string, bool) {
	return strings.Trim(segment, "{}"), strings.HasPrefix(segment, "{")
}
