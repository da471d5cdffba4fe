package query

import (
	"strings"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Where it is not known of one service since when the ledger knows it, nothing is said of
// all of them.
func TestSinceWhenAllServicesAreKnown(t *testing.T) {
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	seen := func(name string, since time.Time) ledger.SeenService {
		return ledger.SeenService{Service: tagalong.Service{Name: name}, CompleteSince: since}
	}
	for want, services := range map[string][]ledger.SeenService{
		"; the ledger knows them since 2026-03-04T12:00:00Z": {seen("api", noon), seen("web", noon)},
		"; the ledger knows the first of them since 2026-03-04T12:00:00Z and all of them since 2026-03-04T13:00:00Z": {
			seen("api", noon), seen("web", noon.Add(time.Hour)),
		},
		"; the ledger knows the first of them since 2026-03-04T12:00:00Z, and of 1 it does not know since when": {
			seen("api", noon), seen("web", noon.Add(time.Hour)), seen("older", time.Time{}),
		},
		"": {seen("older", time.Time{})},
	} {
		if got := (directory{services: services}).since(); got != want {
			t.Errorf("%d services: %q, want %q", len(services), strings.TrimSpace(got), want)
		}
	}
}
