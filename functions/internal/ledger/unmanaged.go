package ledger

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// UnmanagedServices holds which tags the services read that no rule matches. Nothing else
// is known of them: they have no facts, no rollouts and no placements.
type UnmanagedServices interface {
	// Unmanaged returns what is kept of a service, consistently: no Version says nothing.
	Unmanaged(ctx context.Context, s tagalong.Service) (UnmanagedService, error)
	// SetUnmanaged writes what is kept of a service, and with it, in one transaction, what
	// Readers and Claims say of it. With no deployments nothing is kept any more. It
	// returns ErrConflict if what is kept has not the version of was.
	SetUnmanaged(ctx context.Context, was, is UnmanagedService) error
}

// UnmanagedReader lists the services that no rule matches.
type UnmanagedReader interface {
	// AllUnmanaged returns all services of which something is kept, consistently, in no order.
	AllUnmanaged(ctx context.Context) iter.Seq2[UnmanagedService, error]
}

// UnmanagedService is a service that no rule matches, as far as it matters to others.
type UnmanagedService struct {
	Service     tagalong.Service
	Version     string             // a unique value that its writer made up
	Deployments []DeploymentInputs // the newest first
}

// DeploymentInputs are the tags that a deployment of a service reads.
type DeploymentInputs struct {
	Deployment string
	At         time.Time // when something happened to it last, as far as is known
	Inputs     []Input
	Completed  bool // it has run, as far as is known
}

// Input is a tag that a container is deployed from.
type Input struct {
	Container string
	Tag       tagalong.TagID
}

// MaxUnmanaged is how many deployments of an unmanaged service are kept: more than ECS
// runs side by side, and few enough for one transaction to replace the inputs of all. The
// one that completed last is among them: it may run beside any number that fail to start.
const MaxUnmanaged = 4

// Inputs returns what the service's deployments read, each once.
func (u UnmanagedService) Inputs() (all []Input) {
	for _, d := range u.Deployments {
		for _, i := range d.Inputs {
			if !slices.Contains(all, i) {
				all = append(all, i)
			}
		}
	}
	return all
}

// AddInput adds what a service reads.
func (r Readers) AddInput(of tagalong.Service, i Input) { r.AddReader(i.Tag, Reader{of, i.Container}) }

// Readers returns the tags that the service reads.
func (u UnmanagedService) Readers() Readers {
	readers := Readers{}
	for _, i := range u.Inputs() {
		readers.AddInput(u.Service, i)
	}
	return readers
}

// Of returns what is known of a deployment, the zero DeploymentInputs if nothing is.
func (u UnmanagedService) Of(deployment string) DeploymentInputs {
	for _, d := range u.Deployments {
		if d.Deployment == deployment {
			return d
		}
	}
	return DeploymentInputs{}
}

// With returns the service with a deployment more, or a later time of one that is known:
// the newest are kept, in one order whatever came first.
func (u UnmanagedService) With(d DeploymentInputs) UnmanagedService {
	known := u.Of(d.Deployment)
	if known.At.After(d.At) {
		d.At = known.At
	}
	d.Completed = d.Completed || known.Completed
	u = u.Without(func(known DeploymentInputs) bool { return known.Deployment == d.Deployment })
	u.Deployments = append(u.Deployments, d)
	slices.SortFunc(u.Deployments, func(a, b DeploymentInputs) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Deployment, b.Deployment))
	})
	for len(u.Deployments) > MaxUnmanaged {
		u.Deployments = slices.Delete(u.Deployments, u.oldest(), u.oldest()+1)
	}
	return u
}

// oldest returns the index of the oldest deployment that is not the one that completed last.
func (u UnmanagedService) oldest() int {
	last := len(u.Deployments) - 1
	if slices.IndexFunc(u.Deployments, func(d DeploymentInputs) bool { return d.Completed }) == last {
		return last - 1
	}
	return last
}

// Without returns the service without some deployments.
func (u UnmanagedService) Without(gone func(DeploymentInputs) bool) UnmanagedService {
	u.Deployments = slices.DeleteFunc(slices.Clone(u.Deployments), gone)
	return u
}

// Equal reports whether the same is known of a service.
func (u UnmanagedService) Equal(o UnmanagedService) bool {
	return slices.EqualFunc(u.Deployments, o.Deployments, func(a, b DeploymentInputs) bool {
		return a.Deployment == b.Deployment && a.At.Equal(b.At) && a.Completed == b.Completed && slices.Equal(a.Inputs, b.Inputs)
	})
}
