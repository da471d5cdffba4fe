// Command bench measures what one event, an answer and a sweep cost, and writes the
// tables into functions/internal/NUMBERS.md, between the marks there:
//
//	.ci/dynamodb-local go run ./functions/internal/dev/bench functions/internal/NUMBERS.md dist
//
// The events are real ones of the sandbox, the adapters are the product's. The
// sandbox runs in a process of its own, so that only the product's allocations
// are counted, and answers over loopback; every call is delayed by as long as AWS
// takes, so that what follows what shows in the times.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	var err error
	switch {
	case len(os.Args) == 2 && os.Args[1] == "serve":
		err = serve()
	case len(os.Args) == 2 && os.Args[1] == "ask":
		err = ask()
	case len(os.Args) == 2 && os.Args[1] == "sweep":
		err = swept()
	case len(os.Args) == 2 && os.Args[1] == "findings":
		err = fetched()
	case len(os.Args) == 3:
		err = run(os.Args[1], os.Args[2])
	default:
		err = errors.New("usage: bench FILE DIST, bench ask, bench sweep, or bench findings")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// ask measures the questions alone, and prints their table.
func ask() error {
	text, err := askLedgers(context.Background())
	fmt.Print(text)
	return err
}

// swept measures the sweeps alone, and prints their table.
func swept() error {
	text, err := measureSweeps(context.Background())
	fmt.Print(text)
	return err
}

// fetched measures findings alone, and prints their tables.
func fetched() error {
	text, err := measureFindings(context.Background())
	fmt.Print(text)
	return err
}

func run(file, dist string) error {
	world, stop, err := start()
	if err != nil {
		return err
	}
	defer stop()
	rows, err := measure(context.Background(), world)
	if err != nil {
		return err
	}
	sizes, err := zipSizes(dist)
	if err != nil {
		return err
	}
	asked, err := askLedgers(context.Background())
	if err != nil {
		return err
	}
	swept, err := measureSweeps(context.Background())
	if err != nil {
		return err
	}
	findings, err := measureFindings(context.Background())
	if err != nil {
		return err
	}
	text := table(rows) + "\n" + asked + "\n" + swept + "\n" + findings + "\n" + sizes
	fmt.Print(text)
	return insert(file, text)
}

// start runs the sandbox in another process and reads what it has set up.
func start() (world, func(), error) {
	self, err := os.Executable()
	if err != nil {
		return world{}, nil, err
	}
	server := exec.Command(self, "serve")
	server.Stderr = os.Stderr
	in, err := server.StdinPipe() // its end ends the server
	if err != nil {
		return world{}, nil, err
	}
	out, err := server.StdoutPipe()
	if err != nil {
		return world{}, nil, err
	}
	if err := server.Start(); err != nil {
		return world{}, nil, err
	}
	stop := func() {
		_ = in.Close()
		_ = server.Wait()
	}
	var w world
	if err := json.NewDecoder(out).Decode(&w); err != nil {
		stop()
		return world{}, nil, fmt.Errorf("sandbox: %w", err)
	}
	return w, stop, nil
}

func table(rows []row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| event, warm function | containers | calls | writes | sequential round trips | ms at %d ms a call | allocations |\n|---|--:|--:|--:|--:|--:|--:|\n", latency.Milliseconds())
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %d |\n", r.what, r.containers, r.calls, r.writes, r.rounds, r.elapsed.Milliseconds(), r.allocations)
	}
	return b.String()
}

func zipSizes(dist string) (string, error) {
	zips, err := filepath.Glob(filepath.Join(dist, "*.zip"))
	if err != nil || len(zips) == 0 {
		return "", fmt.Errorf("no zip in %s: run make build first", dist)
	}
	slices.Sort(zips)
	var b strings.Builder
	b.WriteString("| function | zip, MB |\n|---|--:|\n")
	for _, zip := range zips {
		info, err := os.Stat(zip)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "| %s | %.2f |\n", strings.TrimSuffix(filepath.Base(zip), ".zip"), float64(info.Size())/1e6)
	}
	return b.String(), nil
}

var between = regexp.MustCompile(`(?s)(<!-- bench:begin -->\n).*(<!-- bench:end -->)`)

// insert puts the text between the marks of a file.
func insert(file, text string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !between.Match(old) {
		return fmt.Errorf("%s: no <!-- bench:begin --> and <!-- bench:end -->", file)
	}
	text = strings.ReplaceAll(text, "$", "$$")
	return os.WriteFile(file, between.ReplaceAll(old, []byte("${1}"+text+"${2}")), 0o644)
}
