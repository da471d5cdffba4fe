// Package ecr is the core's Registry in Amazon ECR: where tags sit is read with
// BatchGetImage, and a tag is put with PutImage,
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-retag.html.
package ecr

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"github.com/tagalong-aws/tagalong/functions/internal/clients"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Registry is all of ECR that the configurations reach. It is safe for
// concurrent use.
type Registry struct {
	clients *clients.Clients[ecr.Client]
}

var _ tagalong.Registry = (*Registry)(nil)

// New makes a Registry; clients are made when they are first needed.
func New(configs clients.Configs) *Registry {
	return &Registry{clients.New(configs, ecr.NewFromConfig)}
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
	if !tagalong.ValidECRName(repository.Name) {
		return target{}, fmt.Errorf("repository name %q: want 2 to 256 characters as ECR allows them", repository.Name)
	}
	client, err := r.clients.Of(ctx, account, region)
	if err != nil {
		return target{}, fmt.Errorf("registry %s: %w", repository.Registry, err)
	}
	return target{client, &account, &repository.Name, repository}, nil
}
