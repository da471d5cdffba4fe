package sweep

import (
	"context"
	"maps"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// knownClaims is what a repository's claims were as its first tags were looked at. It
// tells which tags are right; what is not is read anew before anything is written.
type knownClaims struct {
	newest  map[tagalong.TagID]ledger.Claim
	readers ledger.Readers
	tags    map[tagalong.TagID]ledger.Tag
}

// wishes reports whether the wish of a tag is that of the newest claim. A {time} tag has
// no claim that would stay.
func (k *knownClaims) wishes(id tagalong.TagID) bool {
	tag, there := k.tags[id]
	best, claimed := k.newest[id]
	return there && (tag.Wish.PutOnce || claimed && best == tag.Wish)
}

// newestClaims returns the newest claim on each tag.
func newestClaims(all []ledger.Claim) map[tagalong.TagID]ledger.Claim {
	newest := map[tagalong.TagID]ledger.Claim{}
	for _, c := range all {
		if best, claimed := newest[c.Tag]; !claimed || c.Newer(best) {
			newest[c.Tag] = c
		}
	}
	return newest
}

// claimsOf returns a repository's claims. They are read once, since all of its tags are
// looked at one after the other: of one that thousands of services share there are many.
func (p *tagCheck) claimsOf(ctx context.Context, r tagalong.Repository) (*knownClaims, error) {
	p.mu.Lock()
	known, read := p.claims[r]
	p.mu.Unlock()
	if read {
		return known, nil
	}
	claims, err := p.Records.ClaimStates(ctx, r)
	if err != nil {
		return nil, err
	}
	known = &knownClaims{newest: newestClaims(claims.Claims), readers: claims.Readers, tags: claims.Tags}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.claims == nil {
		p.claims = map[tagalong.Repository]*knownClaims{}
	}
	p.claims[r] = known
	return known, nil
}

// forgetClaims forgets the claims of all repositories but the last one, of which more tags
// may come.
func (p *tagCheck) forgetClaims(last tagalong.Repository) {
	maps.DeleteFunc(p.claims, func(r tagalong.Repository, _ *knownClaims) bool { return r != last })
}
