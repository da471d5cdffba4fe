package page

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// matrix is what runs: services by environments.
type matrix struct {
	environments []string
	lines        []line
}

// line is what runs under one name: a cell for each environment.
type line struct {
	kind, name string
	cells      []cell
}

// cell is what runs under one name in one environment: mostly one service, several where
// several clusters, regions or accounts have one of that name.
type cell struct {
	workloads []workload
	// tint is the same in the cells of a line that run the same digests; 0 is none.
	tint int
	// behind is the environment to which something else came later, and when.
	behind      string
	behindSince time.Time
}

// workload is a service in an environment, as of a time: what runs, if anything does, and
// the latest attempt, if that is not what runs.
type workload struct {
	service tagalong.Service
	kind    string
	running []query.RunningRow // its containers, that of the service's own name first
	attempt *ledger.HistoryRow
	// undone is the failed rollout that a rollback came back from.
	undone *ledger.HistoryRow
}

// newMatrix puts what runs, and what was tried last, into lines and cells.
func newMatrix(environments []string, running []query.RunningRow, attempts map[string][]ledger.HistoryRow, at time.Time) matrix {
	all := map[place]*workload{}
	for _, r := range running {
		w := workloadAt(all, r.Environment, kindOf(r), serviceOf(r))
		w.running = append(w.running, r)
	}
	for environment, rows := range attempts {
		for _, r := range lastAttempts(rows, at) {
			r.addTo(all, environment)
		}
	}
	m := matrix{environments: environments}
	for _, at := range slices.SortedFunc(maps.Keys(all), place.compare) {
		w := all[at]
		slices.SortFunc(w.running, func(a, b query.RunningRow) int {
			return cmp.Or(cmpBool(b.Container == b.Service, a.Container == a.Service), cmpBool(a.Added, b.Added), cmp.Compare(a.Container, b.Container))
		})
		m.add(at, *w)
	}
	for i := range m.lines {
		m.lines[i].compare(environments)
	}
	return m
}

// place is where a workload stands in the matrix.
type place struct {
	kind, environment string
	service           tagalong.Service
}

func (a place) compare(b place) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.service.Name, b.service.Name), cmp.Compare(a.service.Account, b.service.Account), cmp.Compare(a.service.Region, b.service.Region), cmp.Compare(a.service.Cluster, b.service.Cluster), cmp.Compare(a.environment, b.environment))
}

func workloadAt(all map[place]*workload, environment, kind string, s tagalong.Service) *workload {
	at := place{kind, environment, s}
	if all[at] == nil {
		all[at] = &workload{service: s, kind: kind}
	}
	return all[at]
}

func (m *matrix) add(at place, w workload) {
	column := slices.Index(m.environments, at.environment)
	if column < 0 {
		return
	}
	last := len(m.lines) - 1
	if last < 0 || m.lines[last].kind != at.kind || m.lines[last].name != at.service.Name {
		m.lines = append(m.lines, line{at.kind, at.service.Name, make([]cell, len(m.environments))})
		last++
	}
	c := &m.lines[last].cells[column]
	c.workloads = append(c.workloads, w)
}

func cmpBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func serviceOf(r query.RunningRow) tagalong.Service {
	return tagalong.Service{Account: r.Account, Region: r.Region, Cluster: r.Cluster, Name: r.Service}
}

// kindOf is what a row is of.
func kindOf(r query.RunningRow) string { return string(r.Kind) }

// attempt is the latest rollout of a service, and the one before it.
type attempt struct {
	latest ledger.HistoryRow
	before *ledger.HistoryRow
}

// lastAttempts returns the latest rollout of each service as of a time, of rows that come
// newest first.
func lastAttempts(rows []ledger.HistoryRow, at time.Time) []attempt {
	index := map[tagalong.Service]int{}
	var all []attempt
	for _, r := range rows {
		r = asOf(r, at)
		i, seen := index[rowService(r)]
		switch {
		case !seen:
			index[rowService(r)] = len(all)
			all = append(all, attempt{latest: r})
		case all[i].before == nil:
			all[i].before = &r
		}
	}
	return all
}

// asOf returns a rollout as it stood at a time: what came later is not known yet.
func asOf(r ledger.HistoryRow, at time.Time) ledger.HistoryRow {
	if later(r.FinishedAt, at) || later(r.OvertakenAt, at) {
		r.FinishedAt, r.OvertakenAt, r.State, r.Reason = nil, nil, timeline.StateInProgress, ""
	}
	if later(r.Until, at) {
		r.Until = nil
	}
	return r
}

func later(t *time.Time, at time.Time) bool { return t != nil && t.After(at) }

func rowService(r ledger.HistoryRow) tagalong.Service {
	return tagalong.Service{Account: r.Account, Region: r.Region, Cluster: r.Cluster, Name: r.Service}
}

// addTo notes the attempt where it says more than what runs: that something else rolls
// out, or failed, or was come back from.
func (a attempt) addTo(all map[place]*workload, environment string) {
	s := rowService(a.latest)
	switch a.latest.State {
	case timeline.StateInProgress, timeline.StateFailed:
		workloadAt(all, environment, string(a.latest.Kind), s).attempt = &a.latest
	case timeline.StateCompleted:
		if a.latest.Rollback && a.before != nil && a.before.State == timeline.StateFailed {
			if w, ok := all[place{string(a.latest.Kind), environment, s}]; ok {
				w.undone = a.before
			}
		}
	}
}

