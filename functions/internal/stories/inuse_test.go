package stories_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// wantInUse asks for the images in use, of which the ledger may lack some for one reason,
// or for none, and returns the list.
func (w *inventoryWorld) wantInUse(t failer, reason string) query.Page[query.InUseRow] {
	t.Helper()
	q := query.Queries{Records: w.ledger, Registry: w.registry, Now: func() time.Time { return w.now }, Scopes: func(context.Context) ([]tagalong.Scope, error) { return w.Scopes, nil }}
	page, reasons, err := q.InUse(t.Context(), query.InUseQuery{Incomplete: true}, query.Paging{})
	if err != nil {
		t.Fatalf("in use: %v", err)
	}
	if got := strings.Join(reasons, "; "); got != reason {
		t.Fatalf("the list is incomplete because %q, want %q", got, reason)
	}
	if _, _, err := q.InUse(t.Context(), query.InUseQuery{}, query.Paging{}); errors.As(err, new(*query.IncompleteError)) != (reason != "") {
		t.Fatalf("in use: %v, want it refused for %q", err, reason)
	}
	return page
}

// The schedule is off, and days later somebody deletes what is not in use.
func TestAListOfWhatIsInUseIsCompleteOnlyWhileSweepsGoOn(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.hears(t)
	for range 10 * 24 {
		w.sweeps(t, sweep.Options{Scheduled: true})
		w.wantInUse(t, "")
	}
	w.pass(20 * time.Hour)
	w.wantInUse(t, "")
	w.pass(24 * time.Hour)
	w.sweeps(t, sweep.Options{Cluster: prodAPI.Cluster}) // of a part
	swept, err := w.ledger.Swept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.wantInUse(t, "no sweep of everything has come to its end since that of "+tagalong.FormatTime(swept.Begun))
	w.sweeps(t, sweep.Options{})
	w.wantInUse(t, "")
}

// What a service runs that no rule matches is nowhere in the ledger, and not to be deleted.
func TestAListOfWhatIsInUseSaysWhatItDoesNotKnow(t *testing.T) {
	w := newInventoryWorld(onlyAPI())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.hears(t)
	page := w.wantInUse(t, "")
	if len(page.Items) != 1 || !strings.Contains(page.Watched, "Lambda functions") {
		t.Fatalf("in use are %v, and not watched %q", page.Items, page.Watched)
	}
	w.rolls(reader, deployedFrom("app", shopAPI, "v2", 2))
	w.hears(t)
	w.wantInUse(t, "what runs in services that no rule matches is not known: "+reader.String())
}

// A ledger is updated from a version that gave no names. What runs and what rolls out is
// named by a sweep, once; until that has seen everything nobody deletes by the ledger.
func TestWhatRunsOfOldHasItsNamesAfterASweep(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.deploys(prodAPI, ran("app", shopAPI, 2))
	w.hears(t)
	w.ledger.Unname()
	digests := func() (found int) {
		t.Helper()
		for version := 1; version <= 2; version++ {
			q := query.Queries{Records: w.ledger, Registry: w.registry}
			text := query.FindQuery(ran("app", shopAPI, version).Digest.Encoded()[:tagalong.LeastShort])
			if page, err := q.Find(t.Context(), text, query.Paging{}); err == nil && len(page.Items) == 1 {
				found++
			}
		}
		return found
	}
	if n := digests(); n != 0 {
		t.Fatalf("%d digests are found without names", n)
	}
	w.wantInUse(t, "the ledger is older than its names of images, and no sweep has given them to all that runs yet")
	w.sweeps(t, sweep.Options{Cluster: "another-*"})
	w.wantInUse(t, "the ledger is older than its names of images, and no sweep has given them to all that runs yet")
	if report := w.sweeps(t, sweep.Options{}); len(report.Drift) > 1 { // the rollout is overdue
		t.Fatalf("the sweep found %+v", report.Drift)
	}
	if n := digests(); n != 2 {
		t.Fatalf("%d digests are found, want 2", n)
	}
	if page := w.wantInUse(t, ""); len(page.Items) != 2 {
		t.Fatalf("in use are %+v, want what runs and what rolls out", page.Items)
	}
	w.wantQuiet(t, sweep.Options{})
}
