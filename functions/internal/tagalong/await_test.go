package tagalong_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	. "github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// shelf holds the rollouts of one service, newest first, and counts those that
// are read. It has nothing else of a ledger.
type shelf struct {
	Records
	rows []Row
	read int
}

func (*shelf) Indexes(context.Context, digest.Digest) ([]Child, error) { return nil, nil }

func (*shelf) DigestPlaces(context.Context, digest.Digest, PlaceAt, int) iter.Seq2[Place, error] {
	return func(func(Place, error) bool) {}
}

func (s *shelf) Rollouts(context.Context, Service, Span, int) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
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
func replaced(image string, started, finished, until int) Row {
	hours := func(n int) time.Time { return lastNoon.Add(-time.Duration(n) * time.Hour) }
	return Row{
		Service: prodAPI,
		Rollout: Rollout{State: StateCompleted, StartedAt: hours(started), FinishedAt: hours(finished), Until: hours(until)},
		Details: Details{Containers: []Container{{Name: "app", Image: shopAPI, Digest: tagalongtest.Image(image).Digest}}},
	}
}

func still(r Row) Row {
	r.Until = time.Time{}
	return r
}

func TestAwaitingAnImageReadsWhatCanStillMatter(t *testing.T) {
	var ages []Row // an hour each, over a thousand hours
	for hour := 1; hour < 1000; hour++ {
		ages = append(ages, replaced("old", hour+1, hour+1, hour))
	}
	month := 30*24 + 1
	for _, test := range []struct {
		name  string
		rows  []Row
		phase AwaitPhase
		most  int
	}{
		{"another runs", append([]Row{still(ages[0])}, ages[1:]...), AwaitNothing, 1},
		{"nothing runs any more", ages, AwaitNothing, month},
		{"what runs began before what it replaced", append([]Row{replaced("old", 10, 10, 5), still(replaced("awaited", 100, 5, 0))}, ages[200:]...), AwaitRunning, 2},
		{"nothing ever completed", []Row{{Rollout: Rollout{State: StateFailed, StartedAt: lastNoon, FinishedAt: lastNoon}}}, AwaitNothing, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			records := &shelf{rows: test.rows}
			got, err := Queries{Records: records}.Await(t.Context(), prodAPI, ImageQuery{Digest: awaited}, lastNoon)
			if err != nil || got.Phase != test.phase || records.read > test.most {
				t.Errorf("%+v of %d rows, want %s of at most %d; error %v", got, records.read, test.phase, test.most, err)
			}
		})
	}
}

func TestAnImageIsAwaitedInItsRepository(t *testing.T) {
	q := Queries{Records: &shelf{rows: []Row{still(replaced("awaited", 2, 1, 0))}}}
	for image, want := range map[ImageQuery]AwaitPhase{
		{}:                         AwaitRunning,
		{Repository: shopAPI.Name}: AwaitRunning,
		{Repository: shopAPI.Name, Registry: shopAPI.Registry}: AwaitRunning,
		{Repository: shopAPI.Name, Registry: awayAPI.Registry}: AwaitNothing,
		{Repository: shopWeb.Name}:                             AwaitNothing,
	} {
		image.Digest = awaited
		if got, err := q.Await(t.Context(), prodAPI, image, lastNoon); err != nil || got.Phase != want {
			t.Errorf("%s: %s, want %s; error %v", image, got.Phase, want, err)
		}
	}
}
