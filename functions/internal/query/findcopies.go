package query

import (
	"context"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// copies adds to the digests that were found, where they are of an index, the other
// repositories from which that index ran: a platform's image is named in the repository in
// which the index was read, and a registry that is not ours was never read.
func (q finder) copies(ctx context.Context, found []thing) ([]thing, error) {
	var all []thing
	for _, t := range found {
		if t.kind != tagalong.DigestName {
			continue
		}
		repositories, err := q.repositoriesOfIndexes(ctx, t.images[0].Digest)
		if err != nil {
			return nil, err
		}
		for _, r := range repositories {
			copied := thingOf(ledger.Name{Kind: tagalong.DigestName, Repository: r, Digest: t.images[0].Digest})
			if !slices.ContainsFunc(slices.Concat(found, all), func(o thing) bool { return o.kind == copied.kind && o.name == copied.name }) {
				all = append(all, copied)
			}
		}
	}
	return append(found, all...), nil
}

// repositoriesOfIndexes returns those from which an index ran that holds a platform's image.
func (q finder) repositoriesOfIndexes(ctx context.Context, platform digest.Digest) (all []tagalong.Repository, err error) {
	children, err := q.Records.Indexes(ctx, platform)
	if err != nil {
		return nil, fmt.Errorf("indexes of %s: %w", platform, err)
	}
	for _, c := range children {
		for n, err := range q.Records.NamesOf(ctx, c.Index.Encoded(), maxThings) {
			if err != nil {
				return nil, fmt.Errorf("names of %s: %w", c.Index, err)
			}
			if n.Digest == c.Index {
				all = append(all, n.Repository)
			}
		}
	}
	return all, nil
}
