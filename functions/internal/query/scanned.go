package query

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/report"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Scanned says how bad an image is: of an index, its platforms together.
type Scanned struct {
	// All says that it was scanned, with all of its platforms.
	All bool
	// Critical and High are the ids of the findings that it has of these severities.
	Critical, High []string
}

// Scanned answers how bad images are. It is nil where sweeps have kept no scan of any of them.
// It reads scans alone, a hundred at a time, and no findings.
func (q Queries) Scanned(ctx context.Context, images []digest.Digest) (map[digest.Digest]Scanned, error) {
	scans, err := q.Records.Scans(ctx, images)
	if err != nil {
		return nil, fmt.Errorf("scans: %w", err)
	}
	var held []digest.Digest
	for _, d := range images {
		held = append(held, scans[d].Platforms...)
	}
	of, err := q.Records.Scans(ctx, held)
	if err != nil {
		return nil, fmt.Errorf("scans: %w", err)
	}
	known := maps.Collect(maps.All(scans))
	if maps.Copy(known, of); len(known) == 0 {
		return nil, nil
	}
	all := map[digest.Digest]Scanned{}
	for _, d := range images {
		all[d] = scannedAs(known, platformsOf(known, d))
	}
	return all, nil
}

func scannedAs(scans map[digest.Digest]ledger.Scan, leaves []digest.Digest) Scanned {
	is := Scanned{All: true}
	for _, d := range leaves {
		scan := scans[d]
		is = is.And(Scanned{scan.Scanned, scan.Critical, scan.High})
	}
	return is
}

// And returns how bad two images are together: each finding counts once.
func (s Scanned) And(o Scanned) Scanned {
	return Scanned{s.All && o.All, union(s.Critical, o.Critical), union(s.High, o.High)}
}

func union(a, b []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
}

// ImageFinding is what was found in an image; or with no id, and scanned false, that nobody has
// looked into it.
type ImageFinding struct {
	Image digest.Digest // of a platform, or of one without platforms
	report.Finding
	Scanned   bool
	Reason    string
	FirstSeen *time.Time
}

// FindingsIn answers what was found in images, what burns most first, wherever they run.
func (q Queries) FindingsIn(ctx context.Context, images []digest.Digest) ([]ImageFinding, error) {
	suspects, err := findingReader{Queries: q}.scannedOrNot(ctx, images, true)
	if err != nil {
		return nil, err
	}
	var all []ImageFinding
	for _, s := range suspects {
		for _, f := range s.found {
			all = append(all, ImageFinding{s.image.Manifest, f.Finding, !f.unscanned, f.reason, tagalong.TimeOrNil(f.firstSeen)})
		}
	}
	slices.SortStableFunc(all, func(a, b ImageFinding) int {
		return matchRow(a.Finding, WhereRow{Digest: a.Image}).at().compare(matchRow(b.Finding, WhereRow{Digest: b.Image}).at())
	})
	return all, nil
}
