package costs_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/decide"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// rolloutFacts are the start and the completion of one of many rollouts.
func rolloutFacts(i int) []tagalong.Fact {
	id, at := fmt.Sprintf("ecs-svc/%d", i), noon.Add(time.Duration(i)*time.Minute)
	return []tagalong.Fact{
		{Deployment: id, Name: tagalong.InProgress, Time: at, Source: tagalong.FromEvent},
		{Deployment: id, Name: tagalong.Completed, Time: at.Add(time.Second), Source: tagalong.FromEvent},
	}
}

// A deployment that nobody knows, and of which all that was cut off cannot be, is one whose
// start was lost: however long the history is, it is not read.
func TestACompletionWhoseStartWasLostReadsNoHistory(t *testing.T) {
	for _, n := range []int{10, 100, 1000} {
		store, wholes := &tagalongtest.Ledger{}, 0
		store.Hook = func(_ context.Context, operation string) error {
			if operation == "LoadWhole" {
				wholes++
			}
			return nil
		}
		workload, now := &tagalongtest.Workload{}, noon
		r := &reactor.Reactor{
			Ledger: store, Workload: workload, Registry: &tagalongtest.Registry{},
			Coverage: tagalongtest.Covering(account), Now: func() time.Time { return now },
		}
		observe := func(f tagalong.Fact) {
			t.Helper()
			workload.Deploy(serviceNamed(0), f.Deployment, tagalongtest.Deployment{TaskDefinition: "td"})
			now = f.Time.Add(time.Second)
			if _, err := r.Observe(t.Context(), serviceNamed(0), f); err != nil {
				t.Fatal(err)
			}
		}
		for i := range n {
			for _, f := range rolloutFacts(i) {
				observe(f)
			}
		}
		observe(rolloutFacts(n)[1])
		if wholes > 0 {
			t.Errorf("after %d rollouts the whole history was read %d times", n, wholes)
		}
		snap, err := store.Load(t.Context(), serviceNamed(0))
		if err != nil || snap.Head.Running != rolloutFacts(n)[1].Deployment {
			t.Errorf("after %d rollouts %q runs, %v", n, snap.Head.Running, err)
		}
	}
}

// What deciding on one late fact takes must grow with the rollouts, not with their square:
// go test -bench LateFact ./functions/internal/costs
func BenchmarkDecidingOnALateFact(b *testing.B) {
	for _, n := range []int{1000, 10_000, 50_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			know := decide.LedgerView{Snapshot: ledger.Snapshot{Whole: true, Head: ledger.Head{Version: "1"}}, Rows: map[timeline.RolloutKey]ledger.Details{}}
			for i := range n {
				if i != n/2 {
					facts := rolloutFacts(i)
					know.Facts = append(know.Facts, facts...)
					know.Rows[timeline.RolloutKey{Sort: facts[0].Time, Deployment: facts[0].Deployment}] = ledger.Details{Environment: "prod"}
				}
			}
			late := decide.Observation{Service: serviceNamed(0), Policy: tagalong.Policy{Environment: "prod"}, Fact: rolloutFacts(n / 2)[1], Now: noon}
			for b.Loop() {
				if _, changed, missing, err := decide.Decide(know, late, decide.Keeping{}, ledger.NewVersion); err != nil || !changed || !missing.None() {
					b.Fatalf("changed %t, missing %+v, %v", changed, missing, err)
				}
			}
		})
	}
}
