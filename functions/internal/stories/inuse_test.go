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
