//go:build page

package page

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/dev/browser"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// longNames is the story, and a service whose names are as long as ECS lets them be.
func longNames(t *testing.T) *world {
	t.Helper()
	w := burningStory(t)
	long := tagalong.Service{Account: "111122223333", Region: "ap-southeast-2", Cluster: "prod-" + strings.Repeat("long", 30), Name: "checkout_" + strings.Repeat("long_name_", 24)}
	w.rollOut(t, long, 1, 0, tagalong.Completed)
	w.rollOut(t, long, 2, 10, tagalong.Failed)
	return w
}

// everyView is an address of each view, and of what there is nothing of.
var everyView = []string{
	"/", "/?at=2026-03-04T12:20:10Z", "/?state=tag_blocked", "/?env=prdo", "/service?service=api", "/service?service=prod-a/api&env=prod", "/image?image=shop", "/image?image=shop:v2",
	"/changes?span=all", "/changes?span=night", "/releases", "/release?release=checkout.release/" + executionID, "/tags", "/drift", "/exposure", "/exposure?cve=CVE-2026-0001", "/exposure?ever=1&cve=CVE-2026-0002", "/exposure?cve=CVE-1999-1", "/diff?from=staging&to=prod", "/diff?from=prod&to=prod", "/find?q=c0ffee1",
}

// TestNoRuleOfAxeIsBroken looks at every view, light and wide, dark and narrow.
func TestNoRuleOfAxeIsBroken(t *testing.T) {
	server := httptest.NewServer(longNames(t))
	defer server.Close()
	b := browser.Start(t)
	for _, view := range []browser.View{browser.LightWide, browser.DarkNarrow} {
		b.Look(view, 900, 1)
		for _, target := range everyView {
			b.Open(server.URL + target)
			for _, v := range b.Violations() {
				t.Errorf("%s, %s: %s: %s: %+v", target, view, v.ID, v.Help, v.Nodes[0])
			}
			if wide := browser.Eval[bool](b, `document.documentElement.scrollWidth > innerWidth`); wide {
				t.Errorf("%s, %s: the page is wider than the window", target, view)
			}
		}
	}
}

// pictures is where pictures of all views are kept for who looks at them.
const pictures = "../../../.cache/page"

