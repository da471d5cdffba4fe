package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// besideCalls are the calls of a sweep at which something happens: ECS has shown a service as
// it was, or what it remembers of it, or the ledger is about to be written.
var besideCalls = []string{"Describe", "Chronicle", "Commit"}

// beside is what happens in the midst of a sweep.
type beside struct {
	call string // "" if nothing is to happen
	do   func(ctx context.Context) error
	err  error
}

// comes lets it happen, if this is the call, and once.
func (b *beside) comes(ctx context.Context, call string) {
	if b.call != call {
		return
	}
	b.call = ""
	b.err = b.do(ctx)
}

// endBeside ends a rollout in the midst of a sweep of its service. ECS shows that, and
// tells it, later than its own clock has it, by ten minutes at most. No rollout takes less than
// a second: the clocks of events and records, which differ by less, would turn its ends around.
func (y *year) endBeside(t *observedService, id string, started time.Time) func(context.Context) error {
	return func(ctx context.Context) error {
		y.beside = beside{call: besideCalls[y.dice.IntN(len(besideCalls))], do: func(ctx context.Context) error {
			y.result.beside++
			y.lag = y.between(0, min(10*time.Minute, y.now.Sub(started)-time.Second))
			y.end(t, id)
			y.lag = 0
			return y.hear(ctx)
		}}
		services, err := tagalong.ParseServicePattern(t.service.Cluster + "/" + t.service.Name)
		if err != nil {
			return err
		}
		_, err = y.sweeper.Sweep(ctx, sweep.Options{Cluster: t.service.Cluster, Services: services, Whole: y.chance(2)})
		if err := errors.Join(err, y.beside.err); err != nil {
			return fmt.Errorf("sweep of %s: %w", t.service, err)
		}
		if y.beside.call != "" { // the sweep had nothing to do that comes so far
			y.beside.comes(ctx, y.beside.call)
		}
		return y.beside.err
	}
}

// hear lets the handlers hear at once of what has just happened.
func (y *year) hear(ctx context.Context) error {
	reported := y.inventory.Events(y.heard)
	y.heard += len(reported)
	for _, event := range reported {
		y.result.events++
		if _, err := y.sweeper.Reactor.Handle(ctx, event.JSON(fmt.Sprintf("%08d-0000-4000-8000-000000000000", y.heard))); err != nil {
			return fmt.Errorf("%s of %s: %w", event.Name, event.Service, err)
		}
	}
	return nil
}

// watched is an inventory in which something may happen once it has been looked at.
type watched struct {
	*tagalongtest.Inventory
	year *year
}

// Describe implements sweep.Inventory.
func (w watched) Describe(ctx context.Context, of tagalong.Scope, cluster string, names []string) ([]sweep.ServiceState, error) {
	states, err := w.Inventory.Describe(ctx, of, cluster, names)
	w.year.beside.comes(ctx, "Describe")
	return states, err
}

// DeploymentHistory implements sweep.Inventory.
func (w watched) DeploymentHistory(ctx context.Context, of tagalong.Scope, services []tagalong.Service) (map[tagalong.Service][]pipeline.ServiceDeployment, error) {
	records, err := w.Inventory.DeploymentHistory(ctx, of, services)
	w.year.beside.comes(ctx, "Chronicle")
	return records, err
}
