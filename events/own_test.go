package events_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// ownEvents returns the event and the patterns that the package's README shows of
// Tagalong's own events.
func ownEvents(t *testing.T) (event []byte, patterns []matcher) {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## Tagalong's own events\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(section, -1)
	if len(blocks) != 3 {
		t.Fatalf("%d blocks of JSON, want an event and two patterns", len(blocks))
	}
	for _, block := range blocks[1:] {
		m, err := newMatcher([]byte(block[1]))
		if err != nil {
			t.Fatal(err)
		}
		patterns = append(patterns, m)
	}
	return []byte(blocks[0][1]), patterns
}

func TestTheReadmesPatternsSelectWhatTheySay(t *testing.T) {
	event, patterns := ownEvents(t)
	drift := []byte(`{"source": "tagalong", "detail-type": "Tagalong Drift Found", "detail": {"kind": "blocked", "healed": false, "environment": "prod"}}`)
	for _, test := range []struct {
		name          string
		event         []byte
		rollout, left bool
	}{
		{"a failure in prod", event, true, false},
		{"a completion in prod", edit(t, event, "detail.state", "completed"), true, false},
		{"a failure elsewhere", edit(t, event, "detail.environment", "staging"), false, false},
		{"drift that is left", drift, false, true},
		{"drift that is healed", edit(t, drift, "detail.healed", true), false, false},
		{"somebody else's", edit(t, event, "source", "other"), false, false},
	} {
		for i, want := range []bool{test.rollout, test.left} {
			if got, err := patterns[i].matches(test.event); err != nil || got != want {
				t.Errorf("%s: pattern %d selected %v, error %v", test.name, i, got, err)
			}
		}
	}
}