// TestPictures takes pictures of all views for people to look at, light and dark, wide and
// narrow, and checks that none of them is empty.
func TestPictures(t *testing.T) {
	server := httptest.NewServer(longNames(t))
	defer server.Close()
	b := browser.Start(t)
	if err := os.MkdirAll(pictures, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, view := range []browser.View{browser.LightWide, browser.DarkWide, browser.LightNarrow, browser.DarkNarrow} {
		b.Look(view, 900, 1)
		for _, target := range everyView {
			b.Open(server.URL + target)
			name := url.QueryEscape("page"+target) + "-" + view.String() + ".png"
			if err := os.WriteFile(filepath.Join(pictures, name), b.Picture(), 0o644); err != nil || b.Text() == "" {
				t.Fatal(target, err)
			}
		}
	}
}

// TestAxeFindsWhatIsWrong shows it a page that breaks rules.
func TestAxeFindsWhatIsWrong(t *testing.T) {
	server := httptest.NewServer(withPolicy(`<!doctype html><title>x</title><main><input><p style="">x`))
	defer server.Close()
	b := browser.Start(t)
	b.Open(server.URL)
	if all := b.Violations(); len(all) < 2 {
		t.Errorf("%+v", all)
	}
}

// TestTheKeyboardLeadsToARolloutOfLastWeek goes there by Tab and Enter alone.
func TestTheKeyboardLeadsToARolloutOfLastWeek(t *testing.T) {
	w := story(t)
	w.Now = func() time.Time { return noon.AddDate(0, 0, 7) }
	w.Handler = handlerOf(w.Queries)
	server := httptest.NewServer(w)
	defer server.Close()
	b := browser.Start(t)
	b.Open(server.URL + "/")
	b.Tab("Skip to the content")
	b.Jump()
	b.Tab("api")
	b.Enter()
	if text := b.Text(); !strings.Contains(text, "tasks FAILED") || !strings.Contains(text, "6 d ago") {
		t.Fatal(text)
	}
	b.Tab("checkout.release")
	b.Enter()
	if text := b.Text(); !strings.Contains(text, "What it put in place") || !strings.Contains(text, executionID) {
		t.Error(text)
	}
}

// TestThePageSaysTheSameWithoutScripts compares what there is to read, and uses a form.
func TestThePageSaysTheSameWithoutScripts(t *testing.T) {
	server := httptest.NewServer(story(t))
	defer server.Close()
	b := browser.Start(t)
	for _, target := range everyView {
		var texts []string
		for _, on := range []bool{true, false} {
			b.Scripts(on)
			b.Open(server.URL + target)
			if on {
				browser.Eval[bool](b, `document.querySelectorAll(".slider").forEach(e => e.remove()) === undefined`)
			}
			texts = append(texts, strings.Join(strings.Fields(b.Text()), " "))
		}
		if texts[0] != texts[1] || texts[0] == "" {
			t.Errorf("%s: with scripts\n%s\nand without\n%s", target, texts[0], texts[1])
		}
	}
	b.Open(server.URL + "/")
	b.Tab("Find")
	b.Type("c0ffee1")
	b.Enter()
	if text := b.Text(); !strings.Contains(text, "Find c0ffee1") {
		t.Error(text)
	}
}

// TestTheSliderGoesFromChangeToChange moves it by the keyboard.
func TestTheSliderGoesFromChangeToChange(t *testing.T) {
	server := httptest.NewServer(story(t))
	defer server.Close()
	b := browser.Start(t)
	b.Open(server.URL + "/")
	if value := browser.Eval[string](b, `document.querySelector("[type=range]").getAttribute("aria-valuetext")`); value != "now" {
		t.Errorf("it is at %q", value)
	}
	b.Left()
	if text := b.Text(); !strings.Contains(text, "As of 2026-03-04 12:40 UTC, not now.") {
		t.Error(text)
	}
}

// TestHostileTextsRunNothing shows them in every view of a browser.
func TestHostileTextsRunNothing(t *testing.T) {
	b := browser.Start(t)
	all := map[string]group{}
	for _, text := range hostile {
		a := asked{now: noon.Add(time.Hour), at: noon, values: url.Values{"env": {text}, "service": {text}}}
		for name, n := range viewsOf(a, text) {
			all[name] = append(all[name], n)
		}
	}
	for name, n := range all {
		server := httptest.NewServer(withPolicy(render(t, document(asked{view: name}, shown{title: strings.Join(hostile, " ")}, func() node { return n }))))
		b.Open(server.URL)
		if got := browser.Eval[string](b, `document.scripts.length + " " + document.images.length`); got != "1 0" {
			t.Errorf("%q: scripts and images: %s", name, got)
		}
		server.Close()
	}
}

// withPolicy serves a page with the policy that all have, and notes what would run in spite
// of it.
func withPolicy(body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", contentSecurityPolicy())
		_, _ = io.WriteString(w, body)
	})
}

// TestAThousandServicesAreThereAtOnce loads them, and types into a filter.
func TestAThousandServicesAreThereAtOnce(t *testing.T) {
	server := httptest.NewServer(bigMatrix())
	defer server.Close()
	b := browser.Start(t)
	b.Open(server.URL + "/")
	if cells := browser.Eval[int](b, `document.querySelectorAll("a.v").length`); cells != 6000 {
		t.Errorf("%d cells", cells)
	}
	t.Logf("interactive after %v ms", browser.Eval[float64](b, `Math.round(performance.getEntriesByType("navigation")[0].domInteractive)`))
	b.Tab("Service")
	b.Type("checkout-api-0")
	b.Enter()
	if text := b.Text(); !strings.Contains(text, "1 service in 6 environments") {
		t.Errorf("%.300s", text)
	}
}
