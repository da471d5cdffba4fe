package stories_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// shelf holds the rollouts of one service, newest first, and counts those that
// are read. It has nothing else of a ledger.
type shelf struct {
	ledger.Records
	rows []ledger.Row
	read int
}

func (*shelf) Indexes(context.Context, digest.Digest) ([]ledger.Child, error) { return nil, nil }

func (*shelf) DigestPlacements(context.Context, digest.Digest, ledger.PlacementCursor, int) iter.Seq2[ledger.Placement, error] {
	return func(func(ledger.Placement, error) bool) {}
}

func (s *shelf) Rollouts(context.Context, tagalong.Service, ledger.Span, int) iter.Seq2[ledger.Row, error] {
	return func(yield func(ledger.Row, error) bool) {
		for _, row := range s.rows {
			if s.read++; !yield(row, nil) {
				return
			}
		}
	}
}

var (
	awaited  = tagalongtest.Image("awaited").Digest
	lastNoon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
)

// replaced is a rollout that completed and was replaced, so many hours before noon.
func replaced(image string, started, finished, until int) ledger.Row {
	hours := func(n int) time.Time { return lastNoon.Add(-time.Duration(n) * time.Hour) }
	return ledger.Row{
		Service: prodAPI,
		Rollout: timeline.Rollout{State: timeline.StateCompleted, StartedAt: hours(started), FinishedAt: hours(finished), Until: hours(until)},
		Details: ledger.Details{Containers: []tagalong.Container{{Name: "app", Image: shopAPI, Digest: tagalongtest.Image(image).Digest}}},
	}
}

func still(r ledger.Row) ledger.Row {
	r.Until = time.Time{}
	return r
}

func TestAwaitingAnImageReadsWhatCanStillMatter(t *testing.T) {
	var ages []ledger.Row // an hour each, over a thousand hours
	for hour := 1; hour < 1000; hour++ {
		ages = append(ages, replaced("old", hour+1, hour+1, hour))
	}
	month := 30*24 + 1
	for _, test := range []struct {
		name  string
		rows  []ledger.Row
		phase query.AwaitPhase
		most  int
	}{
		{"another runs", append([]ledger.Row{still(ages[0])}, ages[1:]...), query.AwaitNothing, 1},
		{"nothing runs any more", ages, query.AwaitNothing, month},
		{"what runs began before what it replaced", append([]ledger.Row{replaced("old", 10, 10, 5), still(replaced("awaited", 100, 5, 0))}, ages[200:]...), query.AwaitRunning, 2},
		{"nothing ever completed", []ledger.Row{{Rollout: timeline.Rollout{State: timeline.StateFailed, StartedAt: lastNoon, FinishedAt: lastNoon}}}, query.AwaitNothing, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			records := &shelf{rows: test.rows}
			got, err := query.Queries{Records: records}.Await(t.Context(), prodAPI, tagalong.ImageQuery{Digest: awaited}, lastNoon)
			if err != nil || got.Phase != test.phase || records.read > test.most {
				t.Errorf("%+v of %d rows, want %s of at most %d; error %v", got, records.read, test.phase, test.most, err)
			}
		})
	}
}

func TestAnImageIsAwaitedInItsRepository(t *testing.T) {
	q := query.Queries{Records: &shelf{rows: []ledger.Row{still(replaced("awaited", 2, 1, 0))}}}
	for image, want := range map[tagalong.ImageQuery]query.AwaitPhase{
		{}:                         query.AwaitRunning,
		{Repository: shopAPI.Name}: query.AwaitRunning,
		{Repository: shopAPI.Name, Registry: shopAPI.Registry}: query.AwaitRunning,
		{Repository: shopAPI.Name, Registry: awayAPI.Registry}: query.AwaitNothing,
		{Repository: shopWeb.Name}:                             query.AwaitNothing,
	} {
		image.Digest = awaited
		if got, err := q.Await(t.Context(), prodAPI, image, lastNoon); err != nil || got.Phase != want {
			t.Errorf("%s: %s, want %s; error %v", image, got.Phase, want, err)
		}
	}
}
