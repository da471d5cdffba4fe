package tagalong

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A change that is too long for one transaction is written in several. The first one
// has the fact, the head and as much of the rest as fits; the head names what does not,
// and whoever comes next to the service writes that before anything else: the same
// handler, its retry, that of a later event, or the sweep. So each change of a service
// begins where the one before has ended.
//
// Tags come last, since other services share them: a tag is written together with the
// items that claim it or let it go, or behind them. Until then its wish is the one of
// before, or one that somebody else computed meanwhile, from the claims of before or of
// after. Whichever it is, it is written over here.

// maxItems is what a transaction takes,
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html.
const maxItems = 100

func (r *Reactor) transactionItems() int { return cmp.Or(r.TransactionItems, maxItems) }

// fit leaves to the head what is more than a transaction takes.
func (c *Change) fit(items int) {
	if c.Size() > items {
		c.shorten(items)
	}
	if !c.Head.Rest.None() {
		c.Head.Rest.DropMember, c.DropMember = c.DropMember, ""
	}
}

func (c *Change) shorten(items int) {
	room := items - (c.Size() - c.count() - len(c.Tags))
	c.Items, c.Head.Rest.Items = c.cut(room)
	room -= c.count()
	if c.Head.Rest.count() > 0 {
		room = 0
	}
	now, later := part(c.Tags, &room)
	c.Tags, c.Head.Rest.Tags = now, slices.Concat(toCome(later), c.Head.Rest.Tags)
}

// cut takes the first of the items. What is put goes before what is dropped, so that
// in between rather too much is there than too little.
func (i Items) cut(room int) (now, later Items) {
	now.Rollouts, later.Rollouts = part(i.Rollouts, &room)
	now.Endings, later.Endings = part(i.Endings, &room)
	now.Gone, later.Gone = part(i.Gone, &room)
	now.Places, later.Places = part(i.Places, &room)
	now.Previous, later.Previous = part(i.Previous, &room)
	now.DropRollouts, later.DropRollouts = part(i.DropRollouts, &room)
	now.DropGone, later.DropGone = part(i.DropGone, &room)
	now.DropPlaces, later.DropPlaces = part(i.DropPlaces, &room)
	now.DropPrevious, later.DropPrevious = part(i.DropPrevious, &room)
	return now, later
}

func part[T any](all []T, room *int) (now, later []T) {
	n := min(*room, len(all))
	*room -= n
	return all[:n], all[n:]
}

func toCome(writes []TagWrite) (tags []TagToCome) {
	for _, w := range writes {
		tags = append(tags, TagToCome{ID: w.Wish.Tag, Renew: w.Mode != Advance})
	}
	return tags
}

// finish writes what the last change of the service has left to come. On a conflict
// somebody else may be at it: then the tags that he wrote are converged here, too.
func (p *pass) finish(ctx context.Context) error {
	for conflicts := 0; p.know.Head.unfinished(); {
		change, err := p.rest(ctx)
		if err != nil {
			return err
		}
		err = p.write(ctx, &change)
		if errors.Is(err, ErrConflict) && conflicts < maxConflicts {
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
		change.collect(p.wishes)
		p.gather(change)
		p.recording.follow(change)
		p.know.Head, p.know.claims = change.Head, nil
	}
	return nil
}

// rest decides on what comes next, and asks for what it must know.
func (p *pass) rest(ctx context.Context) (Change, error) {
	for {
		d := decision{know: p.know, obs: p.obs, version: newVersion}
		c := d.rest(p.transactionItems())
		if d.missing.none() {
			return c, nil
		}
		if err := p.learn(ctx, &p.know, p.obs.Service, d.missing); err != nil {
			return Change{}, err
		}
	}
}

// rest returns the next part of what the head has left to come.
func (d *decision) rest(items int) Change {
	head := d.know.Head
	c := Change{Service: d.obs.Service, Seen: head.Version, Head: head, Items: head.Rest.Items, DropMember: head.Rest.DropMember}
	fitting := min(max(items-c.Size(), 0), len(head.Rest.Tags))
	c.Head.Rest = Rest{Tags: head.Rest.Tags[fitting:]}
	for _, tag := range head.Rest.Tags[:fitting] {
		if is, has := newest(head.Claims, tag.ID); has && !tag.Renew {
			c.Tags = append(c.Tags, d.advance(is))
		} else {
			d.renew(&c, tag.ID, is, has)
		}
	}
	c.Head.Version, c.Head.Released = d.version(), d.released(c)
	c.fit(items)
	return c
}

// reload reads the service again, and the tags that somebody else has written.
func (p *pass) reload(ctx context.Context) (err error) {
	left := p.know.Head.toCome()
	p.know = knowledge{}
	if p.know.Snapshot, err = p.Ledger.Load(ctx, p.obs.Service); err != nil {
		return err
	}
	still := claimedTags(p.know.Head.toCome())
	written := slices.DeleteFunc(claimedTags(left), func(id TagID) bool { return slices.Contains(still, id) })
	if len(written) == 0 {
		return nil
	}
	tags, err := p.Ledger.Tags(ctx, written)
	maps.Copy(p.wishes, tags)
	return err
}
