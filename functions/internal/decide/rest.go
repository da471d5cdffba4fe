package decide

import (
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
)

// Rest returns the next part of what the head has left to come.
func (d *Decision) Rest(items int) ledger.Change {
	head := d.Know.Head
	c := ledger.Change{Service: d.Obs.Service, Seen: head.Version, Head: head, Items: head.Rest.Items, DropRunning: head.Rest.DropMember}
	fitting := min(max(items-c.Size(), 0), len(head.Rest.Tags))
	c.Head.Rest = ledger.Rest{Tags: head.Rest.Tags[fitting:]}
	for _, tag := range head.Rest.Tags[:fitting] {
		if is, has := ledger.NewestClaim(head.Claims, tag.ID); has && !tag.Renew {
			c.Tags = append(c.Tags, d.advance(is))
		} else {
			d.renew(&c, tag.ID, is, has)
		}
	}
	c.Head.Version, c.Head.Released = d.Version(), d.released(c)
	c.Fit(items)
	return c
}
