package page

import (
	"context"
	"slices"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// recent is how many rollouts are looked through for releases.
const recent = 500

// showReleases is what pipelines brought lately.
func showReleases(ctx context.Context, q query.Queries, a asked) (shown, error) {
	known, err := environmentsOf(ctx, q)
	if err != nil {
		return shown{}, err
	}
	return shown{
		title:   "Releases",
		command: []string{"tagalong", "history", "--wide"},
		body: func(ctx context.Context) (node, error) {
			page, err := q.History(ctx, query.HistoryQuery{}, query.Paging{Limit: recent, Cursor: a.get("cursor")})
			if err != nil {
				return nil, err
			}
			return a.releases(known, page), nil
		},
	}, nil
}

// shipment is what a release did in each environment, as far as it was looked at.
type shipment struct {
	release tagalong.Release
	last    *time.Time
	reached map[string]ledger.HistoryRow // the latest rollout in an environment
	names   []string                     // of services
	// rollbackOnly says that no rollout was seen but one back, whose commit is that of what
	// it came back to.
	rollbackOnly bool
}

// shipments are the releases of rollouts that come newest first.
func shipments(all []ledger.HistoryRow) []shipment {
	index := map[string]int{}
	var found []shipment
	for _, r := range all {
		if r.Release.Execution == "" {
			continue
		}
		key := r.Release.Pipeline + "/" + r.Release.Execution
		i, seen := index[key]
		if !seen {
			i = len(found)
			index[key] = i
			at := startOf(r)
			found = append(found, shipment{release: r.Release, rollbackOnly: r.Rollback, last: &at, reached: map[string]ledger.HistoryRow{}})
		}
		if _, later := found[i].reached[r.Environment]; !later {
			found[i].reached[r.Environment] = r
		}
		if found[i].rollbackOnly && !r.Rollback {
			found[i].release, found[i].rollbackOnly = r.Release, false
		}
		if !slices.Contains(found[i].names, r.Service) {
			found[i].names = append(found[i].names, r.Service)
		}
	}
	return found
}

func (a asked) releases(known []string, page query.Page[ledger.HistoryRow]) node {
	all := shipments(page.Items)
	looked := "Looked through the last " + counted(len(page.Items), "rollout", "rollouts") + "."
	if len(all) == 0 {
		return g.Group{empty("No pipeline deployed anything lately.", cmpText(page.Watched, looked)), a.more(page.Next)}
	}
	return g.Group{
		h.P(h.Class("summary"), h.Span(g.Text(counted(len(all), "release", "releases")+". "+looked))),
		scrolled("Releases", h.Table(h.Class("rows"),
			h.Caption(h.Class("hide"), g.Text("Releases, newest first")),
			h.THead(h.Tr(head("Release"), head("Commit"), head("Services"), g.Map(known, head), head("Last rollout (UTC)"))),
			h.TBody(g.Map(all, func(s shipment) node {
				slices.Sort(s.names)
				return h.Tr(
					h.Th(h.Scope("row"), h.A(h.Href(a.href("release", "release", s.release.Pipeline+"/"+s.release.Execution)), g.Text(s.release.Pipeline)), h.Br(), h.Span(h.Class("dim mono"), g.Text(clip(s.release.Execution, 9)))),
					h.Td(h.Code(g.Text(commitText(s.release.Commit)))),
					h.Td(g.Text(listed(s.names))),
					g.Map(known, func(environment string) node {
						r, ok := s.reached[environment]
						if !ok {
							return h.Td(h.Class("none"), g.Text("not there"))
						}
						return h.Td(badge(courseOf(r)))
					}),
					h.Td(clock(s.last), h.Br(), h.Span(h.Class("dim"), a.agoText(s.last))),
				)
			})),
		)),
		a.more(page.Next),
	}
}

// courseOf is how a rollout ended, in one word.
func courseOf(r ledger.HistoryRow) string {
	if r.Rollback && r.State == timeline.StateCompleted {
		return "rolled_back"
	}
	return string(r.State)
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
		title:   "Release of " + wanted.Pipeline,
		command: []string{"tagalong", "release", wanted.Pipeline + "/" + wanted.Execution},
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
