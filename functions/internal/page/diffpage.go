package page

import (
	"context"
	"time"

	"github.com/opencontainers/go-digest"
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
)

// showDiff is what two environments, or one at two times, do not run alike.
func showDiff(ctx context.Context, q query.Queries, a asked) (shown, error) {
	from, err := query.ParsePointInTime(a.get("from"), parseTime)
	if err != nil {
		return shown{}, badf("from: %w", err)
	}
	to, err := query.ParsePointInTime(a.get("to"), parseTime)
	if err != nil {
		return shown{}, badf("to: %w", err)
	}
	page, err := q.Diff(ctx, from, to, query.Paging{})
	if err != nil {
		return shown{}, err
	}
	return shown{
		title:   "What differs: " + pointText(from) + " and " + pointText(to),
		command: []string{"tagalong", "diff", a.get("from"), a.get("to")},
		rows:    func(context.Context) (rows, error) { return list[query.DiffRow](page.Items), nil },
		body:    func(context.Context) (node, error) { return a.diff(from, to, page), nil },
	}, nil
}

func pointText(p query.PointInTime) string {
	if p.At.IsZero() {
		return p.Environment
	}
	return p.Environment + " at " + p.At.Format(time.DateTime)
}

func (a asked) diff(from, to query.PointInTime, page query.Page[query.DiffRow]) node {
	if len(page.Items) == 0 {
		return empty("Nothing differs.", page.Watched)
	}
	return g.Group{
		h.P(h.Class("summary"), h.Span(g.Text(counted(len(page.Items), "container differs", "containers differ"))), h.Span(h.A(h.Href(a.with("from", a.get("to"), "to", a.get("from"))), g.Text("Swap")))),
		scrolled("Differences", h.Table(h.Class("rows"),
			h.Caption(h.Class("hide"), g.Text("Containers that differ")),
			h.THead(h.Tr(head("Service"), head("Container"), head(pointText(from)), head(pointText(to)))),
			h.TBody(g.Map(page.Items, func(r query.DiffRow) node {
				return h.Tr(h.Th(h.Scope("row"), h.A(h.Href(a.href("service", "service", r.Service)), breakable(r.Service))), h.Td(g.Text(r.Container)), a.side(r.From), a.side(r.To))
			})),
		)),
	}
}

func (a asked) side(all []digest.Digest) node {
	if len(all) == 0 {
		return h.Td(h.Class("none"), g.Text("not there"))
	}
	return h.Td(g.Map(all, func(d digest.Digest) node {
		if d == "" {
			return h.Div(badge("unknown"))
		}
		return h.Div(h.A(h.Class("mono"), h.Href(a.href("image", "image", d.String())), g.Text(short(d))))
	}))
}
