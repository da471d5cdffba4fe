package decide

import (
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// LedgerView is what has been read of the ledger so far.
type LedgerView struct {
	ledger.Snapshot
	Rows   map[timeline.RolloutKey]ledger.Details
	Claims map[tagalong.Repository]ledger.RepositoryClaims
	// Others says of repositories whether other services run their images.
	Others map[tagalong.Repository]bool
}

// With returns what is known after a commit, without reading it. The rows that it
// wrote stay known: what the registry then proves may concern them.
func (v LedgerView) With(c ledger.Change) LedgerView {
	facts := slices.Clone(v.Facts)
	if c.Fact != nil {
		facts = append(facts, *c.Fact)
	}
	facts = slices.DeleteFunc(facts, func(f tagalong.Fact) bool { return f.Time.Before(c.Head.Since) })
	rows := map[timeline.RolloutKey]ledger.Details{}
	for _, row := range c.Rollouts {
		rows[row.Key()] = row.Details
	}
	return LedgerView{Snapshot: ledger.Snapshot{Head: c.Head, Facts: facts}, Rows: rows}
}

// Reads is what must be read before a decision can be made.
type Reads struct {
	Whole bool
	Rows  []timeline.RolloutKey
	Repos []tagalong.Repository
	Tags  []tagalong.TagID // of the repos, to be read first
	// Others are repositories of which only that must be known.
	Others []tagalong.Repository
	// Images are containers whose images are new, to be read by the registry: only Others
	// are asked for with them, and the answer goes into Observation.Images.
	Images []tagalong.Container
}

// None reports whether nothing must be read.
func (n Reads) None() bool {
	return !n.Whole && len(n.Rows) == 0 && len(n.Repos) == 0 && len(n.Others) == 0 && len(n.Images) == 0
}

// row returns a rollout's details from its row, or asks for it.
func (d *decision) row(key timeline.RolloutKey) ledger.Details {
	details, ok := d.know.Rows[key]
	if !ok && !slices.Contains(d.missing.Rows, key) {
		d.missing.Rows = append(d.missing.Rows, key)
	}
	return details
}

// hasOthers reports whether other services run images of a repository, or asks for that.
func (d *decision) hasOthers(r tagalong.Repository) bool {
	others, ok := d.know.Others[r]
	if !ok && !slices.Contains(d.missing.Others, r) {
		d.missing.Others = append(d.missing.Others, r)
	}
	return others
}

// claimsFor returns the claims of a tag's repository, or asks for them and the tag.
func (d *decision) claimsFor(tag tagalong.TagID) (ledger.RepositoryClaims, bool) {
	claims, ok := d.know.Claims[tag.Repository]
	if !ok {
		if !slices.Contains(d.missing.Repos, tag.Repository) {
			d.missing.Repos = append(d.missing.Repos, tag.Repository)
		}
		d.missing.Tags = append(d.missing.Tags, tag)
	}
	return claims, ok
}
