package main

import (
	"encoding/json"
	"io"
	"os"
	"slices"
	"testing"
	"time"
)

// Names are kept for a minute, and read again after it.
func TestNamesAreKeptForAMinute(t *testing.T) {
	sandboxed(t, "told")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	now := testNow
	w := world{stdout: io.Discard, stderr: io.Discard, getenv: os.Getenv, now: func() time.Time { return now }}
	offered := func() []string {
		var c cli
		return c.names(t.Context(), w).Environments
	}
	read := []string{"prod", "staging"}
	if got := offered(); !slices.Equal(got, read) {
		t.Fatalf("read: %q", got)
	}
	kept, err := json.Marshal(ledgerNames{Environments: []string{"kept"}, At: now})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(namesFile(w), kept, 0o600); err != nil {
		t.Fatal(err)
	}
	now = now.Add(namesKept - time.Second)
	if got := offered(); !slices.Equal(got, []string{"kept"}) {
		t.Errorf("within the minute: %q", got)
	}
	now = now.Add(2 * time.Second)
	if got := offered(); !slices.Equal(got, read) {
		t.Errorf("after it: %q", got)
	}
}
