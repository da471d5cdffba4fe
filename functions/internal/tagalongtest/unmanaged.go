package tagalongtest

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Unmanaged implements ledger.UnmanagedServices.
func (l *Ledger) Unmanaged(ctx context.Context, s tagalong.Service) (ledger.UnmanagedService, error) {
	done, err := l.begin(ctx, "Unmanaged")
	if err != nil {
		return ledger.UnmanagedService{}, err
	}
	defer done()
	kept := l.unmanaged[s]
	kept.Service = s
	return cloneUnmanaged(kept), nil
}

// AllUnmanaged implements ledger.UnmanagedServices.
func (l *Ledger) AllUnmanaged(ctx context.Context) iter.Seq2[ledger.UnmanagedService, error] {
	return func(yield func(ledger.UnmanagedService, error) bool) {
		all, err := l.allUnmanaged(ctx)
		if err != nil {
			yield(ledger.UnmanagedService{}, err)
			return
		}
		for _, kept := range all {
			if !yield(kept, nil) {
				return
			}
		}
	}
}

func (l *Ledger) allUnmanaged(ctx context.Context) (all []ledger.UnmanagedService, err error) {
	done, err := l.begin(ctx, "AllUnmanaged")
	if err != nil {
		return nil, err
	}
	defer done()
	for kept := range maps.Values(l.unmanaged) {
		all = append(all, cloneUnmanaged(kept))
	}
	slices.SortFunc(all, func(a, b ledger.UnmanagedService) int { return cmp.Compare(a.Service.String(), b.Service.String()) })
	return all, nil
}

// SetUnmanaged implements ledger.UnmanagedServices.
func (l *Ledger) SetUnmanaged(ctx context.Context, was, is ledger.UnmanagedService) error {
	done, err := l.begin(ctx, "SetUnmanaged")
	if err != nil {
		return err
	}
	defer done()
	if l.unmanaged[was.Service].Version != was.Version {
		return ledger.ErrConflict
	}
	l.unmanaged[is.Service] = cloneUnmanaged(is)
	if len(is.Deployments) == 0 {
		delete(l.unmanaged, is.Service)
	}
	l.writes++
	return nil
}

// inputs are the tags that unmanaged services read. The caller has the lock.
func (l *Ledger) inputs() iter.Seq2[tagalong.Service, ledger.Input] {
	return func(yield func(tagalong.Service, ledger.Input) bool) {
		for s, kept := range l.unmanaged {
			for _, i := range kept.Inputs() {
				if !yield(s, i) {
					return
				}
			}
		}
	}
}

func cloneUnmanaged(u ledger.UnmanagedService) ledger.UnmanagedService {
	u.Deployments = slices.Clone(u.Deployments)
	for i := range u.Deployments {
		u.Deployments[i].Inputs = slices.Clone(u.Deployments[i].Inputs)
	}
	return u
}
