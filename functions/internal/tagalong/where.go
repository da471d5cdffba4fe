package tagalong

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
)

// WhereRow is an interval in which a container ran an image, or one that rolls out.
type WhereRow struct {
	Environment string        `json:"environment"`
	Account     string        `json:"account"`
	Region      string        `json:"region"`
	Cluster     string        `json:"cluster"`
	Service     string        `json:"service"`
	Container   string        `json:"container"`
	Registry    string        `json:"registry"`
	Repository  string        `json:"repository"`
	Digest      digest.Digest `json:"digest"`
	Index       digest.Digest `json:"index"`
	Evidence    Evidence      `json:"evidence"`
	Phase       Phase         `json:"phase"`
	Since       *time.Time    `json:"since"`
	Until       *time.Time    `json:"until"`
}

// ImageError says that an image can not be looked for.
type ImageError struct {
	Image  ImageQuery
	Reason string // what is the matter, and what would be right
}

func (e *ImageError) Error() string { return fmt.Sprintf("image %q: %s", e.Image, e.Reason) }

// Where answers where an image runs, rolls out and ran, newest first. Of one
// image in one container, intervals that adjoin are one: it has the environment
// of the newest and the weakest evidence of all. A platform's digest finds the
// index that holds it; a tag is resolved in ECR now. *ImageError says that there
// is no such tag, or that it is not clear which registry is meant.
func (q Queries) Where(ctx context.Context, image ImageQuery, p Paging) (Page[WhereRow], error) {
	question := "where " + questionOf(image)
	var behind PlaceAt
	if err := unseal(question, p.Cursor, &behind); err != nil {
		return Page[WhereRow]{}, err
	}
	pieces, err := q.pieces(ctx, image, p.hint())
	if err != nil {
		return Page[WhereRow]{}, err
	}
	return answer[interval, WhereRow, PlaceAt]{
		question: question,
		rows:     q.intervals(ctx, pieces(behind), p.hint()),
		show:     interval.row,
		pause:    func(i interval) bool { return i.pause },
		at:       func(i interval) PlaceAt { return i.from },
	}.page(p.Limit)
}

// pieces gives the places that may be an image's, newest first, behind one of them.
type pieces func(behind PlaceAt) iter.Seq2[piece, error]

// piece is a place, and whether it is the image's that is asked for. Places lie
// by repository name and by digest: those of other registries are among them.
type piece struct {
	Place
	meant bool
}

func judged(places iter.Seq2[Place, error], meant func(Container) bool) iter.Seq2[piece, error] {
	return func(yield func(piece, error) bool) {
		for p, err := range places {
			if !yield(piece{p, meant(p.Container)}, err) {
				return
			}
		}
	}
}

func (q Queries) pieces(ctx context.Context, image ImageQuery, hint int) (pieces, error) {
	if image.Tag != "" {
		var err error
		if image, err = q.resolve(ctx, image); err != nil {
			return nil, err
		}
	}
	if image.Digest == "" {
		return func(behind PlaceAt) iter.Seq2[piece, error] {
			all := []iter.Seq2[Place, error]{q.ofRepository(ctx, image.Repository, behind, hint)}
			if official := image.official(); official.Name != "" {
				all = append(all, q.ofRepository(ctx, official.Name, behind, hint))
			}
			return judged(merge(all, newestPlace), func(c Container) bool { return image.in(c.Image) })
		}, nil
	}
	return q.ofDigest(ctx, image, hint)
}

func newestPlace(a, b Place) int { return b.At().Compare(a.At()) }

// ofRepository reads what is open whole, since it may have been so for long, and
// between it what has ended.
func (q Queries) ofRepository(ctx context.Context, repository string, behind PlaceAt, hint int) iter.Seq2[Place, error] {
	open, err := Collect(only(q.Records.OpenPlaces(ctx, repository), func(p Place) bool { return p.behind(behind) }))
	if err != nil {
		return none[Place](err)
	}
	slices.SortFunc(open, newestPlace)
	return merge([]iter.Seq2[Place, error]{listed(open), q.Records.EndedPlaces(ctx, repository, behind, hint)}, newestPlace)
}

// ofDigest finds the places of the digest itself and of the indexes that hold it.
func (q Queries) ofDigest(ctx context.Context, image ImageQuery, hint int) (pieces, error) {
	meant, digests, err := q.meaning(ctx, image)
	if err != nil {
		return nil, err
	}
	return func(behind PlaceAt) iter.Seq2[piece, error] {
		var all []iter.Seq2[Place, error]
		for _, d := range digests {
			all = append(all, q.Records.DigestPlaces(ctx, d, behind, hint))
		}
		return judged(merge(all, newestPlace), meant)
	}, nil
}

// meaning tells which containers run a digest, and under which digests their
// places lie. A platform's digest means the indexes that hold it, too, where
// nobody said which platform of them runs.
func (q Queries) meaning(ctx context.Context, image ImageQuery) (meant func(Container) bool, digests []digest.Digest, err error) {
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
	return func(c Container) bool {
		return image.in(c.Image) && (slices.Contains(digests, c.Digest) || c.Index == image.Digest)
	}, digests, nil
}

