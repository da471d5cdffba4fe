package tagalong

import (
	"context"
	"fmt"
	"slices"
)

// heard are the names that a sweep of a part has heard of in ECS.
type heard struct {
	clusters []string
	services []Service
}

// hear notes the clusters of a scope, for a sweep of a part.
func (p *sweepPass) hear(clusters []string) {
	if p.options.partial() {
		p.heard.clusters = append(p.heard.clusters, clusters...)
	}
}

// hearServices notes the services of a cluster.
func (p *sweepPass) hearServices(scope Scope, cluster string, names []string) {
	if !p.options.partial() {
		return
	}
	for _, name := range names {
		p.heard.services = append(p.heard.services, Service{Account: scope.Account, Region: scope.Region, Cluster: cluster, Name: name})
	}
}

// checkNames returns an *UnknownNameError if a cluster or a service was given by its
// name, and neither ECS nor the ledger knows it: then that nothing is wrong means
// nothing. What could not be looked at may know it.
func (p *sweepPass) checkNames(ctx context.Context) error {
	if !p.options.partial() || len(p.closed) > 0 {
		return nil
	}
	seen, err := p.Records.Services(ctx, "")
	if err != nil {
		return fmt.Errorf("services: %w", err)
	}
	services := append(p.heard.services, seen...)
	clusters := append(p.heard.clusters, textsOf(services, func(s Service) string { return s.Cluster })...)
	if err := checkCluster(p.options.Cluster, clusters); err != nil {
		return err
	}
	within := slices.DeleteFunc(services, func(s Service) bool { return !matchesAny(p.options.clusterGlobs(), s.Cluster) })
	return p.options.Services.check(within, clusters...)
}

// clusterGlobs are the clusters that were asked for; none is all of them.
func (o SweepOptions) clusterGlobs() []string {
	if o.Cluster == "" {
		return nil
	}
	return []string{o.Cluster}
}
