package ecs

import (
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// Cluster holds services and their tasks.
type Cluster struct {
	scheduler *Scheduler
	scope     wire.Scope
	name      string
	services  map[string]*Service
	tasks     map[string]*task // by id
}

type clusterKey struct {
	wire.Scope
	name string
}

// Cluster gives a cluster, and makes it if there is none. Empty fields of the
// scope mean the scheduler's home.
func (s *Scheduler) Cluster(scope wire.Scope, name string) *Cluster {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cluster(scope.Or(s.options.Home), name)
}

func (s *Scheduler) cluster(scope wire.Scope, name string) *Cluster {
	key := clusterKey{scope, name}
	c, ok := s.clusters[key]
	if !ok {
		c = &Cluster{scheduler: s, scope: scope, name: name, services: map[string]*Service{}, tasks: map[string]*task{}}
		s.clusters[key] = c
	}
	return c
}

// Name of the cluster.
func (c *Cluster) Name() string { return c.name }

// ARN of the cluster.
func (c *Cluster) ARN() string { return c.scope.ARN("ecs", "cluster/"+c.name) }

// findCluster gives the cluster that a request names, `default` if none.
func (s *Scheduler) findCluster(caller wire.Caller, text string) (*Cluster, error) {
	name := text
	switch {
	case text == "":
		name = "default"
	case strings.HasPrefix(text, "arn:"):
		a, ok := parseARN(text)
		if !ok || a.kind != "cluster" || len(a.path) != 1 {
			return nil, invalid("Invalid identifier: %s", text)
		}
		if a.Scope != caller.Scope {
			return nil, clusterNotFound()
		}
		name = a.path[0]
	}
	c, ok := s.clusters[clusterKey{caller.Scope, name}]
	if !ok {
		return nil, clusterNotFound()
	}
	return c, nil
}

func clusterNotFound() error { return wire.Errorf("ClusterNotFoundException", "Cluster not found.") }

type listClustersOutput struct {
	ARNs      []string `json:"clusterArns"`
	NextToken string   `json:"nextToken,omitempty"`
}

// listClusters is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListClusters.html.
func (s *Scheduler) listClusters(caller wire.Caller, in paging) (listClustersOutput, error) {
	var arns []string
	for key, c := range s.clusters {
		if key.Scope == caller.Scope {
			arns = append(arns, c.ARN())
		}
	}
	cut, next, err := page(arnPages("ListClusters", 100), arns, in)
	return listClustersOutput{cut, next}, err
}
