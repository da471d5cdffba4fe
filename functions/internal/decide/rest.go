package decide

import (
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// LookedAt is what became of the tags that a head had still to come.
type LookedAt struct {
	Shared   []tagalong.TagID     // other services claim them, too
	Released []tagalong.TagID     // their wish went to others
	Left     []ledger.UntagTarget // nobody wishes them any more
}

// Rest returns the next part of what a service's last change has left to come, as much
// as a transaction of so many items takes; tags are the last of it, once they have been
// looked at. It is as pure as Decide.
func Rest(know LedgerView, s tagalong.Service, now time.Time, items int, looked LookedAt, version func() string) ledger.Change {
	d := decision{know: know, obs: Observation{Service: s, Now: now}, version: version}
	head := know.Head
	c := ledger.Change{Service: s, Seen: head.Version, Head: head, Items: head.Rest.Items, DropRunning: head.Rest.DropRunning}
	c.Head.Rest, c.Head.Version = ledger.Rest{}, version()
	c.Head.Released = d.released(c)
	if head.Rest.HasItems() {
		c.Head.Rest.Tags = head.Rest.Tags
	} else {
		looked.addTo(&c, d)
	}
	c.Fit(items)
	return c
}

func (l LookedAt) addTo(c *ledger.Change, d decision) {
	for _, id := range l.Shared {
		if !slices.Contains(c.Head.Shared, id) {
			c.Head.Shared = append(slices.Clip(c.Head.Shared), id)
		}
	}
	for _, id := range l.Released {
		c.Head.Released = append(c.Head.Released, ledger.Released{Tag: id, At: d.obs.Now})
	}
	if len(l.Left) > 0 {
		c.Untag = &ledger.PendingUntag{ID: d.version(), Service: d.obs.Service, Tags: l.Left}
	}
}
