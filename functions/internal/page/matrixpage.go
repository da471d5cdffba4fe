package page

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// showMatrix is the first page. Before its head goes out it reads the environments alone,
// which says whether those that are asked for are known.
func showMatrix(ctx context.Context, q query.Queries, a asked) (shown, error) {
	known, watched, err := environmentsAndWatched(ctx, q)
	if err != nil {
		return shown{}, err
	}
	environments, err := a.environments(known)
	if err != nil {
		return shown{}, err
	}
	page := shown{title: "What runs where", command: a.runningCommand()}
	page.rows = func(ctx context.Context) (rows, error) {
		found, err := a.running(ctx, q, environments)
		return list[query.RunningRow](slices.DeleteFunc(found.rows, a.leavesOut)), err
	}
	page.body = func(ctx context.Context) (node, error) {
		if len(known) == 0 {
			return empty("Nothing runs, as far as the ledger knows.", watched), nil
		}
		found, err := a.readMatrix(ctx, q, environments)
		if err != nil {
			return nil, err
		}
		return found.show(a, known), nil
	}
	if !a.at.IsZero() {
		page.title = "What ran where"
	}
	return page, nil
}

// environmentsOf are all that the ledger knows, in the order in which they are shown.
func environmentsOf(ctx context.Context, q query.Queries) ([]string, error) {
	known, _, err := environmentsAndWatched(ctx, q)
	return known, err
}

// environmentsAndWatched returns beside them, where there are none, what was looked at.
func environmentsAndWatched(ctx context.Context, q query.Queries) (known []string, watched string, err error) {
	page, err := q.Environments(ctx, query.Paging{})
	return inOrder(tagalong.Strings(page.Items, func(r query.EnvironmentRow) string { return r.Environment })), page.Watched, err
}

// environments are those that are asked for: all of them if none is.
func (a asked) environments(known []string) ([]string, error) {
	wanted := a.values["env"]
	for _, name := range wanted {
		if err := tagalong.CheckEnvironment(name, known); err != nil {
			return nil, err
		}
	}
	if len(wanted) == 0 {
		return known, nil
	}
	return slices.DeleteFunc(slices.Clone(known), func(name string) bool { return !slices.Contains(wanted, name) }), nil
}

func (a asked) runningCommand() []string {
	command := []string{"tagalong", "running"}
	if wanted := a.values["env"]; len(wanted) == 1 {
		command = append(command, wanted[0])
	}
	return flags(command, "--at", timeFlag(a.at), "--service", a.services.String())
}

