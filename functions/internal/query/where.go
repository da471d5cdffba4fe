package query

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// WhereRow is an interval in which a container ran an image, or rolled it out: a
// rollout that failed or was superseded may have served. A start that nobody saw is null.
type WhereRow struct {
	Environment string            `json:"environment"`
	Kind        tagalong.Kind     `json:"kind"`
	Account     string            `json:"account"`
	Region      string            `json:"region"`
	Cluster     string            `json:"cluster"`
	Service     string            `json:"service"` // of standalone tasks their family, of a function its name
	Container   string            `json:"container"`
	Registry    string            `json:"registry"`
	Repository  string            `json:"repository"`
	Digest      digest.Digest     `json:"digest"`
	Index       digest.Digest     `json:"index"`
	Evidence    tagalong.Evidence `json:"evidence"`
	Phase       ledger.Phase      `json:"phase"`
	Since       *time.Time        `json:"since"`
	Until       *time.Time        `json:"until"`
	// LastRan and Runs are of standalone tasks: when one was seen to run last (while they run, when that began), and how often
	// they began to run, those beside one another once. Null and 0 of all else.
	LastRan *time.Time `json:"lastRan"`
	Runs    int        `json:"runs"`
}

// ImageError says that an image can not be looked for.
type ImageError struct {
	image  tagalong.ImageQuery
	reason string // what is the matter, and what would be right
}

func (e *ImageError) Error() string { return fmt.Sprintf("image %q: %s", e.image, e.reason) }

// Where answers where an image runs, rolls out and ran, newest first. Of one
// image in one container, intervals that adjoin are one: it has the environment
// of the newest and the weakest evidence of all. A platform's digest finds the
// index that holds it; a tag is resolved in ECR now. *ImageError says that it is not
// clear which registry is meant, *UnknownNameError that nobody knows the repository,
// or that the tag is not in it. A digest that never ran is an answer.
func (q Queries) Where(ctx context.Context, image tagalong.ImageQuery, p Paging) (Page[WhereRow], error) {
	question := "where " + questionOf(image)
	var behind ledger.PlacementCursor
	if err := unseal(question, p.Cursor, &behind); err != nil {
		return Page[WhereRow]{}, err
	}
	meant, err := resolver{q}.resolved(ctx, image)
	if err != nil {
		return Page[WhereRow]{}, err
	}
	pieces, err := q.pieces(ctx, meant, p.hint())
	if err != nil {
		return Page[WhereRow]{}, err
	}
	page, err := answer[interval, WhereRow, ledger.PlacementCursor]{
		question: question,
		rows:     q.intervals(ctx, pieces(behind), p.hint()),
		show:     interval.row,
		pause:    func(i interval) bool { return i.pause },
		at:       func(i interval) ledger.PlacementCursor { return i.from },
	}.page(p.Limit)
	if err == nil && len(page.Items) == 0 {
		page.Watched, err = resolver{q}.nowhere(ctx, meant, page.Next == "" && p.Cursor == "")
	}
	return page, err
}

// pieces returns the placements that may be an image's, newest first, behind one of them.
type pieces func(behind ledger.PlacementCursor) iter.Seq2[piece, error]

// piece is a placement, and whether it is the image's that is asked for. Places lie
// by repository name and by digest: those of other registries are among them.
type piece struct {
	ledger.Placement
	meant bool
}

func evaluated(places iter.Seq2[ledger.Placement, error], meant func(tagalong.Container) bool) iter.Seq2[piece, error] {
	return func(yield func(piece, error) bool) {
		for p, err := range places {
			if !yield(piece{p, meant(p.Container)}, err) {
				return
			}
		}
	}
}

func (q Queries) pieces(ctx context.Context, image tagalong.ImageQuery, hint int) (pieces, error) {
	if image.Digest == "" {
		return func(behind ledger.PlacementCursor) iter.Seq2[piece, error] {
			var all []iter.Seq2[ledger.Placement, error]
			for _, name := range image.Partitions() {
				all = append(all, q.ofRepository(ctx, name, behind, hint))
			}
			return evaluated(stream.Merge(all, newestPlacement), func(c tagalong.Container) bool { return image.In(c.Image) })
		}, nil
	}
	return q.ofDigest(ctx, image, hint)
}

func newestPlacement(a, b ledger.Placement) int { return b.At().Compare(a.At()) }

// ofRepository reads what is open whole, since it may have been so for long, and
// between it what has ended.
func (q Queries) ofRepository(ctx context.Context, repository string, behind ledger.PlacementCursor, hint int) iter.Seq2[ledger.Placement, error] {
	open, err := stream.Collect(stream.Filter(q.Records.OpenPlacements(ctx, repository), func(p ledger.Placement) bool { return p.Behind(behind) }))
	if err != nil {
		return stream.Empty[ledger.Placement](err)
	}
	slices.SortFunc(open, newestPlacement)
	return stream.Merge([]iter.Seq2[ledger.Placement, error]{stream.FromSlice(open), q.Records.EndedPlacements(ctx, repository, behind, hint)}, newestPlacement)
}

// ofDigest finds the placements of the digest itself and of the indexes that hold it.
func (q Queries) ofDigest(ctx context.Context, image tagalong.ImageQuery, hint int) (pieces, error) {
	meant, digests, err := q.meaning(ctx, image)
	if err != nil {
		return nil, err
	}
	return func(behind ledger.PlacementCursor) iter.Seq2[piece, error] {
		var all []iter.Seq2[ledger.Placement, error]
		for _, d := range digests {
			all = append(all, q.Records.DigestPlacements(ctx, d, behind, hint))
		}
		return evaluated(stream.Merge(all, newestPlacement), meant)
	}, nil
}

