package reactor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/decide"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

func (r *Reactor) transactionItems() int { return cmp.Or(r.TransactionItems, ledger.MaxItems) }

// finish writes what the last change of the service has left to come. On a conflict
// somebody else may be at it: then the tags that he wrote are converged here, too.
func (p *pass) finish(ctx context.Context) error {
	for conflicts := 0; p.know.Head.Unfinished(); {
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
		collect(change, p.wishes)
		p.collectOutbox(change)
		p.recording.follow(change)
		p.know.Head, p.know.Claims = change.Head, nil
	}
	return nil
}

// rest decides on what comes next, and asks for what it must know.
func (p *pass) rest(ctx context.Context) (ledger.Change, error) {
	for {
		c, missing := decide.Rest(p.know, p.obs.Service, p.obs.Now, p.transactionItems(), ledger.NewVersion)
		if missing.None() {
			return c, nil
		}
		if err := p.fetch(ctx, &p.know, p.obs.Service, missing); err != nil {
			return ledger.Change{}, err
		}
	}
}

// reload reads the service again, and the tags that somebody else has written.
func (p *pass) reload(ctx context.Context) (err error) {
	left := p.know.Head.ToCome()
	p.know = decide.LedgerView{}
	if p.know.Snapshot, err = p.Ledger.Load(ctx, p.obs.Service); err != nil {
		return err
	}
	still := ledger.ClaimedTags(p.know.Head.ToCome())
	written := slices.DeleteFunc(ledger.ClaimedTags(left), func(id tagalong.TagID) bool { return slices.Contains(still, id) })
	if len(written) == 0 {
		return nil
	}
	tags, err := p.Ledger.Tags(ctx, written)
	maps.Copy(p.wishes, tags)
	return err
}
