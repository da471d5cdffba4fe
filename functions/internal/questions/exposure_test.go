package questions_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/report"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
)

// scanTruth is what was found in an image, as the ledger was told.
type scanTruth struct {
	scanned bool
	found   []ledger.Finding // those that are not gone
}

// scans has scanners say of some images what they found, and of some indexes what they hold.
func (i inquiry) scans() (of map[digest.Digest]scanTruth, held map[digest.Digest][]digest.Digest) {
	i.Helper()
	findings := i.Records.(ledger.Findings)
	of, held = map[digest.Digest]scanTruth{}, map[digest.Digest][]digest.Digest{}
	var leaves []digest.Digest
	for version := range gone + 1 {
		if !isIndex(version) {
			leaves = append(leaves, digestOf(version))
			continue
		}
		index := ledger.Scan{Digest: digestOf(version), Since: clock}
		for _, m := range platforms(version) {
			index.Platforms = append(index.Platforms, m.Digest)
		}
		leaves = append(leaves, index.Platforms...)
		if i.everSeen(index.Digest) { // then a sweep would have, too
			held[index.Digest] = index.Platforms
			i.must(findings.SetScan(i.Context(), index, nil))
		}
	}
	// What was scanned once stays so: an earlier round of questions may have had it scanned.
	before, err := findings.Scans(i.Context(), leaves)
	i.must(err)
	for _, d := range leaves {
		if rapid.IntRange(0, 4).Draw(i.T, "never asked about") == 0 {
			continue
		}
		scan := ledger.Scan{Digest: d, Since: clock, Scanned: rapid.IntRange(0, 3).Draw(i.T, "never scanned") > 0 || before[d].Scanned}
		var found []ledger.Finding
		for _, f := range rapid.SliceOfN(rapid.Custom(drawnFinding), 0, 2).Draw(i.T, "scanned findings") {
			if scan.Scanned {
				one := ledger.Finding{Finding: f, FirstSeen: clock}
				if rapid.IntRange(0, 4).Draw(i.T, "gone") == 0 {
					one.Gone = clock
				}
				found = append(found, one)
			}
		}
		i.must(findings.SetScan(i.Context(), scan, found))
	}
	// An image may have findings of then, too.
	known, err := findings.Scans(i.Context(), leaves)
	i.must(err)
	for d, scan := range known {
		all, err := stream.Collect(findings.Findings(i.Context(), d, ""))
		i.must(err)
		of[d] = scanTruth{scan.Scanned, slices.DeleteFunc(all, func(f ledger.Finding) bool { return !f.Gone.IsZero() })}
	}
	return of, held
}

func (i inquiry) must(err error) {
	i.Helper()
	if err != nil {
		i.Fatal(err)
	}
}

// moments are those that exposure asks for.
func (v interval) at(wanted query.ExposureQuery) bool {
	switch {
	case wanted.Ever:
		return true
	case wanted.At.IsZero():
		return v.phase != "ended"
	}
	return !v.noStart && !v.since.After(wanted.At) && (v.until.IsZero() || v.until.After(wanted.At))
}

// exposed says of every place and finding the worst that is known of what runs there.
func (o oracle) exposed(wanted query.ExposureQuery, of map[digest.Digest]scanTruth, held map[digest.Digest][]digest.Digest) []string {
	said := map[string]report.Severity{}
	for _, v := range o.intervals() {
		if !meant(wanted.Environment, v.environment) || !v.at(wanted) {
			continue
		}
		place := placeOf(v.row())
		if !wanted.At.IsZero() || wanted.Ever {
			place += fmt.Sprintf(" %s", v.until)
		}
		for d, truth := range of {
			for _, f := range truth.found {
				if truth.scanned && (wanted.ID == "" || strings.EqualFold(f.ID, wanted.ID)) && o.means(looked{digest: d}, v.made) && slices.Index(badness, f.Severity) <= slices.Index(badness, worseThan(wanted)) {
					key := fmt.Sprintf("%s %s %s", f.ID, f.Package, place)
					if was, there := said[key]; !there || slices.Index(badness, f.Severity) < slices.Index(badness, was) {
						said[key] = f.Severity
					}
				}
			}
		}
		leaves := held[v.digest]
		if len(leaves) == 0 {
			leaves = []digest.Digest{v.digest}
		}
		if v.digest != "" && (wanted.ID == "" || wanted.At.IsZero() && !wanted.Ever) && slices.ContainsFunc(leaves, func(d digest.Digest) bool { return !of[d].scanned }) {
			said[fmt.Sprintf("never  %s", place)] = ""
		}
	}
	lines := []string{}
	for key, severity := range said {
		lines = append(lines, fmt.Sprintf("%s: %s", key, severity))
	}
	slices.Sort(lines)
	return lines
}

