package ledger

import (
	"cmp"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Span selects rollouts: SortTime in [Since, Until), zero times are no bounds,
// and Behind what came before in the same answer.
type Span struct {
	Since, Until time.Time
	Behind       RolloutCursor
}

// RolloutCursor is where a row stands in an answer: newest first by time, then by service and
// deployment, all downwards. The zero RolloutCursor stands before all of them.
type RolloutCursor struct {
	Sort       time.Time
	Service    tagalong.Service
	Deployment string
}

// Compare orders upwards: what is smaller is behind.
func (a RolloutCursor) Compare(b RolloutCursor) int {
	return cmp.Or(a.Sort.Compare(b.Sort), cmp.Compare(a.Service.String(), b.Service.String()), cmp.Compare(a.Deployment, b.Deployment))
}

func (a RolloutCursor) Valid() bool { return tagalong.ValidKeyTexts(a.Service.String(), a.Deployment) }

// At returns where the row stands.
func (r Row) At() RolloutCursor {
	return RolloutCursor{Sort: r.SortTime(), Service: r.Service, Deployment: r.Deployment}
}

// Holds reports whether the row is in the span.
func (s Span) Holds(r Row) bool {
	at := r.SortTime()
	return !at.Before(s.Since) && (s.Until.IsZero() || at.Before(s.Until)) && (s.Behind == RolloutCursor{} || r.At().Compare(s.Behind) < 0)
}
