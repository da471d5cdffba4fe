package page

import (
	"context"
	"slices"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
)

// showChanges is what was rolled out in a span of time.
func showChanges(ctx context.Context, q query.Queries, a asked) (shown, error) {
	known, err := environmentsOf(ctx, q)
	if err != nil {
		return shown{}, err
	}
	if _, err := a.environments(known); err != nil {
		return shown{}, err
	}
	span, err := a.span()
	if err != nil {
		return shown{}, err
	}
	wanted := query.HistoryQuery{Environment: a.get("env"), Services: a.services, Since: span.since, Until: span.until}
	find := func(ctx context.Context) (query.Page[ledger.HistoryRow], error) {
		page, err := q.History(ctx, wanted, query.Paging{Limit: perPage, Cursor: a.get("cursor")})
		page.Items = slices.DeleteFunc(page.Items, a.leavesOutState)
		return page, err
	}
	return shown{
		title:   "What changed",
		command: flags([]string{"tagalong", "history"}, "--environment", wanted.Environment, "--service", a.get("service"), "--since", timeFlag(wanted.Since), "--until", timeFlag(wanted.Until)),
		rows: func(ctx context.Context) (rows, error) {
			page, err := find(ctx)
			return list[ledger.HistoryRow](page.Items), err
		},
		body: func(ctx context.Context) (node, error) {
			page, err := find(ctx)
			if err != nil {
				return nil, err
			}
			return a.changes(known, span, page), nil
		},
	}, nil
}

// period is a span of time that changes are asked for.
type period struct {
	name, words  string
	since, until time.Time // zero: no bound
}

// periods are those that people ask for. Night is from six in the evening to eight in the morning.
func periods(now time.Time) []period {
	day := now.Truncate(24 * time.Hour)
	ago := func(d time.Duration) time.Time { return now.Add(-d).Truncate(time.Minute) }
	return []period{
		{"day", "Last 24 hours", ago(24 * time.Hour), time.Time{}},
		{"night", "Last night", day.Add(-6 * time.Hour), day.Add(8 * time.Hour)},
		{"week", "Last 7 days", ago(7 * 24 * time.Hour), time.Time{}},
		{"month", "Last 30 days", ago(30 * 24 * time.Hour), time.Time{}},
		{"all", "All that is known", time.Time{}, time.Time{}},
	}
}

func (a asked) span() (period, error) {
	if !a.since.IsZero() || !a.until.IsZero() {
		if !a.until.IsZero() && !a.since.Before(a.until) {
			return period{}, badf("until %q: want a time after since", a.get("until"))
		}
		return period{since: a.since, until: a.until}, nil
	}
	all, name := periods(a.now), a.get("span")
	if name == "" {
		return all[0], nil
	}
	at := slices.IndexFunc(all, func(p period) bool { return p.name == name })
	if at < 0 {
		return period{}, badf("span %q: want day, night, week, month or all", name)
	}
	return all[at], nil
}

func (a asked) leavesOutState(r ledger.HistoryRow) bool {
	state := a.get("state")
	return state != "" && string(r.State) != state && (state != "rolled_back" || !r.Rollback)
}

func (a asked) changes(known []string, span period, page query.Page[ledger.HistoryRow]) node {
	return g.Group{
		h.Nav(h.Class("tabs"), h.Aria("label", "Span of time"), g.Map(periods(a.now), func(p period) node {
			return h.A(h.Class("button"), h.Href(a.with("span", p.name, "since", "", "until", "")), g.If(p.name == span.name, h.Aria("current", "true")), g.Text(p.words))
		})),
		h.Form(h.Class("filters"), h.Action("changes"), h.Method("get"), h.Role("search"), h.Aria("label", "Filters"),
			field("Environment", choice("env", a.get("env"), named(known))),
			field("Service", h.Input(h.Type("text"), h.Name("service"), h.Value(a.get("service")), h.Placeholder("prod-*/check*"))),
			field("State", choice("state", a.get("state"), []option{{"completed", "completed"}, {"failed", "failed"}, {"in_progress", "rolling out"}, {"rolled_back", "rolled back"}, {"superseded", "superseded"}})),
			field("From (UTC)", h.Input(h.Type("datetime-local"), h.Name("since"), h.Value(fieldTime(span.since)))),
			field("Until (UTC)", h.Input(h.Type("datetime-local"), h.Name("until"), h.Value(fieldTime(span.until)))),
			h.Button(h.Type("submit"), g.Text("Show")),
		),
		h.P(h.Class("summary"), h.Span(g.Text(counted(len(page.Items), "rollout", "rollouts")+spanText(span)))),
		a.changesTable(page),
		a.more(page.Next),
	}
}

func spanText(p period) string {
	text := ""
	if !p.since.IsZero() {
		text += " from " + timeText(p.since)
	}
	if !p.until.IsZero() {
		text += " until " + timeText(p.until)
	}
	if text == "" {
		return ""
	}
	return text + " UTC"
}

func (a asked) changesTable(page query.Page[ledger.HistoryRow]) node {
	if len(page.Items) == 0 {
		return empty("Nothing was rolled out in that time.", page.Watched)
	}
	return a.rollouts(page.Items)
}
