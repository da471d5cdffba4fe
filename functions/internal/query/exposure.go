package query

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/report"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// ExposureRow is a finding, and where something that has it runs or ran; or with no id,
// and scanned false, what nobody has looked into.
type ExposureRow struct {
	MatchRow
	Scanned bool `json:"scanned"`
	// FirstSeen is when the finding became known; null where none is.
	FirstSeen *time.Time `json:"firstSeen"`
	// Reason says why the image was never scanned, or why it is no more.
	Reason string `json:"reason"`
}

func exposureRow(f found, place WhereRow) ExposureRow {
	return ExposureRow{matchRow(f.Finding, place), !f.unscanned, tagalong.TimeOrNil(f.firstSeen), f.reason}
}

// or returns what is worse of what two images say that a place may run, as the platforms
// of an index, and when the first of them was known to have it.
func (r ExposureRow) or(o ExposureRow) ExposureRow {
	r.MatchRow = r.MatchRow.or(o.MatchRow)
	if o.FirstSeen != nil && (r.FirstSeen == nil || o.FirstSeen.Before(*r.FirstSeen)) {
		r.FirstSeen = o.FirstSeen
	}
	r.Reason = cmp.Or(r.Reason, o.Reason)
	return r
}

// ExposureQuery asks which findings are in use, or were.
type ExposureQuery struct {
	Environment string // "" is any
	Services    tagalong.ServicePattern
	ID          string        // of a finding, or another name of it; "" is any
	Wanted      report.Wanted // its severity, and whether it can be fixed
	At          time.Time     // what ran then; zero: what is in use now
	Ever        bool          // from when to when each image with a finding ran
}

// user is what runs the image, by the name that people know it by.
func (r ExposureRow) user() tagalong.Service {
	return tagalong.Service{Account: r.Account, Region: r.Region, Cluster: r.Cluster, Name: r.Service}
}

func (query ExposureQuery) now() bool { return query.At.IsZero() && !query.Ever }

// Exposure answers from the findings that sweeps have fetched: what was found in an image is
// taken for true at every time, as scanners know it today. Without an id, and for what is in
// use now, images that were never scanned are listed, too. The reasons say why something may
// be missing.
func (q Queries) Exposure(ctx context.Context, query ExposureQuery, p Paging) (Page[ExposureRow], []string, error) {
	question := "exposure " + questionOf(query)
	var behind burning
	if err := unseal(question, p.Cursor, &behind); err != nil {
		return Page[ExposureRow]{}, nil, err
	}
	if err := (pastReader{q}).kept(RunningQuery{Environment: query.Environment, At: query.At}); err != nil {
		return Page[ExposureRow]{}, nil, err
	}
	used, err := q.used(ctx)
	if err != nil {
		return Page[ExposureRow]{}, nil, err
	}
	suspects, err := findingReader{q, query}.suspects(ctx, used)
	if err != nil {
		return Page[ExposureRow]{}, nil, err
	}
	suspects = slices.DeleteFunc(suspects, func(s suspect) bool { return len(s.found) == 0 })
	rows, _, err := q.join(ctx, suspects, moment{query.Environment, query.At, query.Ever})
	if err != nil {
		return Page[ExposureRow]{}, nil, err
	}
	rows = slices.DeleteFunc(rows, func(r ExposureRow) bool { return !query.Services.Match(r.user()) })
	page, err := q.exposurePage(question, rows, behind, p)
	if err != nil {
		return Page[ExposureRow]{}, nil, err
	}
	reasons, err := q.mayMiss(ctx, query, used)
	if err == nil && len(rows) == 0 {
		page.Watched, err = q.nothing(ctx, namesGiven{environments: []string{query.Environment}, pattern: query.Services})
	}
	return page, reasons, err
}

func (q Queries) exposurePage(question string, rows []ExposureRow, behind burning, p Paging) (Page[ExposureRow], error) {
	if p.Cursor != "" {
		rows = slices.DeleteFunc(rows, func(r ExposureRow) bool { return r.at().compare(behind) <= 0 })
	}
	return answer[ExposureRow, ExposureRow, burning]{
		question: question, rows: stream.FromSlice(rows), show: func(r ExposureRow) ExposureRow { return r },
		at: func(r ExposureRow) burning { return r.at() },
	}.page(p.Limit)
}

// mayMiss returns why findings of what runs or ran may be missing.
func (q Queries) mayMiss(ctx context.Context, query ExposureQuery, u used) ([]string, error) {
	reasons, err := q.gapsOf(ctx, u)
	if err != nil {
		return nil, err
	}
	swept, err := q.Records.Swept(ctx)
	if err != nil {
		return nil, fmt.Errorf("when findings were fetched: %w", err)
	}
	if reason := notFetched(swept, q.now()); reason != "" {
		reasons = append(reasons, reason)
	}
	for _, registry := range swept.Unscanned {
		reasons = append(reasons, "findings of registry "+registry)
	}
	if !query.At.IsZero() {
		d, err := q.directory(ctx)
		if err != nil {
			return nil, err
		}
		reasons = append(reasons, d.notKnownAt(query.At)...)
	}
	return reasons, nil
}

