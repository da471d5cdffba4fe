package reactor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/decide"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

func (r *Reactor) transactionItems() int { return cmp.Or(r.TransactionItems, ledger.MaxItems) }

// finish writes what the last change of the service has left to come, as long as it is
// due. On a conflict somebody else may be at it: then the tags that he wrote are converged
// here, too.
func (p *pass) finish(ctx context.Context, due func(ledger.Rest) bool) error {
	for conflicts := 0; due(p.know.Head.Rest); {
		change, err := p.rest(ctx)
		if err != nil {
			return err
		}
		err = p.write(ctx, &change)
		if errors.Is(err, ledger.ErrConflict) && conflicts < maxConflicts {
			conflicts++
			if err := p.reload(ctx); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("committing the rest of a change: %w", err)
		}
		p.outdate()
		p.recording.follow(change)
		p.know.Head, p.know.Claims = change.Head, nil
	}
	return nil
}

// rest returns what comes next. Tags are last, and looked at first.
func (p *pass) rest(ctx context.Context) (ledger.Change, error) {
	var looked decide.LookedAt
	if left := p.know.Head.Rest; !left.HasItems() {
		var err error
		if looked, err = p.lookAt(ctx, ledger.ClaimedTags(p.know.Head.ToCome()), look{guarded: true}); err != nil {
			return ledger.Change{}, err
		}
	}
	return decide.Rest(p.know, p.obs.Service, p.obs.Now, p.transactionItems(), looked, ledger.NewVersion), nil
}

// reload reads the service again, and looks at the tags that somebody else has looked at:
// as the claims are now what was written here may be in vain.
func (p *pass) reload(ctx context.Context) (err error) {
	left := p.know.Head.ToCome()
	p.know = decide.LedgerView{}
	if p.know.Snapshot, err = p.Ledger.Load(ctx, p.obs.Service); err != nil {
		return err
	}
	still := ledger.ClaimedTags(p.know.Head.ToCome())
	done := slices.DeleteFunc(ledger.ClaimedTags(left), func(id tagalong.TagID) bool { return slices.Contains(still, id) })
	_, err = p.lookAt(ctx, done, look{})
	return err
}
