package dynamodb

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// Throughput is how many units DynamoDB reads and writes in a second. Zero is without end.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
type Throughput struct {
	KeyReads, KeyWrites     float64 // of each partition key of a table or an index
	TableReads, TableWrites float64 // of each table or index
}

// OnDemand is what a new table on demand has.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
var OnDemand = Throughput{KeyReads: 3000, KeyWrites: 1000, TableReads: 12000, TableWrites: 4000}

// partition is a partition key of a table, or of one of its indexes.
type partition struct{ table, index, key string }

// shares are the units that an operation consumes, by partition key.
type shares map[partition]float64

func (s shares) add(table, index string, key value, units float64) {
	s[partition{table, index, string(key.append(nil))}] += units
}

func (s shares) addAll(more shares) {
	for p, units := range more {
		s[p] += units
	}
}

// addTransaction adds what a write costs in a transaction: its item is prepared and
// committed, and an index then follows as it does any write. AWS does not document the
// second half. It was measured on 13 August 2026 by those who emulate DynamoDB:
// https://github.com/nubo-db/dynoxide/pull/188
func (s shares) addTransaction(more shares) {
	for p, units := range more {
		if p.index == "" {
			units *= 2
		}
		s[p] += units
	}
}

// whole returns the same by tables and indexes.
func (s shares) whole() shares {
	sums := shares{}
	for p, units := range s {
		sums[partition{p.table, p.index, ""}] += units
	}
	return sums
}

// of returns what was consumed of one table.
func (s shares) of(table string) (u usage) {
	for p, units := range s.whole() {
		switch {
		case p.table != table:
		case p.index == "":
			u.table += units
		default:
			u.addIndex(p.index, units)
		}
	}
	return u
}

// report is the ConsumedCapacity of an answer, by tables.
func (s shares) report(mode string, d direction) (list []*consumedCapacity) {
	tables := map[string]bool{}
	for p := range s {
		tables[p.table] = true
	}
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		if c := s.of(name).report(name, mode, d); c != nil {
			list = append(list, c)
		}
	}
	return list
}

// throttle refuses what is too much at once.
type throttle struct {
	limit Throughput
	now   func() time.Time

	mu            sync.Mutex
	reads, writes buckets
}

func newThrottle(limit Throughput, now func() time.Time) *throttle {
	return &throttle{limit: limit, now: now, reads: buckets{}, writes: buckets{}}
}

func (t *throttle) read(s shares) error {
	return t.take(t.reads, s, t.limit.KeyReads, t.limit.TableReads)
}

func (t *throttle) write(s shares) error {
	return t.take(t.writes, s, t.limit.KeyWrites, t.limit.TableWrites)
}

// take takes all shares, or refuses the operation.
func (t *throttle) take(from buckets, s shares, key, table float64) error {
	if key == 0 && table == 0 {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now, sums := t.now(), s.whole()
	if from.empty(s, key, now) || from.empty(sums, table, now) {
		return wire.Errorf(codeThroughput, "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table or index so please try again shortly.")
	}
	from.take(s)
	from.take(sums)
	return nil
}

// buckets hold the units of one second each.
type buckets map[partition]*bucket

type bucket struct {
	units float64
	at    time.Time
}

// empty fills the buckets up to now, and reports whether one of them holds nothing all the
// same. One that holds anything gives more than that, and is owed it: so a large item passes.
func (b buckets) empty(s shares, limit float64, now time.Time) bool {
	if limit == 0 {
		return false
	}
	none := false
	for p := range s {
		if b[p] == nil {
			b[p] = &bucket{units: limit, at: now}
		}
		b[p].units, b[p].at = min(limit, b[p].units+limit*now.Sub(b[p].at).Seconds()), now
		none = none || b[p].units <= 0
	}
	return none
}

func (b buckets) take(s shares) {
	for p, units := range s {
		if b[p] != nil {
			b[p].units -= units
		}
	}
}
