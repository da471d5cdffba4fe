package page

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/opencontainers/go-digest"
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// lane is a line of a chart of times: what ran in one place.
type lane struct {
	name  string
	bars  []bar
	marks []mark
}

// bar is something that ran for a while.
type bar struct {
	from, until time.Time // until is zero while it goes on
	class, text string
}

// mark is a moment; one that goes back has an arrow to where it led.
type mark struct {
	at    time.Time
	class string // failed or rollback
	text  string
}

// The chart's measures.
const (
	chartWidth = 1000.0
	laneHeight = 58
	barTop     = 24
	barHeight  = 24
	axisHeight = 30
	letter     = 7.2 // how wide one is
	mostOfName = 130
)

// chart is when what ran, made on the server: the list below it says the same in words.
type chart struct {
	from, until time.Time
	open        bool // it goes on behind its right edge
	lanes       []lane
}

// newChart returns a chart up to a time. If nothing has happened for long, its end is left
// out, so that there is room for what has.
func newChart(lanes []lane, now time.Time) chart {
	c := chart{lanes: lanes, until: now}
	var last time.Time
	for _, t := range timesOf(lanes) {
		if c.from.IsZero() || t.Before(c.from) {
			c.from = t
		}
		if t.After(last) {
			last = t
		}
	}
	if span := last.Sub(c.from); span > 0 && now.Sub(last) > span {
		c.until, c.open = last.Add(span/2), true
	}
	if !c.from.Before(c.until) {
		c.from = c.until.Add(-time.Hour)
	}
	return c
}

func timesOf(lanes []lane) (all []time.Time) {
	for _, l := range lanes {
		for _, b := range l.bars {
			all = append(all, b.from, b.until)
		}
		for _, m := range l.marks {
			all = append(all, m.at)
		}
	}
	return slices.DeleteFunc(all, time.Time.IsZero)
}

func (c chart) x(t time.Time) float64 {
	if t.IsZero() || t.After(c.until) {
		return chartWidth
	}
	return max(0, chartWidth*float64(t.Sub(c.from))/float64(c.until.Sub(c.from)))
}

func (c chart) show(label string) node {
	if len(c.lanes) == 0 {
		return nil
	}
	height := len(c.lanes)*laneHeight + axisHeight
	parts := g.Group{g.Attr("viewBox", fmt.Sprintf("0 0 %g %d", chartWidth, height)), h.Role("img"), h.Aria("label", label+", from "+timeText(c.from)+" to "+timeText(c.until)+" UTC; the table below says the same in words"), c.axis(height)}
	for i, l := range c.lanes {
		parts = append(parts, c.lane(l, i*laneHeight))
	}
	return h.Div(h.Class("scroll chart"), h.Role("region"), h.Aria("label", label), h.TabIndex("0"), h.SVG(parts))
}

func (c chart) lane(l lane, top int) node {
	parts := g.Group{text(0, float64(top)+15, "name", clip(l.name, mostOfName))}
	for _, b := range l.bars {
		parts = append(parts, c.bar(b, top+barTop))
	}
	for _, m := range l.marks {
		parts = append(parts, c.mark(m, top+barTop))
	}
	return g.El("g", parts)
}

func (c chart) bar(b bar, top int) node {
	x := c.x(b.from)
	width := max(3, c.x(b.until)-x)
	parts := g.Group{h.Class("bar " + b.class), g.El("title", g.Text(b.text)),
		g.El("rect", number("x", x), number("y", float64(top)), number("width", width), number("height", barHeight), number("rx", 3))}
	if room := int((width - 10) / letter); room >= 3 {
		parts = append(parts, text(x+6, float64(top)+16, "", clip(b.text, room)))
	}
	return g.El("g", parts)
}

func (c chart) mark(m mark, top int) node {
	x, y := c.x(m.at), float64(top)
	path := fmt.Sprintf("M%.1f %.1fl8 8m0 -8l-8 8", x-4, y-10)
	if m.class == "rollback" {
		path = fmt.Sprintf("M%.1f %.1fh-9a5 5 0 0 0 0 9h2M%.1f %.1fl-3 3 3 3", x+4, y-12, x+1, y-15)
	}
	return g.El("g", h.Class("mark "+m.class), g.El("title", g.Text(m.text)), g.El("path", g.Attr("d", path)))
}

// ticks are distances between the marks of the axis.
var ticks = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 12 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour, 91 * 24 * time.Hour, 366 * 24 * time.Hour}

func (c chart) axis(height int) node {
	const most = 9
	span := c.until.Sub(c.from)
	tick := ticks[len(ticks)-1]
	for _, d := range ticks {
		if span/d <= most {
			tick = d
			break
		}
	}
	layout := "2006-01-02"
	if tick < 24*time.Hour {
		layout = "15:04"
		if span > 20*time.Hour {
			layout = "Jan 2 15:04"
		}
	}
	bottom := float64(height - axisHeight)
	parts := g.Group{h.Class("axis"), h.Aria("hidden", "true")}
	for t := c.from.Truncate(tick).Add(tick); t.Before(c.until); t = t.Add(tick) {
		x := c.x(t)
		parts = append(parts, g.El("path", g.Attr("d", fmt.Sprintf("M%.1f 0V%.0f", x, bottom))))
		if x < chartWidth-100 {
			parts = append(parts, text(x+3, bottom+18, "", t.Format(layout)))
		}
	}
	end := timeText(c.until)
	if c.open {
		end = "goes on →"
	}
	return g.El("g", append(parts, g.El("text", number("x", chartWidth), number("y", bottom+18), g.Attr("text-anchor", "end"), g.Text(end))))
}

func text(x, y float64, class, words string) node {
	return g.El("text", number("x", x), number("y", y), g.If(class != "", h.Class(class)), g.Text(words))
}

func number(name string, n float64) node {
	return g.Attr(name, strconv.FormatFloat(n, 'f', -1, 64))
}

// palette gives each digest its tint, in the order in which they came.
type palette map[digest.Digest]int

func (p palette) class(d digest.Digest) string {
	if d == "" {
		return "t0"
	}
	if p[d] == 0 {
		p[d] = len(p) + 2
	}
	return tintClass(p[d])
}

func target(index, d digest.Digest) digest.Digest { return cmp.Or(index, d) }
