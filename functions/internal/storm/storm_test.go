package storm_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/batch"
)

var (
	all    = flag.Bool("all", false, "let all storms come, not only the small ones")
	only   = flag.String("only", "", "of all storms those whose name has this")
	seed   = flag.Uint64("seed", 1, "what everything drawn follows from")
	update = flag.Bool("update", false, "write the rows of the storms that come into NUMBERS.md")
)

// What the sidecar is that all services share.
const (
	same    = "same"    // one image
	differs = "differs" // an image for each
)

// storm is what comes over the function.
type storm struct {
	name     string
	services int
	within   time.Duration // that they complete in; 0 is at once
	sidecar  string
	ran      int    // how many versions the services have run before
	most     int    // batches at once; 0 is as the module has it
	size     int    // of a batch; 0 is as the module has it
	room     int    // invocations that Lambda has room for; 0 is enough
	down     outage // from the beginning on
	lasts    time.Duration
	again    bool // some may have no time for their puts, and come again
}

// result is what became of a storm.
type result struct {
	storm
	events int
	took   time.Duration // until the queue was empty
	least  time.Duration // that ECR's rate of puts takes
	dead   int           // letters
	wrong  int           // tags
	tries  int           // of the message that was handed out most often
	killed int           // invocations that Lambda ended
	limit  string
	seen   counts
}

// maximumConcurrency is the module's default.
const maximumConcurrency = 5

var (
	dynamoDB = outage{service: "DynamoDB"}
	puts     = outage{service: "AmazonEC2ContainerRegistry", operations: []string{"PutImage"}}
)

// storms are all of them. Those of up to 60 services come with every test.
var storms = []storm{
	{name: "60 at once", services: small},
	{name: "60 at once, in batches of 8, that share a sidecar for the first time", services: small, sidecar: same, most: 8, size: 8},
	{name: "60 at once, in batches of 8, that have shared one for long", services: small, sidecar: same, ran: 2, most: 8, size: 8},
	{name: "20 in a minute, puts refused for ten minutes", services: 20, within: time.Minute, down: puts, lasts: 10 * time.Minute},
	{name: "100 at once", services: 100},
	{name: "1,000 at once", services: 1000},
	{name: "5,000 at once", services: 5000},
	{name: "5,000 in five minutes", services: 5000, within: 5 * time.Minute},
	{name: "1,000 at once, of all the same sidecar", services: 1000, sidecar: same, ran: 1},
	{name: "1,000 at once, of each its own version of a sidecar", services: 1000, sidecar: differs, ran: 1},
	{name: "1,000 at once, and room for one batch", services: 1000, room: 1},
	{name: "one a second, DynamoDB throttled for ten minutes", services: 600, within: 10 * time.Minute, down: dynamoDB, lasts: 10 * time.Minute},
	{name: "one a second, puts refused for ten minutes", services: 600, within: 10 * time.Minute, down: puts, lasts: 10 * time.Minute},
	{name: "one a second, DynamoDB throttled for two hours", services: 7200, within: 2 * time.Hour, down: dynamoDB, lasts: 2 * time.Hour},
	{name: "one a second, puts refused for two hours", services: 7200, within: 2 * time.Hour, down: puts, lasts: 2 * time.Hour},
}

const small = 60

func TestStorms(t *testing.T) {
	come := func(of []storm) (results []result) {
		for _, s := range of {
			if *all && strings.Contains(s.name, *only) || !*all && s.services <= small && !(testing.Short() && s.isLong()) {
				results = s.passes(t, results)
			}
		}
		return results
	}
	rows := slices.Concat(stormRows(come(storms)), crowdRows(come(crowds())))
	if *update && !t.Failed() {
		insert(t, rows)
	}
}

// isLong reports whether a storm makes several times the calls of its completions.
func (s storm) isLong() bool { return s.ran > 0 || s.lasts > 0 }

// crowds are the same storm with more and more batches at once, for the module's default.
func crowds() (all []storm) {
	for _, n := range []int{2, 5, 10, 20, 50} {
		all = append(all, storm{name: fmt.Sprintf("1,000 at once, %d batches", n), services: 1000, most: n, again: n > 10})
	}
	return all
}

