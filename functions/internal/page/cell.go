package page

import (
	"fmt"
	"strconv"
	"time"

	"github.com/opencontainers/go-digest"
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// show is a cell: what runs, since when, how that is known, and what was tried since.
func (c cell) show(a asked, environment string, scanned map[digest.Digest]query.Scanned) node {
	if len(c.workloads) == 0 {
		return h.Td(h.Class("none"), g.Text("not deployed"))
	}
	return h.Td(g.If(c.tint > 0, h.Class(tintClass(c.tint))),
		g.Map(c.workloads, func(w workload) node { return w.show(a, environment, len(c.workloads) > 1, w.severityOf(scanned)) }),
		c.showBehind(a, environment),
	)
}

// The tints that the style has, and the edges that tell more of them apart.
const (
	tintColors = 24
	tintEdges  = 4
)

// tintClass is the n-th tint, from 1 on: the first is that of most cells, and none to look at.
func tintClass(n int) string {
	n--
	class := fmt.Sprintf("t%d", n%tintColors)
	if edge := n / tintColors; edge > 0 {
		class += fmt.Sprintf(" e%d", edge)
	}
	return class
}

func (w workload) show(a asked, environment string, several bool, burns severity) node {
	target := w.target(a, environment)
	r, runs := w.main()
	place := g.If(several, h.Span(h.Class("dim"), g.Text(w.service.Cluster+" · "+w.service.Region+" · "+w.service.Account)))
	if !runs {
		return h.Div(h.Class("w"), place, h.A(h.Class("v none"), h.Href(target), g.Text("nothing runs")), h.P(w.showAttempt(a)))
	}
	return h.Div(h.Class("w"), place,
		h.A(h.Class("v"), h.Href(target), h.B(g.Text(clip(version(r.ImageTag, r.Digest), 40))), g.If(r.ImageTag != "" && r.Digest != "", h.Code(g.Text(short(targetOf(r)))))),
		h.P(w.badges(a, r)),
		w.showAttemptLine(a),
		burns.show(a, environment, w.service),
		w.showOthers(),
	)
}

// target leads to all that is known of a workload: what is no service has no rollouts, and
// its image says when it ran.
func (w workload) target(a asked, environment string) string {
	if r, runs := w.main(); runs && w.kind != string(tagalong.KindService) && r.Digest != "" {
		return a.href("image", "image", imageName(r.Registry, r.Repository, r.Digest.String()))
	}
	return a.href("service", "service", nameOf(w.service), "env", environment)
}

// badges are the states of what runs: running and since when, and what is wrong with it.
func (w workload) badges(a asked, r query.RunningRow) node {
	first := stateOf(r)
	all := g.Group{badge(first, g.Text(" "), since(a, r.Since))}
	if w.undone != nil {
		all = append(all, h.Span(h.Class("dim"), g.Text("from "+clip(rolloutVersion(*w.undone), 24)+", which failed")))
	}
	for _, doubt := range w.doubts() {
		all = append(all, badge(doubt))
	}
	if w.attempt == nil && r.RollingOut != "" {
		all = append(all, underWay(r.Rollout))
	}
	if r.Release.Commit != "" {
		all = append(all, h.Span(h.Class("dim mono"), g.Text(commitText(r.Release.Commit))))
	}
	return all
}

// stateOf is how what runs stands: a standalone task may be idle, until it runs again.
func stateOf(r query.RunningRow) string {
	switch {
	case r.Rollback:
		return "rolled_back"
	case r.Phase == string(ledger.PhaseIdle):
		return r.Phase
	}
	return "running"
}

func since(a asked, t *time.Time) node {
	if t == nil {
		return nil
	}
	return a.ago(t)
}

func (w workload) showAttemptLine(a asked) node {
	if w.attempt == nil {
		return nil
	}
	return h.P(w.showAttempt(a))
}

// showAttempt is the latest attempt, beside what runs.
func (w workload) showAttempt(a asked) node {
	if w.attempt == nil {
		return nil
	}
	at := w.attempt.FinishedAt
	if at == nil {
		at = w.attempt.StartedAt
	}
	state := badge(string(w.attempt.State))
	if r, runs := w.main(); runs && r.RollingOut == w.attempt.Deployment && r.Rollout.State != "" {
		state = underWay(r.Rollout)
	}
	return g.Group{state, g.Text(" "), h.B(g.Text(clip(rolloutVersion(*w.attempt), 24))), g.Text(" "), since(a, at)}
}

// underWay is how far a rollout has come: its share of the traffic, or until when it waits.
func underWay(u query.UnderWay) node {
	text := ""
	if u.Weight != nil {
		text += " " + strconv.FormatFloat(*u.Weight, 'f', -1, 64) + " %"
	}
	if u.Until != nil && (u.State == ledger.ProgressBaking || u.State == ledger.ProgressPaused) {
		text += " until " + timeText(*u.Until) + " UTC"
	}
	return badge(string(u.State), g.Text(text))
}

// rolloutVersion is what people call what a rollout brings.
func rolloutVersion(r ledger.HistoryRow) string {
	c, ok := mainContainer(r)
	if !ok {
		return "unknown"
	}
	return version(c.ImageTag, c.Digest)
}

// mainContainer is the container that a rollout is about.
func mainContainer(r ledger.HistoryRow) (ledger.HistoryContainer, bool) {
	for _, c := range r.Containers {
		if c.Container == r.Service {
			return c, true
		}
	}
	if len(r.Containers) == 0 {
		return ledger.HistoryContainer{}, false
	}
	return r.Containers[0], true
}

// showOthers names the other containers: two of them, and how many more.
func (w workload) showOthers() node {
	others := w.others()
	if len(others) == 0 {
		return nil
	}
	const few = 2
	text := "with "
	for i, r := range others[:min(few, len(others))] {
		if i > 0 {
			text += ", "
		}
		text += clip(r.Container, 20) + " " + clip(version(r.ImageTag, r.Digest), 20)
	}
	if more := len(others) - few; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return h.P(h.Class("dim"), g.Text(text))
}

func (c cell) showBehind(a asked, environment string) node {
	if c.behind == "" {
		return nil
	}
	return h.P(h.A(h.Href(a.href("diff", "from", a.point(c.behind), "to", a.point(environment))), g.Text(age(c.behindSince, a.moment())+" behind "+c.behind)))
}

// point names an environment at the time that is looked at.
func (a asked) point(environment string) string {
	if a.at.IsZero() {
		return environment
	}
	return environment + "@" + timeFlag(a.at)
}
