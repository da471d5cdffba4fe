package page

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/report"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// scan keeps what was found in an image of the story, as a sweep does.
func (w *world) scan(t testing.TB, image string, all ...report.Finding) {
	t.Helper()
	s := ledger.Scan{Digest: tagalongtest.Image(image).Digest, Scanned: true, Since: noon}
	var found []ledger.Finding
	for _, f := range all {
		found = append(found, ledger.Finding{Finding: f, FirstSeen: noon})
		switch f.Severity {
		case report.Critical:
			s.Critical = append(s.Critical, f.ID)
		case report.High:
			s.High = append(s.High, f.ID)
		}
	}
	if err := w.ledger.SetScan(t.Context(), s, found); err != nil {
		t.Fatal(err)
	}
}

// burningStory is the story, and findings: v2, which api runs in prod, burns, v3 of staging
// hardly, and nobody has looked into the sidecar.
func burningStory(t testing.TB) *world {
	t.Helper()
	w := story(t)
	w.scan(t, "v1")
	exploited := true
	w.scan(t, "v2",
		report.Finding{ID: "CVE-2026-0001", Aliases: []string{"ALAS-2026-7"}, Severity: report.Critical, Package: "openssl", Installed: "3.0.11-1", FixedIn: "3.0.14-1", KnownExploited: &exploited},
		report.Finding{ID: "CVE-2026-0002", Severity: report.High, Package: "zlib", Installed: "1.2"},
		report.Finding{ID: "CVE-2026-0002", Severity: report.High, Package: "zlib-dev", Installed: "1.2"},
		report.Finding{ID: "CVE-2026-0003", Severity: "low", Package: "bash", Installed: "5"},
	)
	w.scan(t, "v3", report.Finding{ID: "CVE-2026-0002", Severity: report.High, Package: "zlib", Installed: "1.2"})
	if err := w.ledger.SetSwept(t.Context(), ledger.Swept{Begun: noon.Add(50 * time.Minute), Named: true, Tasks: true, FindingsAt: noon.Add(50 * time.Minute)}); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestThePageOfExposureSays(t *testing.T) {
	w := burningStory(t)
	for target, wants := range map[string][]string{
		"/exposure":                              {"What burns", "CVE-2026-0001 ▲ critical ⚑ exploited", "Build it with openssl 3.0.14-1, and roll that out.", "Nothing fixes it yet", "? never scanned", "Let its registry scan it", "Nobody was asked what is found in it"},
		"/exposure?env=prod&severity=critical":   {"tagalong exposure prod --severity critical"},
		"/exposure?cve=CVE-2026-0001":            {"Where CVE-2026-0001 burns", "prod-a"},
		"/exposure?cve=alas-2026-7":              {"Where alas-2026-7 burns", "openssl"},
		"/exposure?ever=1&cve=CVE-2026-0001":     {"burned", "Until (UTC)", "○ ended", "tagalong exposure --cve CVE-2026-0001 --ever"},
		"/exposure?at=2026-03-04T12:05:00Z":      {"As of 2026-03-04 12:05 UTC, not now.", "Back to now"},
		"/exposure?service=web&severity=high":    {"CVE-2026-0002", "◐ rolling out"},
		"/image?image=shop:v2":                   {"Findings", "CVE-2026-0001 ▲ critical", "zlib-dev"},
		"/image?image=shop:v1":                   {"None: it was scanned, and nothing is known to be wrong with it."},
		"/image?image=shop":                      {"Of the images on this page that are in use."},
		"/image?image=public.ecr.aws/log/router": {"? never scanned"},
	} {
		text := textOf(w.page(t, target))
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is not in:\n%s", target, want, text)
			}
		}
	}
}

