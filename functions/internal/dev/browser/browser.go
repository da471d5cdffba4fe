// Package browser drives a headless Chromium for the tests of the page, as a person with a
// keyboard would, and looks at pages with axe-core.
package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The variables that .ci/page sets.
const (
	envChromium = "CHROMIUM" // the program
	envAxe      = "AXE"      // axe.min.js of axe-core
)

// Browser is one tab.
type Browser struct {
	t   testing.TB
	ctx context.Context
}

// Start starts a browser, which ends with the test.
func Start(t testing.TB) *Browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(setting(t, envChromium)))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // which Chromium refuses to root
	}
	allocated, end := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(end)
	ctx, stop := chromedp.NewContext(allocated)
	t.Cleanup(stop)
	b := &Browser{t, ctx}
	b.Open("about:blank")
	return b
}

func setting(t testing.TB, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s missing: want it set, as .ci/page does", name)
	}
	return value
}

func (b *Browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// View says how a page is looked at.
type View struct {
	Dark  bool
	Width int64
}

// How pages are looked at.
var (
	LightWide   = View{false, 1440}
	DarkWide    = View{true, 1440}
	LightNarrow = View{false, 390}
	DarkNarrow  = View{true, 390}
)

// String names the view, as the name of a file has it.
func (v View) String() string {
	return fmt.Sprintf("%s-%d", map[bool]string{true: "dark", false: "light"}[v.Dark], v.Width)
}

// Look looks so at all pages from now on; scale is how many dots a pixel has.
func (b *Browser) Look(v View, height int64, scale float64) {
	b.t.Helper()
	scheme := map[bool]string{true: "dark", false: "light"}[v.Dark]
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, media); err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.EmulateViewport(v.Width, height, chromedp.EmulateScale(scale)))
}

// Scripts switches the scripts of pages on or off.
func (b *Browser) Scripts(on bool) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on}); err != nil {
		b.t.Fatal(err)
	}
}

// Open opens a page and waits until it is there.
func (b *Browser) Open(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
}

// Text returns what the main part of the page says.
func (b *Browser) Text() string {
	b.t.Helper()
	return Eval[string](b, `document.querySelector("main").innerText`)
}

// Eval returns what an expression is in the page.
func Eval[T any](b *Browser, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%.80s: %v", expression, err)
	}
	return value
}

// Tab presses the tabulator until what has the focus says a text, and fails if nothing does.
func (b *Browser) Tab(text string) {
	b.t.Helper()
	const most = 120
	seen := ""
	for range most {
		b.do(chromedp.KeyEvent(kb.Tab))
		focused := Eval[string](b, `(e => e === document.body ? "" : e.innerText || e.labels?.[0]?.innerText || e.ariaLabel || "")(document.activeElement).trim()`)
		if focused == text {
			return
		}
		seen += focused + " | "
	}
	b.t.Fatalf("no tabulator leads to %q: %s", text, seen)
}

// Enter presses the key on what has the focus, and waits for the page that it leads to.
func (b *Browser) Enter() {
	b.t.Helper()
	if _, err := chromedp.RunResponse(b.ctx, chromedp.KeyEvent(kb.Enter)); err != nil {
		b.t.Fatal(err)
	}
}

// Jump presses it on a link within the page.
func (b *Browser) Jump() {
	b.t.Helper()
	b.do(chromedp.KeyEvent(kb.Enter))
}

// Left moves the page's slider one step back, by the keyboard, and waits for the page that
// it leads to.
func (b *Browser) Left() {
	b.t.Helper()
	b.do(chromedp.Focus("input[type=range]"))
	if _, err := chromedp.RunResponse(b.ctx, chromedp.KeyEvent(kb.ArrowLeft)); err != nil {
		b.t.Fatal(err)
	}
}

// Type types a text into what has the focus.
func (b *Browser) Type(text string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(text))
}

// Picture returns the whole page as a PNG.
func (b *Browser) Picture() []byte {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	return png
}

// Violation is a rule of axe-core that a page breaks.
type Violation struct {
	ID, Help string
	Nodes    []struct{ HTML, FailureSummary string }
}

// Violations asks axe-core which of its rules the page breaks.
func (b *Browser) Violations() (all []Violation) {
	b.t.Helper()
	source, err := os.ReadFile(setting(b.t, envAxe))
	if err != nil {
		b.t.Fatal(err)
	}
	found := Eval[string](b, string(source)+`;axe.run({resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations))`)
	if err := json.Unmarshal([]byte(found), &all); err != nil {
		b.t.Fatal(err)
	}
	return all
}
