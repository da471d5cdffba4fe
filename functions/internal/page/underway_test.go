package page

import (
	"strings"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// TestARolloutThatTakesLongSaysWhy is one beside what runs: what explains it is no drift.
func TestARolloutThatTakesLongSaysWhy(t *testing.T) {
	w := newWorld()
	w.rollOut(t, prodAPI, 1, -300, tagalong.Completed)
	w.rollOut(t, prodAPI, 4, -120, "")
	percent := 35.0
	seen := ledger.RolloutProgress{Service: prodAPI, Deployment: "ecs-svc/4", SeenAt: noon.Add(50 * time.Minute), Weight: &percent}
	for _, test := range []struct {
		state   ledger.ProgressState
		overdue bool
		until   time.Time
		want    string
		drift   bool
	}{
		{ledger.ProgressRollingOut, false, noon.Add(2 * time.Hour), "◐ rolling out 35 % v4", false},
		{ledger.ProgressBaking, false, noon.Add(2 * time.Hour), "◑ baking 35 % until 2026-03-04 14:00 UTC v4", false},
		{ledger.ProgressPaused, false, noon.Add(3 * time.Hour), "‖ paused 35 % until 2026-03-04 15:00 UTC v4", false},
		{ledger.ProgressRollingOut, true, time.Time{}, "◷ overdue 35 % v4", true},
	} {
		seen.State, seen.Overdue, seen.Until, seen.SeenAt = test.state, test.overdue, test.until, seen.SeenAt.Add(time.Second)
		if err := w.ledger.SetProgress(t.Context(), seen); err != nil {
			t.Fatal(err)
		}
		if text := textOf(w.page(t, "/?env=prod")); !strings.Contains(text, test.want) {
			t.Errorf("want %s: %s", test.want, text)
		}
		if text := textOf(w.page(t, "/drift")); strings.Contains(text, "Rollouts that do not end None.") == test.drift {
			t.Errorf("%s is drift, want %t: %s", test.want, test.drift, text)
		}
	}
}