// notFetched says that findings have not been fetched lately; "" if they have.
func notFetched(swept ledger.Swept, now time.Time) string {
	switch {
	case swept.FindingsAt.IsZero():
		return "no sweep has fetched the findings of all that is in use yet: TAGALONG_FINDINGS says who is asked for them"
	case now.Sub(swept.FindingsAt) > 2*ledger.SweptFor:
		return "no sweep has fetched the findings of all that is in use since " + tagalong.FormatTime(swept.FindingsAt)
	}
	return ""
}

// notKnownAt says of which services the ledger does not know what ran at a time.
func (d directory) notKnownAt(at time.Time) []string {
	var later []string
	for _, s := range d.services {
		if s.CompleteSince.After(at) {
			later = append(later, shortService(s.Service))
		}
	}
	if len(later) == 0 {
		return nil
	}
	return []string{"what ran at " + tagalong.FormatTime(at) + " is not known of " + inWords(distinct(later), few)}
}

// findingReader finds out which images have findings.
type findingReader struct {
	Queries
	query ExposureQuery
}

// suspects returns the images that may have what is asked for.
func (q findingReader) suspects(ctx context.Context, used used) ([]suspect, error) {
	if q.query.ID == "" {
		images, err := q.images(ctx, used)
		if err != nil {
			return nil, err
		}
		return q.scannedOrNot(ctx, images, true)
	}
	suspects, err := q.affected(ctx)
	if err != nil || !q.query.now() {
		return suspects, err
	}
	never, err := q.scannedOrNot(ctx, q.usedImages(used), false)
	return slices.Concat(suspects, never), err
}

// affected returns the images that have the finding that is asked for.
func (q findingReader) affected(ctx context.Context) ([]suspect, error) {
	affected, err := stream.Collect(q.Records.Affected(ctx, q.query.ID))
	if err != nil {
		return nil, fmt.Errorf("images with %s: %w", q.query.ID, err)
	}
	var digests []digest.Digest
	for _, a := range affected {
		digests = append(digests, a.Digest)
	}
	scans, err := q.Records.Scans(ctx, digests)
	if err != nil {
		return nil, fmt.Errorf("scans: %w", err)
	}
	return stream.Collect(stream.MapParallel(ctx, stream.FromSlice(affected), 0, func(ctx context.Context, a ledger.Affected) (suspect, error) {
		return q.suspect(ctx, scans[a.Digest], a.Digest, a.ID)
	}))
}

// suspect returns an image with what was found in it and is asked for.
func (q findingReader) suspect(ctx context.Context, scan ledger.Scan, d digest.Digest, id string) (suspect, error) {
	s := suspect{image: report.Image{Manifest: d}}
	for f, err := range q.Records.Findings(ctx, d, id) {
		if err != nil {
			return suspect{}, fmt.Errorf("findings of %s: %w", d, err)
		}
		if f.Gone.IsZero() && q.query.Wanted.Takes(f.Finding) {
			s.found = append(s.found, found{Finding: f.Finding, firstSeen: f.FirstSeen, reason: scan.Reason})
		}
	}
	return s, nil
}

// scannedOrNot returns of images those that were never scanned and, if they are asked for,
// the findings of the others. Of an index it is the platforms that are scanned.
func (q findingReader) scannedOrNot(ctx context.Context, images []digest.Digest, findings bool) ([]suspect, error) {
	scans, err := q.Records.Scans(ctx, images)
	if err != nil {
		return nil, fmt.Errorf("scans: %w", err)
	}
	leaves := map[digest.Digest][]digest.Digest{} // and the indexes that hold them
	for _, d := range images {
		for _, leaf := range platformsOf(scans, d) {
			leaves[leaf] = append(leaves[leaf], d)
		}
	}
	if err := q.addScans(ctx, scans, leaves); err != nil {
		return nil, err
	}
	return stream.Collect(stream.MapParallel(ctx, stream.FromSlice(slices.Sorted(maps.Keys(leaves))), 0, func(ctx context.Context, d digest.Digest) (suspect, error) {
		s, err := q.scannedLeaf(ctx, scans, d, findings)
		s.image = report.Image{Manifest: d, Names: leaves[d]}
		return s, err
	}))
}

// addScans reads how the platforms of images were scanned: an image without platforms has
// been read.
func (q findingReader) addScans(ctx context.Context, scans map[digest.Digest]ledger.Scan, leaves map[digest.Digest][]digest.Digest) error {
	var held []digest.Digest
	for d, images := range leaves {
		if !slices.Contains(images, d) {
			held = append(held, d)
		}
	}
	more, err := q.Records.Scans(ctx, held)
	if err != nil {
		return fmt.Errorf("scans: %w", err)
	}
	maps.Copy(scans, more)
	return nil
}

