package page

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/net/html"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// hostile are texts that would do harm where they are not escaped.
var hostile = []string{
	`</title></style></script><script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`' onmouseover='alert(1)`,
	`javascript:alert(1)//`,
	`<!--<svg onload=alert(1)>`,
	"a\x00b\u202e\xff&lt;b&gt; {{.}} ${1} `x`",
	"https://evil.example/\"><script>alert(1)</script>",
	"", "0",
}

// fill sets every text, list and time that a value has.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(text != "")
	case reflect.Pointer:
		if v.Type() == reflect.TypeFor[*time.Time]() {
			t := noon
			v.Set(reflect.ValueOf(&t))
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), text)
		fill(v.Index(1), text)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), text)
			}
		}
	}
}

func filled[T any](text string) T {
	var v T
	fill(reflect.ValueOf(&v).Elem(), text)
	return v
}

// TestNoTextDoesHarm puts hostile texts into every field of every answer.
func TestNoTextDoesHarm(t *testing.T) {
	for _, text := range hostile {
		a := asked{now: noon.Add(time.Hour), at: noon, values: url.Values{"env": {text}, "service": {text}, "image": {text}, "account": {text}, "q": {text}}}
		for name, n := range viewsOf(a, text) {
			a.view = name
			page := shown{title: text, command: []string{"tagalong", text}, rows: func(context.Context) (rows, error) { return list[query.TagRow](nil), nil }}
			checkHarmless(t, name, text, render(t, document(a, page, func() node { return n })))
		}
		a.view = ""
		for name := range views {
			answer := ask(t, story(t), http.MethodGet, "/"+name+"?at="+url.QueryEscape(text)+"&q="+url.QueryEscape(text)+"&image="+url.QueryEscape(text), "Accept", "text/html")
			checkHarmless(t, "/"+name, text, answer.Body.String())
		}
	}
}

// viewsOf are the bodies of all views, of answers that are filled with a text.
func viewsOf(a asked, text string) map[string]node {
	rollouts := query.Page[ledger.HistoryRow]{Items: []ledger.HistoryRow{filled[ledger.HistoryRow](text), filled[ledger.HistoryRow](text), filled[ledger.HistoryRow](text), filled[ledger.HistoryRow](text)}, Next: text, Watched: text}
	for i, state := range []timeline.State{timeline.StateCompleted, timeline.StateFailed, timeline.StateInProgress} {
		rollouts.Items[i].State = state
	}
	running, service := filled[query.RunningRow](text), filled[tagalong.Service](text)
	places := []query.WhereRow{filled[query.WhereRow](text), filled[query.WhereRow](text)}
	tags := []query.TagRow{filled[query.TagRow](text)}
	m := matrixAnswer{matrix: newMatrix([]string{text, "prod"}, []query.RunningRow{running, running}, map[string][]ledger.HistoryRow{text: rollouts.Items}, noon), found: 1, accounts: []string{text}, gaps: []query.Gap{{Service: service, CompleteSince: noon}}}
	m.scanned = map[digest.Digest]query.Scanned{running.Digest: {Critical: []string{text}}}
	m.changes.add(rollouts.Items)
	exposed := query.Page[query.ExposureRow]{Items: []query.ExposureRow{filled[query.ExposureRow](text)}, Next: text, Watched: text}
	exposed.Items[0].Scanned = true
	found := query.Page[query.FindRow]{Items: []query.FindRow{filled[query.FindRow](text), filled[query.FindRow](text), filled[query.FindRow](text)}}
	found.Items[0].Found, found.Items[1].Found = tagalong.TagName, tagalong.ServiceName
	return map[string]node{
		"":         m.show(a, []string{text, "prod"}),
		"service":  a.service(query.Page[ledger.HistoryRow]{Items: slices.Clone(rollouts.Items), Next: text}),
		"image":    body(a.imageFacts(tagalong.ImageQuery{Digest: "sha256:1"}, places, imageAnswer{tags: tags, rollouts: rollouts.Items, moreTags: true, moreServices: true}), newChart(imageLanes(places, true), noon).show(text), a.intervals(places), a.more(text), a.findings([]query.ImageFinding{filled[query.ImageFinding](text)})),
		"changes":  a.changes([]string{text}, period{}, rollouts),
		"releases": a.releases([]string{text}, query.Page[query.ReleasesRow]{Items: []query.ReleasesRow{filled[query.ReleasesRow](text)}}),
		"release":  a.release(filled[query.ReleasePage](text)),
		"tags":     a.tags([]string{text}, query.Page[query.TagRow]{Items: tags, Watched: text, Next: text}),
		"drift":    a.drift(drift{tags: tags, compared: 1, uncompared: []string{text}, late: rollouts.Items}, errors.New(text)),
		"exposure": a.exposure([]string{text}, query.ExposureQuery{ID: text, Environment: text}, exposed, []string{text}),
		"diff":     a.diff(query.PointInTime{Environment: text}, query.PointInTime{Environment: text}, query.Page[query.DiffRow]{Items: []query.DiffRow{filled[query.DiffRow](text)}}),
		"find":     a.found(found),
	}
}

