// Package clients keeps the clients of an AWS service, one for each account and
// Region.
package clients

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Configs gives the configuration to ask an account in a Region with, or
// tagalong.ErrElsewhere if that account or Region is not covered.
type Configs = func(ctx context.Context, account, region string) (aws.Config, error)

// Clients are those of one service, C of its package. They are made when they are
// first needed, and safe for concurrent use.
type Clients[C any] struct {
	configs Configs
	open    func(aws.Config) *C

	mu   sync.Mutex
	made map[home]*C
}

// home is where a client asks.
type home struct{ account, region string }

// New takes the service's NewFromConfig; O is its Options.
func New[C, O any](configs Configs, newFromConfig func(aws.Config, ...func(*O)) *C) *Clients[C] {
	return &Clients[C]{
		configs: configs,
		open:    func(cfg aws.Config) *C { return newFromConfig(cfg) },
		made:    map[home]*C{},
	}
}

// Of returns the client of an account in a Region. Its error is that of the Configs.
func (c *Clients[C]) Of(ctx context.Context, account, region string) (*C, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := home{account, region}
	if client, ok := c.made[h]; ok {
		return client, nil
	}
	cfg, err := c.configs(ctx, account, region)
	if err != nil {
		return nil, err
	}
	client := c.open(cfg)
	c.made[h] = client
	return client, nil
}
