package reactor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/decide"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// look brings the wish of a tag into line with the claims on it, outside of any transaction:
// see ledger/share.go. It is for who has changed a claim, once that is committed.
type look struct {
	*Reactor
	id tagalong.TagID
	// by tells the claimants of who looks, nil if nobody in particular does, and own is the
	// newest of their claims, if any.
	by  func(ledger.Claimant) bool
	own ledger.Claim
	has bool
	// guarded says that the service's head is written afterwards, which fails if the claim has
	// changed meanwhile: then it is looked at once more.
	guarded bool
	// again says that a handler before may have died at it, perhaps with a wish for another's
	// claim: then what is pending is put, whosever it is.
	again bool
}

// seen is how a look has left a tag.
type seen struct {
	tag   ledger.Tag
	there bool
	wrote bool // the wish is of this look
	// mine says that it is for who has looked to put the tag: he wrote the wish, now or
	// before.
	mine bool
	left *ledger.Tag // it was removed, since nobody claims the tag any more
}

// forConverging returns the tag as one that is shared: if nobody else claims it yet, somebody
// may be about to.
func (s seen) forConverging() ledger.Tag {
	s.tag.Shared = true
	return s.tag
}

// lookOf returns the look of who has these claims.
func (r *Reactor) lookOf(by func(ledger.Claimant) bool, claims []ledger.Claim, id tagalong.TagID) look {
	own, has := ledger.NewestClaim(claims, id)
	return look{Reactor: r, id: id, by: by, own: own, has: has}
}

// claimantsOf tells a service's containers as claimants.
func claimantsOf(s tagalong.Service) func(ledger.Claimant) bool {
	return func(c ledger.Claimant) bool {
		of, _, ok := c.Container()
		return ok && of == s
	}
}

// LookAt brings the wish of a shared tag into line with all claims on it, and returns it;
// there is false if nobody claims the tag.
func (r *Reactor) LookAt(ctx context.Context, id tagalong.TagID) (tag ledger.Tag, there bool, err error) {
	s, err := r.lookOf(nil, nil, id).at(ctx)
	return s.tag, s.there, err
}

// at looks, until nobody else has changed the wish in between.
func (l look) at(ctx context.Context) (seen, error) {
	for range maxConflicts {
		s, err := l.once(ctx)
		if !isRefused(err) {
			return s, err
		}
	}
	return seen{}, fmt.Errorf("tag %s: its wish changed %d times meanwhile: %w", l.id, maxConflicts, ledger.ErrConflict)
}

func isRefused(err error) bool {
	_, refused := errors.AsType[*ledger.RefusedError](err)
	return refused
}

// once reads the tag, and compares it with the own claim and, where that does not tell, with
// all claims.
func (l look) once(ctx context.Context) (seen, error) {
	tag, there, err := l.read(ctx)
	if err != nil {
		return seen{}, err
	}
	ours := there && l.by != nil && l.by(tag.Wish.By)
	s := seen{tag: tag, there: there, mine: ours}
	switch {
	case l.again && there && tag.State == ledger.TagPending:
		s.mine = true
		return l.compare(ctx, s)
	case !l.has:
		return l.compare(ctx, s)
	case !there && l.guarded: // whoever else has a claim looks at the tag, too, and finds this one
		return l.write(ctx, s, l.own)
	case !there:
		return l.replace(ctx, s, l.own)
	case !ours && (l.own.Stands(tag.Wish) || tag.Wish.Newer(l.own)):
		return s, nil
	case ours && tag.State != ledger.TagPending && (tag.Wish == l.own || l.mayLag(s, l.own)):
		return s, nil
	case l.own.Newer(tag.Wish) && !l.mayLag(s, l.own):
		return l.replace(ctx, s, l.own)
	}
	return l.compare(ctx, s)
}

// read reads the tag, and marks it as shared if it is wished for somebody else.
func (l look) read(ctx context.Context) (ledger.Tag, bool, error) {
	tags, err := l.Ledger.Tags(ctx, []tagalong.TagID{l.id})
	tag, there := tags[l.id]
	if err != nil || !there || tag.Shared || l.by == nil || l.by(tag.Wish.By) {
		return tag, there, err
	}
	return l.Ledger.Share(ctx, l.id)
}

