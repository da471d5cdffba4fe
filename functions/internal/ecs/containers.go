package ecs

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// ContainerNames returns the names of a service's containers as its current task
// definition has them, in its order. tagalong.ErrNotFound says that there is no
// such service, or that it is deleted; ErrElsewhere that it is not covered.
func (w *Workload) ContainerNames(ctx context.Context, s tagalong.Service) ([]string, error) {
	client, err := w.clientOf(ctx, s)
	if err != nil {
		return nil, err
	}
	service, err := describe(ctx, client, s)
	if err != nil {
		return nil, err
	}
	if aws.ToString(service.Status) == "INACTIVE" {
		return nil, fmt.Errorf("service %s: deleted: %w", s, tagalong.ErrNotFound)
	}
	spec, err := w.Definition(ctx, s, "", current(service))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, c := range spec.Containers {
		names = append(names, c.Name)
	}
	return names, nil
}

// current returns the task definition that a service is to run: that of its primary
// deployment or, where another controller deploys it, of its primary task set.
func current(service types.Service) string {
	for _, d := range service.Deployments {
		if aws.ToString(d.Status) == primary {
			return aws.ToString(d.TaskDefinition)
		}
	}
	for _, set := range service.TaskSets {
		if aws.ToString(set.Status) == primary {
			return aws.ToString(set.TaskDefinition)
		}
	}
	return aws.ToString(service.TaskDefinition)
}