func timeFlag(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// running asks what runs in some environments.
func (a asked) running(ctx context.Context, q query.Queries, environments []string) (found runningAnswer, err error) {
	pages := make([]query.Page[query.RunningRow], len(environments))
	err = parallel.Try(ctx, len(environments), parallel.Limit, func(ctx context.Context, i int) (err error) {
		pages[i], err = q.Running(ctx, query.RunningQuery{Environment: environments[i], Services: a.services, At: a.at}, query.Paging{})
		return noHorizon(err, &pages[i].Gaps)
	})
	for _, page := range pages {
		found.rows, found.gaps = append(found.rows, page.Items...), append(found.gaps, page.Gaps...)
		found.watched = cmp.Or(found.watched, page.Watched)
	}
	return found, err
}

// runningAnswer is what runs, and what is said of what does not.
type runningAnswer struct {
	rows    []query.RunningRow
	gaps    []query.Gap
	watched string
}

// noHorizon takes it that nothing is known of one environment at a time: others may be
// known. Its services are among the gaps.
func noHorizon(err error, gaps *[]query.Gap) error {
	horizon, ok := asHorizon(err)
	if !ok || horizon.Expired || len(horizon.Services) == 0 {
		return err
	}
	for _, s := range horizon.Services {
		*gaps = append(*gaps, query.Gap{Service: s, CompleteSince: horizon.CompleteSince})
	}
	return nil
}

// leavesOut reports whether the filters leave a row out.
func (a asked) leavesOut(r query.RunningRow) bool {
	return !a.wants("account", r.Account) || !a.wants("kind", kindOf(r)) || !a.wantsImage(r.Repository, r.ImageTag, r.Digest, r.Index)
}

// wants reports whether a filter lets a value through.
func (a asked) wants(filter, value string) bool {
	return a.get(filter) == "" || a.get(filter) == value
}

// wantsImage reports whether the filter of images lets one through.
func (a asked) wantsImage(repository, tag string, d, index digest.Digest) bool {
	return strings.Contains(repository+":"+tag+"@"+d.String()+" "+index.String(), a.get("image"))
}

func (a asked) wantsRollout(r ledger.HistoryRow) bool {
	return a.get("image") == "" || slices.ContainsFunc(r.Containers, func(c ledger.HistoryContainer) bool {
		return a.wantsImage(c.Repository, c.ImageTag, c.Digest, c.Index)
	})
}

// lately is how many rollouts of an environment are looked at for the last attempts.
const lately = 300

// matrixAnswer is all that the first page shows.
type matrixAnswer struct {
	matrix
	found    int // lines before the filters
	accounts []string
	kinds    []string
	gaps     []query.Gap
	changes  changes
	attempts attemptsNote
	watched  string
	scanned  map[digest.Digest]query.Scanned // nil: no scan of any of it is kept
}

// attemptsNote says how far back attempts were looked for.
type attemptsNote struct{ since time.Time }

func (a asked) readMatrix(ctx context.Context, q query.Queries, environments []string) (matrixAnswer, error) {
	var (
		answer  matrixAnswer
		running runningAnswer
		latest  = make([]query.Page[ledger.HistoryRow], len(environments))
	)
	err := parallel.All(
		func() (err error) {
			running, err = a.running(ctx, q, environments)
			return err
		},
		func() error {
			return parallel.Try(ctx, len(environments), parallel.Limit, func(ctx context.Context, i int) (err error) {
				wanted := query.HistoryQuery{Environment: environments[i], Services: a.oneService(), Until: a.moment().Add(time.Millisecond)}
				latest[i], err = q.History(ctx, wanted, query.Paging{Limit: lately})
				return err
			})
		},
	)
	if err != nil {
		return matrixAnswer{}, err
	}
	attempts, begun := map[string][]ledger.HistoryRow{}, []ledger.HistoryRow(nil)
	for i, page := range latest {
		answer.attempts.add(page)
		attempts[environments[i]] = slices.DeleteFunc(slices.Clone(page.Items), func(r ledger.HistoryRow) bool { return !a.services.Match(rowService(r)) })
		begun = append(begun, slices.DeleteFunc(page.Items, a.leavesOutRollout)...)
	}
	answer.changes.add(begun)
	if answer.changes.next, err = nextChange(ctx, q, a, environments, begun); err != nil {
		return matrixAnswer{}, err
	}
	if answer.scanned, err = q.Scanned(ctx, digestsOf(running.rows)); err != nil {
		return matrixAnswer{}, err
	}
	answer.matrix = newMatrix(environments, running.rows, attempts, a.moment())
	answer.accounts = distinct(running.rows, func(r query.RunningRow) string { return r.Account })
	answer.kinds = distinct(answer.lines, func(l line) string { return l.kind })
	answer.found = len(answer.lines)
	answer.lines = slices.DeleteFunc(answer.lines, func(l line) bool { return a.leavesOutLine(l) })
	answer.gaps, answer.watched = running.gaps, running.watched
	return answer, nil
}

// digestsOf are what runs, each once.
func digestsOf(rows []query.RunningRow) []digest.Digest {
	all := distinct(rows, func(r query.RunningRow) digest.Digest { return r.Digest })
	return slices.DeleteFunc(all, func(d digest.Digest) bool { return d == "" })
}

func (n *attemptsNote) add(page query.Page[ledger.HistoryRow]) {
	if page.Next == "" || len(page.Items) == 0 {
		return
	}
	last := page.Items[len(page.Items)-1]
	if at := startOf(last); at.After(n.since) {
		n.since = at
	}
}

// startOf is where a rollout stands in a history.
func startOf(r ledger.HistoryRow) time.Time {
	switch {
	case r.StartedAt != nil:
		return *r.StartedAt
	case r.FinishedAt != nil:
		return *r.FinishedAt
	}
	return time.Time{}
}

// oneService is the service that is asked for, if it is one: each that matches is a query
// of its own, and of many the rollouts of their environments are fewer.
func (a asked) oneService() tagalong.ServicePattern {
	if strings.ContainsAny(a.services.String(), "*?[\\") {
		return tagalong.ServicePattern{}
	}
	return a.services
}

func (a asked) leavesOutRollout(r ledger.HistoryRow) bool {
	return !a.wants("account", r.Account) || !a.wants("kind", "service") || !a.services.Match(rowService(r)) || !a.wantsRollout(r)
}

// leavesOutLine reports whether the filters leave a line out. A line is there whole or not
// at all: a cell without what was filtered out would say that nothing runs there.
func (a asked) leavesOutLine(l line) bool {
	state := a.get("state")
	return a.get("differ") != "" && !l.differs() || state != "" && !l.has(state) ||
		!slices.ContainsFunc(l.cells, func(c cell) bool { return slices.ContainsFunc(c.workloads, a.wantsWorkload) })
}

// wantsWorkload reports whether the filters let a workload through: by what runs, or by
// the attempt that is shown beside it.
func (a asked) wantsWorkload(w workload) bool {
	runs := slices.ContainsFunc(w.running, func(r query.RunningRow) bool { return !a.leavesOut(r) })
	return runs || w.attempt != nil && a.wants("account", w.service.Account) && a.wants("kind", w.kind) && a.wantsRollout(*w.attempt)
}

func (l line) has(state string) bool {
	if state == "not_deployed" {
		return slices.ContainsFunc(l.cells, func(c cell) bool { return len(c.workloads) == 0 })
	}
	return slices.Contains(l.states(), state)
}

// states are those of all its workloads.
func (l line) states() []string {
	var all []string
	for _, c := range l.cells {
		for _, w := range c.workloads {
			all = append(all, w.states()...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func distinct[T any, K cmp.Ordered](all []T, of func(T) K) []K {
	return slices.Compact(slices.Sorted(func(yield func(K) bool) {
		for _, one := range all {
			if !yield(of(one)) {
				return
			}
		}
	}))
}

func (m matrixAnswer) show(a asked, known []string) node {
	return g.Group{
		timeTravel(a, m.changes),
		m.showGaps(),
		m.filters(a, known),
		m.summary(a),
		m.table(a),
		m.footnote(),
	}
}

func (m matrixAnswer) showGaps() node {
	if len(m.gaps) == 0 {
		return nil
	}
	names := tagalong.Strings(m.gaps, func(gap query.Gap) string {
		return nameOf(gap.Service) + " (known since " + timeText(gap.CompleteSince) + ")"
	})
	slices.Sort(names)
	return h.Div(h.Class("note"), h.P(g.Textf("%s the ledger did not know yet at that time: %s.", counted(len(names), "service", "services"), listed(slices.Compact(names)))))
}

func (m matrixAnswer) filters(a asked, known []string) node {
	return h.Form(h.Class("filters"), h.Action("./"), h.Method("get"), h.Role("search"), h.Aria("label", "Filters"),
		g.If(!a.at.IsZero(), h.Input(h.Type("hidden"), h.Name("at"), h.Value(timeFlag(a.at)))),
		h.FieldSet(h.Legend(g.Text("Environments")), g.Map(known, func(name string) node {
			return h.Label(h.Input(h.Type("checkbox"), h.Name("env"), h.Value(name), g.If(slices.Contains(a.values["env"], name), h.Checked())), g.Text(name))
		})),
		field("Service", h.Input(h.Type("text"), h.Name("service"), h.Value(a.get("service")), h.Placeholder("prod-*/check*"))),
		field("Image", h.Input(h.Type("text"), h.Name("image"), h.Value(a.get("image")), h.Placeholder("part of its name"))),
		field("State", choice("state", a.get("state"), stateNames())),
		g.If(len(m.kinds) > 1 || a.get("kind") != "", field("Kind", choice("kind", a.get("kind"), named(withChosen(m.kinds, a.get("kind")))))),
		g.If(len(m.accounts) > 1 || a.get("account") != "", field("Account", choice("account", a.get("account"), named(withChosen(m.accounts, a.get("account")))))),
		h.FieldSet(h.Legend(g.Text("Compare")), h.Label(h.Input(h.Type("checkbox"), h.Name("differ"), h.Value("1"), g.If(a.get("differ") != "", h.Checked())), g.Text("Only what differs"))),
		h.Button(h.Type("submit"), g.Text("Show")),
		g.If(a.filtered(), h.A(h.Class("button"), h.Href(a.href("")), g.Text("Clear"))),
	)
}

func (a asked) filtered() bool {
	for name := range a.values {
		if name != "at" && name != "format" {
			return true
		}
	}
	return false
}

func field(name string, input node) node {
	return h.Label(h.Class("field"), h.Span(g.Text(name)), input)
}

// option is something to choose, and how it is called.
type option struct{ value, name string }

func named(values []string) (all []option) {
	for _, v := range values {
		all = append(all, option{v, v})
	}
	return all
}

func withChosen(values []string, chosen string) []string {
	if chosen == "" || slices.Contains(values, chosen) {
		return values
	}
	return append(values, chosen)
}

// stateNames are the states that a matrix can be narrowed to.
func stateNames() (all []option) {
	for _, s := range []string{"running", "idle", "rolling_out", "failed", "rolled_back", "guess", "unknown", "tag_blocked", "tag_missing", "tag_pending", "tag_contested", "not_deployed"} {
		all = append(all, option{s, lookOf(s).word})
	}
	return all
}

func choice(name, chosen string, options []option) node {
	return h.Select(h.Name(name), h.Option(h.Value(""), g.Text("any")), g.Map(options, func(o option) node {
		return h.Option(h.Value(o.value), g.If(o.value == chosen, h.Selected()), g.Text(o.name))
	}))
}

// summary counts, and each count leads to what it counts.
func (m matrixAnswer) summary(a asked) node {
	counts, differing := map[string]int{}, 0
	for _, l := range m.lines {
		if len(m.environments) > 1 && l.differs() {
			differing++
		}
		for _, state := range l.states() {
			counts[state]++
		}
	}
	parts := []node{g.Text(counted(len(m.lines), "service", "services") + " in " + counted(len(m.environments), "environment", "environments"))}
	if differing > 0 {
		parts = append(parts, h.A(h.Href(a.with("differ", "1")), g.Textf("%d not the same everywhere", differing)))
	}
	for _, s := range stateNames() {
		if n := counts[s.value]; n > 0 && s.value != "running" {
			l := lookOf(s.value)
			parts = append(parts, h.A(h.Class("s "+l.class), h.Href(a.with("state", s.value)), glyph(l.glyph), g.Textf(" %d %s", n, l.word)))
		}
	}
	return h.P(h.Class("summary"), g.Map(parts, func(part node) node { return h.Span(part) }))
}

func (m matrixAnswer) table(a asked) node {
	switch {
	case m.found == 0 && a.filtered():
		return empty("No service matches.", cmp.Or(m.watched, "Nothing else was looked at than what these filters name; Clear shows all."))
	case m.found == 0:
		return empty("Nothing runs.", m.watched)
	case len(m.lines) == 0:
		return empty("No service matches.", fmt.Sprintf("%s looked at, and none is like this.", counted(m.found, "service was", "services were")))
	}
	return scrolledAs("scroll "+m.class(), "Services by environments", h.Table(h.Class("matrix"),
		h.Caption(h.Class("hide"), g.Text("Services by environments")),
		h.THead(h.Tr(h.Th(h.Scope("col"), g.Text("Service")), g.Map(m.environments, func(name string) node {
			return h.Th(h.Scope("col"), h.A(h.Href(a.with("env", name)), g.Text(name)))
		}))),
		m.bodies(a),
	))
}

// class says how wide the table must be at least: where it has room, its head stays in sight.
func (m matrixAnswer) class() string {
	const most = 6
	if n := len(m.environments); n <= most {
		return fmt.Sprintf("n%d", n)
	}
	return "nn"
}

// scrolled is a table that scrolls inside where there is no room for it.
func scrolled(name string, table node) node {
	return scrolledAs("scroll", name, table)
}

func scrolledAs(class, name string, table node) node {
	return h.Div(h.Class(class), h.Role("region"), h.Aria("label", name), h.TabIndex("0"), table)
}

// kindNames head the lines of each kind.
var kindNames = map[string]string{"service": "Services", "task": "Standalone tasks", "daemon": "Daemons", "function": "Functions"}

// bodies are the lines, those of a kind together.
func (m matrixAnswer) bodies(a asked) node {
	kinds := distinct(m.lines, func(l line) string { return l.kind })
	return g.Map(kinds, func(kind string) node {
		return h.TBody(
			g.If(len(kinds) > 1, h.Tr(h.Th(h.Class("kind"), h.Scope("rowgroup"), h.ColSpan(fmt.Sprint(len(m.environments)+1)), g.Text(cmp.Or(kindNames[kind], kind))))),
			g.Map(m.lines, func(l line) node {
				if l.kind != kind {
					return nil
				}
				return m.row(a, l)
			}),
		)
	})
}

func (m matrixAnswer) row(a asked, l line) node {
	return h.Tr(
		h.Th(h.Scope("row"), l.heading(a)),
		g.Group(cellsOf(l, func(i int, c cell) node { return c.show(a, m.environments[i], m.scanned) })),
	)
}

// heading names a line, and leads to its rollouts where it has any.
func (l line) heading(a asked) node {
	if l.kind != string(tagalong.KindService) {
		return h.Span(h.Class("name"), breakable(l.name))
	}
	return h.A(h.Href(a.href("service", "service", l.name)), breakable(l.name))
}

func cellsOf(l line, show func(int, cell) node) []node {
	var all []node
	for i, c := range l.cells {
		all = append(all, show(i, c))
	}
	return all
}

// breakable lets a long name be broken where it has a hyphen or an underscore.
func breakable(name string) node {
	var parts []node
	for i, part := range strings.SplitAfter(name, "_") {
		if i > 0 {
			parts = append(parts, h.Wbr())
		}
		parts = append(parts, g.Text(part))
	}
	return g.Group(parts)
}

func (m matrixAnswer) footnote() node {
	if m.attempts.since.IsZero() {
		return nil
	}
	return h.P(h.Class("dim"), g.Textf("Attempts that failed are shown as far back as %s UTC, where the last %d rollouts of an environment begin.", timeText(m.attempts.since), lately))
}