// meaning says which containers run a digest, and under which digests their
// placements lie. A platform's digest means the indexes that hold it, too, where
// nobody said which platform of them runs.
func (q Queries) meaning(ctx context.Context, image tagalong.ImageQuery) (meant func(tagalong.Container) bool, digests []digest.Digest, err error) {
	children, err := q.Records.Indexes(ctx, image.Digest)
	if err != nil {
		return nil, nil, fmt.Errorf("indexes of %s: %w", image.Digest, err)
	}
	digests = []digest.Digest{image.Digest}
	for _, child := range children {
		digests = append(digests, child.Index)
	}
	slices.Sort(digests)
	digests = slices.Compact(digests)
	return func(c tagalong.Container) bool {
		return image.In(c.Image) && (slices.Contains(digests, c.Digest) || c.Index == image.Digest)
	}, digests, nil
}

// interval is a chain of pieces, known from its newest to the oldest.
type interval struct {
	ledger.Placement
	from ledger.PlacementCursor // the oldest piece
	// pause says that it is none: enough has been looked at, and the page ends here.
	pause bool
}

// maxSkipped is how many placements of others a page looks at.
const maxSkipped = 1000

// containerKey is what only one piece at a time can be in.
type containerKey struct {
	service   tagalong.Service
	container string
}

// intervals joins the pieces that adjoin, each interval standing where it began.
func (q Queries) intervals(ctx context.Context, pieces iter.Seq2[piece, error], hint int) iter.Seq2[interval, error] {
	chains := chains{horizon: q.horizon()}
	begun := func(yield func(interval, error) bool) {
		others := 0
		for p, err := range pieces {
			if err != nil {
				yield(interval{}, err)
				return
			}
			if !p.meant {
				if others++; others == maxSkipped && hint > 0 {
					yield(interval{from: p.At(), pause: true}, nil)
					return
				}
				continue
			}
			if i, begun := chains.add(p.Placement); begun && !yield(i, nil) {
				return
			}
		}
		// What is left lacks its beginning: the index was written in between.
		for _, i := range chains.left() {
			if !yield(i, nil) {
				return
			}
		}
	}
	return stream.MapParallel(ctx, begun, hint, q.whole)
}

// whole follows an interval whose newer pieces came on an earlier page up to its
// end, so that a page never reads again what came before it.
func (q Queries) whole(ctx context.Context, i interval) (interval, error) {
	for i.Continued {
		next, ok, err := q.Records.Successor(ctx, i.Placement)
		if err != nil {
			return interval{}, fmt.Errorf("what follows in %s: %w", i.Service, err)
		}
		if !ok {
			break
		}
		next.Since, next.Continues = i.Since, i.Continues
		next.Container = weaker(next.Container, i.Container)
		i.Placement = next
	}
	return i, nil
}

// horizon is the last time whose rows have expired; zero if they are kept for
// ever. They expire by the second: with the first of it all others do.
func (q Queries) horizon() time.Time {
	if q.Retention == 0 {
		return time.Time{}
	}
	return q.now().Add(-q.Retention).Truncate(time.Second).Add(time.Second - time.Nanosecond)
}

// chains are the intervals whose beginning has not been seen yet.
type chains struct {
	open    map[containerKey]interval
	horizon time.Time
}

func (c *chains) of(p ledger.Placement) containerKey {
	return containerKey{p.Service, p.Container.Name}
}

// adjoins reports whether a piece goes on in a chain.
func (c *chains) adjoins(p ledger.Placement) bool {
	next, ok := c.open[c.of(p)]
	return ok && p.Continued && next.Since.Equal(p.Until)
}

// add takes the next older piece; begun says that the interval begins with it.
func (c *chains) add(p ledger.Placement) (i interval, begun bool) {
	i = interval{Placement: p, from: p.At()}
	if p.Phase == ledger.PhaseRollingOut || p.Unfinished {
		return i, true
	}
	if c.adjoins(p) {
		i.Placement = c.open[c.of(p)].Placement
		i.Since, i.Continues = p.Since, p.Continues
		i.Container = weaker(i.Container, p.Container)
	}
	delete(c.open, c.of(p))
	// What it continues has expired if that ended before the horizon.
	if !i.Continues || !i.Since.After(c.horizon) {
		return i, true
	}
	if c.open == nil {
		c.open = map[containerKey]interval{}
	}
	c.open[c.of(p)] = i
	return i, false
}

// left returns the chains that are open in the end, newest first.
func (c *chains) left() []interval {
	var all []interval
	for _, i := range c.open {
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b interval) int { return b.from.Compare(a.from) })
	return all
}

// weaker returns the container with the weaker evidence of both.
func weaker(a, b tagalong.Container) tagalong.Container {
	if b.Rank() < a.Rank() {
		a.Evidence, a.Disputed = b.Evidence, b.Disputed
	}
	return a
}

func (i interval) row() WhereRow {
	row := WhereRow{
		Environment: i.Environment,
		Kind:        i.Service.Kind(),
		Account:     i.Service.Account,
		Region:      i.Service.Region,
		Cluster:     i.Service.Cluster,
		Service:     i.Service.OwnName(),
		Container:   i.Container.Name,
		Registry:    i.Container.Image.Registry,
		Repository:  i.Container.Image.Name,
		Digest:      i.Container.Digest,
		Index:       i.Container.Index,
		Evidence:    i.Container.Evidence,
		Phase:       i.Phase,
		Since:       tagalong.TimeOrNil(i.Since),
		Until:       tagalong.TimeOrNil(i.Until),
		LastRan:     tagalong.TimeOrNil(i.LastRan),
		Runs:        i.Runs,
	}
	if i.NoStart {
		row.Since = nil
	}
	return row
}
