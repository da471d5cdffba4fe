package sweep

import (
	"context"
	"fmt"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// knownNames are those that ECS has shown to a sweep of a part.
type knownNames struct {
	clusters []string
	services []tagalong.Service
}

// noteClusters notes the clusters of a scope, for a sweep of a part. One that was asked
// for by its name, and is not looked into, is reported: nothing was found in it.
func (p *serviceScan) noteClusters(scope tagalong.Scope, clusters []string) {
	if !p.options.partial() {
		return
	}
	p.named.clusters = append(p.named.clusters, clusters...)
	if name := p.options.Cluster; slices.Contains(clusters, name) && !p.looksInto(scope, name) {
		p.find(driftOf(DriftUnmanaged, "", tagalong.Service{Account: scope.Account, Region: scope.Region, Cluster: name}, p.whyNotInto(scope, name)))
	}
}

// whyNotInto says why a cluster is not looked into.
func (p *serviceScan) whyNotInto(scope tagalong.Scope, cluster string) string {
	if p.Reactor.Rules.MayMatchCluster(scope, cluster) {
		return "the cluster is not covered, and was not looked into"
	}
	return "no environment rule matches a service of this cluster, and it was not looked into"
}

// noteServices notes the services of a cluster, for a sweep of a part.
func (p *serviceScan) noteServices(scope tagalong.Scope, cluster string, names []string) {
	if !p.options.partial() {
		return
	}
	for _, name := range names {
		p.named.services = append(p.named.services, tagalong.Service{Account: scope.Account, Region: scope.Region, Cluster: cluster, Name: name})
	}
}

// checkNames returns an *UnknownNameError if a cluster or a service was given by its
// name, and neither ECS nor the ledger knows it: then that nothing is wrong means
// nothing. What could not be looked at may know it.
func (p *serviceScan) checkNames(ctx context.Context) error {
	if !p.options.partial() || len(p.closed) > 0 {
		return nil
	}
	seen, err := p.Records.Services(ctx, "")
	if err != nil {
		return fmt.Errorf("services: %w", err)
	}
	services := append(p.named.services, tagalong.OfKind(tagalong.KindService, seen)...)
	clusters := append(p.named.clusters, tagalong.Strings(services, func(s tagalong.Service) string { return s.Cluster })...)
	if err := tagalong.CheckCluster(p.options.Cluster, clusters); err != nil {
		return err
	}
	within := slices.DeleteFunc(services, func(s tagalong.Service) bool { return !tagalong.MatchesAny(p.options.clusterGlobs(), s.Cluster) })
	return p.options.Services.Check(within, clusters...)
}

// clusterGlobs are the clusters that were asked for; none is all of them.
func (o Options) clusterGlobs() []string {
	if o.Cluster == "" {
		return nil
	}
	return []string{o.Cluster}
}
