package page

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// changes are the times at which what runs changed: some of those before the time that is
// looked at, and the first after it.
type changes struct {
	times []time.Time
	next  time.Time
}

// add notes when what runs changed by rollouts.
func (c *changes) add(rows []ledger.HistoryRow) {
	for _, r := range rows {
		c.times = append(c.times, changesOf(r)...)
	}
}

// changesOf are when a rollout came into force, and when what it put in place ended.
func changesOf(r ledger.HistoryRow) (all []time.Time) {
	for _, t := range []*time.Time{r.FinishedAt, r.Until} {
		if t != nil && r.State == "completed" {
			all = append(all, *t)
		}
	}
	return all
}

// before returns the last change before a time; zero if none is known.
func (c changes) before(at time.Time) (last time.Time) {
	for _, t := range c.times {
		if t.Before(at) && t.After(last) {
			last = t
		}
	}
	return last
}

// How far ahead the next change is looked for at first, and at last before all of the rest.
const (
	shortestSpan = 15 * time.Minute
	longestSpan  = 366 * 24 * time.Hour
)

// nextChange returns when what runs changed first after a past time: by a rollout that had
// begun by then, which are given, or by one that began in a span behind it. That grows
// until a change lies in it, so that what comes after that is not read; where more begins
// in it than is read at once, the next change is not known, and zero.
func nextChange(ctx context.Context, q query.Queries, a asked, environments []string, begun []ledger.HistoryRow) (next time.Time, err error) {
	if a.at.IsZero() {
		return time.Time{}, nil
	}
	next = earliest(time.Time{}, a.at, begun)
	for span := shortestSpan; ; span *= 4 {
		until := a.at.Add(span)
		if span > longestSpan || until.After(a.now) {
			until = a.now.Add(time.Millisecond)
		}
		rows, all, err := a.begunUntil(ctx, q, environments, until)
		if err != nil || !all {
			return time.Time{}, err
		}
		if next = earliest(next, a.at, rows); until.After(a.now) || !next.IsZero() && !next.After(until) {
			return next, nil
		}
	}
}

// begunUntil reads the rollouts that began from the time that is looked at until another,
// and reports whether these are all.
func (a asked) begunUntil(ctx context.Context, q query.Queries, environments []string, until time.Time) (rows []ledger.HistoryRow, all bool, err error) {
	pages := make([]query.Page[ledger.HistoryRow], len(environments))
	err = parallel.Try(ctx, len(environments), parallel.Limit, func(ctx context.Context, i int) (err error) {
		wanted := query.HistoryQuery{Environment: environments[i], Services: a.oneService(), Since: a.at, Until: until}
		pages[i], err = q.History(ctx, wanted, query.Paging{Limit: lately})
		return err
	})
	all = true
	for _, page := range pages {
		rows, all = append(rows, slices.DeleteFunc(page.Items, a.leavesOutRollout)...), all && page.Next == ""
	}
	return rows, all, err
}

// earliest returns the first change after a time.
func earliest(known, after time.Time, rows []ledger.HistoryRow) time.Time {
	for _, r := range rows {
		for _, t := range changesOf(r) {
			if t.After(after) && (known.IsZero() || t.Before(known)) {
				known = t
			}
		}
	}
	return known
}

// timeTravel says which time is looked at, and leads to others.
func timeTravel(a asked, c changes) node {
	var banner node
	if !a.at.IsZero() {
		banner = h.P(h.Class("banner"), h.Role("status"), h.Strong(g.Textf("As of %s UTC, not now.", timeText(a.at))), h.A(h.Href(a.with("at", "")), g.Text("Back to now")))
	}
	step := func(name string, d time.Duration) node {
		to := a.moment().Add(d).Truncate(time.Minute) // the page is the same for a minute
		if to.After(a.now) {
			return nil
		}
		return h.A(h.Class("button"), h.Href(a.with("at", timeFlag(to))), g.Text(name))
	}
	return h.Section(h.Class("travel"), h.Aria("label", "Time"),
		banner,
		h.Form(h.Action("./"), h.Method("get"), others(a),
			field("At (UTC)", h.Input(h.Type("datetime-local"), h.Name("at"), h.Value(fieldTime(a.at)))),
			h.Button(h.Type("submit"), g.Text("Look")),
		),
		h.Div(h.Class("steps"),
			step("−1 d", -24*time.Hour), step("−1 h", -time.Hour),
			g.If(!c.before(a.moment()).IsZero(), h.A(h.Class("button"), h.Href(a.with("at", timeFlag(c.before(a.moment())))), g.Text("← Change before"))),
			g.If(!c.next.IsZero(), h.A(h.Class("button"), h.Href(a.with("at", timeFlag(c.next))), g.Text("Change after →"))),
			g.If(!a.at.IsZero(), g.Group{step("+1 h", time.Hour), step("+1 d", 24*time.Hour)}),
		),
		c.slider(a),
	)
}

func fieldTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(fieldLayout)
}

// others are the filters of a form that changes the time alone.
func others(a asked) node {
	var all g.Group
	for _, name := range parameters[a.view] {
		for _, value := range a.values[name] {
			if name != "at" && name != "format" && name != "cursor" {
				all = append(all, h.Input(h.Type("hidden"), h.Name(name), h.Value(value)))
			}
		}
	}
	return all
}

// mostPoints is how many changes a slider has.
const mostPoints = 200

// slider leads to real changes alone. It is there where scripts run.
func (c changes) slider(a asked) node {
	points := append(slices.Clone(c.times), c.next, a.at)
	points = slices.DeleteFunc(points, time.Time.IsZero)
	slices.SortFunc(points, time.Time.Compare)
	points = slices.CompactFunc(points, time.Time.Equal)
	points = points[max(0, len(points)-mostPoints):]
	links := tagalong.Strings(points, timeFlag)
	at := slices.IndexFunc(points, a.at.Equal)
	if a.at.IsZero() {
		links, at = append(links, ""), len(points)
	}
	if len(links) < 2 {
		return nil
	}
	raw, _ := json.Marshal(links) // texts
	return h.Label(h.Class("slider"), h.Hidden("hidden"),
		h.Span(g.Text("Changes")),
		h.Input(h.Type("range"), h.Min("0"), h.Max(fmt.Sprint(len(links)-1)), h.Value(fmt.Sprint(at)), h.Data("times", string(raw)), h.Data("link", a.with("at", ""))),
		g.El("output", g.Text(map[bool]string{true: "now", false: timeText(a.moment())}[a.at.IsZero()])),
	)
}

func asHorizon(err error) (*query.HorizonError, bool) { return errors.AsType[*query.HorizonError](err) }
