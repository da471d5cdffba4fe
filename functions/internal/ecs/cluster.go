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
// service of that name which has that very short ARN; an ARN never changes, so
// what was found is kept. Nowhere is it written that only such services are named
// by their short ARN in events: one with the long ARN is taken if the deployment
// is its own. A role may be for some of the clusters alone, so that a denial is
// one cluster's answer and not the search's.
func (w *Workload) Cluster(ctx context.Context, s tagalong.Service, deployment string) (string, error) {
	h := home{s.Account, s.Region}
	client, err := w.client(ctx, h)
	if err != nil {
		return "", err
	}
	if err := checkName("service", s.Name); err != nil {
		return "", err
	}
	arn := h.arn("service/" + s.Name)
	if cluster, ok := w.clusters.get(arn); ok {
		return cluster, nil
	}
	found, err := search(ctx, client, h, s.Name)
	if err != nil {
		return "", err
	}
	switch short := found.clusters(); len(short) {
	case 0:
		cluster, err := w.owner(ctx, s, deployment, found.long)
		if errors.Is(err, tagalong.ErrNotFound) && len(found.unseen) > 0 {
			err = tagalong.UnseenClusters{Service: s, Clusters: found.unseen}
		}
		return cluster, err
	case 1:
		w.clusters.put(arn, short[0])
		return short[0], nil
	default:
		return "", fmt.Errorf("service %s: in several clusters: %s", arn, strings.Join(short, ", "))
	}
}

// owner gives the one cluster of those where the service has a revision with the deployment's number.
func (w *Workload) owner(ctx context.Context, s tagalong.Service, deployment string, clusters []string) (string, error) {
	for _, cluster := range clusters {
		s.Cluster = cluster
		_, err := w.Revision(ctx, s, deployment)
		if err == nil {
			return cluster, nil
		}
		if !errors.Is(err, tagalong.ErrNotFound) {
			return "", err
		}
	}
	return "", fmt.Errorf("service %s: in no cluster: %w", home{s.Account, s.Region}.arn("service/"+s.Name), tagalong.ErrNotFound)
}

// found are the clusters that have a service of a name: with the short ARN, with
// the short ARN but deleted, and with the long one; and those that may not be
// looked into.
type found struct{ active, deleted, long, unseen []string }

// clusters gives those with the short ARN. ECS shows a deleted service for a
// while, and its last events may be late.
func (f found) clusters() []string {
	if len(f.active) > 0 {
		return f.active
	}
	return f.deleted
}

// search looks into every cluster.
func search(ctx context.Context, client *ecs.Client, h home, service string) (f found, err error) {
	pager := ecs.NewListClustersPaginator(client, &ecs.ListClustersInput{})
	for pager.HasMorePages() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return f, translate("clusters of "+h.account+" in "+h.region, err)
		}
		for _, arn := range page.ClusterArns {
			cluster, ok := strings.CutPrefix(arn, h.arn("cluster/"))
			if !ok {
				continue
			}
			if err := f.add(ctx, client, tagalong.Service{Account: h.account, Region: h.region, Cluster: cluster, Name: service}); err != nil {
				return f, err
			}
		}
	}
	return f, nil
}

func (f *found) add(ctx context.Context, client *ecs.Client, s tagalong.Service) error {
	service, err := describe(ctx, client, s)
	switch {
	case errors.Is(err, tagalong.ErrNotFound):
	case errors.Is(err, tagalong.ErrDenied):
		f.unseen = append(f.unseen, s.Cluster)
	case err != nil:
		return err
	case aws.ToString(service.ServiceArn) != homeOf(s).arn("service/"+s.Name):
		f.long = append(f.long, s.Cluster)
	case aws.ToString(service.Status) == "INACTIVE":
		f.deleted = append(f.deleted, s.Cluster)
	default:
		f.active = append(f.active, s.Cluster)
	}
	return nil
}
