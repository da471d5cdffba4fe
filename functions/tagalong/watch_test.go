package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// Whoever watches in a pipe gets each answer that is new and no other, and ends it without
// an error.
func TestWatchedAnswersArePrintedAsTheyChange(t *testing.T) {
	_, url := sandboxed(t, "told")
	ctx, end := context.WithCancel(t.Context())
	out, printed := io.Pipe()
	status := make(chan int)
	go func() {
		var stderr bytes.Buffer
		status <- run(ctx, []string{"tags", "prod", "--check", "--watch", "--interval", "100ms"},
			world{strings.NewReader(""), printed, &stderr, os.Getenv, func() time.Time { return testNow }})
	}()
	lines := bufio.NewScanner(out)
	answer := func() (text string) {
		for lines.Scan() {
			if text += lines.Text() + "\n"; strings.HasPrefix(lines.Text(), "tagalong: differences found") {
				return text
			}
		}
		t.Fatalf("no further answer: %s", text)
		return ""
	}
	first := answer()
	if !strings.HasPrefix(first, "2026-03-04T11:21:00Z\n") || strings.Count(first, "confirmed") != 1 {
		t.Errorf("first: %s", first)
	}
	if err := retag(url, "build-41", "prod"); err != nil {
		t.Fatal(err)
	}
	if second := answer(); strings.Count(second, "moved") != 2 || strings.Contains(second, "confirmed") {
		t.Errorf("after a tag was moved: %s", second)
	}
	end()
	if got := <-status; got != exitDone {
		t.Errorf("exit status %d", got)
	}
}

// On a terminal each answer takes the place of the one before.
func TestATerminalThatWatchesIsKeptUpToDate(t *testing.T) {
	sandboxed(t, "told")
	var c cli
	var shown bytes.Buffer
	ctx, end := context.WithCancel(t.Context())
	w := world{strings.NewReader(""), &shown, io.Discard, os.Getenv, func() time.Time { return testNow }}
	if _, err := c.parser(w, func(int) {}).Parse([]string{"running", "prod", "--watch", "--interval", "100ms"}); err != nil {
		t.Fatal(err)
	}
	s := c.session(ctx, w)
	s.out.width = 100
	looks := 0
	err := c.Running.ask(s, func(inner *session) (any, error) {
		if looks++; looks == 3 {
			defer end()
		}
		return c.Running.answer(inner)
	})
	if screens := strings.Split(shown.String(), clearScreen); err != nil || len(screens) != 3 || screens[0] != "" || screens[1] != screens[2] || !strings.Contains(screens[1], "cdd0da87d069") {
		t.Errorf("%v after %d looks: %q", err, looks, screens)
	}
}

// Who waits and watches is told at each look how long it has been.
func TestWaitingIsToldAtEachLook(t *testing.T) {
	sandboxed(t, "told")
	r := tagalongIn(t.Context(), "", "wait", "--watch", "-s", "prod-cluster/checkout-api", "-d", "sha256:"+strings.Repeat("0", 64), "--timeout", "350ms", "--interval", "100ms")
	if told := strings.Count(r.stderr, "tagalong: waiting for 0s of 350ms: "); told < 2 || r.status != exitFailed {
		t.Errorf("exit status %d, told %d times\n%s", r.status, told, r.stderr)
	}
}
