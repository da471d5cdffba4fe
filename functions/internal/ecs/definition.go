package ecs

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Definition implements tagalong.Workload with
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTaskDefinition.html.
func (w *Workload) Definition(ctx context.Context, s tagalong.Service, deployment, taskDefinition string) (tagalong.Spec, error) {
	client, err := w.clientOf(ctx, s)
	if err != nil {
		return tagalong.Spec{}, err
	}
	if taskDefinition == "" {
		if taskDefinition, err = deployed(ctx, client, s, deployment); err != nil {
			return tagalong.Spec{}, err
		}
	}
	what := fmt.Sprintf("task definition %q", taskDefinition)
	if !homeOf(s).isDefinition(taskDefinition) {
		return tagalong.Spec{}, fmt.Errorf("%s: want an ARN with a revision, of account %s in %s: %w", what, s.Account, s.Region, tagalong.ErrNotFound)
	}
	out, err := client.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &taskDefinition})
	if err != nil {
		// A ClientException is what this operation says of one that is not there.
		return tagalong.Spec{}, translate(what, err, "ClientException", "InvalidParameterException")
	}
	if out.TaskDefinition == nil {
		return tagalong.Spec{}, missing(what, nil)
	}
	spec := tagalong.Spec{TaskDefinition: taskDefinition}
	for _, c := range out.TaskDefinition.ContainerDefinitions {
		spec.Containers = append(spec.Containers, tagalong.Ran{Name: aws.ToString(c.Name), Image: aws.ToString(c.Image)})
	}
	return spec, nil
}

// deployed looks a deployment up in its service and returns its task definition.
// Services that CodeDeploy or another controller deploys have task sets instead.
func deployed(ctx context.Context, client *ecs.Client, s tagalong.Service, deployment string) (string, error) {
	service, err := describe(ctx, client, s)
	if err != nil {
		return "", err
	}
	for _, d := range service.Deployments {
		if aws.ToString(d.Id) == deployment {
			return aws.ToString(d.TaskDefinition), nil
		}
	}
	for _, set := range service.TaskSets {
		if aws.ToString(set.Id) == deployment {
			return aws.ToString(set.TaskDefinition), nil
		}
	}
	return "", fmt.Errorf("deployment %q in service %s: %w", deployment, s, tagalong.ErrNotFound)
}

// describe reads a service,
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html.
func describe(ctx context.Context, client *ecs.Client, s tagalong.Service) (types.Service, error) {
	what := "service " + s.String()
	out, err := client.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &s.Cluster, Services: []string{s.Name}})
	if err != nil {
		return types.Service{}, translate(what, err)
	}
	if len(out.Services) == 0 {
		return types.Service{}, missing(what, out.Failures)
	}
	return out.Services[0], nil
}

// ignoreAbsence makes nothing of an error that says there is nothing.
func ignoreAbsence(err error) error {
	if errors.Is(err, tagalong.ErrNotFound) {
		return nil
	}
	return err
}