// compare compares the wish, as it was read or written, with the newest of all claims.
func (l look) compare(ctx context.Context, s seen) (seen, error) {
	all, err := l.Ledger.Claims(ctx, l.id.Repository)
	if err != nil {
		return seen{}, err
	}
	best, claimed := ledger.NewestClaim(l.current(all.Claims), l.id)
	switch {
	case !claimed && !s.there || claimed && s.there && best == s.tag.Wish:
		return s, nil
	case claimed && s.there && l.mayLag(s, best) && slices.Contains(all.Claims, s.tag.Wish):
		return s, nil
	case claimed:
		return l.replace(ctx, s, best)
	}
	return l.remove(ctx, s)
}

// current leaves out the claims that the query shows of who looks, and takes his own: a
// {time} tag is in no placement.
func (l look) current(all []ledger.Claim) []ledger.Claim {
	if !l.has || !l.own.PutOnce {
		return all
	}
	return append(slices.Clone(all), l.own)
}

// mayLag reports whether the wish of a shared tag wants what a newer claim does: then it
// stays as old as it is.
func (l look) mayLag(s seen, newer ledger.Claim) bool {
	return s.tag.Shared && newer.Stands(s.tag.Wish) && newer.Newer(s.tag.Wish)
}

// replace sets the wish and looks at the claims again: one that was committed before may not
// have seen it.
func (l look) replace(ctx context.Context, s seen, to ledger.Claim) (seen, error) {
	s, err := l.write(ctx, s, to)
	if err != nil {
		return seen{}, err
	}
	return l.compare(ctx, s)
}

// write sets the wish, if it is still the one that was seen.
func (l look) write(ctx context.Context, s seen, to ledger.Claim) (seen, error) {
	w := ledger.TagWrite{Mode: ledger.Replace, Wish: to, Version: ledger.NewVersion(), Claims: ledger.NewVersion(), Seen: s.tag.Version, At: l.Clock()}
	if err := l.Ledger.WriteTag(ctx, w); err != nil {
		return seen{}, err
	}
	s.tag.ID, s.tag.Wish, s.tag.Version, s.tag.Claims = l.id, to, w.Version, w.Claims
	s.tag.State, s.tag.Reason, s.tag.Since, s.tag.Returned = ledger.TagPending, "", w.At, 0
	s.there, s.wrote, s.mine, s.left = true, true, true, nil
	return s, nil
}

func (l look) remove(ctx context.Context, s seen) (seen, error) {
	w := ledger.TagWrite{Mode: ledger.Remove, Wish: ledger.Claim{Tag: l.id}, Seen: s.tag.Version}
	if err := l.Ledger.WriteTag(ctx, w); err != nil {
		return seen{}, err
	}
	was := s.tag
	return l.compare(ctx, seen{left: &was})
}

// lookAtShared looks at the tags of a change that other services claim, too, and has
// those put that this pass is to put.
func (p *pass) lookAtShared(ctx context.Context) error {
	ids := p.shared
	p.shared = nil
	_, err := p.lookAt(ctx, ids, look{})
	return err
}

// lookAt looks at tags for the service, guarded or again.
func (p *pass) lookAt(ctx context.Context, ids []tagalong.TagID, how look) (looked decide.LookedAt, err error) {
	found := make([]seen, len(ids))
	looks := make([]look, len(ids))
	problem := parallel.Try(ctx, len(ids), parallel.Limit, func(ctx context.Context, i int) (err error) {
		looks[i] = p.lookOf(claimantsOf(p.obs.Service), p.know.Head.Claims, ids[i])
		looks[i].guarded, looks[i].again = how.guarded, how.again
		if found[i], err = looks[i].at(ctx); err != nil {
			return fmt.Errorf("wish of %s: %w", ids[i], err)
		}
		return nil
	})
	if problem != nil {
		return looked, problem
	}
	p.outdate()
	for i, id := range ids {
		s, l := found[i], looks[i]
		delete(p.wishes, id)
		if s.there && (s.mine || !l.has && s.tag.State == ledger.TagPending) {
			p.wishes[id] = s.forConverging()
		}
		switch {
		case s.there && s.tag.Shared && l.has:
			looked.Shared = append(looked.Shared, id)
		case s.there && s.wrote && !l.has:
			looked.Released = append(looked.Released, id)
		case s.left != nil && p.leaves(*s.left):
			looked.Left = append(looked.Left, ledger.UntagTarget{ID: id, Digest: s.left.Wish.Digest, Environment: s.left.Wish.Environment})
		}
	}
	return looked, nil
}

// leaves reports whether a tag that nobody wishes any more is to be removed from ECR: see
// decide.
func (p *pass) leaves(tag ledger.Tag) bool {
	return p.Untag && p.know.Head.Running == "" && p.obs.Policy.Environment != "" && tag.State == ledger.TagConfirmed
}
