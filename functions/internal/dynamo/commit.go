package dynamo

import (
	"context"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Commit writes a change in one transaction. If the head or the fact is refused, the
// error is tagalong.ErrConflict; if only tags are, a *tagalong.RefusedError names them.
func (l *Ledger) Commit(ctx context.Context, c tagalong.Change) error {
	return l.write(ctx, writesOf(c)...)
}

// writesOf returns what a change writes. The head's condition guards all that no other
// service's change writes; the fact and the tags have conditions of their own.
func writesOf(c tagalong.Change) []write {
	s := c.Service
	return slices.Concat(
		[]write{putHead(s, c.Seen, c.Head)},
		optional(c.Fact != nil, func() write { return putFact(s, *c.Fact) }),
		all(c.Rollouts, putRollout),
		all(c.DropRollouts, func(k tagalong.RolloutKey) write { return dropRollout(s, k) }),
		optional(c.Member != nil, func() write { return putRunning(*c.Member) }),
		optional(c.DropMember != "", func() write { return dropRunning(s, c.DropMember) }),
		all(c.Gone, putPast),
		all(c.DropGone, dropPast),
		all(c.Places, putPlacement),
		all(c.DropPlaces, dropPlacement),
		all(c.Previous, putPrevious),
		all(c.DropPrevious, dropPrevious),
		optional(c.Stale != nil, func() write { return putPendingUntag(*c.Stale) }),
		optional(c.NewService, func() write { return listService(s, c.Head.CompleteSince) }),
		optional(c.NewEnvironment != "", func() write { return listEnvironment(c.NewEnvironment) }),
		optional(c.NewEnvironment != "", func() write { return listServiceOf(c.NewEnvironment, s) }),
		all(c.Endings, putFinished),
		all(c.Tags, writeTag),
	)
}

func optional(wanted bool, w func() write) []write {
	if !wanted {
		return nil
	}
	return []write{w()}
}
