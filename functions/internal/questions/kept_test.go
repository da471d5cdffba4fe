package questions_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// forgetful is a ledger in memory whose rows expire, by the second, as a table's do.
type forgetful struct {
	*tagalongtest.Ledger
	now time.Time
}

// At returns the same ledger at another time.
func (f forgetful) At(now func() time.Time) tagalongtest.Store { return forgetful{f.Ledger, now()} }

// EndedPlacements leaves out what has expired.
func (f forgetful) EndedPlacements(ctx context.Context, repository string, behind ledger.PlacementCursor, hint int) iter.Seq2[ledger.Placement, error] {
	return kept(f, f.Ledger.EndedPlacements(ctx, repository, behind, hint), expiryOfPlacement)
}

// DigestPlacements leaves out what has expired.
func (f forgetful) DigestPlacements(ctx context.Context, d digest.Digest, behind ledger.PlacementCursor, hint int) iter.Seq2[ledger.Placement, error] {
	return kept(f, f.Ledger.DigestPlacements(ctx, d, behind, hint), expiryOfPlacement)
}

// PastRecords leaves out what has expired.
func (f forgetful) PastRecords(ctx context.Context, environment string, after time.Time) iter.Seq2[ledger.PastRecord, error] {
	return kept(f, f.Ledger.PastRecords(ctx, environment, after), func(g ledger.PastRecord) time.Time { return g.Expires })
}

// Rollouts leaves out what has expired.
func (f forgetful) Rollouts(ctx context.Context, s tagalong.Service, span ledger.Span, hint int) iter.Seq2[ledger.Row, error] {
	return kept(f, f.Ledger.Rollouts(ctx, s, span, hint), func(r ledger.Row) time.Time { return r.Expires })
}

func expiryOfPlacement(p ledger.Placement) time.Time { return p.Expires }

func kept[T any](f forgetful, rows iter.Seq2[T, error], expiry func(T) time.Time) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for row, err := range rows {
			expires := expiry(row)
			kept := expires.IsZero() || expires.Unix() > f.now.Unix()
			if (err != nil || kept) && !yield(row, err) {
				return
			}
		}
	}
}

// askLater tells a story in time, and asks when a part of what ended has expired:
// an interval then begins with the oldest part that is kept.
func askLater(t *rapid.T, at func(func() time.Time) tagalongtest.Store, limits func(*rapid.T, int) []int) {
	const retention = 24 * time.Hour
	s := drawStory(t, alike(), drawHistory)
	w := s.world(at(func() time.Time { return clock }))
	w.Reactor.Retention = retention
	w.tell(t, drawArrivals(t, s.happenings)...)
	o := s.oracle(w)
	o.kept = noon.Add(time.Duration(rapid.IntRange(0, 8).Draw(t, "seconds")) * time.Second)
	later := o.kept.Add(retention + rapid.SampledFrom([]time.Duration{0, 999 * time.Millisecond}).Draw(t, "beside"))
	w.Queries.Retention, w.Queries.Now = retention, func() time.Time { return later }
	w.Queries.Records = at(w.Queries.Now)
	i := inquiry{T: t, world: w, oracle: o, limits: limits}
	for _, what := range []string{"shop/api", image(0).Digest.String(), "shop/api@" + image(1).Digest.String()} {
		i.finds(what)
	}
	i.runningNow()
	for range 3 {
		i.runningThen()
		i.diffOfTimes()
	}
}

func TestWhereAnImageRanIsSaidForAsLongAsItIsKept(t *testing.T) {
	checkTimes(t, 150, func(t *rapid.T) {
		askLater(t, forgetful{Ledger: &tagalongtest.Ledger{}}.At, everyLimit)
	})
}

func TestWhereAnImageRanIsSaidForAsLongAsTheTableKeepsIt(t *testing.T) {
	tables := startTables(t)
	checkTimes(t, 6, func(t *rapid.T) {
		tables.with(t, func(l *dynamo.Ledger) {
			askLater(t, func(now func() time.Time) tagalongtest.Store { return l.At(now) }, someLimits)
		})
	})
}
