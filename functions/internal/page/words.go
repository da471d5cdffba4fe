package page

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

type (
	node  = g.Node
	group = g.Group
)

// look is how a state is shown: never by its color alone.
type look struct{ glyph, class, word string }

// looks are the states of all answers that have one of their own. Any other one shows as
// its word.
var looks = map[string]look{
	"running":       {"●", "ok", "running"},
	"completed":     {"✓", "ok", "completed"},
	"confirmed":     {"✓", "ok", "confirmed"},
	"rolling_out":   {"◐", "go", "rolling out"},
	"in_progress":   {"◐", "go", "rolling out"},
	"baking":        {"◑", "go", "baking"},
	"paused":        {"‖", "warn", "paused"},
	"overdue":       {"◷", "warn", "overdue"},
	"pending":       {"◷", "warn", "pending"},
	"draining":      {"◌", "dim", "draining"},
	"idle":          {"○", "dim", "idle"},
	"ended":         {"○", "dim", "ended"},
	"superseded":    {"○", "dim", "superseded"},
	"failed":        {"✕", "bad", "failed"},
	"rolled_back":   {"↩", "warn", "rolled back"},
	"guess":         {"≈", "warn", "guess"},
	"unknown":       {"?", "warn", "unknown"},
	"never_scanned": {"?", "warn", "never scanned"},
	"unproven":      {"?", "warn", "unproven"},
	"blocked":       {"⊘", "bad", "blocked"},
	"missing":       {"⊘", "bad", "missing"},
	"moved":         {"⇄", "bad", "moved"},
	"contested":     {"⇄", "warn", "contested"},
	"archived":      {"⊘", "warn", "archived"},
	"critical":      {"▲", "bad", "critical"},
	"high":          {"▲", "warn", "high"},
	"medium":        {"△", "warn", "medium"},
	"low":           {"▽", "dim", "low"},
	"negligible":    {"▽", "dim", "negligible"},
	"exploited":     {"⚑", "bad", "exploited"},
	"not_deployed":  {"–", "dim", "not deployed"},
}

func lookOf(state string) look {
	if l, ok := looks[state]; ok {
		return l
	}
	if of, ok := strings.CutPrefix(state, "tag_"); ok {
		l := lookOf(of)
		return look{l.glyph, l.class, "tag " + l.word}
	}
	return look{"▪", "dim", strings.ReplaceAll(state, "_", " ")}
}

// badge shows a state: glyph and word.
func badge(state string, more ...node) node {
	l := lookOf(state)
	return h.Span(h.Class("s "+l.class), glyph(l.glyph), g.Text(" "+l.word), g.Group(more))
}

func glyph(of string) node { return h.I(h.Aria("hidden", "true"), g.Text(of)) }

// age says how long ago something was, in the unit that matters.
func age(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case d < time.Minute:
		return "<1 min"
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	case d < 100*24*time.Hour:
		return fmt.Sprintf("%d d", int(d.Hours()/24))
	}
	return fmt.Sprintf("%d mo", int(d.Hours()/24/30.44))
}

// ago shows how long ago a time was; a script shows the time itself on demand.
func (a asked) ago(t *time.Time) node {
	if t == nil {
		return h.Span(h.Class("dim"), g.Text("at an unknown time"))
	}
	return h.Time(h.DateTime(tagalong.FormatTime(*t)), g.Text(age(*t, a.moment())))
}

// clock shows a time as such.
func clock(t *time.Time) node {
	if t == nil {
		return h.Span(h.Class("dim"), g.Text("unknown"))
	}
	return h.Time(h.DateTime(tagalong.FormatTime(*t)), g.Text(timeText(*t)))
}

// timeText is a time as people read it, in UTC.
func timeText(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// short shortens a digest to what people compare by eye.
func short(d digest.Digest) string {
	if _, hex, ok := strings.Cut(d.String(), ":"); ok {
		return hex[:min(12, len(hex))]
	}
	return d.String()
}

// commitText shortens a source revision as Git does.
func commitText(id string) string {
	if len(id) >= 40 && strings.Trim(id, "0123456789abcdef") == "" {
		return id[:7]
	}
	return clip(id, 24)
}

// clip leaves out the end of a long text.
func clip(text string, room int) string {
	if all := []rune(text); len(all) > room {
		return string(all[:room-1]) + "…"
	}
	return text
}

// version is what people call an image: its tag, or else its digest.
func version(tag string, d digest.Digest) string {
	return cmp.Or(tag, short(d), "unknown")
}

// nameOf is how people call a service.
func nameOf(s tagalong.Service) string { return s.Cluster + "/" + s.Name }

// counted is a number with its noun.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// listed bounds a list to what one reads: the first few, and how many more.
func listed(names []string) string {
	const few = 12
	if len(names) > few+1 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
	}
	return strings.Join(names, ", ")
}

// elsewhere returns a link out of the page, which a pipeline or an image's author may have
// written: only one of the web.
func elsewhere(link, text string) node {
	at, err := url.Parse(link)
	if err != nil || at.Scheme != "https" || at.Host == "" {
		return g.Text(text)
	}
	return h.A(h.Href(at.String()), h.Rel("noopener noreferrer external"), g.Text(text))
}
