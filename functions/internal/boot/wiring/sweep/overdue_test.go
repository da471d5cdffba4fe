package sweep

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
)

// rollout says in a line how far the rollout beside what runs in prod has come, and whether
// it is drift; times are in hours from the first sweep.
func (w world) rollout(hours int) string {
	w.t.Helper()
	overdue := false
	for _, d := range w.sweepsTwice(hours).Drift {
		overdue = overdue || d.Kind == sweep.DriftOverdue
	}
	records := dynamo.New(dynamodb.NewFromConfig(w.Config()), "ledger")
	page, err := query.Queries{Records: records}.Running(w.t.Context(), query.RunningQuery{Environment: "prod"}, query.Paging{})
	if err != nil || len(page.Items) != 1 {
		w.t.Fatalf("rows %+v, error %v", page.Items, err)
	}
	u := page.Items[0].Rollout
	line := string(u.State)
	if u.Weight != nil {
		line += fmt.Sprintf(" %v %%", *u.Weight)
	}
	if u.Until != nil {
		line += fmt.Sprintf(" until %v", u.Until.Sub(sandboxtest.Epoch).Hours())
	}
	if overdue {
		line += ", drift"
	}
	return line
}

// A canary may take a day: what it does is said, and is drift only once it has lasted longer
// than its settings say. Whether ECS updates a deployment within a stage AWS's documents
// leave open.
func TestARolloutIsOverdueOnlyWhereNothingExplainsIt(t *testing.T) {
	for _, asAsked := range []bool{false, true} {
		t.Run(fmt.Sprintf("updatedAt is the time of the question: %t", asAsked), func(t *testing.T) {
			now := sandboxtest.Epoch
			w := startAt(t, nil, func() time.Time { return now })
			w.rollOut(wire.Scope{}, "prod", "shop", "build-1", 9)
			service := w.ECS.Cluster(wire.Scope{}, "prod").Service("shop")
			service.Update(func(o *ecs.ServiceOptions) {
				o.Strategy = "CANARY"
				o.Traffic = ecs.TrafficOptions{CanaryMinutes: 180, BakeMinutes: 120, UpdatedAsAsked: asAsked}
			})
			d, _ := w.begins(service, "build-2", 0)
			at := func(hours int) time.Time { return sandboxtest.Epoch.Add(time.Duration(hours) * time.Hour) }
			want := func(hours int, line string) {
				t.Helper()
				now = at(hours)
				if got := w.rollout(hours); got != line {
					t.Errorf("after %d hours: %s, want %s", hours, got, line)
				}
			}
			want(1, "rolling_out")
			want(2, "overdue, drift")
			reach := func(stage string, percent float64, hours int) {
				t.Helper()
				if err := d.Reach(stage, percent, at(hours)); err != nil {
					t.Fatal(err)
				}
			}
			reach("PRODUCTION_TRAFFIC_SHIFT", 35, 3)
			want(3, "rolling_out 35 % until 6")
			want(5, "rolling_out 35 % until 6")
			want(6, "rolling_out 35 % until 6")
			want(7, "overdue 35 % until 6, drift")
			if _, err := d.Pause("POST_PRODUCTION_TRAFFIC_SHIFT", at(8), at(30)); err != nil {
				t.Fatal(err)
			}
			want(8, "paused 35 % until 30")
			want(29, "paused 35 % until 30")
			if _, err := d.Continue(at(29)); err != nil {
				t.Fatal(err)
			}
			reach("BAKE_TIME", 100, 30)
			want(30, "baking 100 % until 32")
			want(31, "baking 100 % until 32")
			if _, err := d.Complete(at(32)); err != nil {
				t.Fatal(err)
			}
			want(32, "")
		})
	}
}
