package questions_test

import (
	"context"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// TestNoPageReadsAgainWhatCameBefore counts the walks over what has ended: one a
// page, from where it begins.
func TestNoPageReadsAgainWhatCameBefore(t *testing.T) {
	checkTimes(t, 50, func(t *rapid.T) {
		s := drawStory(t, alike(), drawHistory)
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
			page, err := w.Where(t.Context(), tagalong.ImageQuery{Repository: shopAPI.Name}, query.Paging{Limit: 1, Cursor: cursor})
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

// TestANameThatIsKnownCostsNothing counts the reads of answers with rows: the directory
// is read where there are none, and then once.
func TestANameThatIsKnownCostsNothing(t *testing.T) {
	ledger := &tagalongtest.Ledger{}
	s := story{ruling: rulings[1], deployed: map[deploymentOf]deployed{}}
	w := s.world(ledger)
	fact := tagalong.Fact{Deployment: "ecs-svc/1", Name: tagalong.Completed, Time: noon, Source: tagalong.FromEvent}
	w.registry.Push(shopAPI, image(0), "v0")
	workload := &tagalongtest.Workload{}
	workload.Deploy(services[0], "ecs-svc/1", tagalongtest.Deployment{Revised: []tagalong.Ran{{Name: "app", Image: shopAPI.String() + ":v0", Digest: image(0).Digest}}})
	w.Workload = workload
	w.tell(t, happening{services[0], fact})

	api, none := tagalong.ImageQuery{Repository: shopAPI.Name}, image(1).Digest
	tagged, prod := tagalong.ImageQuery{Repository: shopAPI.Name, Tag: "v0"}, query.PointInTime{Environment: "prod"}
	for what, test := range map[string]struct {
		ask       func() (rows int, err error)
		directory int64 // reads of it
	}{
		"running": {func() (int, error) {
			return count(w.Running(t.Context(), query.RunningQuery{Environment: "prod"}, query.Paging{}))
		}, 0},
		"history": {func() (int, error) {
			return count(w.History(t.Context(), query.HistoryQuery{Environment: "prod"}, query.Paging{}))
		}, 0},
		"history of one": {func() (int, error) {
			return count(w.History(t.Context(), query.HistoryQuery{Service: services[0]}, query.Paging{}))
		}, 0},
		"where":          {func() (int, error) { return count(w.Where(t.Context(), api, query.Paging{})) }, 0},
		"where is a tag": {func() (int, error) { return count(w.Where(t.Context(), tagged, query.Paging{})) }, 0},
		"where it never ran": {func() (int, error) {
			return count(w.Where(t.Context(), tagalong.ImageQuery{Digest: none}, query.Paging{}))
		}, 2},
		"no difference": {func() (int, error) { return count(w.Diff(t.Context(), prod, prod, query.Paging{})) }, 2},
	} {
		var reads, places atomic.Int64 // side by side
		ledger.Hook = func(_ context.Context, operation string) error {
			switch operation {
			case "Environments", "Seen", "Services":
				reads.Add(1)
			case "OpenPlaces":
				places.Add(1)
			}
			return nil
		}
		rows, err := test.ask()
		if err != nil || reads.Load() != test.directory || (rows == 0) != (test.directory > 0) || places.Load() > 1 {
			t.Errorf("%s: %d rows, %v, the directory was read %d times, want %d, and open places %d times", what, rows, err, reads.Load(), test.directory, places.Load())
		}
		ledger.Hook = nil
	}
}

func count[R any](p query.Page[R], err error) (int, error) { return len(p.Items), err }
