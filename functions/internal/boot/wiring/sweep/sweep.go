// Package sweep puts the sweep together: the reactor, whose calls keep to limits,
// and all of ECS in the accounts and Regions that are covered.
package sweep

import (
	"context"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring"
	"github.com/tagalong-aws/tagalong/functions/internal/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/inspector"
	"github.com/tagalong-aws/tagalong/functions/internal/lambda"
	"github.com/tagalong-aws/tagalong/functions/internal/ratelimit"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
)

// Sweeper makes the sweeper that a configuration describes, for one sweep: what
// it keeps of ECS is of now. It looks through our own account and Region, and
// those of TAGALONG_ACCOUNTS, where our own account may have other Regions; its
// calls keep the ratelimit.
func Sweeper(ctx context.Context, config boot.Config, cfg aws.Config, log *slog.Logger, limits *ratelimit.Limits) (*sweep.Sweeper, error) {
	parts, err := wiring.Assemble(ctx, config, cfg, log)
	if err != nil {
		return nil, err
	}
	scopes, err := parts.Reach.Scopes(ctx)
	if err != nil {
		return nil, err
	}
	inventory := ecs.NewInventory(limits.Of(parts.Reach.Workload))
	reactor := parts.Reactor
	reactor.Workload = inventory
	registry := ecr.New(limits.Of(parts.Reach.Registry))
	reactor.Registry = registry
	sweeper := &sweep.Sweeper{
		Reactor:      reactor,
		Inventory:    inventory,
		Records:      parts.Ledger,
		Lifecycles:   registry,
		Findings:     parts.Ledger,
		Scopes:       scopes,
		PendingAfter: config.PendingAfter,
	}
	if config.Untag {
		sweeper.Untagger = registry
	}
	if config.LifecycleCheck {
		sweeper.Previewer = registry
	}
	if config.Functions {
		sweeper.Functions = lambda.New(limits.Of(parts.Reach.Workload))
	}
	switch config.Findings {
	case boot.FindingsInspector:
		sweeper.Scanner = inspector.New(limits.Of(parts.Reach.Registry))
	case boot.FindingsECR:
		sweeper.Scanner = ecr.NewScanner(registry)
	}
	return sweeper, nil
}
