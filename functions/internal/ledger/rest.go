package ledger

import (
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Rest is what of a change is still to be written.
type Rest struct {
	Items
	Tags []TagToCome
	// DropRunning is the environment whose running row goes with the last of it: as
	// long as it is there, a sweep finds the service, even where ECS has it no more.
	DropRunning string
}

// TagToCome is a tag of which a claim has changed, and whose item does not know yet.
type TagToCome struct {
	ID tagalong.TagID
	// Renew says that the wish is to be computed from all claims, since the service's
	// own has ended or stepped back.
	Renew bool
}

// Blocks reports whether something is left that is to be written before any other change.
// Tags may wait until that is done: they are looked at as the claims are by then.
func (r Rest) Blocks() bool { return r.HasItems() || r.DropRunning != "" }

// HasItems reports whether items of the service are left.
func (r Rest) HasItems() bool { return r.count() > 0 }

// Remains reports whether anything is left.
func (r Rest) Remains() bool { return !r.None() }

// None reports whether nothing is left to write.
func (r Rest) None() bool { return r.count() == 0 && len(r.Tags) == 0 }

// Unfinished reports whether the last change of the service is not written whole.
func (h Head) Unfinished() bool { return !h.Rest.None() }

// ToCome returns the tags that are still to be written as claims of nobody.
func (h Head) ToCome() []Claim {
	var all []Claim
	for _, tag := range h.Rest.Tags {
		all = append(all, Claim{Tag: tag.ID})
	}
	return all
}

// A change that is too long for one transaction is written in several. The first one
// has the fact, the head and as much of the rest as fits; the head names what does not,
// and whoever comes next to the service writes that before anything else: the same
// handler, its retry, that of a later event, or the sweep. So each change of a service
// begins where the one before has ended.
//
// Tags come last, since other services share them: a tag is written together with the
// items that claim it or let it go, or behind them, outside of any transaction (share.go).
// Until then its wish is the one of before, or one that somebody else computed meanwhile,
// from the claims of before or of after. Whichever it is, it is looked at here.

// MaxItems is what a transaction takes,
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html.
const MaxItems = 100

// Fit leaves to the head what is more than a transaction takes.
func (c *Change) Fit(items int) {
	if c.Size() > items {
		c.shorten(items)
	}
	if !c.Head.Rest.None() {
		c.Head.Rest.DropRunning, c.DropRunning = c.DropRunning, ""
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
	now.Finished, later.Finished = part(i.Finished, &room)
	now.Past, later.Past = part(i.Past, &room)
	now.Placements, later.Placements = part(i.Placements, &room)
	now.Previous, later.Previous = part(i.Previous, &room)
	now.DropRollouts, later.DropRollouts = part(i.DropRollouts, &room)
	now.DropPast, later.DropPast = part(i.DropPast, &room)
	now.DropPlacements, later.DropPlacements = part(i.DropPlacements, &room)
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
