package query

import (
	"context"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Sources returns, by digest, where the sources of images are kept on the web, as far as
// the images say so themselves and we were given their registry. It is for links beside an
// answer: an image that cannot be read has none.
func (q Queries) Sources(ctx context.Context, containers []ledger.HistoryContainer) map[digest.Digest]string {
	covered := tagalong.Coverage{}
	if q.Coverage != nil {
		var err error
		if covered, err = q.Coverage(ctx); err != nil {
			return nil
		}
	}
	asked := map[tagalong.Repository][]digest.Digest{}
	for _, c := range containers {
		r := tagalong.Repository{Registry: c.Registry, Name: c.Repository}
		for _, d := range []digest.Digest{c.Digest, c.Index} {
			if d != "" && covered.Reads(r) && !slices.Contains(asked[r], d) {
				asked[r] = append(asked[r], d)
			}
		}
	}
	return q.sources(ctx, asked)
}

func (q Queries) sources(ctx context.Context, asked map[tagalong.Repository][]digest.Digest) map[digest.Digest]string {
	var repositories []tagalong.Repository
	for r := range asked {
		repositories = append(repositories, r)
	}
	read := make([]tagalong.Images, len(repositories))
	parallel.ForEach(len(repositories), parallel.Limit, func(i int) {
		read[i], _ = q.Registry.Read(ctx, repositories[i], asked[repositories[i]], nil)
	})
	sources := map[digest.Digest]string{}
	for _, images := range read {
		for d, m := range images.Manifests {
			if source := m.Source(); source != "" {
				sources[d] = source
			}
		}
	}
	return sources
}
