package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

// hide lets the SDK see nothing of this machine: no profile, no variable of
// somebody's shell.
func hide(t *testing.T) {
	t.Helper()
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "TAGALONG_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// sandboxed starts the sandbox of the story and points the SDK at it.
func sandboxed(t *testing.T, how string) (*stage, string) {
	t.Helper()
	st, url, stop, err := startStage(how)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	hide(t)
	for _, v := range st.environment(url) {
		t.Setenv(v[0], v[1])
	}
	return st, url
}

// result is what a command did.
type result struct {
	status         int
	stdout, stderr string
}

// tagalongIn runs a command in this process.
func tagalongIn(ctx context.Context, stdin string, args ...string) result {
	var stdout, stderr bytes.Buffer
	status := run(ctx, args, world{strings.NewReader(stdin), &stdout, &stderr, os.Getenv, func() time.Time { return testNow }})
	return result{status, stdout.String(), stderr.String()}
}

// must runs a command that must succeed, and gives what it printed.
func must(t *testing.T, args ...string) string {
	t.Helper()
	r := tagalongIn(t.Context(), "", args...)
	if r.status != exitDone || r.stderr != "" {
		t.Fatalf("tagalong %s: exit status %d\n%s", strings.Join(args, " "), r.status, r.stderr)
	}
	return r.stdout
}
