package ecs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Cluster implements tagalong.Workload: it looks through the clusters for a
// service of that name which has that very short ARN, since one with the long
// ARN is another service. What was found is kept; an ARN never changes.
func (w *Workload) Cluster(ctx context.Context, account, region, service string) (string, error) {
	h := home{account, region}
	client, err := w.client(ctx, h)
	if err != nil {
		return "", err
	}
	if err := checkName("service", service); err != nil {
		return "", err
	}
	arn := h.arn("service/" + service)
	if cluster, ok := w.clusters.get(arn); ok {
		return cluster, nil
	}
	active, deleted, err := search(ctx, client, h, service)
	if err != nil {
		return "", err
	}
	found := active
	if len(found) == 0 {
		found = deleted // ECS shows it for a while, and its last events may be late
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("service %s: in no cluster: %w", arn, tagalong.ErrNotFound)
	case 1:
		w.clusters.put(arn, found[0])
		return found[0], nil
	}
	return "", fmt.Errorf("service %s: in several clusters: %s", arn, strings.Join(found, ", "))
}

// search gives the clusters that have the service, and those that had it.
func search(ctx context.Context, client *ecs.Client, h home, service string) (active, deleted []string, err error) {
	pager := ecs.NewListClustersPaginator(client, &ecs.ListClustersInput{})
	for pager.HasMorePages() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, nil, translate("clusters of "+h.account+" in "+h.region, err)
		}
		for _, arn := range page.ClusterArns {
			name, ok := strings.CutPrefix(arn, h.arn("cluster/"))
			if !ok {
				continue
			}
			status, err := statusIn(ctx, client, tagalong.Service{Account: h.account, Region: h.region, Cluster: name, Name: service})
			switch {
			case err != nil:
				return nil, nil, err
			case status == "INACTIVE":
				deleted = append(deleted, name)
			case status != "":
				active = append(active, name)
			}
		}
	}
	return active, deleted, nil
}

// statusIn gives the status of a service with a short ARN, "" if its cluster has none.
func statusIn(ctx context.Context, client *ecs.Client, s tagalong.Service) (string, error) {
	found, err := describe(ctx, client, s)
	if errors.Is(err, tagalong.ErrNotFound) {
		return "", nil
	}
	if err != nil || aws.ToString(found.ServiceArn) != homeOf(s).arn("service/"+s.Name) {
		return "", err
	}
	return aws.ToString(found.Status), nil
}
