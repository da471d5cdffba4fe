package ecr

import (
	"sync"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// Options of a registry.
type Options struct {
	Home wire.Scope       // where a scope with empty fields is
	Now  func() time.Time // the clock of imagePushedAt
}

// Registry is ECR in all accounts and Regions. It is safe for concurrent use;
// every operation, a batch too, is atomic.
type Registry struct {
	wire.Faults // Deny, Permit and Throttle

	// SameDigestImmutable is the exception for putting an immutable tag again
	// on the digest that it has, since reports of AWS's answer disagree. Set it
	// before the first request; the default is TagAlreadyExists.
	SameDigestImmutable Exception

	// ImagePerTag makes BatchGetImage answer a digest with an image for each of
	// its tags, as some report, instead of with one image without a tag. Set it
	// before the first request.
	ImagePerTag bool

	// PreviewPolls is how often the preview of a lifecycle policy is asked for before it is
	// complete, at least once. PreviewListsKept has it list those images, too, that were
	// asked for and are kept. Set both before the first request.
	PreviewPolls     int
	PreviewListsKept bool

	options Options

	mu           sync.Mutex
	repositories map[repositoryKey]*repository
	grants       []grant
	replication  map[wire.Scope][]ReplicationRule
	pushes       int // counts the images ever pushed, for their order
}

// Exception names an error of PutImage.
type Exception string

// What SameDigestImmutable may be.
const (
	TagAlreadyExists   Exception = "ImageTagAlreadyExistsException"
	ImageAlreadyExists Exception = "ImageAlreadyExistsException"
)

type repositoryKey struct {
	wire.Scope
	name string
}

type grant struct{ owner, repository, caller string }

// New makes a registry without repositories.
func New(options Options) *Registry {
	return &Registry{options: options, SameDigestImmutable: TagAlreadyExists, repositories: map[repositoryKey]*repository{}, replication: map[wire.Scope][]ReplicationRule{}}
}

// Allow lets callers of another account use a repository, as a repository
// policy does; "*" stands for every repository or caller,
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html.
func (r *Registry) Allow(ownerAccount, repository, callerAccount string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.grants = append(r.grants, grant{ownerAccount, repository, callerAccount})
}

func (r *Registry) allowed(owner, name, caller string) bool {
	if owner == caller {
		return true
	}
	for _, g := range r.grants {
		if g.owner == owner && (g.repository == name || g.repository == "*") && (g.caller == caller || g.caller == "*") {
			return true
		}
	}
	return false
}

var operations = wire.Operations[*Registry]{
	"BatchDeleteImage": wire.Op((*Registry).batchDeleteImage),
	"BatchGetImage":    wire.Op((*Registry).batchGetImage),
	"DescribeImages":   wire.Op((*Registry).describeImages),

	"DescribeImageScanFindings": wire.Op((*Registry).describeImageScanFindings),
	"DescribeRegistry":          wire.Op((*Registry).describeRegistry),
	"GetLifecyclePolicy":        wire.Op((*Registry).getLifecyclePolicy),
	"GetLifecyclePolicyPreview": wire.Op((*Registry).getLifecyclePolicyPreview),
	"PutImage":                  wire.Op((*Registry).putImage),
	"PutImageTagMutability":     wire.Op((*Registry).putImageTagMutability),

	"StartLifecyclePolicyPreview": wire.Op((*Registry).startLifecyclePolicyPreview),
}

// Call answers one request, as wire.Service asks.
func (r *Registry) Call(caller wire.Caller, operation string, body []byte) (any, error) {
	if err := r.Check("ecr", operation, caller); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return operations.Call(r, caller, operation, body)
}

// target says which repository a request means. It is part of every input.
type target struct {
	RegistryID     string `json:"registryId"`
	RepositoryName string `json:"repositoryName"`
}

// find gives the repository that a request means, if the caller may use it.
func (r *Registry) find(caller wire.Caller, t target, operation string) (*repository, error) {
	scope, err := registryScope(caller, t.RegistryID)
	if err != nil {
		return nil, err
	}
	if err := checkName(t.RepositoryName); err != nil {
		return nil, err
	}
	if !r.allowed(scope.Account, t.RepositoryName, caller.Account) {
		return nil, wire.AccessDenied(caller, "ecr:"+operation, scope.ARN("ecr", "repository/"+t.RepositoryName), "resource")
	}
	found, ok := r.repositories[repositoryKey{scope, t.RepositoryName}]
	if !ok {
		return nil, wire.Errorf("RepositoryNotFoundException",
			"The repository with name '%s' does not exist in the registry with id '%s'", t.RepositoryName, scope.Account)
	}
	return found, nil
}