// passes lets the storm come, holds what must be so afterwards, and adds what became of it.
func (s storm) passes(t *testing.T, before []result) (results []result) {
	t.Helper()
	results = before
	t.Run(s.name, func(t *testing.T) {
		began := time.Now()
		var r result
		synctest.Test(t, func(t *testing.T) { r = s.comes(t) })
		if r.dead > 0 || r.wrong > 0 || r.killed > 0 {
			t.Errorf("%d dead letters, %d tags wrong, %d invocations killed", r.dead, r.wrong, r.killed)
		}
		if most := s.longest(r); r.took > most {
			t.Errorf("took %v, want at most %v", r.took, most)
		}
		if s.ran > 1 && s.sidecar == same && r.seen.conflicts+r.seen.stale > 0 {
			t.Errorf("%d transactions in conflict, %d that were refused: want none", r.seen.conflicts, r.seen.stale)
		}
		t.Logf("%+v in %v of this machine", r.seen, time.Since(began).Round(time.Millisecond))
		results = append(results, r)
	})
	return results
}

// longest is how long a storm may take: a fifth more than the puts do and, where messages
// come again, as long as these are invisible.
func (s storm) longest(r result) time.Duration {
	quiet := max(s.within, s.lasts)
	if s.lasts > 0 || s.again {
		quiet += visibility
	}
	return quiet + r.least*6/5 + 5*time.Second
}

// comes lets the storm come, on virtual time.
func (s storm) comes(t *testing.T) result {
	t.Helper()
	w := newWorld(t, s)
	m := &mapping{queue: &queue{}, most: orElse(s.most, maximumConcurrency), size: orElse(s.size, batch.Size)}
	for range m.most {
		m.instances = append(m.instances, w.instance(t))
	}
	if s.room > 0 {
		m.slots = make(chan struct{}, s.room)
	}
	begun, down := time.Now(), s.down
	down.until = begun.Add(s.lasts)
	w.begin(down)
	w.complete(t, m.queue, s.within)
	m.drain(t)
	r := result{storm: s, events: m.sent, took: time.Since(begun), dead: m.dead, tries: m.queue.most, killed: m.killed, seen: w.seen}
	r.least, r.limit = w.limits(r)
	w.begin(outage{})
	r.wrong = w.wrong(t)
	return r
}

func orElse(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// limits returns how long the puts take at least, and what was used up most in the time in
// which there was something to do.
func (w *world) limits(r result) (least time.Duration, limit string) {
	limit, most := "how long its calls take", 0.5
	if r.lasts > 0 {
		limit = "the time until the next try"
	}
	for _, rate := range w.rates {
		if used := float64(rate.taken) / (rate.burst + rate.second*(r.took-r.lasts).Seconds()); used > most {
			most, limit = used, fmt.Sprintf("%s, %.0f %%", rate.name, 100*used)
		}
		if rate.operations[0] == "PutImage" {
			least = time.Duration((float64(rate.taken) - rate.burst) / rate.second * float64(time.Second))
		}
	}
	if r.lasts > 0 {
		limit = "the outage, then " + limit
	}
	return least, limit
}

// stormRows are what NUMBERS.md says of the storms.
func stormRows(results []result) (rows []string) {
	for _, r := range results {
		rows = append(rows, fmt.Sprintf("| %s | %d | %.0f | %.0f | %d | %d | %d | %d | %d | %d | %s |", r.name, r.events, r.took.Seconds(), r.least.Seconds(),
			r.dead, r.wrong, r.tries, r.seen.overRate, r.seen.throughput, r.seen.conflicts, r.limit))
	}
	return rows
}

// crowdRows are what it says of how many batches are handled at once.
func crowdRows(results []result) (rows []string) {
	for _, r := range results {
		rows = append(rows, fmt.Sprintf("| %s | %.0f | %d | %d | %d |", r.name, r.took.Seconds(), r.tries, r.seen.calls, r.seen.overRate))
	}
	return rows
}

const numbers = "../NUMBERS.md"

// insert puts each row in place of the one of its storm: of the others that do not come
// this time what was measured before stands.
func insert(t *testing.T, rows []string) {
	t.Helper()
	old, err := os.ReadFile(numbers)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(old), "\n")
	for _, row := range rows {
		storm := row[:strings.Index(row[1:], "|")+2]
		at := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, storm) })
		if at < 0 {
			t.Fatalf("%s has no row %s", numbers, storm)
		}
		lines[at] = row
	}
	if err := os.WriteFile(numbers, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}
