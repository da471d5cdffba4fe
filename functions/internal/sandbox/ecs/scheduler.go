package ecs

import (
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// Images says what stands behind the image names of a registry.
type Images interface {
	// Resolve gives the digest that a name has now. known is false for a name
	// in another registry, the digest "" for an image that is not there.
	Resolve(image string) (d digest.Digest, known bool)
	// Platform gives the digest of an index's image for a platform such as
	// linux/arm64, or the digest itself.
	Platform(image string, d digest.Digest, platform string) digest.Digest
}

// Options of a scheduler.
type Options struct {
	Home   wire.Scope       // where a scope with empty fields is
	Now    func() time.Time // the clock of what happens over the protocol
	Images Images
}

// Scheduler is ECS in all accounts and Regions. It is safe for concurrent use.
type Scheduler struct {
	wire.Faults  // Deny, Permit and Throttle
	wire.Journal // Events

	options Options

	mu       sync.Mutex
	clusters map[clusterKey]*Cluster
	families map[familyKey][]*taskDefinition
	upstream map[string]digest.Digest // of other registries, by name as written
	ids      wire.Serial              // counts what gets an id
}

// New makes a scheduler without clusters.
func New(options Options) *Scheduler {
	return &Scheduler{
		options:  options,
		clusters: map[clusterKey]*Cluster{},
		families: map[familyKey][]*taskDefinition{},
		upstream: map[string]digest.Digest{},
	}
}

// Publish says which digest an image name of another registry has, such as
// public.ecr.aws/x/y:v1. A name that nobody published has none.
func (s *Scheduler) Publish(image string, d digest.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.upstream[image] = d
}

var operations = wire.Operations[*Scheduler]{
	"DescribeServiceDeployments": wire.Op((*Scheduler).describeServiceDeployments),
	"DescribeServiceRevisions":   wire.Op((*Scheduler).describeServiceRevisions),
	"DescribeServices":           wire.Op((*Scheduler).describeServices),
	"DescribeTaskDefinition":     wire.Op((*Scheduler).describeTaskDefinition),
	"DescribeTasks":              wire.Op((*Scheduler).describeTasks),
	"ListClusters":               wire.Op((*Scheduler).listClusters),
	"ListServiceDeployments":     wire.Op((*Scheduler).listServiceDeployments),
	"ListServices":               wire.Op((*Scheduler).listServices),
	"ListTasks":                  wire.Op((*Scheduler).listTasks),
}

// Call answers one request, as wire.Service asks.
func (s *Scheduler) Call(caller wire.Caller, operation string, body []byte) (any, error) {
	if err := s.Check("ecs", operation, caller); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return operations.Call(s, caller, operation, body)
}

func invalid(format string, args ...any) error {
	return wire.Errorf("InvalidParameterException", format, args...)
}

// failure is a resource that could not be described, in a reply with HTTP
// status 200, https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Failure.html.
type failure struct {
	ARN    string `json:"arn"`
	Reason string `json:"reason"`
}

// missing is the failure of what is not there.
func missing(arn string) failure { return failure{arn, "MISSING"} }

// paging is the part of an input that asks for a page.
type paging struct {
	NextToken  string `json:"nextToken"`
	MaxResults *int   `json:"maxResults"`
}

// page cuts a page, or gives ECS's error for a wrong size or token.
func page[T any](pager wire.Pager[T], items []T, p paging) ([]T, string, error) {
	cut, next, ok := pager.Page(items, p.MaxResults, p.NextToken)
	if !ok {
		return nil, "", invalid("Invalid parameter: maxResults must be between 1 and %d and nextToken one of the same list", pager.Max)
	}
	if cut == nil {
		cut = []T{}
	}
	return cut, next, nil
}

// arnPages pages a list of ARNs.
func arnPages(name string, size int) wire.Pager[string] {
	return wire.Pager[string]{Name: name, Max: 100, Size: size, Key: func(arn string) string { return arn }}
}
