package page

import (
	"context"
	"strconv"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
)

// showReleases is what pipelines brought.
func showReleases(ctx context.Context, q query.Queries, a asked) (shown, error) {
	known, err := environmentsOf(ctx, q)
	if err != nil {
		return shown{}, err
	}
	if _, err := a.environments(known); err != nil {
		return shown{}, err
	}
	find := func(ctx context.Context) (query.Page[query.ReleasesRow], error) {
		return q.Releases(ctx, query.ReleasesQuery{Environment: a.get("env")}, query.Paging{Limit: perPage, Cursor: a.get("cursor")})
	}
	return shown{
		title:   "Releases",
		command: flags([]string{"tagalong", "releases"}, "--environment", a.get("env")),
		rows: func(ctx context.Context) (rows, error) {
			page, err := find(ctx)
			return list[query.ReleasesRow](page.Items), err
		},
		body: func(ctx context.Context) (node, error) {
			page, err := find(ctx)
			if err != nil {
				return nil, err
			}
			return a.releases(known, page), nil
		},
	}, nil
}

func (a asked) releases(known []string, page query.Page[query.ReleasesRow]) node {
	return g.Group{
		h.Form(h.Class("filters"), h.Action("releases"), h.Method("get"), h.Role("search"), h.Aria("label", "Filters"),
			field("Environment", choice("env", a.get("env"), named(known))),
			h.Button(h.Type("submit"), g.Text("Show")),
		),
		a.releasesTable(page),
		a.more(page.Next),
	}
}

func (a asked) releasesTable(page query.Page[query.ReleasesRow]) node {
	if len(page.Items) == 0 {
		return empty("No pipeline deployed anything, as far as the ledger knows.", page.Watched)
	}
	return scrolled("Releases", h.Table(h.Class("rows"),
		h.Caption(h.Class("hide"), g.Text("Releases, newest first")),
		h.THead(h.Tr(head("Release"), head("Commit"), head("Environments"), head("Services"), head("Newest rollout"), head("First (UTC)"), head("Latest (UTC)"))),
		h.TBody(g.Map(page.Items, func(r query.ReleasesRow) node {
			return h.Tr(
				h.Th(h.Scope("row"), h.A(h.Href(a.href("release", "release", r.Pipeline+"/"+r.Execution)), breakable(r.Pipeline)), h.Br(), h.Span(h.Class("dim mono"), g.Text(clip(r.Execution, 9)))),
				h.Td(h.Code(g.Text(commitText(r.Commit)))),
				h.Td(g.Text(strings.Join(r.Environments, ", "))),
				h.Td(g.Text(strconv.Itoa(r.Services))),
				h.Td(badge(string(r.State))),
				h.Td(clock(r.Since)),
				h.Td(clock(r.Latest), h.Br(), h.Span(h.Class("dim"), a.agoText(r.Latest))),
			)
		})),
	))
}

// showRelease is what one execution of a pipeline was and did.
func showRelease(ctx context.Context, q query.Queries, a asked) (shown, error) {
	wanted, err := query.ParseReleaseQuery(a.get("release"))
	if err != nil {
		return shown{}, badRequest{err}
	}
	page, err := q.Release(ctx, wanted, query.Paging{})
	if err != nil {
		return shown{}, err
	}
	return shown{
		title:   "Release of " + page.Release.Pipeline,
		command: []string{"tagalong", "release", page.Release.Pipeline + "/" + page.Release.Execution},
		rows:    func(context.Context) (rows, error) { return list[ledger.HistoryRow](page.Items), nil },
		body:    func(context.Context) (node, error) { return a.release(page), nil },
	}, nil
}

func (a asked) release(page query.ReleasePage) node {
	r := page.Release
	body := g.Group{
		definitions([]fact{
			{"Execution", []node{h.Code(g.Text(r.Execution))}},
			{"Pipeline of", present2(r.Account, r.Region)},
			{"Commit", code(r.Commit)},
			{"Sources", revisions(r.Revisions)},
			{"Begun by", present2(r.Trigger, r.TriggeredBy)},
			{"A rollback of", a.rollbackOf(r)},
			{"Stages", stagesOf(r.Stages)},
			{"Tags that it put", promotions(r.Promotions)},
		}),
		h.H2(g.Text("What it put in place")),
	}
	if len(page.Items) == 0 {
		return append(body, empty("It put nothing in place.", page.Watched))
	}
	return append(body, a.rollouts(page.Items))
}

func code(text string) []node {
	if text == "" {
		return nil
	}
	return codes([]string{text})
}

// present2 joins what is known of two texts.
func present2(a, b string) []node {
	switch {
	case a == "" && b == "":
		return nil
	case a == "" || b == "":
		return texts([]string{a + b})
	}
	return texts([]string{a + " · " + b})
}

func revisions(all []query.ReleaseRevision) (nodes []node) {
	for _, r := range all {
		nodes = append(nodes, g.Group{g.Text(r.Name + " "), h.Code(elsewhere(r.URL, commitText(r.ID))), g.If(r.Summary != "", h.Span(h.Class("dim"), g.Text(" "+clip(r.Summary, 200))))})
	}
	return nodes
}

func (a asked) rollbackOf(r query.ReleaseFacts) []node {
	if !r.Rollback {
		return nil
	}
	if r.RollbackOf == "" {
		return texts([]string{"an execution that is not known"})
	}
	return []node{h.A(h.Href(a.href("release", "release", r.Pipeline+"/"+r.RollbackOf)), h.Code(g.Text(r.RollbackOf)))}
}

func stagesOf(all []query.ReleaseStage) (nodes []node) {
	for _, s := range all {
		nodes = append(nodes, g.Group{g.Text(s.Stage + " "), stageBadge(s.State), g.Text(" "), clock(s.At)})
	}
	return nodes
}

// stageBadge shows a state of CodePipeline's.
func stageBadge(state string) node {
	words := map[string]string{"SUCCEEDED": "completed", "FAILED": "failed", "STARTED": "in_progress", "RESUMED": "in_progress", "CANCELED": "superseded", "SUPERSEDED": "superseded"}
	l := lookOf(words[state])
	if words[state] == "" {
		l = look{"▪", "dim", ""}
	}
	return h.Span(h.Class("s "+l.class), glyph(l.glyph), g.Text(" "+state))
}

func promotions(all []query.ReleasePromotion) (nodes []node) {
	for _, p := range all {
		nodes = append(nodes, g.Group{h.Code(g.Text(p.Repository + ":" + p.Tag)), g.Text(" on "), h.Code(g.Text(short(p.Digest))), g.Text(" "), clock(p.At)})
	}
	return nodes
}
