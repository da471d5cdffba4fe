package main

import (
	"bytes"
	"context"
	"math"
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

// must runs a command that must succeed, and returns what it printed.
func must(t *testing.T, args ...string) string {
	t.Helper()
	r := tagalongIn(t.Context(), "", args...)
	if r.status != exitDone || r.stderr != "" {
		t.Fatalf("tagalong %s: exit status %d\n%s", strings.Join(args, " "), r.status, r.stderr)
	}
	return r.stdout
}

// A sweep that waits for AWS, which throttles it for ever, and is ended by hand: what it
// did not look at is not said to be right.
func TestASweepThatIsEndedSaysThatItIsNotWhole(t *testing.T) {
	st, _ := sandboxed(t, "told")
	st.aws.ECS.Throttle("DescribeServices", math.MaxInt)
	ctx, end := context.WithCancel(t.Context())
	defer end()
	time.AfterFunc(time.Second, end)
	r := tagalongIn(ctx, "", "sweep")
	if r.status != exitFailed || !strings.HasPrefix(r.stdout, "Nothing was found, but not everything was looked at") ||
		!strings.Contains(r.stderr, "0 services and 0 tags looked at") || !strings.HasSuffix(r.stderr, "tagalong: interrupted\n") {
		t.Errorf("exit status %d\n%s%s", r.status, r.stdout, r.stderr)
	}
}

// A table that is not there is one error, whatever services there are.
func TestASweepWithoutATableIsOneError(t *testing.T) {
	sandboxed(t, "empty")
	for _, args := range [][]string{{"sweep"}, {"sweep", "--dry-run"}, {"sweep", "--rules-from-environment", "--whole"}, {"replay", samples + "ecs-deployment-completed.json"}} {
		r := tagalongIn(t.Context(), "", args...)
		if r.status != exitFailed || r.stdout != "" || strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, `table "tagalong" is not in region us-east-1`) {
			t.Errorf("%v: exit status %d\n%s%s", args, r.status, r.stdout, r.stderr)
		}
	}
}
