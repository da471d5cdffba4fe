// Package ecs is the core's Workload, DeploymentHistory and Inventory in Amazon ECS: it finds
// the images of a deployment by its service revision, its tasks or its task
// definition, reads what ECS remembers of a service's deployments, and looks
// through all that ECS runs.
package ecs

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/tagalong-aws/tagalong/functions/internal/clients"
	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Workload is all of ECS that the configurations reach. It is safe for
// concurrent use.
type Workload struct {
	clients   *clients.Clients[ecs.Client]
	revisions cache[tagalong.Spec] // by ARN; only those that never change any more
	clusters  cache[string]        // by short service ARN
}

var (
	_ tagalong.Workload          = (*Workload)(nil)
	_ pipeline.DeploymentHistory = (*Workload)(nil)
)

// New makes a Workload; clients are made when they are first needed.
func New(configs clients.Configs) *Workload {
	return &Workload{clients: clients.New(configs, ecs.NewFromConfig)}
}

func (w *Workload) client(ctx context.Context, h home) (*ecs.Client, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	return w.clients.Of(ctx, h.account, h.region)
}

// clientOf checks a service's names and returns the client that reaches it.
func (w *Workload) clientOf(ctx context.Context, s tagalong.Service) (*ecs.Client, error) {
	if err := checkService(s); err != nil {
		return nil, err
	}
	return w.client(ctx, homeOf(s))
}
