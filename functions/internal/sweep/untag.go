package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Untagger removes tags: ECR, as far as that goes.
type Untagger interface {
	// ImageTags returns what must be known before a tag of an image is removed. It returns
	// ErrGone if the image is not there.
	ImageTags(ctx context.Context, r tagalong.Repository, d digest.Digest) (ImageTags, error)
	// RemoveTag removes a tag, in one single attempt, and the image with its last one. A
	// tag that is not there is success; ErrUnanswered says that the attempt may
	// still arrive.
	RemoveTag(ctx context.Context, r tagalong.Repository, tag string) error
}

// ImageTags is how an image stands in its registry.
type ImageTags struct {
	Tags []string // all that the image has
	// Replicated says that a removal would reach other registries, too.
	Replicated bool
}

const (
	// untagFor is how long a sweep removes tags before it must hold the removal anew.
	// The hold lasts until the last request cannot arrive any more.
	untagFor = 5 * time.Minute
	// untagRest is how long ECR may show what was removed: so long nobody else removes.
	untagRest = time.Minute
)

// errHeld says that another sweep removes tags now, or did a moment ago.
var errHeld = errors.New("another sweep removes tags")

// untagging removes tags. ECR deletes an image with its last tag, and can compare
// nothing as it removes one: so only one sweep at a time does it, and none while a
// removal without an answer may still arrive. In the moment between the look and the
// removal a handler may still put the very tag on another image, or a person take the
// image's other tags away: that nobody can exclude. What was claimed is put again, by
// this sweep or, if that dies, by the next one.
type untagging struct {
	*pass
	by      string
	until   time.Time               // when the hold is to be renewed; zero: it is not held
	removed map[tagalong.TagID]bool // which ECR may show for a moment longer
}

// untag removes the tags that retired services have left behind.
func (p *pass) untag(ctx context.Context, _ *cursor) error {
	if p.Untagger == nil {
		return nil
	}
	left, err := p.pendingUntags(ctx)
	if err != nil {
		return fmt.Errorf("stale tags: %w", err)
	}
	u := &untagging{pass: p, by: ledger.NewVersion(), removed: map[tagalong.TagID]bool{}}
	for _, pending := range left {
		if !p.hasTime(ctx) {
			return errors.Join(errTimeUp, u.release(ctx))
		}
		err := u.clear(ctx, pending)
		if errors.Is(err, errHeld) {
			return nil
		}
		if errors.Is(err, tagalong.ErrUnanswered) {
			return err // nothing may be removed while that may arrive: the hold stays
		}
		if err != nil {
			p.fail(err)
		}
	}
	return u.release(ctx)
}

func (p *pass) pendingUntags(ctx context.Context) (all []ledger.PendingUntag, err error) {
	for pending, err := range p.Records.PendingUntags(ctx) {
		if err != nil {
			return nil, err
		}
		if p.options.selects(pending.Service) {
			all = append(all, pending)
		}
	}
	return all, nil
}

// clear removes the tags of one service as far as may be, and keeps in the ledger
// what is left: an image may get another tag.
func (u *untagging) clear(ctx context.Context, pending ledger.PendingUntag) (problems error) {
	snap, err := u.Reactor.Ledger.Load(ctx, pending.Service)
	if err != nil || snap.Head.Unfinished() { // its tags may only look as if they were still desired
		return err
	}
	var left []ledger.UntagTarget
	for i, tag := range pending.Tags {
		over, err := u.remove(ctx, pending.Service, tag)
		if err != nil {
			problems = errors.Join(problems, fmt.Errorf("stale tag %s: %w", tag.ID, err))
		}
		if errors.Is(err, errHeld) || errors.Is(err, tagalong.ErrUnanswered) {
			left = append(left, pending.Tags[i:]...)
			break
		}
		if !over {
			left = append(left, tag)
		}
	}
	if len(left) == len(pending.Tags) {
		return problems
	}
	pending.Tags = left
	return errors.Join(problems, u.Records.SetPendingUntag(ctx, pending))
}

