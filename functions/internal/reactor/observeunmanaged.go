package reactor

import (
	"context"
	"errors"
	"fmt"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// observeUnmanaged keeps which tags a deployment reads of a service that no rule matches,
// so that nobody moves them: ECS resolves them as a deployment starts. When it reads
// them no more a sweep sees, since events come in any order.
func (r *Reactor) observeUnmanaged(ctx context.Context, s tagalong.Service, f tagalong.Fact) error {
	covered, err := r.Coverage(ctx)
	if err != nil || !covered.Includes(s) || !f.OfDeployment() || f.Name == tagalong.Failed {
		return err
	}
	kept, err := r.Ledger.Unmanaged(ctx, s)
	if err != nil {
		return err
	}
	d := kept.Of(f.Deployment)
	completes := f.Name == tagalong.Completed && !d.Completed
	if d.Deployment != "" && !f.Time.After(d.At) && !completes {
		return nil
	}
	if d.Deployment == "" {
		d.Deployment = f.Deployment
		d.Inputs, err = r.Inputs(ctx, s, f.Deployment)
	}
	if errors.Is(err, tagalong.ErrNotFound) || errors.Is(err, tagalong.ErrElsewhere) {
		return nil // it is gone, or in a Region that we were not given
	}
	if err != nil {
		return err
	}
	d.At, d.Completed = f.Time, f.Name == tagalong.Completed
	return r.ChangeUnmanaged(ctx, kept, func(u ledger.UnmanagedService) ledger.UnmanagedService { return u.With(d) })
}

// Inputs finds out which tags a deployment reads. What it was resolved to does not matter.
func (r *Reactor) Inputs(ctx context.Context, s tagalong.Service, deployment string) (inputs []ledger.Input, err error) {
	spec, err := r.Workload.Revision(ctx, s, deployment)
	if errors.Is(err, tagalong.ErrNotFound) || errors.Is(err, tagalong.ErrDenied) || err == nil && len(spec.Containers) == 0 {
		spec, err = r.Workload.Definition(ctx, s, deployment, spec.TaskDefinition)
	}
	if err != nil {
		return nil, fmt.Errorf("images of %s: %w", deployment, err)
	}
	for _, c := range written(spec, tagalong.Unknown) {
		if id, reads := c.Input(); reads {
			inputs = append(inputs, ledger.Input{Container: c.Name, Tag: id})
		}
	}
	return inputs, nil
}

// ChangeUnmanaged changes what is kept of a service, and once more where somebody else
// has changed it meanwhile.
func (r *Reactor) ChangeUnmanaged(ctx context.Context, was ledger.UnmanagedService, change func(ledger.UnmanagedService) ledger.UnmanagedService) error {
	for range maxConflicts {
		is := change(was)
		if is.Equal(was) {
			return nil
		}
		is.Version = ledger.NewVersion()
		err := r.Ledger.SetUnmanaged(ctx, was, is)
		if !errors.Is(err, ledger.ErrConflict) {
			return err
		}
		if was, err = r.Ledger.Unmanaged(ctx, was.Service); err != nil {
			return err
		}
	}
	return ledger.ErrConflict
}
