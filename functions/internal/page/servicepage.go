package page

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// perPage is how many rows a page of a list has.
const perPage = 100

// showService is what ran in a service, or in all services of a name.
func showService(ctx context.Context, q query.Queries, a asked) (shown, error) {
	name := a.get("service")
	if name == "" {
		return shown{}, badf("service missing: want CLUSTER/NAME or NAME, globs allowed")
	}
	wanted := query.HistoryQuery{Services: a.services, Environment: a.get("env")}
	if !a.at.IsZero() {
		wanted.Until = a.at.Add(time.Millisecond)
	}
	page, err := q.History(ctx, wanted, query.Paging{Limit: perPage, Cursor: a.get("cursor")})
	if err != nil {
		return shown{}, err
	}
	title := name
	if wanted.Environment != "" {
		title += " in " + wanted.Environment
	}
	return shown{
		title:   title,
		command: flags([]string{"tagalong", "history", "--service", name}, "--environment", wanted.Environment, "--until", timeFlag(wanted.Until)),
		rows:    func(context.Context) (rows, error) { return list[ledger.HistoryRow](page.Items), nil },
		body: func(ctx context.Context) (node, error) {
			a.sources = q.Sources(ctx, containersOf(page.Items))
			return a.service(page), nil
		},
	}, nil
}

func containersOf(rows []ledger.HistoryRow) (all []ledger.HistoryContainer) {
	for _, r := range rows {
		if c, ok := mainContainer(r); ok {
			all = append(all, c)
		}
	}
	return all
}

func (a asked) service(page query.Page[ledger.HistoryRow]) node {
	if len(page.Items) == 0 {
		return empty("No rollout of it is known.", page.Watched)
	}
	for i := range page.Items {
		page.Items[i] = asOf(page.Items[i], a.moment())
	}
	return g.Group{
		asOfBanner(a),
		a.elsewhereOf(page.Items),
		newChart(lanesOf(page.Items), a.moment()).show("What ran when"),
		h.H2(g.Text("Rollouts")),
		a.rollouts(page.Items),
		a.more(page.Next),
	}
}

// asOfBanner says of a page about the past that it is one.
func asOfBanner(a asked) node {
	if a.at.IsZero() {
		return nil
	}
	return h.P(h.Class("banner"), h.Role("status"), h.Strong(g.Textf("As of %s UTC, not now.", timeText(a.at))), h.A(h.Href(a.with("at", "")), g.Text("Back to now")))
}

// elsewhereOf leads from one service to all of its name, and to its images.
func (a asked) elsewhereOf(rows []ledger.HistoryRow) node {
	names := distinct(rows, func(r ledger.HistoryRow) string { return r.Service })
	var links []node
	if len(names) == 1 && (a.get("env") != "" || a.get("service") != names[0]) {
		links = append(links, h.A(h.Href(a.href("service", "service", names[0])), g.Text(names[0]+" everywhere")))
	}
	if c, ok := mainContainer(rows[0]); ok && c.Repository != "" {
		links = append(links, h.A(h.Href(a.href("image", "image", c.Registry+"/"+c.Repository)), g.Text("All images of "+c.Repository)))
	}
	if len(links) == 0 {
		return nil
	}
	return h.P(h.Class("summary"), g.Map(links, func(l node) node { return h.Span(l) }))
}

// lanesOf are the places of rollouts, each a lane: bars of what ran, marks of what failed,
// and arrows where something came back.
func lanesOf(rows []ledger.HistoryRow) []lane {
	lanes, colors := map[string]*lane{}, palette{}
	var order []string
	for _, r := range slices.Backward(rows) {
		name := r.Environment + " · " + r.Cluster + "/" + r.Service + " · " + r.Region + " · " + r.Account
		if lanes[name] == nil {
			lanes[name] = &lane{name: name}
			order = append(order, name)
		}
		lanes[name].add(r, colors)
	}
	slices.Sort(order)
	var all []lane
	for _, name := range order {
		all = append(all, *lanes[name])
	}
	return all
}

func (l *lane) add(r ledger.HistoryRow, colors palette) {
	c, _ := mainContainer(r)
	words := rolloutVersion(r)
	switch {
	case r.State == timeline.StateCompleted && r.FinishedAt != nil:
		l.bars = append(l.bars, bar{*r.FinishedAt, timeOr(r.Until), colors.class(target(c.Index, c.Digest)), words})
		if r.Rollback {
			l.marks = append(l.marks, mark{*r.FinishedAt, "rollback", "Rolled back to " + words})
		}
	case r.State == timeline.StateInProgress && r.StartedAt != nil:
		l.bars = append(l.bars, bar{*r.StartedAt, time.Time{}, "go", "rolling out " + words})
	case r.State == timeline.StateFailed && r.FinishedAt != nil:
		l.marks = append(l.marks, mark{*r.FinishedAt, "failed", words + " failed"})
	}
}

