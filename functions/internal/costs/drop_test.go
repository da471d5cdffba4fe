package costs_test

import (
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// runsTheSidecar returns that a service runs the sidecar since a time, and claims its tag.
func runsTheSidecar(i int, since time.Time) ledger.Change {
	c := tagalong.Container{Name: "envoy", Image: sidecar, Digest: imageOf(sidecar, 1), Evidence: tagalong.Revision, ImageTag: "v1"}
	return ledger.Change{Service: serviceNamed(i), Items: ledger.Items{Placements: []ledger.Placement{{
		Phase: ledger.PhaseRunning, Service: serviceNamed(i), Environment: "prod", Deployment: "ecs-svc/1", Container: c, Since: since, Tags: []string{"prod"},
	}}}}
}

// A service that leaves a sidecar that all others keep reads none of their claims. Only
// whose claim the tag's wish is has to find who comes next.
func TestLeavingASharedSidecarCostsAConstant(t *testing.T) {
	for _, n := range many {
		f, told := newFleet(t), 0
		f.Reactor.Rules = tagalong.Rules{{Environment: "prod"}}
		observe := func() {
			for _, e := range f.inventory.Events(told) {
				told++
				if _, err := f.Observe(t.Context(), e.Service, e.Fact); err != nil {
					t.Fatal(err)
				}
			}
		}
		for i := range 2 { // the second makes the tag a shared one, and the wish stays the first one's
			f.now = f.now.Add(time.Hour)
			f.rollOut(serviceNamed(i), f.ran("app", repositoryNamed(i), 1), f.ran("envoy", sidecar, 1))
			observe()
		}
		f.grow(t, 2, n, func(i int) ledger.Change { return runsTheSidecar(i, f.now.Add(time.Duration(i)*time.Minute)) })
		f.now = f.now.Add(24 * time.Hour)
		f.rollOut(serviceNamed(1), f.ran("app", repositoryNamed(1), 2))
		f.meter.Take()
		observe()
		if used := f.meter.Take(); used.RCU > 9 {
			t.Errorf("among %d services: %+v, want at most 9 read capacity units", n, used)
		}
		tag := tagalong.TagID{Repository: sidecar, Tag: "prod"}
		if tags, err := f.ledger.Tags(t.Context(), []tagalong.TagID{tag}); err != nil || tags[tag].Wish.Digest != imageOf(sidecar, 1) {
			t.Errorf("among %d services: the sidecar's tag is wished for %q, %v", n, tags[tag].Wish.Digest, err)
		}
	}
}