// TestThatNoFindingsAreFetchedIsSaid asks a ledger that has none: that it finds nothing is
// no answer.
func TestThatNoFindingsAreFetchedIsSaid(t *testing.T) {
	w := story(t)
	for _, target := range []string{"/exposure", "/exposure?cve=CVE-1999-0001", "/find?q=CVE-1999-0001"} {
		if text := textOf(w.page(t, target)); !strings.Contains(text, "No sweep has fetched the findings of all that is in use yet: TAGALONG_FINDINGS says who is asked for them.") || !strings.Contains(text, "The answer may be incomplete.") || !strings.Contains(text, "never scanned") {
			t.Errorf("%s: %s", target, text)
		}
	}
	if text := textOf(w.page(t, "/exposure?cve=CVE-1999-0001&ever=1")); !strings.Contains(text, "Nothing ever had such a finding, as far as that is known.") {
		t.Error(text)
	}
	if text := textOf(w.page(t, "/image?image=shop")); !strings.Contains(text, "Nobody was asked what is found in it.") {
		t.Error(text)
	}
	if text := textOf(w.page(t, "/")); strings.Contains(text, "scanned") {
		t.Errorf("counts where nothing is kept: %s", text)
	}
}

// TestTheRowsOfExposureAreThoseOfTheAPI compares them, filter by filter.
func TestTheRowsOfExposureAreThoseOfTheAPI(t *testing.T) {
	w := burningStory(t)
	seen := map[string]bool{}
	for asked, same := range map[string]string{
		"": "", "env=prod": "environment=prod", "cve=CVE-2026-0002": "cve=CVE-2026-0002", "severity=critical": "severity=critical", "fixable=1": "fixable=true",
		"service=prod-a/api": "service=prod-a/api", "ever=1": "ever=true", "at=2026-03-04T12:05:00Z": "at=2026-03-04T12:05:00Z", "env=staging&severity=high": "environment=staging&severity=high",
	} {
		var got []any
		var want struct{ Items []any }
		if err := json.Unmarshal(w.get(t, "/exposure?format=json&"+asked).Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(w.get(t, "/v1/exposure?"+same).Body.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		if service, is := strings.CutPrefix(asked, "service="); is {
			var all []any
			if err := json.Unmarshal(w.get(t, "/exposure?format=json").Body.Bytes(), &all); err != nil {
				t.Fatal(err)
			}
			if all = slices.DeleteFunc(all, func(row any) bool {
				of := row.(map[string]any)
				return fmt.Sprint(of["cluster"], "/", of["service"]) != service
			}); !reflect.DeepEqual(got, all) {
				t.Errorf("%s: %v, want %v", asked, got, all)
			}
		}
		one, _ := json.Marshal(got)
		other, _ := json.Marshal(want.Items)
		if string(one) != string(other) || len(got) == 0 {
			t.Errorf("%s: %s, want %s", asked, one, other)
		}
		seen[string(one)] = true
	}
	if len(seen) < 8 {
		t.Errorf("%d different answers to 9 questions", len(seen))
	}
}

// TestACellCountsWhatExposureLists compares the counts of each cell with the rows to which
// they lead: each finding once.
func TestACellCountsWhatExposureLists(t *testing.T) {
	w := burningStory(t)
	cells := 0
	for _, target := range []string{"/", "/?at=2026-03-04T12:20:45Z"} {
		for _, a := range elements(w.page(t, target), "a", "burns") {
			cells++
			link := attribute(a, "href")
			var rows []query.ExposureRow
			if err := json.Unmarshal(w.get(t, "/"+link+"&format=json").Body.Bytes(), &rows); err != nil {
				t.Fatal(err)
			}
			want, ids, unscanned := "", map[report.Severity]map[string]bool{report.Critical: {}, report.High: {}}, false
			for _, r := range rows {
				if unscanned = unscanned || !r.Scanned; r.Scanned && (r.Phase == ledger.PhaseRunning || target != "/") && ids[r.Severity] != nil {
					ids[r.Severity][r.ID] = true
				}
			}
			for _, s := range []report.Severity{report.Critical, report.High} {
				if n := len(ids[s]); n > 0 {
					want += fmt.Sprintf("▲ %d %s ", n, s)
				}
			}
			if unscanned {
				want += "? not all scanned"
			}
			if got := textOf(a); got != strings.TrimSpace(want) {
				t.Errorf("%s: %q, want %q of %s", target, got, want, link)
			}
		}
	}
	if cells < 4 {
		t.Errorf("%d cells have counts", cells)
	}
}

// clicks follows links by what they say, from an address on, and returns where it comes to.
func (w *world) clicks(t *testing.T, from string, links ...string) *html.Node {
	t.Helper()
	at, err := url.Parse(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		all := elements(w.page(t, at.String()), "a", "")
		i := slices.IndexFunc(all, func(a *html.Node) bool { return strings.Contains(textOf(a), link) })
		if i < 0 {
			t.Fatalf("%s has no link %q", at, link)
		}
		if at, err = at.Parse(attribute(all[i], "href")); err != nil {
			t.Fatal(err)
		}
	}
	return w.page(t, at.String())
}

// TestFiveQuestionsAreAnsweredWithinThreeClicks goes to each answer from the first page. To
// search counts as one.
func TestFiveQuestionsAreAnsweredWithinThreeClicks(t *testing.T) {
	w := burningStory(t)
	for question, way := range map[string]struct {
		from  string // the first page, or what was searched for there
		links []string
		wants []string
	}{
		"what runs in prod":                       {"/", []string{"prod"}, []string{"v2", "● running 39 min"}},
		"since when":                              {"/", nil, []string{"● running 39 min"}},
		"since when exactly":                      {"/", []string{"v2"}, []string{"2026-03-04 12:20"}},
		"what changed last night":                 {"/", []string{"Changes", "Last night"}, []string{"from 2026-03-03 18:00 until 2026-03-04 08:00 UTC"}},
		"is commit c0ffee1 live":                  {"/find?q=c0ffee1", nil, []string{"prod", "● running"}},
		"where does CVE-2026-0001 burn":           {"/find?q=CVE-2026-0001", nil, []string{"Where CVE-2026-0001 burns", "prod-a"}},
		"where does it burn, by its other name":   {"/find?q=alas-2026-7", nil, []string{"Where alas-2026-7 burns", "prod-a"}},
		"where does it burn, from what runs":      {"/", []string{"1 critical", "CVE-2026-0001"}, []string{"Where CVE-2026-0001 burns", "prod-a"}},
		"where does it burn, from the navigation": {"/", []string{"Exposure", "CVE-2026-0001"}, []string{"Where CVE-2026-0001 burns", "prod-a"}},
	} {
		clicks := len(way.links)
		if way.from != "/" {
			clicks++
		}
		text := textOf(w.clicks(t, way.from, way.links...))
		for _, want := range way.wants {
			if !strings.Contains(text, want) || clicks > 3 {
				t.Errorf("%s? %d clicks, and %q is not in: %s", question, clicks, want, text)
			}
		}
	}
}

// TestExposureGoesOnBehindAPage has more findings than a page shows.
func TestExposureGoesOnBehindAPage(t *testing.T) {
	w := story(t)
	var many []report.Finding
	for i := range 2*perPage + 5 {
		many = append(many, report.Finding{ID: fmt.Sprintf("CVE-2026-%04d", i), Severity: report.High, Package: "p", Installed: "1"})
	}
	w.scan(t, "v2", many...)
	seen, target := map[string]bool{}, "/exposure?env=prod&severity=high"
	for pages := 0; target != "" && pages < 5; pages++ {
		page := w.page(t, target)
		for _, a := range elements(page, "a", "") {
			if link := attribute(a, "href"); strings.HasPrefix(link, "exposure?cve=") {
				seen[link] = true
			}
		}
		target = moreOf(page)
	}
	if target != "" || len(seen) != len(many) {
		t.Errorf("%d findings, and then %q", len(seen), target)
	}
}

// moreOf is where a page goes on.
func moreOf(page *html.Node) string {
	for _, a := range elements(page, "a", "button") {
		if textOf(a) == "More" {
			return "/" + attribute(a, "href")
		}
	}
	return ""
}

// TestTagsAndDriftAreBounded has the tags of 5,000 services: no page reads or shows many of
// them, and all pages together have them all.
func TestTagsAndDriftAreBounded(t *testing.T) {
	const others = 5000
	w := story(t)
	w.Records = tagsBefore{w.ledger, others}
	w.Handler = handlerOf(w.Queries)
	seen := map[string]bool{}
	for at, pages := "/tags", 0; at != "" && pages < 60; pages++ {
		page := w.page(t, at)
		names := elements(elements(page, "tbody", "")[0], "th", "")
		for _, name := range names {
			seen[textOf(name)] = true
		}
		if at = moreOf(page); len(names) > perPage {
			t.Errorf("%d tags on a page, want at most %d", len(names), perPage)
		}
	}
	if want := others + 2; len(seen) != want {
		t.Errorf("%d tags on all pages, want %d", len(seen), want)
	}
	all, pages := 0, 0
	for at := "/drift"; at != ""; pages++ {
		page := w.page(t, at)
		_, after, _ := strings.Cut(textOf(page), "Of the tags of this page none is elsewhere. ")
		n, _, _ := strings.Cut(after, " ")
		count, _ := strconv.Atoi(n)
		if all += count; count > comparedAtOnce {
			t.Errorf("%d tags were compared for a page, want at most %d", count, comparedAtOnce)
		}
		at = moreOf(page)
	}
	if all != others+2 || pages > others/comparedAtOnce+1 {
		t.Errorf("%d tags were compared on %d pages, want %d", all, pages, others+2)
	}
	filtered := textOf(w.page(t, "/tags?image=none"))
	if !strings.Contains(filtered, "No tag is like this.") {
		t.Error(filtered)
	}
	if text := textOf(w.page(t, "/tags?image=shop:prod")); !strings.Contains(text, "shop:prod") {
		t.Errorf("behind %d tags: %s", others, text)
	}
}

// TestTheMatrixGroupsKinds has a row of each kind.
func TestTheMatrixGroupsKinds(t *testing.T) {
	d := tagalongtest.Image("v1").Digest
	row := func(kind tagalong.Kind, name, phase string) query.RunningRow {
		return query.RunningRow{Environment: "prod", Kind: kind, Cluster: "prod-a", Service: name, Container: name, Registry: shop.Registry, Repository: shop.Name, Digest: d, ImageTag: "v1", Phase: phase}
	}
	m := matrixAnswer{matrix: newMatrix([]string{"prod"}, []query.RunningRow{row("service", "api", "running"), row("task", "report", "idle"), row("task", "api", "running")}, nil, noon)}
	m.found = len(m.lines)
	page := parse(t, render(t, m.table(asked{now: noon})))
	var kinds []string
	for _, th := range elements(page, "th", "kind") {
		kinds = append(kinds, textOf(th))
	}
	if want := []string{"Services", "Standalone tasks"}; !slices.Equal(kinds, want) {
		t.Errorf("%v, want %v", kinds, want)
	}
	text := textOf(page)
	if !strings.Contains(text, "report v1 "+short(d)+" ○ idle") {
		t.Error(text)
	}
	links := map[string]int{}
	for _, a := range elements(page, "a", "v") {
		name, _, _ := strings.Cut(attribute(a, "href"), "?")
		links[name]++
	}
	if want := map[string]int{"service": 1, "image": 2}; !maps.Equal(links, want) {
		t.Errorf("links to %v, want %v", links, want)
	}
	for kind, lines := range map[string]int{"service": 1, "task": 2, "": 3} {
		a := asked{values: url.Values{"kind": {kind}}}
		left := slices.DeleteFunc(slices.Clone(m.lines), a.leavesOutLine)
		if len(left) != lines {
			t.Errorf("kind %q: %d lines, want %d", kind, len(left), lines)
		}
	}
}