func timeOr(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// rollouts is the list of rollouts, in words. Where they ran is left out if all ran in one
// place.
func (a asked) rollouts(all []ledger.HistoryRow) node {
	elsewhere := a.view != "service" || len(distinct(all, func(r ledger.HistoryRow) string { return r.Environment + " " + rowService(r).String() })) > 1
	return scrolled("Rollouts", h.Table(h.Class("rows"),
		h.Caption(h.Class("hide"), g.Text("Rollouts, newest first")),
		h.THead(h.Tr(
			head("When (UTC)"), g.If(elsewhere, g.Group{head("Environment"), head("Service")}), head("What"), head("Took"), head("Ran until"), head("Images"), head("Released by"), head("Why"),
		)),
		h.TBody(g.Map(all, func(r ledger.HistoryRow) node { return a.rollout(r, elsewhere) })),
	))
}

func head(text string) node { return h.Th(h.Scope("col"), g.Text(text)) }

func (a asked) rollout(r ledger.HistoryRow, elsewhere bool) node {
	begun := r.StartedAt
	if begun == nil {
		begun = r.FinishedAt
	}
	return h.Tr(
		h.Th(h.Scope("row"), clock(begun), h.Br(), h.Span(h.Class("dim"), a.agoText(begun))),
		g.If(elsewhere, g.Group{
			h.Td(g.Text(r.Environment)),
			h.Td(h.A(h.Href(a.href("service", "service", r.Cluster+"/"+r.Service, "env", r.Environment)), breakable(r.Service)), placed(r.Cluster, r.Region, r.Account)),
		}),
		h.Td(h.B(g.Text(clip(rolloutVersion(r), 40))), h.Br(), badge(string(r.State)), g.If(r.Rollback, g.Group{g.Text(" "), badge("rolled_back")})),
		h.Td(g.Text(took(r))),
		h.Td(a.endOf(r)),
		h.Td(h.Class("image"), g.Map(r.Containers, a.containerLine)),
		h.Td(h.Class("by"), a.releaseOf(r.Release, a.sourceOf(r))),
		h.Td(h.Class("why"), g.Text(why(r))),
	)
}

// placed is where a service is, in two lines.
func placed(cluster, region, account string) node {
	return g.Group{h.Span(h.Class("dim place"), g.Text(cluster)), h.Span(h.Class("dim place"), g.Text(region+" · "+account))}
}

// why is the reason of what did not simply complete: of the others ECS only says that they did.
func why(r ledger.HistoryRow) string {
	if r.State == timeline.StateCompleted && !r.Rollback {
		return ""
	}
	return r.Reason
}

func (a asked) agoText(t *time.Time) node {
	if t == nil {
		return g.Text("unknown")
	}
	return g.Text(age(*t, a.moment()) + " ago")
}

// took is how long a rollout took.
func took(r ledger.HistoryRow) string {
	if r.StartedAt == nil || r.FinishedAt == nil {
		return "–"
	}
	d := r.FinishedAt.Sub(*r.StartedAt)
	switch {
	case d < time.Minute:
		return d.Round(time.Second).String()
	case d < time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}

func (a asked) endOf(r ledger.HistoryRow) node {
	switch {
	case r.Until != nil:
		return clock(r.Until)
	case r.State == timeline.StateCompleted:
		return badge("running")
	}
	return g.Text("–")
}

func (a asked) containerLine(c ledger.HistoryContainer) node {
	return h.Div(g.Text(clip(c.Container, 40)+" "), g.If(c.ImageTag != "", g.Text(clip(c.ImageTag, 30)+" ")),
		h.A(h.Class("mono"), h.Href(a.href("image", "image", imageName(c.Registry, c.Repository, c.Digest.String()))), g.Text(version("", c.Digest))), g.Text(" "), evidence(c.Evidence))
}

// evidence says how a digest is known, where it is not certain.
func evidence(e tagalong.Evidence) node {
	switch e {
	case tagalong.Guess:
		return badge("guess")
	case tagalong.Unknown:
		return badge("unknown")
	}
	return h.Span(h.Class("dim"), g.Text(string(e)))
}

// imageName is what the page of an image is asked by.
func imageName(registry, repository, digest string) string {
	name := repository
	if registry != "" {
		name = registry + "/" + repository
	}
	switch {
	case digest == "":
		return name
	case repository == "":
		return digest
	}
	return name + "@" + digest
}

// sourceOf is where the sources of a rollout's image are kept.
func (a asked) sourceOf(r ledger.HistoryRow) string {
	c, _ := mainContainer(r)
	return cmp.Or(a.sources[c.Digest], a.sources[c.Index])
}

// commitLink is a commit, with a link to it where its host is one whose addresses are known.
func commitLink(source, commit string) node {
	text := h.Code(g.Text(commitText(commit)))
	host, _, _ := strings.Cut(strings.TrimPrefix(source, "https://"), "/")
	base := strings.TrimSuffix(strings.TrimSuffix(source, "/"), ".git")
	for name, path := range map[string]string{"github": "/commit/", "gitlab": "/-/commit/", "bitbucket": "/commits/"} {
		if strings.Contains(host, name) && strings.Trim(commit, "0123456789abcdef") == "" {
			return h.A(h.Href(base+path+commit), h.Rel("noopener noreferrer external"), text)
		}
	}
	return text
}

func (a asked) releaseOf(r tagalong.Release, source string) node {
	var parts g.Group
	if r.Execution != "" {
		parts = append(parts, h.A(h.Href(a.href("release", "release", r.Pipeline+"/"+r.Execution)), g.Text(clip(r.Pipeline, 40))), g.If(r.Stage != "", h.Span(h.Class("dim"), g.Text(" "+r.Stage))), h.Br())
	}
	if r.Commit != "" {
		parts = append(parts, commitLink(source, r.Commit))
	}
	if len(parts) == 0 {
		return h.Span(h.Class("dim"), g.Text("nothing that is known"))
	}
	return parts
}

// more leads to the next page of a list.
func (a asked) more(next string) node {
	if next == "" {
		return nil
	}
	return h.P(h.A(h.Class("button"), h.Href(a.with("cursor", next)), g.Text("More")))
}
