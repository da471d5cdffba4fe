package questions_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// inquiry asks about a story, and compares with the oracle.
type inquiry struct {
	*rapid.T
	*world
	oracle
	limits func(t *rapid.T, rows int) []int
	rounds int // of each question
}

// everyLimit returns the limits from one row up to more than there are.
func everyLimit(_ *rapid.T, rows int) (limits []int) {
	for limit := 1; limit <= rows+2; limit++ {
		limits = append(limits, limit)
	}
	return limits
}

// someLimits returns those at which a mistake shows first.
func someLimits(t *rapid.T, rows int) []int {
	return []int{1, 2, max(rows-1, 1), max(rows, 1), rows + 1, rapid.IntRange(1, rows+1).Draw(t, "limit")}
}

// everything asks all questions.
func (i inquiry) everything() {
	for range i.rounds {
		for _, ask := range []func(){
			i.runningNow, i.runningThen, i.historyOfAll, i.historyOfEnvironment, i.historyOfPattern, i.historyOfBoth, i.historyOfService, i.releases,
			i.whereIsDigest, i.whereIsRepository, i.whereIsDigestOfRepository, i.whereIsTag, i.diffOfEnvironments, i.diffOfTimes, i.progress, i.findsBeginnings, i.imagesInUse, i.gates, i.matchesReports, i.exposures,
		} {
			ask()
		}
	}
	i.wishes()
	i.environmentsAndServices()
	i.findsServices()
}

// pages compares a whole answer with what an oracle says, and with its pages.
func pages[R any](i inquiry, what string, want answer[R], ask func(query.Paging) (query.Page[R], error)) {
	i.Helper()
	whole, err := ask(query.Paging{})
	if want.none != nil {
		wantError(i, what, want.none, err)
		return
	}
	if err != nil {
		i.Fatalf("%s: %v\n%s", what, err, i.story)
	}
	if (whole.Watched == "") != (len(want.rows) > 0) || whole.Watched != "" && !strings.Contains(whole.Watched, "Not watched are ") {
		i.Fatalf("%s: %d rows, watched %q\n%s", what, len(want.rows), whole.Watched, i.story)
	}
	if diff := cmp.Diff(want.rows, whole.Items); diff != "" {
		i.Fatalf("%s (-facts say +ledger says):\n%s\n%s", what, diff, i.story)
	}
	if diff := cmp.Diff(gapsOf(want.gaps), gapsOf(whole.Gaps)); diff != "" || whole.Next != "" {
		i.Fatalf("%s: next %q, gaps (-facts say +ledger says):\n%s\n%s", what, whole.Next, diff, i.story)
	}
	for _, limit := range i.limits(i.T, len(want.rows)) {
		walk(i, fmt.Sprintf("%s, %d at a time", what, limit), want, func() int { return limit }, ask)
	}
	drawn := func() int { return rapid.IntRange(1, len(want.rows)+1).Draw(i.T, "limit of the page") }
	walk(i, what+", some at a time", want, drawn, ask)
}

func wantError(i inquiry, what string, want, err error) {
	i.Helper()
	var horizon, wanted *query.HorizonError
	var image *query.ImageError
	var name, meant *tagalong.UnknownNameError
	switch {
	case errors.As(want, &meant):
		if !errors.As(err, &name) || name.Kind != meant.Kind || name.Name != meant.Name || !areNearest(name, meant.Nearest) {
			i.Fatalf("%s: error %v, want %s %q unknown, known %q\n%s", what, err, meant.Kind, meant.Name, meant.Nearest, i.story)
		}
	case errors.As(want, &wanted) && errors.As(err, &horizon):
		if diff := cmp.Diff(wanted, horizon); diff != "" {
			i.Fatalf("%s: horizon (-facts say +ledger says):\n%s\n%s", what, diff, i.story)
		}
	case errors.As(want, &wanted) || !errors.As(err, &image):
		i.Fatalf("%s: error %v, want %T\n%s", what, err, want, i.story)
	}
}

// areNearest reports whether the names that an error offers are known, and no others
// are nearer. Which repositories and tags are known the oracle does not say.
func areNearest(e *tagalong.UnknownNameError, known []string) bool {
	if e.Kind == tagalong.RepositoryName || e.Kind == tagalong.TagName {
		return e.Watched != ""
	}
	far := func(name string) int { return distance(e.Name, name) }
	slices.SortFunc(known, func(a, b string) int { return far(a) - far(b) })
	if len(e.Nearest) != min(3, len(known)) {
		return false
	}
	for i, name := range e.Nearest {
		if !slices.Contains(known, name) || far(name) != far(known[i]) {
			return false
		}
	}
	return true
}

