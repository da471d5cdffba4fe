package dynamo

import (
	"context"
	"fmt"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// Commit writes a change in one transaction, and before it what other services may write,
// too: a new environment, what images are found by, and the platforms of indexes. If the
// head or the fact is refused, the error is ledger.ErrConflict; if only tags are, a
// *ledger.RefusedError names them.
func (l *Ledger) Commit(ctx context.Context, c ledger.Change) error {
	if err := l.putShared(ctx, c.NewEnvironment, c.Names, c.Repositories, c.Children); err != nil {
		return err
	}
	return l.write(ctx, writesOf(c)...)
}

// putShared puts what others may write, too: an environment, unless it is "", what images
// are found by, and the platforms of indexes.
func (l *Ledger) putShared(ctx context.Context, environment string, names []ledger.Name, repositories []tagalong.Repository, children []ledger.Child) error {
	listed := optional(environment != "", func() write { return listEnvironment(environment) })
	if err := l.putOnce(ctx, slices.Concat(listed, all(names, putName), all(repositories, listRepository), putChildren(children))); err != nil {
		return fmt.Errorf("names and platforms: %w", err)
	}
	return nil
}

// writesOf returns what a change writes. The head's condition guards all that no other
// service's change writes; the fact and the tags have conditions of their own.
func writesOf(c ledger.Change) []write {
	s := c.Service
	return slices.Concat(
		[]write{putHead(s, c.Seen, c.Head)},
		optional(c.Fact != nil, func() write { return putFact(s, *c.Fact) }),
		all(c.Rollouts, putRollout),
		all(c.DropRollouts, func(k timeline.RolloutKey) write { return dropRollout(s, k) }),
		optional(c.Running != nil, func() write { return putRunning(*c.Running) }),
		optional(c.DropRunning != "", func() write { return dropRunning(s, c.DropRunning) }),
		all(c.Past, putPast),
		all(c.DropPast, dropPast),
		all(c.Placements, putPlacement),
		all(c.DropPlacements, dropPlacement),
		all(c.Previous, putPrevious),
		all(c.DropPrevious, dropPrevious),
		optional(c.Untag != nil, func() write { return putPendingUntag(*c.Untag) }),
		optional(c.NewService, func() write { return listService(s, c.Head.CompleteSince) }),
		optional(c.NewEnvironment != "", func() write { return listServiceOf(c.NewEnvironment, s) }),
		all(c.Finished, putFinished),
		all(c.Tags, writeTag),
	)
}

func optional(wanted bool, w func() write) []write {
	if !wanted {
		return nil
	}
	return []write{w()}
}