func worseThan(wanted query.ExposureQuery) report.Severity {
	if wanted.Wanted.Severity == "" {
		return "unknown"
	}
	return wanted.Wanted.Severity
}

// exposures asks what of drawn findings is in use, was at a time, and ever.
func (i inquiry) exposures() {
	of, held := i.scans()
	for _, wanted := range []query.ExposureQuery{{}, {At: i.drawTime("exposed at")}, {Ever: true}} {
		wanted.Environment = rapid.SampledFrom([]string{"", "", "prod"}).Draw(i.T, "exposed environment")
		wanted.ID = rapid.SampledFrom([]string{"", "", "cve-1"}).Draw(i.T, "exposed to")
		wanted.Wanted.Severity = rapid.SampledFrom([]report.Severity{"", "high"}).Draw(i.T, "and worse")
		i.exposes(wanted, i.exposed(wanted, of, held))
	}
}

func (i inquiry) exposes(wanted query.ExposureQuery, want []string) {
	what := fmt.Sprintf("exposure %+v", wanted)
	page, _, err := i.Exposure(i.Context(), wanted, query.Paging{})
	if at := wanted.At; !at.IsZero() && !i.kept.IsZero() && at.Before(i.kept.Add(time.Second)) {
		wantError(i, what, &query.HorizonError{Environment: wanted.Environment, At: at, CompleteSince: i.kept.Add(time.Second - time.Nanosecond), Expired: true}, err)
		return
	}
	if unknown := i.unknown(wanted.Environment, ""); len(want) == 0 && unknown != nil {
		wantError(i, what, unknown, err)
		return
	}
	if err != nil {
		i.Fatalf("%s: %v\n%s", what, err, i.story)
	}
	if diff := gocmp.Diff(want, i.lines(wanted, page.Items)); diff != "" {
		i.Fatalf("%s (-facts say +ledger says):\n%s\n%s", what, diff, i.story)
	}
	var walked []query.ExposureRow
	for next := ""; ; {
		part, _, err := i.Exposure(i.Context(), wanted, query.Paging{Limit: 2, Cursor: next})
		i.must(err)
		walked = append(walked, part.Items...)
		if next = part.Next; next == "" {
			break
		}
	}
	if a, b := i.lines(wanted, slices.Compact(walked)), i.lines(wanted, slices.Compact(page.Items)); !wanted.Ever && !slices.Equal(a, b) {
		i.Fatalf("%s: in pages %q, whole %q\n%s", what, a, b, i.story)
	}
}

func (i inquiry) lines(wanted query.ExposureQuery, rows []query.ExposureRow) []string {
	lines := []string{}
	for n, r := range rows {
		place := placeOf(r.WhereRow)
		if !wanted.At.IsZero() || wanted.Ever {
			until := time.Time{}
			if r.Until != nil {
				until = *r.Until
			}
			place += fmt.Sprintf(" %s", until)
		}
		id := r.ID
		if !r.Scanned {
			id = "never"
		}
		lines = append(lines, fmt.Sprintf("%s %s %s: %s", id, r.Package, place, r.Severity))
		if n > 0 {
			if a, b := burning(rows[n-1].MatchRow), burning(r.MatchRow); r.Scanned && slices.Compare(a[:], b[:]) > 0 {
				i.Fatalf("row %d burns more than the one before it: %+v\n%s", n, rows, i.story)
			}
		}
	}
	slices.Sort(lines)
	return lines
}
