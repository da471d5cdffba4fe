package decide

import (
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// changeTags turns the difference of the claims into wishes. Tags that other services may
// claim, too, are looked at afterwards: those that are known to be shared, and those that
// the service claims for the first time or has still to look at.
func (d *decision) changeTags(c *ledger.Change) {
	head := d.know.Head
	d.toCome = slices.Clone(head.Rest.Tags)
	for _, tag := range ledger.ClaimedTags(d.before.claims, d.after.claims) {
		was, had := ledger.NewestClaim(d.before.claims, tag)
		is, has := ledger.NewestClaim(d.after.claims, tag)
		switch waits := slices.ContainsFunc(d.toCome, func(t ledger.TagToCome) bool { return t.ID == tag }); {
		case waits || had && has && was == is:
		case had && !has && was.PutOnce: // put or pending, it needs no claim any more
		case has && slices.Contains(head.Shared, tag):
			c.Shared = append(c.Shared, tag)
		case slices.Contains(head.Shared, tag), !had && !is.PutOnce && !d.isAlone(tag):
			d.toCome = append(d.toCome, ledger.TagToCome{ID: tag, Renew: !has})
		case has && (!had || !was.Newer(is)):
			c.Tags = append(c.Tags, d.advance(is))
		default:
			d.renew(c, tag, is, has)
		}
	}
}

// isAlone reports whether no other service had a tag in sight as the observed rollout
// began or, if nobody heard of that, has it now.
func (d *decision) isAlone(tag tagalong.TagID) bool {
	if d.heard() {
		return slices.Contains(d.know.Head.Alone, tag)
	}
	return !d.hasOthers(tag.Repository)
}

// newTagged returns the repositories of which it will matter whether others run their
// images, as far as that can be known before the images are read: that spares a round trip.
func (d *decision) newTagged() (all []tagalong.Repository) {
	if d.heard() || d.obs.Fact.Name != tagalong.InProgress && d.obs.Fact.Name != tagalong.Completed {
		return nil
	}
	coming := ledger.ClaimsOf(d.obs.Service, d.obs.Policy, timeline.Rollout{FinishedAt: d.obs.Fact.Time}, d.seen.Containers, nil)
	for _, tag := range ledger.ClaimedTags(coming) {
		_, claimed := ledger.NewestClaim(d.know.Head.Claims, tag)
		claim, _ := ledger.NewestClaim(coming, tag)
		known := claimed || slices.Contains(d.know.Head.Alone, tag) || slices.Contains(d.know.Head.Shared, tag)
		if !known && !claim.PutOnce && !slices.Contains(all, tag.Repository) {
			all = append(all, tag.Repository)
		}
	}
	return all
}

// heard reports whether somebody heard the start of what the fact ends.
func (d *decision) heard() bool {
	next, ok := d.before.RollingOut()
	return ok && next.Deployment == d.obs.Fact.Deployment
}

// alone returns the tags that what rolls out will claim for the first time, and that no
// other service has in sight: its completion writes them at once. That two starts at once
// may take both for alone costs a conflict at most: see ledger/share.go.
func (d *decision) alone() (tags []tagalong.TagID) {
	next, ok := d.after.RollingOut()
	if !ok {
		return nil
	}
	coming := ledger.ClaimsOf(d.obs.Service, d.obs.Policy, next, d.newDetails(next).Containers, nil)
	for _, tag := range ledger.ClaimedTags(coming) {
		_, claimed := ledger.NewestClaim(d.after.claims, tag)
		claim, _ := ledger.NewestClaim(coming, tag)
		known := slices.Contains(d.know.Head.Alone, tag)
		if !claimed && !claim.PutOnce && (known || !d.hasOthers(tag.Repository)) {
			tags = append(tags, tag)
		}
	}
	return tags
}

// shared returns the tags that the service claims still, and that are known to be shared.
func (d *decision) shared() (tags []tagalong.TagID) {
	for _, tag := range ledger.ClaimedTags(d.after.claims) {
		if slices.Contains(d.know.Head.Shared, tag) {
			tags = append(tags, tag)
		}
	}
	return tags
}

// advance writes our claim as the wish.
func (d *decision) advance(claim ledger.Claim) ledger.TagWrite {
	return ledger.TagWrite{Mode: ledger.Advance, Wish: claim, Version: d.version(), Claims: d.version(), At: d.obs.Now}
}

// renew computes a wish anew from all claims, since ours has ended or stepped back.
func (d *decision) renew(c *ledger.Change, tag tagalong.TagID, ours ledger.Claim, has bool) {
	repository, ok := d.claimsFor(tag)
	if !ok {
		return
	}
	candidates := slices.DeleteFunc(slices.Clone(repository.Claims), func(claim ledger.Claim) bool {
		s, _, isContainer := claim.By.Container()
		return isContainer && s == d.obs.Service
	})
	if has {
		candidates = append(candidates, ours)
	}
	held, exists := repository.Tags[tag]
	best, claimed := ledger.NewestClaim(candidates, tag)
	write := ledger.TagWrite{Mode: ledger.Renew, Wish: best, Version: d.version(), Claims: d.version(), Seen: held.Claims, At: d.obs.Now}
	switch {
	case exists && held.Shared && has:
		c.Shared = append(c.Shared, tag)
		return
	case exists && held.Shared:
		d.toCome = append(d.toCome, ledger.TagToCome{ID: tag, Renew: true})
		return
	case !exists && !has:
		return // its claimant will write it: see ledger.Rest
	case !exists:
		write.Mode, write.Wish = ledger.Advance, ours
	case !claimed:
		write.Mode, write.Wish = ledger.Drop, ledger.Claim{Tag: tag}
		d.leave(c, held)
	case held.Wish == best:
		write.Mode = ledger.Touch
	}
	c.Tags = append(c.Tags, write)
}

// leave notes a tag that is to be removed: its last claim ended as the service was
// retired, and it stood on its wish. Without a policy the service may well
// run on, under no environment.
func (d *decision) leave(c *ledger.Change, tag ledger.Tag) {
	_, runs := d.after.Current()
	if !d.keep.Untag || runs || d.obs.Policy.Environment == "" || tag.State != ledger.TagConfirmed {
		return
	}
	if c.Untag == nil {
		c.Untag = &ledger.PendingUntag{ID: d.version(), Service: d.obs.Service}
	}
	c.Untag.Tags = append(c.Untag.Tags, ledger.UntagTarget{ID: tag.ID, Digest: tag.Wish.Digest, Environment: tag.Wish.Environment})
}

// released adds the tags that this change leaves to other claimants, and forgets
// those for which no put can be on its way any more.
func (d *decision) released(c ledger.Change) []ledger.Released {
	all := slices.DeleteFunc(slices.Clone(d.know.Head.Released), func(r ledger.Released) bool { return d.obs.Now.Sub(r.At) >= ledger.DoubtFor })
	for _, w := range c.Tags {
		if w.Mode == ledger.Renew {
			all = append(all, ledger.Released{Tag: w.Wish.Tag, At: d.obs.Now})
		}
	}
	return all
}
