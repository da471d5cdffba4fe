package decide

import (
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// continues gives the containers of a rollout that ran the same image before it.
// Of what runs the head knows them, so that its closing reads nothing. Expiry is
// nobody's event: a place still says that it continues one that has expired,
// until it is written anew.
func (d *Decision) continues(v view, r timeline.Rollout) []string {
	running, _ := d.before.Current()
	switch earlier := v.Earlier(r); {
	case !v.Holds(r):
		return nil
	case d.origin(r) == running.Key() && (v.stored || d.continuityStands(r)):
		return d.Know.Head.Continues
	case earlier == timeline.Rollout{}:
		d.Missing.Whole = d.Missing.Whole || v.Truncated // it may have been cut off
		return nil
	default:
		return goingOn(v.details(earlier).Containers, v.details(r).Containers)
	}
}

// continuityStands tells whether a rollout that is to be and the one before it are those
// that they were, and known no better.
func (d *Decision) continuityStands(r timeline.Rollout) bool {
	was, existed := d.detailsOfFormer(r)
	earlier := d.after.Earlier(r)
	return existed && d.before.Holds(was) && d.before.Earlier(was).Key() == d.origin(earlier) && !d.better(earlier) && !d.better(r)
}

// sameContinuity tells whether as much continues in a rollout as did in the one that
// was in its place.
func (d *Decision) sameContinuity(was, is timeline.Rollout) bool {
	if was.Key() == d.origin(is) && d.continuityStands(is) {
		return true
	}
	return slices.Equal(d.continues(d.before, was), d.continues(d.after, is))
}

// origin gives the key under which the ledger holds a rollout, whatever it is to
// be; a new one's own.
func (d *Decision) origin(r timeline.Rollout) timeline.RolloutKey {
	if was, ok := d.detailsOfFormer(r); ok {
		return was.Key()
	}
	return r.Key()
}

// goingOn gives the names of the containers that run one image in both.
func goingOn(from, to []tagalong.Container) (names []string) {
	for _, c := range to {
		if slices.ContainsFunc(from, c.Continues) {
			names = append(names, c.Name)
		}
	}
	return names
}
