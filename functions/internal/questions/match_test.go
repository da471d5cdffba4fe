package questions_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/report"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// badness are severities, the worst first.
var badness = []report.Severity{"critical", "high", "medium", "low", "negligible", "unknown"}

// scannedImage draws a report of an image: by a digest that registries know, or by that of
// one platform beside the index, or by one that nobody knows.
func (i inquiry) scannedImage() (image report.Image) {
	version := rapid.IntRange(0, gone+1).Draw(i.T, "scanned version")
	switch {
	case isIndex(version) && rapid.Bool().Draw(i.T, "scanner tells the platform"):
		image.Manifest = rapid.SampledFrom(platforms(version)).Draw(i.T, "scanned platform").Digest
		image.Names = []digest.Digest{digestOf(version)}
	case rapid.IntRange(0, 4).Draw(i.T, "scanner's own digest") == 0:
		image.Manifest, image.Names = digest.FromString("the scanner's"), []digest.Digest{digestOf(version)}
	default:
		image.Names = []digest.Digest{digest.Digest(i.digest())}
	}
	image.Findings = rapid.SliceOfN(rapid.Custom(drawnFinding), 0, 3).Draw(i.T, "findings")
	return image
}

func digestOf(version int) digest.Digest { return image(version).Digest }

func drawnFinding(t *rapid.T) report.Finding {
	f := report.Finding{
		ID:       rapid.SampledFrom([]string{"CVE-1", "CVE-2"}).Draw(t, "id"),
		Package:  rapid.SampledFrom([]string{"zlib", "openssl"}).Draw(t, "package"),
		Severity: rapid.SampledFrom(badness).Draw(t, "severity"),
		FixedIn:  rapid.SampledFrom([]string{"", "2"}).Draw(t, "fixed in"),
	}
	if rapid.Bool().Draw(t, "says whether it is exploited") {
		exploited := rapid.Bool().Draw(t, "exploited")
		f.KnownExploited = &exploited
	}
	if rapid.Bool().Draw(t, "says how likely that is") {
		probability := rapid.SampledFrom([]float64{0, 0.5, 1}).Draw(t, "probability")
		f.EPSS = &probability
	}
	return f
}

// scannedIs reports whether a container runs what was scanned. Where the scanner told which
// platform, an index that is known to hold it stands for that one alone.
func (o oracle) scannedIs(image report.Image, c made) bool {
	if image.Manifest != "" && o.means(looked{digest: image.Manifest}, c) {
		return true
	}
	return slices.ContainsFunc(image.Names, func(name digest.Digest) bool {
		return !o.knownToHold(name, image.Manifest) && o.means(looked{digest: name}, c)
	})
}

// matches says of every place, finding and package the worst that reports say.
func (o oracle) matches(images []report.Image, environment string) []string {
	said := map[string][]report.Finding{}
	for _, v := range o.intervals() {
		if v.phase == "ended" || !meant(environment, v.environment) {
			continue
		}
		for _, image := range images {
			for _, f := range image.Findings {
				if o.scannedIs(image, v.made) {
					key := fmt.Sprintf("%s %s %s", f.ID, f.Package, placeOf(v.row()))
					said[key] = append(said[key], f)
				}
			}
		}
	}
	lines := []string{}
	for key, findings := range said {
		worst, exploited, likely, fixed := len(badness), "", -1.0, ""
		for _, f := range findings {
			worst = min(worst, slices.Index(badness, f.Severity))
			fixed = cmp.Or(fixed, f.FixedIn)
			if f.KnownExploited != nil {
				exploited = max(exploited, fmt.Sprint(*f.KnownExploited)) // "true" is more than "false"
			}
			if f.EPSS != nil {
				likely = max(likely, *f.EPSS)
			}
		}
		lines = append(lines, fmt.Sprintf("%s: %s %q %g %q", key, badness[worst], exploited, likely, fixed))
	}
	slices.Sort(lines)
	return lines
}

func placeOf(r query.WhereRow) string {
	since := "never seen"
	if r.Since != nil {
		since = r.Since.String()
	}
	return strings.Join([]string{r.Environment, r.Account, r.Region, r.Cluster, r.Service, r.Container, r.Registry, r.Repository, r.Digest.String(), string(r.Phase), since}, " ")
}

// burning is how far up in the answer a row belongs.
func burning(r query.MatchRow) (order [3]float64) {
	if r.KnownExploited != nil && *r.KnownExploited {
		order[0] = -1
	}
	order[1] = float64(slices.Index(badness, r.Severity))
	if order[2] = 1; r.EPSS != nil {
		order[2] = -*r.EPSS
	}
	return order
}

// matchesReports joins drawn reports with the ledger.
func (i inquiry) matchesReports() {
	images := []report.Image{i.scannedImage(), i.scannedImage(), i.scannedImage()}
	environment := rapid.SampledFrom([]string{"", "", "prod"}).Draw(i.T, "matched environment")
	want := i.matches(images, environment)
	match, err := i.Match(i.Context(), query.MatchQuery{Images: images, Environment: environment})
	if len(want) == 0 && i.unknown(environment, "") != nil {
		wantError(i, "match in "+environment, i.unknown(environment, ""), err)
		return
	}
	if err != nil {
		i.Fatalf("match: %v\n%s", err, i.story)
	}
	got := []string{}
	for n, r := range match.Rows {
		exploited, likely := "", -1.0
		if r.KnownExploited != nil {
			exploited = fmt.Sprint(*r.KnownExploited)
		}
		if r.EPSS != nil {
			likely = *r.EPSS
		}
		got = append(got, fmt.Sprintf("%s %s %s: %s %q %g %q", r.ID, r.Package, placeOf(r.WhereRow), r.Severity, exploited, likely, r.FixedIn))
		if n > 0 {
			if a, b := burning(match.Rows[n-1]), burning(r); slices.Compare(a[:], b[:]) > 0 {
				i.Fatalf("match: row %d burns more than the one before it: %+v\n%s", n, match.Rows, i.story)
			}
		}
	}
	slices.Sort(got)
	if diff := gocmp.Diff(want, got); diff != "" {
		i.Fatalf("match of %+v in %q (-facts say +ledger says):\n%s\n%s", images, environment, diff, i.story)
	}
	used := 0
	for _, image := range images {
		if slices.ContainsFunc(i.intervals(), func(v interval) bool { return v.phase != "ended" && i.scannedIs(image, v.made) }) {
			used++
		}
	}
	if match.InUse != used || (match.Watched == "") != (len(want) > 0) || !slices.Contains(match.Incomplete, "no sweep of everything has come to its end yet") {
		i.Fatalf("match: %d images in use, want %d; watched %q; incomplete %v\n%s", match.InUse, used, match.Watched, match.Incomplete, i.story)
	}
}

// TestMatchIsWhatReportsAndFactsSay joins reports on digests of platforms and of indexes
// with stories in any order, against a brute force that looks at everything.
func TestMatchIsWhatReportsAndFactsSay(t *testing.T) {
	checkTimes(t, 150, func(t *rapid.T) {
		s := drawStory(t, varied(), drawHistory)
		w := s.world(&tagalongtest.Ledger{})
		w.tell(t, drawArrivals(t, s.happenings)...)
		i := inquiry{T: t, world: w, oracle: s.oracle(w)}
		for range 5 {
			i.matchesReports()
		}
	})
}
