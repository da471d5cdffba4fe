package ecs

import (
	"regexp"
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

// wireCluster is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Cluster.html.
type wireCluster struct {
	ARN      string `json:"clusterArn"`
	Name     string `json:"clusterName"`
	Status   string `json:"status"`
	Running  int    `json:"runningTasksCount"`
	Pending  int    `json:"pendingTasksCount"`
	Services int    `json:"activeServicesCount"`
}

func (c *Cluster) describe() wireCluster {
	d := wireCluster{ARN: c.ARN(), Name: c.name, Status: "ACTIVE"}
	for _, t := range c.tasks {
		switch t.lastStatus {
		case statusRunning:
			d.Running++
		case statusPending:
			d.Pending++
		}
	}
	for _, svc := range c.services {
		if !svc.deleted {
			d.Services++
		}
	}
	return d
}

type createClusterInput struct {
	Name string `json:"clusterName"`
}

type createClusterOutput struct {
	Cluster wireCluster `json:"cluster"`
}

var clusterName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,255}$`)

// createCluster is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html.
func (s *Scheduler) createCluster(caller wire.Caller, in createClusterInput) (createClusterOutput, error) {
	if in.Name == "" {
		in.Name = "default"
	}
	if !clusterName.MatchString(in.Name) {
		return createClusterOutput{}, invalid("Invalid cluster name: %s", in.Name)
	}
	return createClusterOutput{s.cluster(caller.Scope, in.Name).describe()}, nil
}

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

type describeClustersInput struct {
	Clusters []string `json:"clusters"`
}

type describeClustersOutput struct {
	Clusters []wireCluster `json:"clusters"`
	Failures []failure     `json:"failures"`
}

// describeClusters is
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeClusters.html.
func (s *Scheduler) describeClusters(caller wire.Caller, in describeClustersInput) (describeClustersOutput, error) {
	out := describeClustersOutput{Clusters: []wireCluster{}, Failures: []failure{}}
	if len(in.Clusters) > 100 {
		return out, invalid("Clusters cannot have more than 100 elements.")
	}
	if len(in.Clusters) == 0 {
		in.Clusters = []string{"default"}
	}
	for _, text := range in.Clusters {
		c, err := s.findCluster(caller, text)
		switch e, _ := err.(*wire.Error); {
		case err == nil:
			out.Clusters = append(out.Clusters, c.describe())
		case e.Code == "ClusterNotFoundException":
			out.Failures = append(out.Failures, missing(clusterARN(caller, text)))
		default:
			return out, err
		}
	}
	return out, nil
}

func clusterARN(caller wire.Caller, text string) string {
	if strings.HasPrefix(text, "arn:") {
		return text
	}
	return caller.Scope.ARN("ecs", "cluster/"+text)
}
