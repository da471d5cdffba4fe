//go:build conformance

package events_test

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestEventRulerAgrees holds our matcher against event-ruler, by the verdicts
// that .ci/event-ruler has it write: on every pattern and every payload.
func TestEventRulerAgrees(t *testing.T) {
	verdicts := rulerVerdicts(t)
	for _, folder := range []string{"patterns", narrowedFolder} {
		for _, pattern := range jsonFiles(t, folder) {
			m := readPattern(t, folder, pattern)
			selected := 0
			for _, payload := range jsonFiles(t, "testdata") {
				ours, err := m.matches(readPayload(t, payload))
				if err != nil {
					t.Errorf("%s: %v", payload, err)
				}
				theirs, ok := verdicts[pattern+" "+payload]
				if want := fmt.Sprint(ours); !ok || theirs != want {
					t.Errorf("%s on %s: event-ruler says %q, we say %s", pattern, payload, theirs, want)
				}
				if ours {
					selected++
				}
				delete(verdicts, pattern+" "+payload)
			}
			t.Logf("%s: event-ruler agrees on %d payloads, of which it selects %d", pattern, len(jsonFiles(t, "testdata")), selected)
		}
	}
	for pair := range verdicts {
		t.Errorf("event-ruler was asked about %s, which is not here", pair)
	}
}

// rulerVerdicts returns true or false by pattern and payload.
func rulerVerdicts(t *testing.T) map[string]string {
	t.Helper()
	file, err := os.Open(os.Getenv("EVENT_RULER_VERDICTS"))
	if err != nil {
		t.Fatalf("run it by .ci/event-ruler: %v", err)
	}
	defer file.Close()
	verdicts := map[string]string{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) != 3 {
			t.Fatalf("line %q: want pattern, payload and verdict", lines.Text())
		}
		verdicts[words[0]+" "+words[1]] = words[2]
	}
	return verdicts
}
