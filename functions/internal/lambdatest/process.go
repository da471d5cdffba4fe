package lambdatest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// home is where the function lies as long as Main runs the tests.
var home string

// Main runs the tests of a function's package, for its TestMain.
func Main(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if home, err = os.MkdirTemp("", "tagalong-function-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(home)
	return m.Run()
}

// build builds the function in the working directory once, as make build does,
// but for this machine.
var build = sync.OnceValues(func() (string, error) {
	path := filepath.Join(home, "bootstrap")
	command := exec.Command("go", "build", "-tags", "lambda.norpc,nethttpomithttp2", "-o", path, ".")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return path, nil
})

// Process is a running function.
type Process struct {
	*exec.Cmd
	Output *Output // standard output and error
}

// Output is what a process wrote.
type Output struct {
	mu   sync.Mutex
	text bytes.Buffer // no embedded one: its ReadFrom would pass the mutex by
}

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String returns what was written until now.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Await returns the output when it holds a text n times: it comes through a pipe,
// and may come later than the answer.
func (o *Output) Await(t testing.TB, text string, n int) string {
	t.Helper()
	for range 500 {
		if all := o.String(); strings.Count(all, text) >= n {
			return all
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s is not %d times in:\n%s", text, n, o)
	return ""
}

// Launch starts the function with nothing but the given environment; it ends with
// the test.
func Launch(t testing.TB, environment ...string) *Process {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{Cmd: exec.CommandContext(t.Context(), path), Output: &Output{}}
	p.Env = environment
	p.Stdout, p.Stderr = p.Output, p.Output
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Process.Kill()
		_ = p.Wait()
	})
	return p
}