// remove removes a tag, if it may; over says that there is nothing left to do.
func (u *untagging) remove(ctx context.Context, s tagalong.Service, tag ledger.UntagTarget) (over bool, err error) {
	may, over, err := u.may(ctx, tag)
	if !may || err != nil {
		return over, err
	}
	d := driftOf(DriftStale, tag.Environment, s, "the service is gone")
	d.Registry, d.Repository, d.Tag, d.Actual = tag.ID.Registry, tag.ID.Name, tag.ID.Tag, tag.Digest
	d.Repaired = true
	renewed, err := u.hold(ctx)
	if err != nil {
		return false, err
	}
	if renewed { // another sweep may have been at it until now
		if may, over, err = u.may(ctx, tag); !may || err != nil {
			return over, err
		}
	}
	if err := u.Untagger.RemoveTag(ctx, tag.ID.Repository, tag.ID.Tag); err != nil {
		return false, err
	}
	u.removed[tag.ID] = true
	u.find(d)
	u.report.Removed++
	u.progress(phaseUntag, tag.ID.String(), u.report.Removed)
	return true, u.amend(ctx, tag.ID)
}

// may reports whether a tag may be removed now: we were given its repository, nobody claims
// it, it sits where it was confirmed last, the image has another one, and no other
// registry loses it. What only time or another setting can change is not over.
func (u *untagging) may(ctx context.Context, tag ledger.UntagTarget) (may, over bool, err error) {
	if !u.covered.Reads(tag.ID.Repository) {
		return false, false, nil
	}
	if claimed, err := u.claimed(ctx, tag.ID); claimed || err != nil {
		return false, claimed, err
	}
	image, err := u.Untagger.ImageTags(ctx, tag.ID.Repository, tag.Digest)
	if errors.Is(err, tagalong.ErrGone) {
		return false, true, nil
	}
	if err != nil {
		return false, false, err
	}
	if !slices.Contains(image.Tags, tag.ID.Tag) {
		return false, true, nil
	}
	another := slices.ContainsFunc(image.Tags, func(name string) bool {
		return name != tag.ID.Tag && !u.removed[tagalong.TagID{Repository: tag.ID.Repository, Tag: name}]
	})
	return another && !image.Replicated, false, nil
}

// claimed reports whether somebody claims the tag again, or deploys from it.
func (u *untagging) claimed(ctx context.Context, id tagalong.TagID) (bool, error) {
	tags, err := u.Reactor.Ledger.Tags(ctx, []tagalong.TagID{id})
	if _, desired := tags[id]; desired || err != nil {
		return desired, err
	}
	claims, err := u.Reactor.Ledger.Claims(ctx, id.Repository)
	_, claimed := ledger.NewestClaim(claims.Claims, id)
	return claimed || claims.Readers.Has(id), err
}

// hold keeps the removal to this sweep; renewed says that it had not, or not
// long enough.
func (u *untagging) hold(ctx context.Context) (renewed bool, err error) {
	now := u.now()
	if now.Before(u.until) {
		return false, nil
	}
	if err := u.Records.LockUntag(ctx, u.by, now, now.Add(untagFor+ledger.DoubtFor)); errors.Is(err, ledger.ErrConflict) {
		return false, errHeld
	} else if err != nil {
		return false, err
	}
	u.until = now.Add(untagFor)
	return true, nil
}

// release lets the next sweep remove tags, as soon as ECR shows what this one did.
func (u *untagging) release(ctx context.Context) error {
	if u.until.IsZero() {
		return nil
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), sweepReserve/2)
	defer cancel()
	return u.Records.LockUntag(late, u.by, u.now(), u.now().Add(untagRest))
}

// amend puts a tag that somebody has claimed meanwhile: the removal may have come
// behind the put.
func (u *untagging) amend(ctx context.Context, id tagalong.TagID) error {
	tags, err := u.Reactor.Ledger.Tags(ctx, []tagalong.TagID{id})
	if err != nil || len(tags) == 0 {
		return err
	}
	done, err := u.Reactor.Converge(ctx, tags, nil)
	u.report.Moved += done.Moved
	return err
}
