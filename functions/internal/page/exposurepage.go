package page

import (
	"cmp"
	"context"
	"strings"

	"github.com/opencontainers/go-digest"
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/report"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// showExposure is what burns: findings of what is in use, or was.
func showExposure(ctx context.Context, q query.Queries, a asked) (shown, error) {
	known, err := environmentsOf(ctx, q)
	if err != nil {
		return shown{}, err
	}
	if _, err := a.environments(known); err != nil {
		return shown{}, err
	}
	wanted, err := a.exposureQuery()
	if err != nil {
		return shown{}, err
	}
	page, reasons, err := q.Exposure(ctx, wanted, query.Paging{Limit: perPage, Cursor: a.get("cursor")})
	if err != nil {
		return shown{}, err
	}
	return shown{
		title:   exposureTitle(wanted),
		command: exposureCommand(wanted),
		rows:    func(context.Context) (rows, error) { return list[query.ExposureRow](page.Items), nil },
		body:    func(context.Context) (node, error) { return a.exposure(known, wanted, page, reasons), nil },
	}, nil
}

// exposureQuery reads what the address asks for, as the API does.
func (a asked) exposureQuery() (wanted query.ExposureQuery, err error) {
	wanted = query.ExposureQuery{
		Environment: a.get("env"), Services: a.services, At: a.at, Ever: a.get("ever") != "",
		Wanted: report.Wanted{Fixable: a.get("fixable") != ""},
	}
	if wanted.ID, err = query.ParseFinding(a.get("cve")); err != nil {
		return wanted, badRequest{err}
	}
	if severity := a.get("severity"); severity != "" {
		if wanted.Wanted.Severity, err = report.ParseSeverity(severity); err != nil {
			return wanted, badRequest{err}
		}
	}
	if wanted.Ever && !wanted.At.IsZero() {
		return wanted, badf("ever: want it without at")
	}
	return wanted, nil
}

func exposureTitle(wanted query.ExposureQuery) string {
	name, verb := cmp.Or(wanted.ID, "What"), "burns"
	if wanted.ID != "" {
		name = "Where " + name
	}
	if wanted.Ever || !wanted.At.IsZero() {
		verb = "burned"
	}
	return name + " " + verb
}

func exposureCommand(wanted query.ExposureQuery) []string {
	command := []string{"tagalong", "exposure"}
	if wanted.Environment != "" {
		command = append(command, wanted.Environment)
	}
	command = flags(command, "--service", wanted.Services.String(), "--cve", wanted.ID, "--severity", string(wanted.Wanted.Severity), "--at", timeFlag(wanted.At))
	if wanted.Wanted.Fixable {
		command = append(command, "--fixable")
	}
	if wanted.Ever {
		command = append(command, "--ever")
	}
	return command
}

// findingPrefixes begin the names of findings, which nothing else has: such a text is asked
// for as one even if no image has it, since that is an answer.
var findingPrefixes = []string{"CVE-", "GHSA-"}

// findingNamed returns the finding that a text to find is a name of, if it is one: by how
// it looks, or since some image has or had a finding of that name.
func findingNamed(ctx context.Context, q query.Queries, text string) (id string, is bool, err error) {
	id, err = query.ParseFinding(text)
	if err != nil || id == "" {
		return "", false, nil // it may be something else
	}
	for _, prefix := range findingPrefixes {
		if strings.HasPrefix(strings.ToUpper(id), prefix) {
			return id, true, nil
		}
	}
	for _, err := range q.Records.Affected(ctx, id) {
		return id, err == nil, err
	}
	return "", false, nil
}

func (a asked) exposure(known []string, wanted query.ExposureQuery, page query.Page[query.ExposureRow], reasons []string) node {
	return g.Group{
		g.If(!wanted.At.IsZero(), h.P(h.Class("banner"), h.Role("status"), h.Strong(g.Textf("As of %s UTC, not now.", timeText(wanted.At))), h.A(h.Href(a.with("at", "")), g.Text("Back to now")))),
		h.P(h.Class("lead"), g.Text("Findings of images that run, roll out or drain, what burns most first. What only lies in a registry has no row. At every time an image has what is known of it today.")),
		a.exposureFilters(known, wanted),
		g.If(len(reasons) > 0, h.Div(h.Class("note"), h.P(h.Strong(g.Text("The answer may be incomplete."))), g.Map(reasons, func(reason string) node { return h.P(g.Text(sentence(reason))) }))),
		a.exposureTable(wanted, page, len(reasons) > 0),
		a.more(page.Next),
	}
}

func (a asked) exposureFilters(known []string, wanted query.ExposureQuery) node {
	return h.Form(h.Class("filters"), h.Action("exposure"), h.Method("get"), h.Role("search"), h.Aria("label", "Filters"),
		g.If(!wanted.At.IsZero(), h.Input(h.Type("hidden"), h.Name("at"), h.Value(timeFlag(wanted.At)))),
		field("Environment", choice("env", wanted.Environment, named(known))),
		field("Service", h.Input(h.Type("text"), h.Name("service"), h.Value(a.get("service")), h.Placeholder("prod-*/check*"))),
		field("Finding", h.Input(h.Type("text"), h.Name("cve"), h.Value(wanted.ID), h.Placeholder("CVE-2021-44228"))),
		field("Severity", choice("severity", string(wanted.Wanted.Severity), []option{{"critical", "critical"}, {"high", "high and worse"}, {"medium", "medium and worse"}, {"low", "low and worse"}})),
		h.FieldSet(h.Legend(g.Text("Only")), h.Label(h.Input(h.Type("checkbox"), h.Name("fixable"), h.Value("1"), g.If(wanted.Wanted.Fixable, h.Checked())), g.Text("What a version fixes"))),
		g.If(wanted.At.IsZero(), h.FieldSet(h.Legend(g.Text("When")), h.Label(h.Input(h.Type("checkbox"), h.Name("ever"), h.Value("1"), g.If(wanted.Ever, h.Checked())), g.Text("Ever")))),
		h.Button(h.Type("submit"), g.Text("Show")),
	)
}

func (a asked) exposureTable(wanted query.ExposureQuery, page query.Page[query.ExposureRow], incomplete bool) node {
	if len(page.Items) == 0 {
		nothing := "Nothing in use has such a finding"
		switch {
		case wanted.Ever:
			nothing = "Nothing ever had such a finding"
		case !wanted.At.IsZero():
			nothing = "Nothing that was in use had such a finding"
		}
		if incomplete {
			nothing += ", as far as that is known"
		}
		return empty(nothing+".", page.Watched)
	}
	past := wanted.Ever || !wanted.At.IsZero()
	return scrolled("What burns", h.Table(h.Class("rows"),
		h.Caption(h.Class("hide"), g.Text("Findings of what is in use, what burns most first")),
		h.THead(h.Tr(head("Finding"), head("Package"), head("Environment"), head("Service"), head("Phase"), head("Since (UTC)"), g.If(past, head("Until (UTC)")), head("Image"), head("What to do"))),
		h.TBody(g.Map(page.Items, func(r query.ExposureRow) node {
			return h.Tr(
				a.burning(wanted, r),
				h.Td(packageOf(r.Package, r.Installed)),
				h.Td(g.Text(r.Environment)),
				h.Td(a.user(r.WhereRow), h.Span(h.Class("dim place"), breakable(r.Container)), placed(r.Cluster, r.Region, r.Account)),
				h.Td(badge(string(r.Phase))),
				h.Td(clock(r.Since)),
				g.If(past, h.Td(untilOf(r.WhereRow))),
				h.Td(h.A(h.Class("mono"), h.Href(a.href("image", "image", imageName(r.Registry, r.Repository, r.Digest.String()))), g.Text(version("", r.Digest)))),
				h.Td(h.Class("why"), g.Text(remedy(r.Scanned, r.FixedIn, r.Package, r.Reason))),
			)
		})),
	))
}

func untilOf(w query.WhereRow) node {
	if w.Until == nil {
		return g.Text("–")
	}
	return clock(w.Until)
}

// burning names a finding, with a link to all places that have it.
func (a asked) burning(wanted query.ExposureQuery, r query.ExposureRow) node {
	if !r.Scanned {
		return h.Th(h.Scope("row"), badge("never_scanned"))
	}
	name := h.A(h.Href(a.href("exposure", "cve", r.ID)), g.Text(clip(r.ID, 60)))
	if wanted.ID != "" {
		name = h.Span(g.Text(clip(r.ID, 60)))
	}
	return h.Th(h.Scope("row"), name, h.Br(), severityOf(r.Severity), exploited(r.KnownExploited))
}

func severityOf(s report.Severity) node { return badge(string(s)) }

func exploited(known *bool) node {
	if known == nil || !*known {
		return nil
	}
	return g.Group{h.Br(), badge("exploited")}
}

func packageOf(name, installed string) node {
	return g.Group{breakable(cmp.Or(name, "–")), h.Br(), h.Span(h.Class("dim"), g.Text(clip(installed, 60)))}
}

// remedy is what to do about a finding.
func remedy(scanned bool, fixedIn, name, reason string) string {
	todo := "Nothing fixes it yet: see what its scanner advises, or run another image."
	switch {
	case !scanned:
		todo = "Let its registry scan it, or take it from one that does: what it has is not known."
	case fixedIn != "":
		todo = "Build it with " + strings.TrimSpace(cmp.Or(name, "the package")+" "+fixedIn) + ", and roll that out."
	}
	return strings.TrimSpace(todo + " " + sentence(reason))
}

// findings are those of images, wherever these run.
func (a asked) findings(all []query.ImageFinding) node {
	if len(all) == 0 {
		return h.P(h.Class("note calm"), g.Text("None: it was scanned, and nothing is known to be wrong with it."))
	}
	const most = 200
	return g.Group{
		scrolled("Findings", h.Table(h.Class("rows"),
			h.Caption(h.Class("hide"), g.Text("Findings, what burns most first")),
			h.THead(h.Tr(head("Finding"), head("Package"), head("Digest"), head("Known since (UTC)"), head("What to do"))),
			h.TBody(g.Map(all[:min(most, len(all))], func(f query.ImageFinding) node {
				return h.Tr(
					a.burning(query.ExposureQuery{}, query.ExposureRow{MatchRow: query.MatchRow{ID: f.ID, Severity: f.Severity, KnownExploited: f.KnownExploited}, Scanned: f.Scanned}),
					h.Td(packageOf(f.Package, f.Installed)),
					h.Td(h.A(h.Class("mono"), h.Href(a.href("image", "image", f.Image.String())), g.Text(version("", f.Image)))),
					h.Td(clock(f.FirstSeen)),
					h.Td(h.Class("why"), g.Text(remedy(f.Scanned, f.FixedIn, f.Package, f.Reason))),
				)
			})),
		)),
		g.If(len(all) > most, h.P(h.Class("dim"), g.Textf("The worst %d of %d. All of what is in use: see Exposure.", most, len(all)))),
	}
}

// severity counts what was found in what a workload runs: each finding once.
type severity struct {
	critical, high int
	unscanned      bool
}

// severityOf is zero where nothing is kept of scans.
func (w workload) severityOf(scanned map[digest.Digest]query.Scanned) (s severity) {
	if scanned == nil {
		return s
	}
	all := query.Scanned{All: true}
	for _, r := range w.running {
		if r.Digest != "" {
			all = all.And(scanned[r.Digest])
		}
	}
	return severity{len(all.Critical), len(all.High), !all.All}
}

// show leads to the findings.
func (s severity) show(a asked, environment string, of tagalong.Service) node {
	if s == (severity{}) {
		return nil
	}
	counts := g.Group{}
	if s.critical > 0 {
		counts = append(counts, h.Span(h.Class("s bad"), glyph(lookOf("critical").glyph), g.Textf(" %d critical", s.critical)), g.Text(" "))
	}
	if s.high > 0 {
		counts = append(counts, h.Span(h.Class("s warn"), glyph(lookOf("high").glyph), g.Textf(" %d high", s.high)), g.Text(" "))
	}
	if s.unscanned {
		counts = append(counts, h.Span(h.Class("s dim"), glyph("?"), g.Text(" not all scanned")))
	}
	return h.P(h.A(h.Class("burns"), h.Href(a.href("exposure", "env", environment, "service", nameOf(of))), counts))
}
