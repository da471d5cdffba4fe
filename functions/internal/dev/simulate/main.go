// Command simulate lets a year pass over an inventory, loses a fifth of its events,
// shuffles and repeats the others, kills handlers, and shows that one sweep makes
// ledger and tags true all the same. It writes its table into the file that is named,
// between the marks there:
//
//	go run ./functions/internal/dev/simulate -seeds 100 functions/internal/NUMBERS.md
//
// Everything is in memory, and what happens follows from the seed, so that one that
// fails can be run again: -first 42 -seeds 1. The sweep works side by side, so only
// how often it puts a tag that services contend for is chance.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

func main() {
	seeds := flag.Int("seeds", 3, "how many years")
	first := flag.Uint64("first", 1, "the first year's seed")
	rollouts := flag.Int("rollouts", 10_000, "how many rollouts a year has")
	flag.Parse()
	if err := run(*first, *seeds, *rollouts, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "simulate:", err)
		os.Exit(1)
	}
}

// run lets the years pass, a few at a time, and tells each as it ends.
func run(first uint64, seeds, rollouts int, file string) error {
	began := time.Now()
	debug.SetGCPercent(400) // much is made and soon forgotten
	var (
		mu       sync.Mutex
		wait     sync.WaitGroup
		total    result
		problems error
	)
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for n := range seeds {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			seed := first + uint64(n)
			r, err := live(context.Background(), seed, size{rollouts: rollouts, services: 200, clusters: 10})
			mu.Lock()
			defer mu.Unlock()
			total.add(r)
			fmt.Printf("seed %d: %d events, %d of them lost, %d handlers killed; the sweep recorded %d facts and put %d tags; %d wrong after it\n", seed, r.events, r.lost, r.killed, r.recorded, r.put, len(r.wrong))
			if err != nil {
				problems = errors.Join(problems, fmt.Errorf("seed %d: %w", seed, err))
			}
		})
	}
	wait.Wait()
	if problems != nil {
		return fmt.Errorf("%w\nto see it again: go run ./functions/internal/dev/simulate -seeds 1 -first SEED", problems)
	}
	text := total.table(seeds, time.Since(began))
	fmt.Print("\n" + text)
	if file == "" {
		return nil
	}
	return insert(file, text)
}

// table shows what all years had together.
func (r result) table(seeds int, took time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| a year of 200 services in 10 clusters, %d seeds, %.0f s in all | together |\n|---|--:|\n", seeds, took.Seconds())
	for _, line := range []struct {
		what  string
		count int
	}{
		{"rollouts", r.rollouts},
		{"of them failed or rolled back, stopped by a newer one, never ended", r.unhappy},
		{"ended in the midst of a sweep, told by up to ten minutes late", r.beside},
		{"services deleted", r.deleted},
		{"tags moved by hand", r.meddled},
		{"events", r.events},
		{"of them lost", r.lost},
		{"heard late, by minutes to days", r.late},
		{"heard twice", r.repeated},
		{"handlers killed at a call", r.killed},
		{"calls to ledger, ECS and ECR", r.calls},
		{"facts that the sweep recorded", r.recorded},
		{"tags that it put", r.put},
		{"services that it retired", r.retired},
		{"its calls to ECS", r.asked},
		{"services, tags or rollouts that were wrong before it", r.before},
		{"that were wrong after it", len(r.wrong)},
		{"writes and puts of a second sweep", r.again},
	} {
		fmt.Fprintf(&b, "| %s | %d |\n", line.what, line.count)
	}
	return b.String()
}

var between = regexp.MustCompile(`(?s)(<!-- simulate:begin -->\n).*(<!-- simulate:end -->)`)

// insert puts the text between the marks of a file.
func insert(file, text string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !between.Match(old) {
		return fmt.Errorf("%s: no <!-- simulate:begin --> and <!-- simulate:end -->", file)
	}
	return os.WriteFile(file, between.ReplaceAll(old, []byte("${1}"+text+"${2}")), 0o644)
}
