package decide

import (
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// changeNames names the images of rollouts that change, as far as the service had not
// named them before: an image deployed again is not written again. A service of before
// there were names has named nothing.
func (d *decision) changeNames(c *ledger.Change) {
	before, after := naming{}, naming{}
	if d.know.Head.Named || d.know.Head.Version == "" { // all that a new one has are rollouts that change
		before = d.namedBefore(c.Rollouts)
	} else {
		for _, r := range d.after.Rollouts {
			if d.after.holds(r) {
				after.add(d.images(d.after, r))
			}
		}
	}
	for _, row := range c.Rollouts {
		after.add(d.images(d.after, row.Rollout))
	}
	c.Names = without(after.names, before.names)
	c.Repositories = without(after.repositories, before.repositories)
}

// namedBefore returns what the service has named: what may change still, and what some
// rollouts were.
func (d *decision) namedBefore(rollouts []ledger.Row) (before naming) {
	for _, live := range d.know.Head.Live {
		before.add(live.Containers)
	}
	for _, row := range rollouts {
		if was, existed := d.former(row.Rollout); existed {
			before.add(d.images(d.before, was))
		}
	}
	return before
}

// images returns a rollout's containers with all that their images are known by.
func (d *decision) images(s state, r timeline.Rollout) (all []tagalong.Container) {
	release := r.Released()
	for _, c := range s.details(r).Containers {
		all = append(all, release.Named(c, false))
	}
	for _, p := range d.placements(s, r) { // those know which of them the release's commit is of
		all = append(all, p.Container)
	}
	return all
}

// naming is what containers' images are found by.
type naming struct {
	names        []ledger.Name
	repositories []tagalong.Repository
}

func (n *naming) add(containers []tagalong.Container) {
	for _, c := range containers {
		n.names = append(n.names, ledger.ImageNames(c)...)
		if c.Image.Name != "" {
			n.repositories = append(n.repositories, c.Image)
		}
	}
}

// without returns what is not among others, each once, in order.
func without[T comparable](all, others []T) (rest []T) {
	known := map[T]bool{}
	for _, one := range others {
		known[one] = true
	}
	for _, one := range all {
		if !known[one] {
			known[one] = true
			rest = append(rest, one)
		}
	}
	return rest
}
