package stories_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// found asks for a text, and names what it is.
func (w *inventoryWorld) found(t failer, text string) string {
	t.Helper()
	page, err := query.Queries{Records: w.ledger, Registry: w.registry}.Find(t.Context(), query.FindQuery(text), query.Paging{})
	if err != nil {
		return err.Error()
	}
	var all []string
	for _, r := range page.Items {
		all = append(all, string(r.Found)+" "+r.Name)
	}
	return strings.Join(all, ", ")
}

// What an answer calls a thing finds it again, and so does what people write of it.
func TestWhatFindPrintsIsFound(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 2))
	w.hears(t)
	d := ran("app", shopAPI, 2).Digest
	tag, image := "tag "+shopAPI.String()+":v2", "digest "+shopAPI.String()+"@"+d.String()
	for text, want := range map[string]string{
		shopAPI.Name + ":v2":                     tag,
		shopAPI.String() + ":v2":                 tag,
		"https://" + shopAPI.String() + ":v2":    tag,
		shopAPI.String() + "@" + d.String():      image,
		strings.ToUpper(d.Encoded()[:12]):        image,
		"SHA256:" + strings.ToUpper(d.Encoded()): image,
		prodAPI.String():                         "service " + prodAPI.String(),
		shopAPI.String():                         "repository " + shopAPI.String(),
		strings.ToUpper(prodAPI.String()):        "is not known",
		strings.ToUpper(shopAPI.Name) + ":V2":    "is not known",
		shopWeb.Name + ":v2":                     "is not known",
	} {
		if got := w.found(t, text); got != want && !(want == "is not known" && strings.Contains(got, want)) {
			t.Errorf("find %s: %s, want %s", text, got, want)
		}
	}
}

// Fewer characters than stand for a commit, a digest or an execution deny none.
func TestFindDeniesNothingThatItDidNotLookFor(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 2))
	w.hears(t)
	d := ran("app", shopAPI, 2).Digest.Encoded()
	for _, text := range []string{d[:4], d[:6], "sha256:" + d[:5], shopAPI.Name + "@" + d[:6]} {
		if got := w.found(t, text); strings.Contains(got, "begins so") || !strings.HasSuffix(got, "of a commit, digest or execution want 7 characters or more") && !strings.Contains(got, "want 7 characters or more; the nearest known: ") {
			t.Errorf("find %s: %s", text, got)
		}
	}
	if got, want := w.found(t, d[:tagalong.LeastShort]), "digest "; !strings.HasPrefix(got, want) {
		t.Errorf("find %s: %s", d[:tagalong.LeastShort], got)
	}
}

// A name is kept for longer than what ran by it: then find says how far the ledger goes
// back. It says nothing of the kind of what ran.
func TestFindSaysHowFarTheLedgerGoesBackOfWhatRanNowhere(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 2))
	w.hears(t)
	expired := tagalong.Container{Image: shopAPI, ImageTag: "v1", Digest: ran("app", shopAPI, 1).Digest}
	if err := w.ledger.Commit(t.Context(), ledger.Change{Service: prodWeb, Head: ledger.Head{Version: ledger.NewVersion()}, Names: ledger.ImageNames(expired)}); err != nil {
		t.Fatal(err)
	}
	q := query.Queries{Records: w.ledger, Registry: w.registry, Retention: 30 * 24 * time.Hour, Now: func() time.Time { return w.now }}
	for text, want := range map[string]string{"v2": "", "v1": "the ledger keeps only what ended after 2026-02-"} {
		page, err := q.Find(t.Context(), query.FindQuery(text), query.Paging{})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Items) != 1 || (page.Items[0].Environment == "") != (want != "") || (page.Watched == "") != (want == "") || !strings.Contains(page.Watched, want) {
			t.Errorf("find %s: %+v, watched %q, want %q", text, page.Items, page.Watched, want)
		}
	}
}