// resolve asks ECR which digest a tag is on now.
func (q Queries) resolve(ctx context.Context, image ImageQuery) (ImageQuery, error) {
	if image.Registry == "" {
		registry, err := q.registryOf(ctx, image)
		if err != nil {
			return image, err
		}
		image.Registry = registry
	} else if known, err := q.known(ctx, image); err != nil || !known {
		return image, cmp.Or[error](err, &ImageError{image, "nothing of that repository runs or ran lately, as far as the ledger knows: give the digest"})
	}
	repository := Repository{Registry: image.Registry, Name: image.Repository}
	if _, _, ok := repository.ECR(); !ok {
		return image, &ImageError{image, "tags are resolved in private ECR registries only: give the digest"}
	}
	images, err := q.Registry.Read(ctx, repository, nil, []string{image.Tag})
	if err != nil && !errors.Is(err, ErrGone) {
		return image, fmt.Errorf("repository %s: %w", repository, err)
	}
	at, ok := images.Tags[image.Tag]
	if err := cmp.Or(images.Refused[image.Tag], images.Unasked[image.Tag]); err != nil {
		return image, fmt.Errorf("repository %s: %w", repository, err)
	}
	if !ok {
		return image, &ImageError{image, "there is no such tag in ECR now"}
	}
	image.Tag, image.Digest = "", at
	return image, nil
}

// lookBack is how many places that have ended are searched for a repository.
const lookBack = 100

// known tells whether anything of a repository runs or ran lately. Of others ECR
// is not asked: there would be nothing to find, and whoever asks could aim our
// credentials at any registry.
func (q Queries) known(ctx context.Context, image ImageQuery) (bool, error) {
	for p, err := range q.Records.OpenPlaces(ctx, image.Repository) {
		if err != nil || image.in(p.Container.Image) {
			return err == nil, err
		}
	}
	looked := 0
	for p, err := range q.Records.EndedPlaces(ctx, image.Repository, PlaceAt{}, lookBack) {
		if err != nil || image.in(p.Container.Image) {
			return err == nil, err
		}
		if looked++; looked == lookBack {
			break
		}
	}
	return false, nil
}

// registryOf gives the registry that a repository without one lies in: the only
// one in ECR from which something of that name runs.
func (q Queries) registryOf(ctx context.Context, image ImageQuery) (string, error) {
	var registries []string
	for p, err := range q.Records.OpenPlaces(ctx, image.Repository) {
		if err != nil {
			return "", fmt.Errorf("repository %s: %w", image.Repository, err)
		}
		if _, _, ok := p.Container.Image.ECR(); ok {
			registries = append(registries, p.Container.Image.Registry)
		}
	}
	slices.Sort(registries)
	switch registries = slices.Compact(registries); len(registries) {
	case 0:
		return "", &ImageError{image, "nothing of that repository runs, so its registry is not known: want HOST/REPOSITORY:TAG"}
	case 1:
		return registries[0], nil
	}
	return "", &ImageError{image, "the repository is in several registries: want HOST/REPOSITORY:TAG with one of " + strings.Join(registries, ", ")}
}

// interval is a chain of pieces, known from its newest to the oldest.
type interval struct {
	Place
	from PlaceAt // the oldest piece
	// pause says that it is none: enough has been looked at, and the page ends here.
	pause bool
}

// patience is how many places of others a page looks at.
const patience = 1000

// lane is what only one piece at a time can be in.
type lane struct {
	service   Service
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
				if others++; others == patience && hint > 0 {
					yield(interval{from: p.At(), pause: true}, nil)
					return
				}
				continue
			}
			if i, begun := chains.add(p.Place); begun && !yield(i, nil) {
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
	return ahead(ctx, begun, hint, q.whole)
}

// whole follows an interval whose newer pieces came on an earlier page up to its
// end, so that a page never reads again what came before it.
func (q Queries) whole(ctx context.Context, i interval) (interval, error) {
	for i.Continued {
		next, ok, err := q.Records.Successor(ctx, i.Place)
		if err != nil {
			return interval{}, fmt.Errorf("what follows in %s: %w", i.Service, err)
		}
		if !ok {
			break
		}
		next.Since, next.Continues = i.Since, i.Continues
		next.Container = weaker(next.Container, i.Container)
		i.Place = next
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
	open    map[lane]interval
	horizon time.Time
}

func (c *chains) of(p Place) lane { return lane{p.Service, p.Container.Name} }

// adjoins tells whether a piece goes on in a chain.
func (c *chains) adjoins(p Place) bool {
	next, ok := c.open[c.of(p)]
	return ok && p.Continued && next.Since.Equal(p.Until)
}

// add takes the next older piece; begun tells that the interval begins with it.
func (c *chains) add(p Place) (i interval, begun bool) {
	i = interval{Place: p, from: p.At()}
	if p.Phase == PhaseRollingOut {
		return i, true
	}
	if c.adjoins(p) {
		i.Place = c.open[c.of(p)].Place
		i.Since, i.Continues = p.Since, p.Continues
		i.Container = weaker(i.Container, p.Container)
	}
	delete(c.open, c.of(p))
	// What it continues has expired if that ended before the horizon.
	if !i.Continues || !i.Since.After(c.horizon) {
		return i, true
	}
	if c.open == nil {
		c.open = map[lane]interval{}
	}
	c.open[c.of(p)] = i
	return i, false
}

// left gives the chains that are open in the end, newest first.
func (c *chains) left() []interval {
	var all []interval
	for _, i := range c.open {
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b interval) int { return b.from.Compare(a.from) })
	return all
}

// weaker gives the container with the weaker evidence of both.
func weaker(a, b Container) Container {
	if b.rank() < a.rank() {
		a.Evidence, a.Disputed = b.Evidence, b.Disputed
	}
	return a
}

func (i interval) row() WhereRow {
	return WhereRow{
		Environment: i.Environment,
		Account:     i.Service.Account,
		Region:      i.Service.Region,
		Cluster:     i.Service.Cluster,
		Service:     i.Service.Name,
		Container:   i.Container.Name,
		Registry:    i.Container.Image.Registry,
		Repository:  i.Container.Image.Name,
		Digest:      i.Container.Digest,
		Index:       i.Container.Index,
		Evidence:    i.Container.Evidence,
		Phase:       i.Phase,
		Since:       known(i.Since),
		Until:       known(i.Until),
	}
}
