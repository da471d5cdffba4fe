package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
)

// Finding is a vulnerability in a package of an image. What the report does not say is
// empty, or nil where that would be an answer.
type Finding struct {
	ID             string
	Aliases        []string // other names of the same vulnerability
	Severity       Severity
	Package        string
	Installed      string
	FixedIn        string
	KnownExploited *bool    // by CISA's catalog
	EPSS           *float64 // the probability that it is exploited within 30 days
}

// Image is what was scanned.
type Image struct {
	// Manifest is the digest of the platform's image that was scanned, where the report
	// tells it from those by which registries know the image.
	Manifest digest.Digest
	// Names are the digests by which registries know the image: of one of several
	// platforms that is the index.
	Names    []digest.Digest
	Findings []Finding
}

// Report is what a scanner wrote.
type Report struct {
	Format string
	Read   int // findings, those that were not wanted among them
	Images []Image
}

// Wanted says which findings are kept; the zero value keeps all.
type Wanted struct {
	Severity Severity // this one and worse
	Fixable  bool     // only what a version fixes
	IDs      []string // only these
}

// Takes reports whether a finding is kept.
func (w Wanted) Takes(f Finding) bool {
	return (w.Severity == "" || f.Severity.Compare(w.Severity) >= 0) &&
		(!w.Fixable || f.FixedIn != "") &&
		(len(w.IDs) == 0 || slices.ContainsFunc(w.IDs, f.called))
}

// called reports whether a finding has a name. Scanners write them in different cases.
func (f Finding) called(name string) bool {
	return strings.EqualFold(f.ID, name) || slices.ContainsFunc(f.Aliases, func(alias string) bool { return strings.EqualFold(alias, name) })
}

// Severity is how bad a finding is, by its scanner.
type Severity string

// The severities; Critical is the worst.
const (
	unknown    Severity = "unknown"
	negligible Severity = "negligible"
	low        Severity = "low"
	medium     Severity = "medium"
	High       Severity = "high"
	Critical   Severity = "critical"
)

// severities are all of them, the worst last.
var severities = []Severity{unknown, negligible, low, medium, High, Critical}

// otherwise is what scanners call some of them.
var otherwise = map[string]Severity{"informational": "negligible", "info": "negligible", "none": "negligible", "undefined": "unknown", "untriaged": "unknown"}

// Compare orders upwards: what is worse is more.
func (s Severity) Compare(o Severity) int {
	return slices.Index(severities, s) - slices.Index(severities, o)
}

// ParseSeverity reads one that a person wrote.
func ParseSeverity(s string) (Severity, error) {
	if severity := Severity(strings.ToLower(s)); slices.Contains(severities, severity) {
		return severity, nil
	}
	return "", fmt.Errorf("severity %.40q: want critical, high, medium, low, negligible or unknown", s)
}

// SeverityOf reads one that a scanner wrote; a word of its own is not known.
func SeverityOf(s string) Severity {
	s = strings.ToLower(s)
	if severity, ok := otherwise[s]; ok {
		return severity
	}
	if severity := Severity(s); slices.Contains(severities, severity) {
		return severity
	}
	return "unknown"
}

// Read reads one report, whose form it sees by what is in it. told is the digest of the
// image where the report does not name it; "" if nobody said.
func Read(r io.Reader, told digest.Digest, wanted Wanted) (Report, error) {
	reading := newReading(r, wanted)
	if err := reading.all(); err != nil {
		return Report{}, reading.explain(err)
	}
	return reading.report(told)
}

// Formats returns the names of the forms that are known.
func Formats() (names []string) {
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// report is what was read, if it is clear of which images.
func (r *reading) report(told digest.Digest) (Report, error) {
	if r.format == nil || !r.seen[r.format.must] {
		return Report{}, unknownError(r.format)
	}
	if r.format.ofMany {
		return r.ofMany(told)
	}
	named := slices.Compact(slices.Sorted(slices.Values(r.whole.Names)))
	switch {
	case told == "" || told == r.whole.Manifest || slices.Contains(named, told):
	case len(named) == 0 && r.format.noImage != "":
		named = []digest.Digest{told}
	default:
		return Report{}, fmt.Errorf("it is of %s, and not of %s, as --image says", named[0], told)
	}
	r.whole.Names = named
	if r.whole.Manifest == "" && len(named) == 0 {
		return Report{}, fmt.Errorf("it names no image digest: %s; --image DIGEST tells of which image it is", r.format.noImage)
	}
	return Report{Format: r.format.name, Read: r.read, Images: []Image{r.whole}}, nil
}

// ofMany is a report each finding of which names its image.
func (r *reading) ofMany(told digest.Digest) (Report, error) {
	report := Report{Format: r.format.name, Read: r.read}
	for _, d := range r.order {
		if told != "" && told != d {
			return Report{}, fmt.Errorf("it has findings of %s, and not only of %s, as --image says", d, told)
		}
		report.Images = append(report.Images, *r.images[d])
	}
	return report, nil
}

func unknownError(f *format) error {
	if f != nil {
		return fmt.Errorf("it looks like %s, and has no field %q: want a whole report of a scan", f.name, f.must)
	}
	var known []string
	for _, f := range formats {
		known = append(known, fmt.Sprintf("%s (field %q)", f.name, f.must))
	}
	return fmt.Errorf("it is no report that is known: want %s", strings.Join(known, ", "))
}
