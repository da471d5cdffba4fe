package tagalongtest

import (
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

func (l suiteLedger) wantProgress(what string, want ...ledger.RolloutProgress) {
	l.t.Helper()
	kept, services := map[tagalong.Service]ledger.RolloutProgress{}, []tagalong.Service{suiteService("nobody")}
	for _, p := range want {
		kept[p.Service], services = p, append(services, p.Service)
	}
	seen, err := l.Progress(l.t.Context(), services)
	l.must(err)
	same(l.t, what, kept, seen)
}

// progressIsTheLatest also writes what is not there in most looks: no weight is not 0 %.
func progressIsTheLatest(t *testing.T, l suiteLedger) {
	weight := 0.0
	first := ledger.RolloutProgress{Service: suiteService("api"), Deployment: "ecs-svc/1", State: ledger.ProgressRollingOut, SeenAt: second(20)}
	other := first
	other.Service, other.Weight, other.Stage = suiteService("web"), &weight, "PRODUCTION_TRAFFIC_SHIFT"
	next := ledger.RolloutProgress{
		Service: first.Service, Deployment: "ecs-svc/2", State: ledger.ProgressPaused, Overdue: true, Stage: "POST_SCALE_UP",
		Until: second(1000), SeenAt: second(30),
	}
	l.wantProgress("at first")
	l.must(l.SetProgress(t.Context(), first))
	l.must(l.SetProgress(t.Context(), other))
	l.wantProgress("seen", first, other)
	l.must(l.SetProgress(t.Context(), next))
	l.wantProgress("seen again", next, other)
	first.SeenAt = second(25)
	l.must(l.SetProgress(t.Context(), first))
	l.wantProgress("seen before, and told late", next, other)
	l.must(l.SetProgress(t.Context(), next))
	l.wantProgress("told again", next, other)
}
