package page

import (
	"context"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// showFind leads from a commit, a digest or the beginning of one, a tag, a name or a
// release to where it runs and ran.
func showFind(ctx context.Context, q query.Queries, a asked) (shown, error) {
	text := a.get("q")
	if text == "" {
		return shown{}, badf("q missing: want a commit, a digest, a tag, a service, a repository or PIPELINE/EXECUTION")
	}
	if r, err := query.ParseReleaseQuery(text); err == nil {
		return shown{elsewhere: a.href("release", "release", r.Pipeline+"/"+r.Execution)}, nil
	}
	if i, err := tagalong.ParseImageQuery(text); err == nil && i.Digest != "" {
		return shown{elsewhere: a.href("image", "image", text)}, nil
	}
	return shown{
		title: "Find " + clip(text, 60),
		body: func(ctx context.Context) (node, error) {
			running, rollouts, err := a.find(ctx, q, strings.ToLower(text))
			if err != nil {
				return nil, err
			}
			return a.found(text, running, rollouts), nil
		},
	}, nil
}

// find looks through what runs, and through the last rollouts.
func (a asked) find(ctx context.Context, q query.Queries, text string) (running []query.RunningRow, rollouts query.Page[ledger.HistoryRow], err error) {
	err = parallel.All(
		func() error {
			page, err := q.Running(ctx, query.RunningQuery{}, query.Paging{})
			for _, r := range page.Items {
				if !r.Added && isFound(text, r.Release.Commit, r.Release.Execution, r.ImageTag, hexOf(r.Digest), hexOf(r.Index), r.Service, r.Repository) {
					running = append(running, r)
				}
			}
			return err
		},
		func() (err error) {
			rollouts, err = q.History(ctx, query.HistoryQuery{}, query.Paging{Limit: recent})
			rollouts.Items = slices.DeleteFunc(rollouts.Items, func(r ledger.HistoryRow) bool {
				return !isFound(text, r.Release.Commit, r.Release.Execution, r.Service) && !slices.ContainsFunc(r.Containers, func(c ledger.HistoryContainer) bool {
					return isFound(text, c.ImageTag, hexOf(c.Digest), hexOf(c.Index), c.Repository)
				})
			})
			return err
		},
	)
	return running, rollouts, err
}

// isFound reports whether a name is the text, or begins with it where that is long enough.
func isFound(text string, names ...string) bool {
	const enough = 4
	return slices.ContainsFunc(names, func(name string) bool {
		name = strings.ToLower(name)
		return name == text || len(text) >= enough && strings.HasPrefix(name, strings.TrimPrefix(text, "sha256:"))
	})
}

func hexOf(d digest.Digest) string { return strings.TrimPrefix(d.String(), "sha256:") }

func (a asked) found(text string, running []query.RunningRow, rollouts query.Page[ledger.HistoryRow]) node {
	looked := "Looked through all that runs, and through the last " + counted(recent, "rollout", "rollouts") + "."
	body := g.Group{h.H2(g.Text("Where it runs"))}
	if len(running) == 0 {
		body = append(body, empty("Nothing that runs is called so, or begins so.", looked+rollouts.Watched))
	} else {
		body = append(body, a.runningTable(running))
	}
	body = append(body, h.H2(g.Text("Rollouts that brought it")))
	if len(rollouts.Items) == 0 {
		body = append(body, empty("None.", looked))
	} else {
		body = append(body, a.rollouts(rollouts.Items))
	}
	if _, err := tagalong.ParseImageQuery(text); err == nil {
		body = append(body, h.P(h.A(h.Class("button"), h.Href(a.href("image", "image", text)), g.Text("Look for an image of this name"))))
	}
	return body
}

func (a asked) runningTable(all []query.RunningRow) node {
	return scrolled("Where it runs", h.Table(h.Class("rows"),
		h.Caption(h.Class("hide"), g.Text("Where it runs")),
		h.THead(h.Tr(head("Environment"), head("Service"), head("Container"), head("Image"), head("Since (UTC)"), head("Released by"))),
		h.TBody(g.Map(all, func(r query.RunningRow) node {
			return h.Tr(
				h.Th(h.Scope("row"), g.Text(r.Environment)),
				h.Td(h.A(h.Href(a.href("service", "service", r.Cluster+"/"+r.Service, "env", r.Environment)), breakable(r.Service)), placed(r.Cluster, r.Region, r.Account)),
				h.Td(g.Text(r.Container)),
				h.Td(g.Text(clip(r.ImageTag, 40)+" "), h.A(h.Class("mono"), h.Href(a.href("image", "image", imageName(r.Registry, r.Repository, r.Digest.String()))), g.Text(version("", r.Digest)))),
				h.Td(clock(r.Since), h.Br(), h.Span(h.Class("dim"), a.agoText(r.Since))),
				h.Td(a.releaseOf(r.Release)),
			)
		})),
	))
}