func body(parts ...node) node {
	var all group
	return append(all, parts...)
}

// checkHarmless reads a page as a browser does: it has the elements and attributes that we
// write and no others, and no link leads out of it but to the web.
func checkHarmless(t *testing.T, view, text, page string) {
	t.Helper()
	document := parse(t, page)
	for n := range document.Descendants() {
		if n.Type == html.CommentNode {
			t.Errorf("%q in %q: a comment %.60q", text, view, n.Data)
		}
		if n.Type != html.ElementNode {
			continue
		}
		if !slices.Contains(ours, n.Data) {
			t.Errorf("%q in %q: an element %s", text, view, n.Data)
		}
		for _, a := range n.Attr {
			if !slices.Contains(attributes, a.Key) {
				t.Errorf("%q in %q: an attribute %s of %s", text, view, a.Key, n.Data)
			}
			if a.Key == "href" && n.Data == "a" {
				checkLink(t, view, a.Val)
			}
		}
	}
	for name, want := range map[string]string{"script": script, "style": style} {
		if all := elements(document, name, ""); len(all) != 1 || all[0].FirstChild.Data != want {
			t.Errorf("%q in %q: %d elements %s", text, view, len(all), name)
		}
	}
}

func checkLink(t *testing.T, view, link string) {
	t.Helper()
	to, err := url.Parse(link)
	if err != nil || to.Scheme != "" && to.Scheme != "https" {
		t.Errorf("%q: a link to %q: %v", view, link, err)
		return
	}
	if at, _, _ := strings.Cut(link, "?"); to.Scheme == "" && strings.Trim(at, "./#abcdefghijklmnopqrstuvwxyz") != "" {
		t.Errorf("%q: a link to %q", view, link)
	}
}

var (
	ours = strings.Fields("html head meta title link style body a header nav ul li search form label input button main h1 h2 section p strong div span i b code time table caption thead tbody tr th td br wbr dl dt dd select option fieldset legend output footer script svg g path rect text title")

	attributes = strings.Fields("lang charset name content rel href class id for type value required maxlength autocomplete spellcheck placeholder action method role scope colspan tabindex datetime hidden min max data-times data-link checked selected viewBox d x y width height rx text-anchor title aria-label aria-hidden aria-current")
)

func TestCommandsAreQuotedForTheShell(t *testing.T) {
	for want, words := range map[string][]string{
		"tagalong running prod --at 2026-03-04T12:00:00Z": {"tagalong", "running", "prod", "--at", "2026-03-04T12:00:00Z"},
		`tagalong where '$(rm -rf /)'`:                    {"tagalong", "where", "$(rm -rf /)"},
		`tagalong find 'it'\''s'`:                         {"tagalong", "find", "it's"},
		`tagalong history --service 'prod-*/api'`:         flags([]string{"tagalong", "history"}, "--environment", "", "--service", "prod-*/api"),
	} {
		if got := commandLine(words); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
