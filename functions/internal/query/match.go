package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/report"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// MatchRow is a finding, and where something runs, rolls out or drains that has it. What
// the report does not say is null.
type MatchRow struct {
	ID             string          `json:"id"`
	Severity       report.Severity `json:"severity"`
	Package        string          `json:"package"`
	Installed      string          `json:"installed"`
	FixedIn        string          `json:"fixedIn"`
	KnownExploited *bool           `json:"knownExploited"`
	EPSS           *float64        `json:"epss"`
	WhereRow
}

// MatchQuery asks which findings of scanned images are in use.
type MatchQuery struct {
	Images      []report.Image
	Environment string // "" is any
}

// Match is the answer.
type Match struct {
	Rows  []MatchRow // what burns most comes first
	InUse int        // how many of the images are, in any environment
	// Incomplete says why something may be missing.
	Incomplete []string
	// Watched says, where there are no rows, what was looked at and what nobody watches.
	Watched string
}

// Match answers where images with findings are in use: of whatever phase, but not ended.
// Of several reports that have the same finding it takes the worst of what they say.
func (q Queries) Match(ctx context.Context, query MatchQuery) (Match, error) {
	places, err := q.placesOfAll(ctx, query.Images)
	if err != nil {
		return Match{}, err
	}
	m := Match{}
	found := map[matchKey]MatchRow{}
	for i, image := range query.Images {
		if len(places[i]) > 0 {
			m.InUse++
		}
		for key, place := range places[i] {
			if query.Environment != "" && place.Environment != query.Environment {
				continue
			}
			key.Deployment = "" // of those that began together and never completed one row is enough
			for _, f := range image.Findings {
				key := matchKey{f.ID, f.Package, f.Installed, key}
				found[key] = found[key].or(matchRow(f, place))
			}
		}
	}
	m.Rows = make([]MatchRow, 0, len(found))
	for _, row := range found {
		m.Rows = append(m.Rows, row)
	}
	slices.SortFunc(m.Rows, MatchRow.compare)
	return q.judged(ctx, m, query.Environment)
}

// judged says of an answer how far it can be trusted.
func (q Queries) judged(ctx context.Context, m Match, environment string) (Match, error) {
	used, err := q.used(ctx)
	if err != nil {
		return Match{}, err
	}
	if m.Incomplete, err = q.gapsOf(ctx, used); err != nil || len(m.Rows) > 0 {
		return m, err
	}
	m.Watched, err = q.nothing(ctx, namesGiven{environments: []string{environment}})
	return m, err
}

// Told returns the whole digest of an image that somebody names by it, or by its beginning.
func (q Queries) Told(ctx context.Context, image tagalong.ImageQuery) (digest.Digest, error) {
	if image.Digest == "" && image.Beginning == "" {
		return "", &ImageError{image, "want its digest, or 7 digits of it"}
	}
	told, err := resolver{q}.resolved(ctx, image)
	if err == nil && told.Digest == "" {
		err = &ImageError{image, "it is a repository's name, and no digest begins so: want a digest"}
	}
	return told.Digest, err
}

// matchKey is what there is one row of: a finding, a package and a place.
type matchKey struct {
	id, name, installed string
	place               ledger.PlacementCursor
}

func matchRow(f report.Finding, place WhereRow) MatchRow {
	return MatchRow{f.ID, f.Severity, f.Package, f.Installed, f.FixedIn, f.KnownExploited, f.EPSS, place}
}

// or returns the worst of what two reports say of a finding; the zero row says nothing.
func (r MatchRow) or(o MatchRow) MatchRow {
	if r.ID == "" {
		return o
	}
	if o.Severity.Compare(r.Severity) > 0 {
		r.Severity = o.Severity
	}
	if r.KnownExploited == nil || o.exploited() {
		r.KnownExploited = cmp.Or(o.KnownExploited, r.KnownExploited)
	}
	if o.probability() > r.probability() {
		r.EPSS = o.EPSS
	}
	r.FixedIn = cmp.Or(r.FixedIn, o.FixedIn)
	return r
}

func (r MatchRow) exploited() bool { return r.KnownExploited != nil && *r.KnownExploited }

// probability is below that of every finding where nobody knows it.
func (r MatchRow) probability() float64 {
	if r.EPSS == nil {
		return -1
	}
	return *r.EPSS
}

// compare orders by what burns: what is exploited, then what is severe, then what is
// likely to be exploited; then by name and place.
func (r MatchRow) compare(o MatchRow) int {
	return cmp.Or(
		-cmp.Compare(r.urgency(), o.urgency()),
		-r.Severity.Compare(o.Severity),
		-cmp.Compare(r.probability(), o.probability()),
		slices.Compare(r.names(), o.names()),
		r.began().Compare(o.began()),
	)
}

func (r MatchRow) urgency() int {
	if r.exploited() {
		return 1
	}
	return 0
}

func (r MatchRow) names() []string {
	return []string{
		r.ID, r.Package, r.Installed, r.Environment, r.Account, r.Region, r.Cluster, r.Service, r.Container,
		string(r.Phase), r.Registry, r.Repository, r.Digest.String(),
	}
}

// began is the zero time where nobody saw the start.
func (r MatchRow) began() time.Time {
	if r.Since == nil {
		return time.Time{}
	}
	return *r.Since
}

// placesOfAll returns where each image is in use.
func (q Queries) placesOfAll(ctx context.Context, images []report.Image) ([]map[ledger.PlacementCursor]WhereRow, error) {
	places, errs := make([]map[ledger.PlacementCursor]WhereRow, len(images)), make([]error, len(images))
	parallel.ForEach(len(images), parallel.Limit, func(i int) { places[i], errs[i] = q.placesOf(ctx, images[i]) })
	return places, errors.Join(errs...)
}

// placesOf returns where an image is in use, since when it has been without a break.
func (q Queries) placesOf(ctx context.Context, image report.Image) (map[ledger.PlacementCursor]WhereRow, error) {
	digests, err := q.scanned(ctx, image)
	if err != nil {
		return nil, err
	}
	places := map[ledger.PlacementCursor]WhereRow{}
	for _, d := range digests {
		pieces, err := q.ofDigest(ctx, tagalong.ImageQuery{Digest: d}, 0)
		if err != nil {
			return nil, err
		}
		for i, err := range q.intervals(ctx, pieces(ledger.PlacementCursor{}), 0) {
			if err != nil {
				return nil, fmt.Errorf("digest %s: %w", d, err)
			}
			if i.Phase != ledger.PhaseEnded {
				places[i.from] = i.row()
			}
		}
	}
	return places, nil
}

// scanned returns the digests that mean the image. An index that is known to hold the
// platform that was scanned means others, too: it is found by its platform, and not by name.
func (q Queries) scanned(ctx context.Context, image report.Image) ([]digest.Digest, error) {
	if image.Manifest == "" {
		return image.Names, nil
	}
	holders, err := q.Records.Indexes(ctx, image.Manifest)
	if err != nil {
		return nil, fmt.Errorf("indexes of %s: %w", image.Manifest, err)
	}
	digests := []digest.Digest{image.Manifest}
	for _, name := range image.Names {
		if name != image.Manifest && !slices.ContainsFunc(holders, func(c ledger.Child) bool { return c.Index == name }) {
			digests = append(digests, name)
		}
	}
	return digests, nil
}
