// Package ecs is the core's Workload, Chronicler and Estate in Amazon ECS: it finds
// the images of a deployment by its service revision, its tasks or its task
// definition, reads what ECS remembers of a service's deployments, and looks
// through all that ECS runs.
package ecs

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Configs gives the configuration to ask an account's ECS in a Region with, or
// tagalong.ErrElsewhere if that account or Region is not covered.
type Configs func(ctx context.Context, account, region string) (aws.Config, error)

// Workload is all of ECS that the configurations reach. It is safe for
// concurrent use.
type Workload struct {
	configs Configs

	mu        sync.Mutex
	clients   map[home]*ecs.Client
	revisions cache[tagalong.Spec] // by ARN; only those that never change any more
	clusters  cache[string]        // by short service ARN
}

var (
	_ tagalong.Workload   = (*Workload)(nil)
	_ tagalong.Chronicler = (*Workload)(nil)
)

// New makes a Workload; clients are made when they are first needed.
func New(configs Configs) *Workload {
	return &Workload{configs: configs, clients: map[home]*ecs.Client{}}
}

func (w *Workload) client(ctx context.Context, h home) (*ecs.Client, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if client, ok := w.clients[h]; ok {
		return client, nil
	}
	cfg, err := w.configs(ctx, h.account, h.region)
	if err != nil {
		return nil, err
	}
	client := ecs.NewFromConfig(cfg)
	w.clients[h] = client
	return client, nil
}

// clientOf checks a service's names and gives the client that reaches it.
func (w *Workload) clientOf(ctx context.Context, s tagalong.Service) (*ecs.Client, error) {
	if err := checkService(s); err != nil {
		return nil, err
	}
	return w.client(ctx, homeOf(s))
}
