// Package wiring puts the reactor together, for the functions and for the CLI:
// ECS, ECR, the ledger and, where one is set, the event bus behind the core's
// interfaces.
package wiring

import (
	"context"
	"errors"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/accounts"
	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/eventbridge"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
)

// Reactor makes the reactor that a configuration describes. Rules and accounts
// that lie in the table are read from there.
func Reactor(ctx context.Context, config boot.Config, cfg aws.Config, log *slog.Logger) (*reactor.Reactor, error) {
	parts, err := Assemble(ctx, config, cfg, log)
	return parts.Reactor, err
}

// Parts are a reactor, its ledger, what it asks ECS with, and how accounts are reached.
type Parts struct {
	Reactor *reactor.Reactor
	Ledger  *dynamo.Ledger
	ECS     *ecs.Workload
	Reach   *accounts.Accounts
}

// Assemble makes a reactor as Reactor does, for what stands beside it.
func Assemble(ctx context.Context, config boot.Config, cfg aws.Config, log *slog.Logger) (Parts, error) {
	ledger := dynamo.New(dynamodb.NewFromConfig(cfg), config.Table)
	rules, problem := config.Environments.Resolve(ctx, ledger.Setting)
	listed, another := config.Accounts.Resolve(ctx, ledger.Setting)
	if err := errors.Join(problem, another); err != nil {
		return Parts{}, err
	}
	reach := accounts.New(cfg, accounts.OwnAccount(cfg), listed)
	workload := ecs.New(reach.Workload)
	reactor := &reactor.Reactor{
		Rules:     rules,
		Ledger:    ledger,
		Workload:  workload,
		Registry:  ecr.New(reach.Registry),
		Coverage:  reach.Coverage,
		Retention: config.Retention,
		Untag:     config.Untag,
		Log:       log,

		ContainerEvents: config.ContainerEvents,
	}
	if config.EventBus != "" {
		reactor.Announcer = eventbridge.New(cfg, config.EventBus)
	}
	return Parts{Reactor: reactor, Ledger: ledger, ECS: workload, Reach: reach}, nil
}
