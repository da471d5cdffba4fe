package questions_test

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// TestNoPageReadsAgainWhatCameBefore counts the walks over what has ended: one a
// page, from where it begins.
func TestNoPageReadsAgainWhatCameBefore(t *testing.T) {
	checkTimes(t, 50, func(t *rapid.T) {
		s := drawStory(t, alike(), drawChronicle)
		ledger := &tagalongtest.Ledger{}
		w := s.world(ledger)
		w.tell(t, s.happenings...)
		walks := 0
		ledger.Hook = func(_ context.Context, operation string) error {
			if operation == "EndedPlaces" {
				walks++
			}
			return nil
		}
		pages, rows, cursor := 0, 0, ""
		for {
			page, err := w.Where(t.Context(), tagalong.ImageQuery{Repository: shopAPI.Name}, tagalong.Paging{Limit: 1, Cursor: cursor})
			if err != nil {
				t.Fatalf("page %d: %v", pages, err)
			}
			pages++
			rows += len(page.Items)
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if rows > 0 && walks != pages { // where there is nothing the repository itself is looked for
			t.Fatalf("%d walks for %d pages\n%s", walks, pages, s)
		}
	})
}
