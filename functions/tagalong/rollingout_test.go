package main

import (
	"slices"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
)

func TestTheTableSaysHowFarARolloutHasCome(t *testing.T) {
	percent, none, until := 12.5, 0.0, time.Date(2026, 3, 5, 9, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		deployment string
		rollout    query.UnderWay
		want       []string
	}{
		{"", query.UnderWay{}, []string{"-"}},
		{"ecs-svc/8264", query.UnderWay{State: ledger.ProgressRollingOut}, []string{"8264"}},
		{"ecs-svc/8264", query.UnderWay{State: ledger.ProgressRollingOut, Weight: &percent, Until: &until}, []string{"8264", "12.5 %"}},
		{"ecs-svc/8264", query.UnderWay{State: ledger.ProgressBaking, Until: &until}, []string{"8264", "baking until 2026-03-05T09:00:00Z"}},
		{"ecs-svc/8264", query.UnderWay{State: ledger.ProgressPaused, Weight: &none, Until: &until}, []string{"8264", "paused 0 % until 2026-03-05T09:00:00Z"}},
		{"ecs-svc/8264", query.UnderWay{State: ledger.ProgressPaused}, []string{"8264", "paused"}},
		{"ecs-svc/8264", query.UnderWay{State: ledger.ProgressOverdue, Until: &until}, []string{"8264", "overdue"}},
	} {
		if got := rollingOut(query.RunningRow{RollingOut: test.deployment, Rollout: test.rollout}); !slices.Equal(got, test.want) {
			t.Errorf("%+v: %q, want %q", test.rollout, got, test.want)
		}
	}
}