// completeSince is when the last of the services that are not known came to be.
func completeSince(gaps []query.Gap) (latest time.Time) {
	for _, gap := range gaps {
		latest = slices.MaxFunc([]time.Time{latest, gap.CompleteSince}, time.Time.Compare)
	}
	return latest
}

// walk takes page after page, and compares their rows with the whole answer.
func walk[R any](i inquiry, what string, want answer[R], limit func() int, ask func(query.Paging) (query.Page[R], error)) {
	i.Helper()
	rows, gaps := []R{}, []query.Gap{}
	for p := (query.Paging{}); ; {
		p.Limit = limit()
		page, err := ask(p)
		if err != nil {
			i.Fatalf("%s: page behind %d rows: %v\n%s", what, len(rows), err, i.story)
		}
		if known := completeSince(want.gaps); !page.CompleteSince.Equal(known) {
			i.Fatalf("%s: page behind %d rows: complete since %s, want %s\n%s", what, len(rows), page.CompleteSince, known, i.story)
		}
		full := min(p.Limit, len(want.rows)-len(rows))
		rows, gaps = append(rows, page.Items...), append(gaps, page.Gaps...)
		if len(page.Items) != full || (page.Next == "") != (len(rows) == len(want.rows)) {
			i.Fatalf("%s: a page of %d, want %d, and %d of %d rows so far, next %q\n%s", what, len(page.Items), full, len(rows), len(want.rows), page.Next, i.story)
		}
		if p.Cursor = page.Next; p.Cursor == "" {
			break
		}
	}
	if diff := cmp.Diff(want.rows, rows); diff != "" {
		i.Fatalf("%s: pages together (-whole +pages):\n%s\n%s", what, diff, i.story)
	}
	if diff := cmp.Diff(gapsOf(want.gaps), gapsOf(gaps)); diff != "" {
		i.Fatalf("%s: gaps of all pages (-whole +pages):\n%s\n%s", what, diff, i.story)
	}
}

