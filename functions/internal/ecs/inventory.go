package ecs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/tagalong-aws/tagalong/functions/internal/clients"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const (
	maxListed   = 100 // of one page of ListClusters and ListServices
	maxServices = 10  // of one DescribeServices
	atATime     = 8   // calls under way: more than AWS's rates let through
)

// Inventory is a Workload that a sweep looks through as a whole. What it prepares it
// keeps until it prepares something else. It is safe for concurrent use, but one
// sweep at a time.
type Inventory struct {
	*Workload
	revisions   kept[tagalong.Spec]      // by ARN, of what is prepared
	tasks       kept[[]tagalong.TaskRun] // by the revision's ARN, of what is prepared
	definitions kept[tagalong.Spec]      // by ARN: they never change

	mu sync.Mutex
	// shown are the task definitions of the deployments and task sets of the services
	// that were described last.
	shown map[tagalong.Service]map[string]string
	// underWay are the ARNs of their service deployments that have not ended.
	underWay map[tagalong.Service]string
}

var (
	_ sweep.Inventory   = (*Inventory)(nil)
	_ tagalong.Workload = (*Inventory)(nil)
)

// NewInventory makes an Inventory; its clients should keep to rate limits.
func NewInventory(configs clients.Configs) *Inventory { return &Inventory{Workload: New(configs)} }

func homeOfScope(s tagalong.Scope) home { return home{s.Account, s.Region} }

// Clusters implements sweep.Inventory with
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListClusters.html.
func (e *Inventory) Clusters(ctx context.Context, s tagalong.Scope) (names []string, err error) {
	h := homeOfScope(s)
	client, err := e.client(ctx, h)
	if err != nil {
		return nil, err
	}
	pager := ecs.NewListClustersPaginator(client, &ecs.ListClustersInput{MaxResults: aws.Int32(maxListed)})
	for pager.HasMorePages() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, translate("clusters of "+s.String(), err)
		}
		for _, arn := range page.ClusterArns {
			if name, ok := strings.CutPrefix(arn, h.arn("cluster/")); ok {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

// ServiceNames implements sweep.Inventory with
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServices.html.
// The ARN of a service, short or long, ends in its name.
func (e *Inventory) ServiceNames(ctx context.Context, s tagalong.Scope, cluster string) (names []string, err error) {
	client, err := e.client(ctx, homeOfScope(s))
	if err != nil {
		return nil, err
	}
	pager := ecs.NewListServicesPaginator(client, &ecs.ListServicesInput{Cluster: &cluster, MaxResults: aws.Int32(maxListed)})
	for pager.HasMorePages() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, translate("services of "+s.String()+"/"+cluster, err)
		}
		for _, arn := range page.ServiceArns {
			names = append(names, tagalong.NameOf(arn))
		}
	}
	slices.Sort(names)
	return names, nil
}

// DeploymentHistory implements sweep.Inventory: a list for each service, and what the lists of
// all of them leave open in twenties.
func (e *Inventory) DeploymentHistory(ctx context.Context, scope tagalong.Scope, services []tagalong.Service) (map[tagalong.Service][]pipeline.ServiceDeployment, error) {
	client, err := e.client(ctx, homeOfScope(scope))
	if err != nil {
		return nil, err
	}
	briefs := make([][]types.ServiceDeploymentBrief, len(services))
	if err := sideBySide(ctx, len(services), func(ctx context.Context, i int) (err error) {
		briefs[i], err = e.recordsOf(ctx, client, services[i])
		return err
	}); err != nil {
		return nil, err
	}
	found, complete, err := describeRecords(ctx, client, unclear(slices.Concat(briefs...)))
	if err != nil {
		return nil, translate("service deployments of "+scope.String(), err)
	}
	all := map[tagalong.Service][]pipeline.ServiceDeployment{}
	for i, s := range services {
		if len(briefs[i]) > 0 && (complete || len(unclear(briefs[i])) == 0) {
			all[s] = found.records(s, briefs[i])
		}
	}
	return all, nil
}

// recordsOf lists the records of a service: none, if ECS keeps none or may not tell.
func (e *Inventory) recordsOf(ctx context.Context, client *ecs.Client, s tagalong.Service) ([]types.ServiceDeploymentBrief, error) {
	if err := checkService(s); err != nil {
		return nil, err
	}
	briefs, err := listRecords(ctx, client, s, time.Time{})
	if err == nil {
		return briefs, nil
	}
	if _, none := errors.AsType[*types.UnsupportedFeatureException](err); none {
		return nil, nil
	}
	err = translate("service deployments of "+s.String(), err)
	if errors.Is(err, tagalong.ErrNotFound) || errors.Is(err, tagalong.ErrDenied) {
		return nil, nil
	}
	return nil, err
}

// describeRecords reads service deployments in batches. told is false if they may not be read.
func describeRecords(ctx context.Context, client *ecs.Client, arns []string) (all described, complete bool, err error) {
	var mu sync.Mutex
	all = described{}
	batches := slices.Collect(slices.Chunk(arns, maxDescribed))
	err = sideBySide(ctx, len(batches), func(ctx context.Context, i int) error {
		some := described{}
		if err := some.read(ctx, client, batches[i]); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		maps.Copy(all, some)
		return nil
	})
	if err != nil && errors.Is(translate("", err), tagalong.ErrDenied) {
		return nil, false, nil
	}
	return all, true, err
}

// sideBySide runs f for 0 to n-1, several at a time, until one fails.
func sideBySide(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	return parallel.Try(ctx, n, atATime, f)
}

// Describe implements sweep.Inventory with
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html.
func (e *Inventory) Describe(ctx context.Context, scope tagalong.Scope, cluster string, names []string) ([]sweep.ServiceState, error) {
	client, err := e.client(ctx, homeOfScope(scope))
	if err != nil {
		return nil, err
	}
	batches := slices.Collect(slices.Chunk(names, maxServices))
	found := make([][]types.Service, len(batches))
	if err := sideBySide(ctx, len(batches), func(ctx context.Context, i int) (err error) {
		found[i], err = describeSome(ctx, client, scope, cluster, batches[i])
		return err
	}); err != nil {
		return nil, err
	}
	var states []sweep.ServiceState
	shown, underWay := map[tagalong.Service]map[string]string{}, map[tagalong.Service]string{}
	for _, service := range slices.Concat(found...) {
		if aws.ToString(service.Status) == "INACTIVE" {
			continue
		}
		s := tagalong.Service{Account: scope.Account, Region: scope.Region, Cluster: cluster, Name: aws.ToString(service.ServiceName)}
		states = append(states, stateOf(s, service))
		shown[s], underWay[s] = definitionsOf(service), aws.ToString(service.CurrentServiceDeployment)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.shown, e.underWay = shown, underWay
	return states, nil
}

// describeSome describes at most ten services. Only one that is missing is gone:
// another failure is an error, since what is gone is retired.
func describeSome(ctx context.Context, client *ecs.Client, scope tagalong.Scope, cluster string, names []string) ([]types.Service, error) {
	what := "services of " + scope.String() + "/" + cluster
	for _, name := range names {
		if err := checkName("service", name); err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
	}
	out, err := client.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: names})
	if err != nil {
		return nil, translate(what, err)
	}
	for _, failure := range out.Failures {
		if aws.ToString(failure.Reason) != "MISSING" {
			return nil, fmt.Errorf("%s: %s: %s: %s", what, aws.ToString(failure.Arn), aws.ToString(failure.Reason), aws.ToString(failure.Detail))
		}
	}
	return out.Services, nil
}