func (q findingReader) scannedLeaf(ctx context.Context, scans map[digest.Digest]ledger.Scan, d digest.Digest, findings bool) (suspect, error) {
	switch scan, known := scans[d]; {
	case !scan.Scanned:
		return neverScanned(known, scan.Reason), nil
	case findings:
		return q.suspect(ctx, scan, d, "")
	}
	return suspect{}, nil
}

// leaves returns what scanners take of an image, itself or its platforms, and how each was
// scanned.
func (q findingReader) leaves(ctx context.Context, d digest.Digest) ([]digest.Digest, map[digest.Digest]ledger.Scan, error) {
	scans, err := q.Records.Scans(ctx, []digest.Digest{d})
	if err != nil {
		return nil, nil, fmt.Errorf("scans: %w", err)
	}
	leaves := platformsOf(scans, d)
	if scans, err = q.Records.Scans(ctx, leaves); err != nil {
		return nil, nil, fmt.Errorf("scans: %w", err)
	}
	return leaves, scans, nil
}

func platformsOf(scans map[digest.Digest]ledger.Scan, d digest.Digest) []digest.Digest {
	if held := scans[d].Platforms; len(held) > 0 {
		return held
	}
	return []digest.Digest{d}
}

func neverScanned(known bool, reason string) suspect {
	if !known {
		reason = "nobody was asked what is found in it"
	}
	return suspect{found: []found{{unscanned: true, reason: reason}}}
}

// images returns what is in use, or what ran, as far as it may belong to the answer.
func (q findingReader) images(ctx context.Context, used used) ([]digest.Digest, error) {
	if q.query.now() {
		return q.usedImages(used), nil
	}
	services, err := q.Records.Services(ctx, q.query.Environment)
	if err != nil {
		return nil, fmt.Errorf("services: %w", err)
	}
	all := map[digest.Digest]bool{}
	for found, err := range stream.MapParallel(ctx, stream.FromSlice(services), 0, q.ran) {
		if err != nil {
			return nil, err
		}
		for _, d := range found {
			all[d] = true
		}
	}
	return slices.Sorted(maps.Keys(all)), nil
}

func (q findingReader) usedImages(used used) []digest.Digest {
	all := map[digest.Digest]bool{}
	for _, p := range used {
		if p.Container.Digest != "" && (q.query.Environment == "" || p.Environment == q.query.Environment) {
			all[p.Container.Digest] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// drainsFor is for how long tasks of what was replaced may run at most, and a rollout that
// never completes: ECS ends both before that.
const drainsFor = 60 * 24 * time.Hour

// ran returns what a service ran ever, or what may have run at a time: back to what had
// completed by then, and what may have drained beside it.
func (q findingReader) ran(ctx context.Context, s tagalong.Service) (all []digest.Digest, err error) {
	span := ledger.Span{}
	if !q.query.At.IsZero() {
		span.Until = q.query.At.Add(time.Millisecond)
	}
	if s.Kind() != tagalong.KindService {
		return q.ranBesides(ctx, s)
	}
	hint, completed := 0, false
	if !q.query.Ever {
		hint = 10
	}
	for row, err := range q.Records.Rollouts(ctx, s, span, hint) {
		if err != nil {
			return nil, fmt.Errorf("rollouts of %s: %w", s, err)
		}
		if !q.query.Ever && completed && row.SortTime().Before(q.query.At.Add(-drainsFor)) {
			break
		}
		completed = completed || row.State == timeline.StateCompleted && !row.FinishedAt.After(q.query.At)
		for _, c := range row.Containers {
			if c.Digest != "" {
				all = append(all, c.Digest)
			}
		}
	}
	return all, nil
}

// ranBesides returns what is remembered of what is no service.
func (q findingReader) ranBesides(ctx context.Context, s tagalong.Service) (all []digest.Digest, err error) {
	places, err := q.Records.PlacementsOf(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("what ran of %s: %w", s, err)
	}
	for _, p := range places {
		all = append(all, p.Container.Digest)
	}
	return all, nil
}

// InWords says of reasons that something may be missing.
func InWords(reasons []string) string {
	if len(reasons) == 0 {
		return ""
	}
	return "The answer may be incomplete: " + strings.Join(reasons, "; ") + ". "
}

// ParseFinding reads the name of a finding, such as CVE-2021-44228; "" is none.
func ParseFinding(text string) (string, error) {
	if len(text) > 200 || !tagalong.ValidKeyTexts(text) || strings.Contains(text, "#") {
		return "", fmt.Errorf("finding %.60q: want a name such as CVE-2021-44228, of at most 200 printable characters without blanks", text)
	}
	return text, nil
}