// main is the container that the service is about.
func (w workload) main() (query.RunningRow, bool) {
	if len(w.running) == 0 {
		return query.RunningRow{}, false
	}
	return w.running[0], true
}

// others are its other containers, without those that ECS added.
func (w workload) others() []query.RunningRow {
	var others []query.RunningRow
	for _, r := range w.running[min(1, len(w.running)):] {
		if !r.Added {
			others = append(others, r)
		}
	}
	return others
}

// states are all that is to be said of a workload, what matters most first.
func (w workload) states() []string {
	var states []string
	if w.attempt != nil {
		states = append(states, string(w.attempt.State))
	}
	r, runs := w.main()
	if !runs {
		return normalized(states)
	}
	if w.attempt == nil && r.RollingOut != "" {
		states = append(states, "rolling_out")
	}
	states = append(states, stateOf(r))
	return normalized(slices.Concat(states, w.doubts()))
}

// normalized gives a state one name.
func normalized(states []string) []string {
	for i, s := range states {
		if s == string(timeline.StateInProgress) {
			states[i] = "rolling_out"
		}
	}
	return states
}

// doubts are what is not as it should be about the digests and the tags.
func (w workload) doubts() []string {
	var doubts []string
	tag := ledger.TagState("")
	for _, r := range w.running {
		switch {
		case r.Added:
		case r.Digest == "":
			doubts = append(doubts, "unknown")
		case r.Evidence == tagalong.Guess:
			doubts = append(doubts, "guess")
		}
		if slices.Contains(troubling, r.TagState) && (tag == "" || slices.Index(troubling, r.TagState) < slices.Index(troubling, tag)) {
			tag = r.TagState
		}
	}
	if tag != "" {
		doubts = append(doubts, "tag_"+string(tag))
	}
	slices.Sort(doubts)
	return slices.Compact(doubts)
}

// troubling are the states of tags that the matrix shows, the worst first.
var troubling = []ledger.TagState{ledger.TagBlocked, ledger.TagMissing, ledger.TagMoved, "archived", ledger.TagPending, ledger.TagContested}

// digests name what a cell runs: its containers and their digests, without what ECS
// added. It is "" where nothing runs, or where something is not known: that is like nothing.
func (c cell) digests() string {
	var all []string
	for _, w := range c.workloads {
		for _, r := range w.running {
			switch d := targetOf(r); {
			case r.Added:
			case d == "":
				return ""
			default:
				all = append(all, r.Container+" "+d.String())
			}
		}
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "\n")
}

// targetOf is the digest that is compared: platforms of one index are no difference.
func targetOf(r query.RunningRow) digest.Digest { return cmp.Or(r.Index, r.Digest) }

// since is when the newest of what runs in a cell came; rollbacks are none that others
// are behind of.
func (c cell) since() (newest time.Time) {
	for _, w := range c.workloads {
		if r, ok := w.main(); ok && r.Since != nil && !r.Rollback && r.Since.After(newest) {
			newest = *r.Since
		}
	}
	return newest
}

// compare tints the cells of a line, and says which of them are behind.
func (l line) compare(environments []string) {
	tints := map[string]int{}
	for i := range l.cells {
		if d := l.cells[i].digests(); d != "" {
			if tints[d] == 0 {
				tints[d] = len(tints) + 1
			}
			l.cells[i].tint = tints[d]
		}
	}
	lead, since := l.lead()
	if since.IsZero() {
		return
	}
	for i := range l.cells {
		if c := &l.cells[i]; i != lead && c.tint != 0 && c.tint != l.cells[lead].tint {
			c.behind, c.behindSince = environments[lead], since
		}
	}
}

// lead is the cell to which something came last.
func (l line) lead() (at int, since time.Time) {
	for i, c := range l.cells {
		if came := c.since(); c.tint != 0 && came.After(since) {
			at, since = i, came
		}
	}
	return at, since
}

// differs reports whether not all environments run the same.
func (l line) differs() bool {
	first := l.cells[0]
	for _, c := range l.cells {
		if c.tint != first.tint || c.tint == 0 && len(c.workloads) > 0 {
			return true
		}
	}
	return false
}

// stages are words of which environments' names are made, in the order in which releases
// go through them.
var stages = []string{"dev", "ci", "test", "qa", "int", "uat", "sta", "stg", "pre", "demo", "canary", "prod", "prd", "live"}

// inOrder sorts environments by how near they are to those whom it is for, as far as
// their names tell, then by name.
func inOrder(environments []string) []string {
	rank := func(name string) int {
		name = strings.ToLower(name)
		at := slices.IndexFunc(stages, func(stage string) bool { return strings.HasPrefix(name, stage) })
		if at < 0 {
			return len(stages)/2 - 1
		}
		return at
	}
	return slices.SortedFunc(slices.Values(environments), func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
}
