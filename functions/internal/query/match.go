package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
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
	var suspects []suspect
	for _, image := range query.Images {
		s := suspect{image: image}
		for _, f := range image.Findings {
			s.found = append(s.found, found{Finding: f})
		}
		suspects = append(suspects, s)
	}
	rows, inUse, err := q.join(ctx, suspects, moment{environment: query.Environment})
	if err != nil {
		return Match{}, err
	}
	m := Match{Rows: make([]MatchRow, 0, len(rows)), InUse: inUse}
	for _, row := range rows {
		m.Rows = append(m.Rows, row.MatchRow)
	}
	return q.judged(ctx, m, query.Environment)
}

// suspect is an image, and what was found in it.
type suspect struct {
	image report.Image
	found []found
}

// found is a finding, or that nobody has looked for any.
type found struct {
	report.Finding
	unscanned bool
	reason    string // why it is, or why what is known may be old
	firstSeen time.Time
}

// moment selects the places that belong to an answer: those that are in use, or were at a
// time, or ever.
type moment struct {
	environment string // "" is any
	at          time.Time
	ever        bool
}

func (m moment) takes(i interval) bool {
	switch {
	case m.ever:
		return true
	case m.at.IsZero():
		return i.Phase != ledger.PhaseEnded
	}
	return !i.NoStart && !i.Since.After(m.at) && (i.Until.IsZero() || i.Until.After(m.at))
}

// join returns a row for each finding and place, what burns most first, and how many of the
// images have a place, in any environment.
func (q Queries) join(ctx context.Context, suspects []suspect, when moment) (rows []ExposureRow, used int, err error) {
	places, err := q.placesOfAll(ctx, suspects, when)
	if err != nil {
		return nil, 0, err
	}
	all := map[matchKey]ExposureRow{}
	for i, s := range suspects {
		if len(places[i]) > 0 {
			used++
		}
		for at, place := range places[i] {
			if when.environment != "" && place.Environment != when.environment {
				continue
			}
			for _, f := range s.found {
				key := matchKey{f.ID, f.Package, f.Installed, at}
				row := exposureRow(f, place)
				if was, there := all[key]; there {
					row = was.or(row)
				}
				all[key] = row
			}
		}
	}
	rows = slices.Collect(maps.Values(all))
	compare := func(a, b ExposureRow) int { return a.at().compare(b.at()) }
	slices.SortFunc(rows, compare)
	// Of deployments that differ in nothing that a row says, such as two whose starts nobody
	// saw and that never completed, one row is enough.
	return slices.CompactFunc(rows, func(a, b ExposureRow) bool { return compare(a, b) == 0 }), used, nil
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

// or returns the worst of what two reports say of a finding.
func (r MatchRow) or(o MatchRow) MatchRow {
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

// burning is how a row stands in the order of what burns: what is exploited, then what is
// severe, then what is likely to be exploited; then by name and place.
type burning struct {
	Urgency     int
	Severity    report.Severity
	Probability float64
	Names       []string
	Since, Till time.Time
}

// Valid reports whether it has as many names as a row.
func (b burning) Valid() bool { return len(b.Names) == len(MatchRow{}.names()) }

func (b burning) compare(o burning) int {
	return cmp.Or(
		-cmp.Compare(b.Urgency, o.Urgency),
		-b.Severity.Compare(o.Severity),
		-cmp.Compare(b.Probability, o.Probability),
		slices.Compare(b.Names, o.Names),
		b.Since.Compare(o.Since),
		b.Till.Compare(o.Till),
	)
}

func (r MatchRow) at() burning {
	return burning{r.urgency(), r.Severity, r.probability(), r.names(), timeOf(r.Since), timeOf(r.Until)}
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

// timeOf is the zero time where nobody knows it.
func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// placesOfAll returns where each image is or was in use.
func (q Queries) placesOfAll(ctx context.Context, suspects []suspect, when moment) ([]map[ledger.PlacementCursor]WhereRow, error) {
	places, errs := make([]map[ledger.PlacementCursor]WhereRow, len(suspects)), make([]error, len(suspects))
	parallel.ForEach(len(suspects), parallel.Limit, func(i int) { places[i], errs[i] = q.placesOf(ctx, suspects[i].image, when) })
	return places, errors.Join(errs...)
}

// placesOf returns where an image is or was in use, from when to when without a break.
func (q Queries) placesOf(ctx context.Context, image report.Image, when moment) (map[ledger.PlacementCursor]WhereRow, error) {
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
			if when.takes(i) {
				places[i.from] = i.row()
			}
		}
	}
	return places, nil
}

// scanned returns the digests that mean the image. An index that is known to hold the
// platform that was scanned means others, too: it is found by its platform, and not by name.
func (q Queries) scanned(ctx context.Context, image report.Image) ([]digest.Digest, error) {
	if others := slices.DeleteFunc(slices.Clone(image.Names), func(d digest.Digest) bool { return d == image.Manifest }); image.Manifest != "" && len(others) == 0 {
		return []digest.Digest{image.Manifest}, nil
	}
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
