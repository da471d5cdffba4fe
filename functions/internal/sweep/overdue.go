package sweep

import (
	"context"
	"fmt"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// lookAtOverdue asks ECS why rollouts take longer than they should: traffic that is
// shifted step by step, bake time and hooks may hold one for days. What it shows is kept
// for those who ask, and only what explains nothing is drift.
func (p *comparison) lookAtOverdue(ctx context.Context, scope tagalong.Scope, services []*observedService) {
	var late []*observedService
	var names []tagalong.Service
	for _, t := range services {
		if p.isOverdue(t) {
			late, names = append(late, t), append(names, t.Service)
		}
	}
	if len(late) == 0 {
		return
	}
	seen := p.now().UTC().Truncate(time.Millisecond)
	looks, err := p.Inventory.Looks(ctx, scope, names)
	if err != nil { // then nothing explains them
		p.fail(fmt.Errorf("rollouts under way in %s: %w", scope, err))
	}
	before, err := p.Reactor.Ledger.Progress(ctx, names)
	if err != nil {
		p.fail(fmt.Errorf("progress of rollouts in %s: %w", scope, err))
	}
	p.each(ctx, late, func(t *observedService) error {
		return p.keepProgress(ctx, t, looks[t.Service], before[t.Service], seen)
	})
}

func (p *comparison) isOverdue(t *observedService) bool {
	next, rolling := t.timeline.RollingOut()
	return rolling && p.PendingAfter > 0 && p.now().Sub(next.StartedAt) > p.PendingAfter
}

// keepProgress keeps how far a rollout has come, whether ECS shows anything of it or not, if
// that is not known yet; and reports one that nothing explains.
func (p *comparison) keepProgress(ctx context.Context, t *observedService, look tagalong.RolloutLook, was ledger.RolloutProgress, seen time.Time) error {
	next, _ := t.timeline.RollingOut()
	if look.Deployment != next.Deployment {
		look = tagalong.RolloutLook{Deployment: next.Deployment}
	}
	if !was.IsOf(next.Deployment, next.StartedAt) {
		was = ledger.RolloutProgress{}
	}
	is := ledger.ProgressOf(t.Service, look, was, seen)
	if is.Overdue = !is.Explains(seen, p.PendingAfter); is.Overdue {
		p.find(driftOf(DriftOverdue, t.policy.Environment, t.Service, fmt.Sprintf("%s has been rolling out since %s", next.Deployment, tagalong.FormatTime(next.StartedAt))))
	}
	if is.SaysAsMuch(was) {
		return nil
	}
	return p.Reactor.Ledger.SetProgress(ctx, is)
}
