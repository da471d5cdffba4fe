package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
)

// latency is added to every call.
const latency = 15 * time.Millisecond

// row is a line of the table: medians over the events of a story.
type row struct {
	what                  string
	containers            int
	calls, writes, rounds int
	elapsed               time.Duration
	allocations           uint64
}

// measure handles each story's events: the first warms the function up, then
// new ones and repeated ones are counted.
func measure(ctx context.Context, w world) ([]row, error) {
	cfg := configOf(w.URL)
	meter := &meter{client: cfg.HTTPClient}
	cfg.HTTPClient = meter
	settings, err := boot.ReadConfig(func(name string) string {
		return map[string]string{boot.EnvTable: tableName}[name]
	}, boot.EnvTable)
	if err != nil {
		return nil, err
	}
	reactor, err := wiring.Reactor(ctx, settings, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	var completed, repeated []row
	for _, s := range w.Stories {
		if _, err := reactor.Handle(ctx, s.Completions[0]); err != nil {
			return nil, err
		}
		var fresh, again []row
		for _, event := range s.Completions[1:] {
			one, err := meter.event(ctx, reactor, event)
			if err != nil {
				return nil, err
			}
			fresh = append(fresh, one)
			if one, err = meter.event(ctx, reactor, event); err != nil {
				return nil, err
			}
			again = append(again, one)
		}
		completed = append(completed, median("a deployment completed", s.Containers, fresh))
		repeated = append(repeated, median("the same event again", s.Containers, again))
	}
	return slices.Concat(completed, repeated), nil
}

func median(what string, containers int, rows []row) row {
	pick := func(of func(row) int) int {
		var all []int
		for _, r := range rows {
			all = append(all, of(r))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	return row{
		what:        what,
		containers:  containers,
		calls:       pick(func(r row) int { return r.calls }),
		writes:      pick(func(r row) int { return r.writes }),
		rounds:      pick(func(r row) int { return r.rounds }),
		elapsed:     time.Duration(pick(func(r row) int { return int(r.elapsed) })),
		allocations: uint64(pick(func(r row) int { return int(r.allocations) })),
	}
}

// meter is a client that delays every call and notes when it began and ended.
type meter struct {
	client aws.HTTPClient

	mu    sync.Mutex
	calls []call
}

type call struct {
	operation  string
	begin, end time.Time
}

// Do implements aws.HTTPClient.
func (m *meter) Do(r *http.Request) (*http.Response, error) {
	target := r.Header.Get("X-Amz-Target")
	c := call{operation: target[strings.LastIndexByte(target, '.')+1:], begin: time.Now()}
	time.Sleep(latency)
	response, err := m.client.Do(r)
	c.end = time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = append(m.calls, c)
	return response, err
}

// event handles one event and measures it.
func (m *meter) event(ctx context.Context, reactor *reactor.Reactor, event []byte) (row, error) {
	m.calls = nil
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin := time.Now()
	_, err := reactor.Handle(ctx, event)
	elapsed := time.Since(begin)
	runtime.ReadMemStats(&after)
	if err != nil {
		return row{}, fmt.Errorf("event: %w", err)
	}
	r := row{calls: len(m.calls), rounds: rounds(m.calls), elapsed: elapsed, allocations: after.Mallocs - before.Mallocs}
	for _, c := range m.calls {
		if slices.Contains([]string{"TransactWriteItems", "UpdateItem", "PutItem", "PutImage"}, c.operation) {
			r.writes++
		}
	}
	return r, nil
}

// rounds counts the longest chain of calls of which each began after the one before had ended.
func rounds(calls []call) int {
	slices.SortFunc(calls, func(a, b call) int { return a.begin.Compare(b.begin) })
	longest := 0
	chain := make([]int, len(calls))
	for i, c := range calls {
		chain[i] = 1
		for j := range i {
			if !calls[j].end.After(c.begin) {
				chain[i] = max(chain[i], chain[j]+1)
			}
		}
		longest = max(longest, chain[i])
	}
	return longest
}