// gapsOf returns each gap once, in order: pages may name one that lies between them twice.
func gapsOf(gaps []query.Gap) (texts []string) {
	for _, gap := range gaps {
		texts = append(texts, fmt.Sprint(gap.Service, " ", gap.CompleteSince.UTC()))
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

// drawTime draws a time at which something happens or nearly so, before everything, or after it.
func (i inquiry) drawTime(what string) time.Time {
	times := []time.Time{noon.Add(-time.Hour), clock}
	for _, h := range i.happenings {
		times = append(times, h.fact.Time)
	}
	at := rapid.SampledFrom(times).Draw(i.T, what)
	beside := []time.Duration{0, 0, 0, -time.Millisecond, time.Millisecond, -time.Microsecond, time.Microsecond}
	return at.Add(rapid.SampledFrom(beside).Draw(i.T, "beside"))
}

// bound draws a bound of a time, or none.
func (i inquiry) bound(what string) time.Time {
	if rapid.IntRange(0, 2).Draw(i.T, "unbounded") == 0 {
		return time.Time{}
	}
	return i.drawTime(what)
}

func (i inquiry) environment() string {
	return rapid.SampledFrom([]string{"", "prod", "prod", "prod-a", "prod-rest", "one", "two", "eu", "test", "pro", "nowhere"}).Draw(i.T, "environment")
}

var patterns = []string{"api", "api*", "*", "web", "api-2", "a?i", "[^a]*", "*2", "none", "prod-*/api", "prod*/*", "*/api", "prod/*", "test/web", "prod-a/api[0-9]*", "none/*"}

func (i inquiry) pattern() string { return rapid.SampledFrom(patterns).Draw(i.T, "pattern") }

func (i inquiry) maybePattern() string {
	if rapid.Bool().Draw(i.T, "all services") {
		return ""
	}
	return i.pattern()
}

func (i inquiry) parsed(pattern string) (p tagalong.ServicePattern) {
	if pattern == "" {
		return p
	}
	p, err := tagalong.ParseServicePattern(pattern)
	if err != nil {
		i.Fatalf("%v", err)
	}
	return p
}

func (i inquiry) runningNow() { i.runs(time.Time{}) }

func (i inquiry) runningThen() { i.runs(i.drawTime("at")) }

func (i inquiry) runs(at time.Time) {
	environment, pattern := i.environment(), i.maybePattern()
	wanted := query.RunningQuery{Environment: environment, Services: i.parsed(pattern), At: at}
	pages(i, fmt.Sprintf("running in %q, service %q, at %v", environment, pattern, at), i.running(environment, pattern, at),
		func(p query.Paging) (query.Page[query.RunningRow], error) {
			return i.Running(i.Context(), wanted, p)
		})
}

func (i inquiry) historyOfAll() { i.tells(asked{}) }

func (i inquiry) historyOfEnvironment() { i.tells(asked{environment: i.environment()}) }

func (i inquiry) historyOfPattern() { i.tells(asked{pattern: i.pattern()}) }

func (i inquiry) historyOfBoth() { i.tells(asked{environment: i.environment(), pattern: i.pattern()}) }

func (i inquiry) historyOfService() {
	i.tells(asked{service: rapid.SampledFrom(services).Draw(i.T, "service")})
}

func (i inquiry) tells(q asked) {
	q.since, q.until = i.bound("since"), i.bound("until")
	wanted := query.HistoryQuery{Environment: q.environment, Services: i.parsed(q.pattern), Service: q.service, Since: q.since, Until: q.until}
	pages(i, fmt.Sprintf("history %+v", q), i.history(q),
		func(p query.Paging) (query.Page[ledger.HistoryRow], error) {
			return i.History(i.Context(), wanted, p)
		})
}

// digest draws one that occurs in stories, or not.
func (i inquiry) digest() string {
	version := rapid.IntRange(0, gone+1).Draw(i.T, "version")
	if isIndex(version) && rapid.Bool().Draw(i.T, "of a platform") {
		return rapid.SampledFrom(platforms(version)).Draw(i.T, "platform").Digest.String()
	}
	return image(version).Digest.String()
}

// repository draws the name of one, perhaps with its registry.
func (i inquiry) repository() string {
	names := []string{"shop/api", "shop/web", "library/nginx", "nginx", "shop", hubAPI.String(), "index.docker.io/library/nginx", "registry-1.docker.io:443/nginx", shopAPI.String(), awayAPI.String(), shopWeb.String(), nginx.String()}
	return rapid.SampledFrom(names).Draw(i.T, "repository")
}

func (i inquiry) whereIsDigest() { i.finds(i.digest()) }

func (i inquiry) whereIsRepository() { i.finds(i.repository()) }

func (i inquiry) whereIsDigestOfRepository() { i.finds(i.repository() + "@" + i.digest()) }

func (i inquiry) whereIsTag() {
	tags := []string{"v0", "v3", "v4", "v9", "prod", "live", "prod-app"}
	i.finds(i.repository() + ":" + rapid.SampledFrom(tags).Draw(i.T, "tag"))
}

func (i inquiry) finds(text string) {
	wanted, err := tagalong.ParseImageQuery(text)
	if err != nil {
		i.Fatalf("%v", err)
	}
	want := i.where(looked{registry: wanted.Registry, repository: wanted.Repository, tag: wanted.Tag, digest: wanted.Digest})
	pages(i, "where is "+text, want,
		func(p query.Paging) (query.Page[query.WhereRow], error) {
			return i.Where(i.Context(), wanted, p)
		})
}

func (i inquiry) diffOfEnvironments() {
	from, to := query.PointInTime{Environment: i.known()}, query.PointInTime{Environment: i.known()}
	i.differs(from, to)
}

func (i inquiry) diffOfTimes() {
	environment := i.known()
	i.differs(query.PointInTime{Environment: environment, At: i.drawTime("from")}, query.PointInTime{Environment: environment, At: i.bound("to")})
}

// known draws an environment that a question must name.
func (i inquiry) known() string {
	return rapid.SampledFrom([]string{"prod", "prod", "prod-a", "test", "one", "two", "nowhere"}).Draw(i.T, "environment")
}

func (i inquiry) differs(from, to query.PointInTime) {
	pages(i, fmt.Sprintf("diff from %v to %v", from, to), i.diff(from, to),
		func(p query.Paging) (query.Page[query.DiffRow], error) {
			return i.Diff(i.Context(), from, to, p)
		})
}

func (i inquiry) wishes() {
	for _, wanted := range []query.TagsQuery{{}, {Pending: true}, {Check: true}, {Environment: i.known()}, {Environment: i.known(), Pending: true}} {
		pages(i, fmt.Sprintf("tags %+v", wanted), i.desiredIn(wanted),
			func(p query.Paging) (query.Page[query.TagRow], error) {
				page, err := i.Tags(i.Context(), wanted, p)
				return i.withoutReasons(page, wanted.Check), err
			})
	}
}

// desiredIn is what facts say of the tags of an environment, or of all.
func (i inquiry) desiredIn(wanted query.TagsQuery) answer[query.TagRow] {
	rows := i.desired(wanted.Pending)
	if wanted.Environment != "" {
		rows = slices.DeleteFunc(rows, func(r query.TagRow) bool { return r.Environment != wanted.Environment })
	}
	a := answer[query.TagRow]{rows: rows}
	if len(rows) == 0 {
		a.none = i.unknown(wanted.Environment, "")
	}
	return a
}

// withoutReasons checks that a tag that is not where it belongs has a reason, whose
// words are not the oracle's, and that only what was asked for was compared.
func (i inquiry) withoutReasons(page query.Page[query.TagRow], compared bool) query.Page[query.TagRow] {
	for at, row := range page.Items {
		if row.Compared != compared {
			i.Fatalf("tag %+v: want compared %t", row, compared)
		}
		page.Items[at].Compared = false
		if (row.Reason == "") != (row.State == ledger.TagConfirmed) {
			i.Fatalf("tag %+v: reason %q", row, row.Reason)
		}
		page.Items[at].Reason = ""
	}
	return page
}

func (i inquiry) environmentsAndServices() {
	pages(i, "environments", answer[query.EnvironmentRow]{rows: i.environments()},
		func(p query.Paging) (query.Page[query.EnvironmentRow], error) {
			return i.Queries.Environments(i.Context(), p)
		})
	pattern := i.maybePattern()
	found, err := i.Services(i.Context(), i.parsed(pattern))
	if diff := cmp.Diff(i.services(pattern), found, cmpopts.EquateEmpty()); diff != "" || err != nil {
		i.Fatalf("services %q: error %v (-facts say +ledger says):\n%s\n%s", pattern, err, diff, i.story)
	}
}

func (i inquiry) progress() {
	service := rapid.SampledFrom(services).Draw(i.T, "service")
	query, err := tagalong.ParseImageQuery(i.digest())
	if err != nil {
		i.Fatalf("%v", err)
	}
	since := i.bound("since")
	got, err := i.Await(i.Context(), service, tagalong.ImageQuery{Digest: query.Digest}, since)
	if diff := cmp.Diff(i.await(service, query.Digest, since), got); diff != "" || err != nil {
		i.Fatalf("await %s in %s, failures since %v: error %v (-facts say +ledger says):\n%s\n%s", query.Digest, service, since, err, diff, i.story)
	}
}

// ask tells a story to an empty ledger in any order, and asks about it.
func ask(t *rapid.T, ledger tagalongtest.Store, limits func(*rapid.T, int) []int, rounds int) {
	s := drawStory(t, varied(), drawHistory)
	w := s.world(ledger)
	w.tell(t, drawArrivals(t, s.happenings)...)
	inquiry{T: t, world: w, oracle: s.oracle(w), limits: limits, rounds: rounds}.everything()
}

func TestEveryAnswerIsWhatTheFactsSay(t *testing.T) {
	checkTimes(t, 200, func(t *rapid.T) { ask(t, &tagalongtest.Ledger{}, everyLimit, 3) })
}

func TestEveryAnswerFromTheTableIsWhatTheFactsSay(t *testing.T) {
	tables := startTables(t)
	checkTimes(t, 12, func(t *rapid.T) {
		tables.with(t, func(l *dynamo.Ledger) { ask(t, l, someLimits, 1) })
	})
}

// TestIntervalsAreJoinedOnWhateverPageTheyLie has many intervals of few images,
// most of them joined of several, one inside the other.
func TestIntervalsAreJoinedOnWhateverPageTheyLie(t *testing.T) {
	checkTimes(t, 150, func(t *rapid.T) {
		s := drawStory(t, alike(), drawHistory)
		w := s.world(&tagalongtest.Ledger{})
		w.tell(t, drawArrivals(t, s.happenings)...)
		i := inquiry{T: t, world: w, oracle: s.oracle(w), limits: everyLimit}
		for _, what := range []string{"shop/api", image(0).Digest.String(), "shop/api@" + image(1).Digest.String()} {
			i.finds(what)
		}
	})
}

// TestImagesAreCalledWhatTheyWereKnownBy has few images that nothing is annotated on,
// deployed now by a tag or a release and now by a digest alone.
func TestImagesAreCalledWhatTheyWereKnownBy(t *testing.T) {
	bare := choices{images: []int{0, 0, firstIndex}, repositories: []tagalong.Repository{shopAPI, shopAPI, awayAPI}, kinds: []string{"resolved", "pinned", "pinned"}}
	checkTimes(t, 300, func(t *rapid.T) {
		s := drawStory(t, bare, drawHistory)
		w := s.world(&tagalongtest.Ledger{})
		w.tell(t, drawArrivals(t, s.happenings)...)
		i := inquiry{T: t, world: w, oracle: s.oracle(w), limits: someLimits}
		i.runs(time.Time{})
		i.tells(asked{})
		i.runningThen()
		i.releases()
		i.progress()
	})
}
