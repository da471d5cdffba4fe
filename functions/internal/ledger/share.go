package ledger

// Thousands of services may claim one tag, such as that of a sidecar, nearly always for one
// digest. Were its item in their transactions, these would fail each other. So:
//
//   - A claim lies in the claimant's own items: its placement, or its promotion. What a tag is
//     wished for is derived from them.
//   - While one service alone claims a tag, each change of a claim writes the tag's item in
//     its own transaction, which costs no call and no time.
//   - A service that claims a tag for the first time, of an image that others run, commits
//     its claim without the tag, and looks at the tag then. Where another's wish is there it
//     marks the tag as shared, before it counts on anything.
//   - A shared tag is in no transaction. Who changes a claim commits it and then looks at the
//     tag: a wish of the same digest stands, and neither is written nor checked; an older
//     claim stays behind; a newer one of another digest replaces the wish. Who has written a
//     wish looks at the claims afterwards, and replaces the wish by that of the newest claim
//     until it is.
//
// Each writes what is its own and then looks at what is the other's: whatever the order of
// two, one of them sees both the claim and the wish. A wish may be older than the newest
// claim of its digest, and never newer: so a claim that lies between the two wins at first,
// and loses as the claims are looked at. That is why nobody puts a shared tag before.

// Stands reports whether a wish is what a claim wants: then there is no contest.
func (c Claim) Stands(wish Claim) bool {
	return c.Tag == wish.Tag && c.Digest == wish.Digest && c.Environment == wish.Environment && c.PutOnce == wish.PutOnce
}
