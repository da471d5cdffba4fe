// Package ecr is the core's Registry in Amazon ECR: where tags sit is read with
// BatchGetImage, and a tag is put with PutImage,
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-retag.html.
package ecr

import (
	"context"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Configs gives the configuration to ask a registry with: that of its account
// in its Region.
type Configs func(ctx context.Context, account, region string) (aws.Config, error)

// Registry is all of ECR that the configurations reach. It is safe for
// concurrent use.
type Registry struct {
	configs Configs

	mu      sync.Mutex
	clients map[home]*ecr.Client
}

// home is where a registry lives.
type home struct{ account, region string }

var _ tagalong.Registry = (*Registry)(nil)

// New makes a Registry; clients are made when they are first needed.
func New(configs Configs) *Registry {
	return &Registry{configs: configs, clients: map[home]*ecr.Client{}}
}

// target is a repository and the client that reaches it.
type target struct {
	*ecr.Client
	registryID *string
	name       *string
	repository tagalong.Repository
}

func (r *Registry) target(ctx context.Context, repository tagalong.Repository) (target, error) {
	account, region, ok := repository.ECR()
	if !ok {
		return target{}, fmt.Errorf("registry %q: want a private ECR registry, ACCOUNT.dkr.ecr.REGION.amazonaws.com", repository.Registry)
	}
	if !legalName.MatchString(repository.Name) {
		return target{}, fmt.Errorf("repository name %q: want 2 to 256 characters as ECR allows them", repository.Name)
	}
	client, err := r.client(ctx, home{account, region})
	if err != nil {
		return target{}, fmt.Errorf("registry %s: %w", repository.Registry, err)
	}
	return target{client, &account, &repository.Name, repository}, nil
}

func (r *Registry) client(ctx context.Context, h home) (*ecr.Client, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if client, ok := r.clients[h]; ok {
		return client, nil
	}
	cfg, err := r.configs(ctx, h.account, h.region)
	if err != nil {
		return nil, err
	}
	client := ecr.NewFromConfig(cfg)
	r.clients[h] = client
	return client, nil
}
