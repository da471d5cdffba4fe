package ledger_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

var (
	progressAt = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	progressOf = tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod", Name: "api"}
)

func inHours(n int) time.Time { return progressAt.Add(time.Duration(n) * time.Hour) }

func TestAStageEndsAtTheEarliestThatItsLooksSay(t *testing.T) {
	bakes := tagalong.RolloutLook{Deployment: "ecs-svc/2", Stage: tagalong.StageBakeTime, Lasts: 23 * time.Hour, Updated: inHours(1)}
	later := bakes
	later.Updated = inHours(9)
	first := ledger.ProgressOf(progressOf, bakes, ledger.RolloutProgress{}, inHours(2))
	want := ledger.RolloutProgress{
		Service: progressOf, Deployment: "ecs-svc/2", State: ledger.ProgressBaking, Stage: tagalong.StageBakeTime, Until: inHours(24), SeenAt: inHours(2),
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("first (-want +got):\n%s", diff)
	}
	for what, test := range map[string]struct {
		before func(*ledger.RolloutProgress)
		until  time.Time
	}{
		"the same stage":       {func(*ledger.RolloutProgress) {}, inHours(24)},
		"another deployment's": {func(p *ledger.RolloutProgress) { p.Deployment = "ecs-svc/1" }, inHours(32)},
		"a stage before":       {func(p *ledger.RolloutProgress) { p.Stage = "PRODUCTION_TRAFFIC_SHIFT" }, inHours(32)},
		"a hook's":             {func(p *ledger.RolloutProgress) { p.State = ledger.ProgressPaused }, inHours(32)},
		"nothing known":        {func(p *ledger.RolloutProgress) { p.Until = time.Time{} }, inHours(32)},
	} {
		before := first
		test.before(&before)
		if got := ledger.ProgressOf(progressOf, later, before, inHours(10)).Until; !got.Equal(test.until) {
			t.Errorf("%s: until %v, want %v", what, got, test.until)
		}
	}
}

func TestWhatExplainsThatARolloutIsUnderWay(t *testing.T) {
	for what, test := range map[string]struct {
		look tagalong.RolloutLook
		want bool
	}{
		"nothing":                         {tagalong.RolloutLook{}, false},
		"a stage that may take any time":  {tagalong.RolloutLook{Stage: "SCALE_UP"}, false},
		"a hook without an end":           {tagalong.RolloutLook{Waits: true}, true},
		"a hook that may hold it still":   {tagalong.RolloutLook{Waits: true, WaitsUntil: inHours(11)}, true},
		"a hook whose time is over":       {tagalong.RolloutLook{Waits: true, WaitsUntil: inHours(8)}, false},
		"traffic that is still shifted":   {tagalong.RolloutLook{Stage: "PRODUCTION_TRAFFIC_SHIFT", Updated: inHours(0), Lasts: 10 * time.Hour}, true},
		"traffic that has been shifted":   {tagalong.RolloutLook{Stage: "PRODUCTION_TRAFFIC_SHIFT", Updated: inHours(0), Lasts: 8 * time.Hour}, false},
		"a bake time that ended just now": {tagalong.RolloutLook{Stage: tagalong.StageBakeTime, Updated: inHours(0), Lasts: 9*time.Hour + time.Minute}, true},
	} {
		if got := ledger.ProgressOf(progressOf, test.look, ledger.RolloutProgress{}, inHours(10)).Explains(inHours(10), time.Hour); got != test.want {
			t.Errorf("%s: explains it %t, want %t", what, got, test.want)
		}
	}
}

func TestProgressIsOfTheRolloutThatWasLookedAt(t *testing.T) {
	seen := ledger.RolloutProgress{Deployment: "ecs-svc/1", SeenAt: inHours(2)}
	for _, test := range []struct {
		deployment string
		since      time.Time
		want       bool
	}{
		{"ecs-svc/1", inHours(1), true},
		{"ecs-svc/1", time.Time{}, true},
		{"ecs-svc/1", inHours(2), false}, // it has come back since
		{"ecs-svc/2", inHours(1), false},
		{"", time.Time{}, false},
	} {
		if got := seen.IsOf(test.deployment, test.since); got != test.want {
			t.Errorf("%s beside what has run since %v: %t, want %t", test.deployment, test.since, got, test.want)
		}
	}
	if (ledger.RolloutProgress{}).IsOf("", time.Time{}) {
		t.Error("nothing is of nothing")
	}
}

func TestTwoLooksThatShowTheSameSayAsMuch(t *testing.T) {
	five, ten, again := 5.0, 10.0, 5.0
	p := func(weight *float64, hour int) ledger.RolloutProgress {
		return ledger.RolloutProgress{Deployment: "ecs-svc/1", Weight: weight, SeenAt: inHours(hour)}
	}
	for _, test := range []struct {
		a, b ledger.RolloutProgress
		want bool
	}{
		{p(nil, 1), p(nil, 2), true},
		{p(&five, 1), p(&again, 2), true},
		{p(&five, 1), p(&ten, 1), false},
		{p(&five, 1), p(nil, 1), false},
		{p(nil, 1), ledger.RolloutProgress{Deployment: "ecs-svc/2", SeenAt: inHours(1)}, false},
		{p(nil, 1), ledger.RolloutProgress{Deployment: "ecs-svc/1", Overdue: true, SeenAt: inHours(1)}, false},
	} {
		if got := test.a.SaysAsMuch(test.b); got != test.want {
			t.Errorf("%+v and %+v: %t, want %t", test.a, test.b, got, test.want)
		}
	}
}
