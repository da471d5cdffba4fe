package questions_test

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// crowded is a ledger in which an image of ours ran once, between thousands of
// times that others' of the same repository name and digest did.
type crowded struct {
	ledger.Records
	ours, others ledger.Placement
	read         *int
}

func (c crowded) OpenPlacements(context.Context, string) iter.Seq2[ledger.Placement, error] {
	return func(func(ledger.Placement, error) bool) {}
}

func (c crowded) EndedPlacements(_ context.Context, _ string, behind ledger.PlacementCursor, _ int) iter.Seq2[ledger.Placement, error] {
	return func(yield func(ledger.Placement, error) bool) {
		for i := 4000; i >= 0; i-- {
			p := c.others
			if i == 1500 {
				p = c.ours
			}
			p.Since, p.Until = noon.Add(time.Duration(i)*time.Minute), noon.Add(time.Duration(i)*time.Minute+time.Second)
			if behind != (ledger.PlacementCursor{}) && p.At().Compare(behind) >= 0 {
				continue
			}
			if *c.read++; !yield(p, nil) {
				return
			}
		}
	}
}

// TestAPageLooksAtSoManyPlacesOfOthersOnly asks for images of one registry, where
// the ledger lists those of all registries together.
func TestAPageLooksAtSoManyPlacesOfOthersOnly(t *testing.T) {
	read := 0
	at := func(r tagalong.Repository) ledger.Placement {
		return ledger.Placement{Service: services[0], Phase: ledger.PhaseEnded, Container: tagalong.Container{Name: "app", Image: r, Digest: image(0).Digest}}
	}
	q := query.Queries{Records: crowded{Records: &tagalongtest.Ledger{}, ours: at(shopAPI), others: at(awayAPI), read: &read}}
	wanted := tagalong.ImageQuery{Registry: shopAPI.Registry, Repository: shopAPI.Name}

	whole, err := q.Where(t.Context(), wanted, query.Paging{})
	if err != nil || len(whole.Items) != 1 || whole.Next != "" {
		t.Fatalf("whole answer: %+v, %v", whole, err)
	}
	var found []string
	for p := (query.Paging{Limit: 10}); ; {
		read = 0
		page, err := q.Where(t.Context(), wanted, p)
		if err != nil {
			t.Fatal(err)
		}
		if read > 1001 {
			t.Fatalf("%d places were read for one page", read)
		}
		found = append(found, fmt.Sprint(len(page.Items)))
		if p.Cursor = page.Next; p.Cursor == "" {
			break
		}
	}
	if got, want := fmt.Sprint(found), "[0 0 1 0 0]"; got != want {
		t.Errorf("rows a page: %s, want %s", got, want)
	}
}
