package decide

import (
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Rest returns the next part of what a service's last change has left to come, as much
// as a transaction of so many items takes; or what must be read first. It is as pure as
// Decide.
func Rest(know LedgerView, s tagalong.Service, now time.Time, items int, version func() string) (ledger.Change, Reads) {
	d := decision{know: know, obs: Observation{Service: s, Now: now}, version: version}
	head := know.Head
	c := ledger.Change{Service: s, Seen: head.Version, Head: head, Items: head.Rest.Items, DropRunning: head.Rest.DropRunning}
	fitting := min(max(items-c.Size(), 0), len(head.Rest.Tags))
	c.Head.Rest = ledger.Rest{Tags: head.Rest.Tags[fitting:]}
	for _, tag := range head.Rest.Tags[:fitting] {
		if is, has := ledger.NewestClaim(head.Claims, tag.ID); has && !tag.Renew {
			c.Tags = append(c.Tags, d.advance(is))
		} else {
			d.renew(&c, tag.ID, is, has)
		}
	}
	c.Head.Version, c.Head.Released = version(), d.released(c)
	c.Fit(items)
	return c, d.missing
}
