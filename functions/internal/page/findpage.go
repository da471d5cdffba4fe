package page

import (
	"context"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// showFind says what a text is the name of, and leads to it.
func showFind(ctx context.Context, q query.Queries, a asked) (shown, error) {
	text, err := query.ParseFindQuery(a.get("q"))
	if err != nil {
		return shown{}, badRequest{err}
	}
	page, err := q.Find(ctx, text, query.Paging{Limit: perPage, Cursor: a.get("cursor")})
	if err != nil {
		return shown{}, err
	}
	return shown{
		title:   "Find " + clip(string(text), 60),
		command: []string{"tagalong", "find", string(text)},
		rows:    func(context.Context) (rows, error) { return list[query.FindRow](page.Items), nil },
		body:    func(context.Context) (node, error) { return a.found(page), nil },
	}, nil
}

func (a asked) found(page query.Page[query.FindRow]) node {
	if len(page.Items) == 0 {
		return empty("It never ran.", page.Watched)
	}
	return g.Group{
		scrolled("What was found", h.Table(h.Class("rows"),
			h.Caption(h.Class("hide"), g.Text("What was found, and where it runs and ran")),
			h.THead(h.Tr(head("Found"), head("Environment"), head("Phase"), head("Since (UTC)"), head("Until (UTC)"), head("Services"), head("Images"))),
			h.TBody(g.Map(page.Items, func(r query.FindRow) node {
				if r.Phase == "" {
					return h.Tr(a.finding(r), h.Td(h.Class("none"), h.ColSpan("6"), g.Text("runs nowhere, and never ran as far as the ledger knows")))
				}
				return h.Tr(a.finding(r),
					h.Td(g.Text(r.Environment)), h.Td(badge(string(r.Phase))), h.Td(clock(r.Since)), h.Td(ended(r)),
					h.Td(g.Map(r.Services, func(name string) node {
						return h.Div(h.A(h.Href(a.href("service", "service", name, "env", r.Environment)), breakable(name)))
					})),
					h.Td(h.Class("image"), g.Map(r.Images, a.imageLink)),
				)
			})),
		)),
		g.If(page.Watched != "", h.P(h.Class("note calm"), g.Text(page.Watched))),
		a.more(page.Next),
	}
}

func ended(r query.FindRow) node {
	if r.Until == nil {
		return g.Text("–")
	}
	return clock(r.Until)
}

// finding names what was found, with a link to all that is known of it.
func (a asked) finding(r query.FindRow) node {
	name := h.Span(g.Text(clip(r.Name, 90)))
	switch r.Found {
	case tagalong.ServiceName:
		if s, err := tagalong.ParseService(r.Name); err == nil {
			name = h.A(h.Href(a.href("service", "service", nameOf(s))), breakable(nameOf(s)))
		}
	case tagalong.RepositoryName, tagalong.DigestName, tagalong.TagName:
		name = h.A(h.Href(a.href("image", "image", r.Name)), breakable(clip(r.Name, 90)))
	case tagalong.ExecutionName:
		name = h.A(h.Href(a.href("release", "release", r.Name)), breakable(r.Name))
	}
	return h.Th(h.Scope("row"), h.Span(h.Class("dim place"), g.Text(string(r.Found))), name)
}

// imageLink leads to an image of which the whole name is given.
func (a asked) imageLink(name string) node {
	shown := name
	if image, err := tagalong.ParseImageQuery(name); err == nil {
		shown = titleOf(image)
	}
	return h.Div(h.A(h.Class("mono"), h.Href(a.href("image", "image", name)), g.Text(clip(shown, 60))))
}
