package ecs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Cluster implements tagalong.Workload: it looks through the clusters for a
// service of that name which has that very short ARN; an ARN never changes, so
// what was found is kept. Several clusters may have one; and nowhere is it written
// that only such services are named by their short ARN in events: then that one is
// taken whose own the deployment is. A role may be for some of the clusters alone, so
// that a denial is one cluster's answer and not the search's.
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
	f := found{deployment: deployment}
	if err := f.search(ctx, client, h, s.Name); err != nil {
		return "", err
	}
	if short := f.short(); len(short) == 1 {
		w.clusters.put(arn, short[0])
		return short[0], nil
	}
	return w.owner(ctx, s, f)
}

// owner returns the one cluster of those found whose service the deployment is of: it is
// shown there, or has a revision with its number. Those of a deleted service have gone
// with it.
func (w *Workload) owner(ctx context.Context, s tagalong.Service, f found) (string, error) {
	if f.owner != "" {
		return f.owner, nil
	}
	candidates := f.long
	if len(f.short()) > 0 {
		candidates = f.active
	}
	for _, cluster := range candidates {
		s.Cluster = cluster
		_, err := w.Revision(ctx, s, f.deployment)
		if err == nil {
			return cluster, nil
		}
		if !errors.Is(err, tagalong.ErrNotFound) {
			return "", err
		}
	}
	s.Cluster = ""
	switch {
	case len(f.deleted) == 1:
		return f.deleted[0], nil
	case len(f.unseen) > 0:
		return "", tagalong.UnseenClusters{Service: s, Clusters: f.unseen}
	}
	return "", fmt.Errorf("service %s with deployment %s: in no cluster: %w", homeOf(s).arn("service/"+s.Name), f.deployment, tagalong.ErrNotFound)
}

// found are the clusters that have a service of a name: with the short ARN, with
// the short ARN but deleted, since ECS shows that for a while, and its last events may
// be late, and with the long one; and those that may not be looked into.
type found struct {
	active, deleted, long, unseen []string
	deployment                    string
	owner                         string // the cluster whose service shows the deployment, "" if none does
}

func (f found) short() []string { return slices.Concat(f.active, f.deleted) }

// search looks into every cluster.
func (f *found) search(ctx context.Context, client *ecs.Client, h home, service string) error {
	pager := ecs.NewListClustersPaginator(client, &ecs.ListClustersInput{})
	for pager.HasMorePages() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return translate("clusters of "+h.account+" in "+h.region, err)
		}
		for _, arn := range page.ClusterArns {
			cluster, ok := strings.CutPrefix(arn, h.arn("cluster/"))
			if !ok {
				continue
			}
			if err := f.add(ctx, client, tagalong.Service{Account: h.account, Region: h.region, Cluster: cluster, Name: service}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *found) add(ctx context.Context, client *ecs.Client, s tagalong.Service) error {
	service, err := describe(ctx, client, s)
	if _, shown := definitionsOf(service)[f.deployment]; shown {
		f.owner = s.Cluster
	}
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
