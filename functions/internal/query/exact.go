package query

import (
	"context"
	"iter"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// maxLeaps is how many services of other names are read to find those of one: a name may
// be in any cluster, and where each has few services, leaping over them spares nothing.
const maxLeaps = 64

// runningRecords walks over what runs in an environment, as far as a pattern selects it,
// from a service on. For a pattern without globs it reads no more than the services of
// that name, and one at each leap to where the next may be.
func (q Queries) runningRecords(ctx context.Context, environment string, of tagalong.ServicePattern, from tagalong.Service, hint int) iter.Seq2[ledger.RunningRecord, error] {
	return func(yield func(ledger.RunningRecord, error) bool) {
		for leaps := 0; of.Exact() && leaps < maxLeaps; leaps++ {
			record, there, err := first(q.Records.RunningRecords(ctx, environment, from, 1))
			if !there {
				return
			}
			if (err != nil || of.Match(record.Service)) && !yield(record, err) || err != nil {
				return
			}
			from = of.Next(record.Service)
		}
		selected := stream.Filter(q.Records.RunningRecords(ctx, environment, from, hint), func(m ledger.RunningRecord) bool { return of.Match(m.Service) })
		selected(yield)
	}
}

// first returns the first element of a sequence, if there is one, or its error.
func first[T any](seq iter.Seq2[T, error]) (t T, there bool, err error) {
	for t, err := range seq {
		return t, true, err
	}
	return t, false, nil
}
