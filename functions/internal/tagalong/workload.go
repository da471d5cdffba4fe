package tagalong

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
)

// Errors that a Workload returns. Everything else is a failure to be tried again.
var (
	// ErrNotFound says that ECS does not know it (any more), or that it belongs to another service.
	ErrNotFound = errors.New("not found in ECS")
	// ErrDenied says that our role may not ask.
	ErrDenied = errors.New("access denied by ECS")
	// ErrElsewhere says that the account is neither ours nor in TAGALONG_ACCOUNTS.
	ErrElsewhere = errors.New("account or region not covered by TAGALONG_ACCOUNTS")
)

// UnseenClusters is an ErrDenied: a service is in none of the clusters that our
// role may look into, and there are others.
type UnseenClusters struct {
	Service  Service // without a cluster
	Clusters []string
}

func (e UnseenClusters) Error() string {
	return fmt.Sprintf("service %s of %s in %s: in no cluster that may be looked into, and these may not: %s: %v",
		e.Service.Name, e.Service.Account, e.Service.Region, strings.Join(e.Clusters, ", "), ErrDenied)
}

// Unwrap returns ErrDenied.
func (e UnseenClusters) Unwrap() error { return ErrDenied }

// Workload is what runs: ECS, as far as a deployment's images go.
type Workload interface {
	// Revision reads the service revision of a deployment by the ARN derived
	// from its id, checked against the service. ErrNotFound, ErrDenied and
	// ErrElsewhere are answers.
	Revision(ctx context.Context, s Service, deployment string) (Spec, error)
	// Tasks reads the tasks that a deployment started and that ECS still knows.
	Tasks(ctx context.Context, s Service, deployment string) ([]TaskRun, error)
	// Definition reads a deployment's task definition as it was written;
	// taskDefinition is its ARN where it is known, else the deployment is looked
	// up in the service. ErrNotFound is an answer.
	Definition(ctx context.Context, s Service, deployment, taskDefinition string) (Spec, error)
	// Cluster finds the cluster of a service whose short ARN does not name it; s is
	// without one. A service that is known by its long ARN is meant only if the
	// deployment is one of its own. Clusters that may not be looked into are passed
	// over: UnseenClusters says that it may be in one of them.
	Cluster(ctx context.Context, s Service, deployment string) (string, error)
}

// Spec is a task definition, with the digests where ECS resolved them.
type Spec struct {
	TaskDefinition string
	Containers     []Ran
}

// TaskRun is one task of a deployment.
type TaskRun struct {
	TaskDefinition string
	Containers     []Ran
}

// Ran is a container as ECS reports it. Image is the reference as written, ""
// for some that ECS adds itself; Digest is "" where ECS gives none.
type Ran struct {
	Name   string
	Image  string
	Digest digest.Digest
}
