package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/report"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

type matchCommand struct {
	Reports     []string `arg:"" name:"report" predictor:"file" help:"Reports of scanners in JSON, or - for standard input."`
	Image       string   `placeholder:"DIGEST" help:"The digest of the image that the reports are of, where they do not name it; 7 digits of it are enough."`
	Severity    string   `placeholder:"SEVERITY" help:"Only findings of this severity and worse: critical, high, medium, low, negligible or unknown."`
	Fixable     bool     `help:"Only findings that a version of the package fixes."`
	CVE         []string `name:"cve" placeholder:"ID" help:"Only this finding, by any of its names. May be given several times."`
	Environment string   `placeholder:"ENV" predictor:"environment" help:"Only what is in use in this environment."`
	Check       bool     `help:"Exit status 3 if there is any."`
}

func (matchCommand) Help() string {
	return `Examples:

  trivy image --format json checkout-api@sha256:… > report.json && tagalong match report.json
  grype checkout-api:prod -o json | tagalong match - --severity high --fixable
  tagalong match reports/*.json --environment prod --severity critical --check

It understands ` + strings.Join(report.Formats(), ", ") + `, and sees by what is in a file which it is. No scanner is called, and no registry: reports are joined with the ledger.

Each row is a finding in a package of an image that runs, rolls out or drains, and the place: what is known to be exploited comes first, then what is severe, then what is likely to be exploited. A report of one platform's image finds the multi-platform image that holds it, and the other way round. A finding that several reports have is one row, with the worst of what they say. An image that no longer runs has no row, however bad it is.

A report that does not name its image by a digest is refused, as are files that end in the middle, hold two reports or are of no known form: nothing is printed, and the exit status is 2. --image tells of which image a report is.

If the ledger may not know everything, standard error says why; with --check and nothing found the exit status is then 1.
`
}

func (c *matchCommand) Run(s *session) error {
	wanted, err := c.wanted()
	if err != nil {
		return err
	}
	environment, err := environmentFlag("--environment", c.Environment)
	if err != nil {
		return err
	}
	q, err := s.queries()
	if err != nil {
		return err
	}
	told, err := c.told(s, q)
	if err != nil {
		return err
	}
	read, err := readReports(c.Reports, s.stdin, told, wanted)
	if err != nil {
		return err
	}
	match, err := q.Match(s.ctx, query.MatchQuery{Images: read.images, Environment: environment})
	if err != nil {
		return err
	}
	return c.print(s, read, match)
}

func (c *matchCommand) wanted() (w report.Wanted, err error) {
	w.Fixable, w.IDs = c.Fixable, c.CVE
	if c.Severity != "" {
		if w.Severity, err = report.ParseSeverity(c.Severity); err != nil {
			return w, usageError{fmt.Errorf("--severity: %w", err)}
		}
	}
	return w, nil
}

// told returns the digest that --image gives.
func (c *matchCommand) told(s *session, q query.Queries) (digest.Digest, error) {
	if c.Image == "" {
		return "", nil
	}
	image, err := tagalong.ParseImageQuery(c.Image)
	if err != nil {
		return "", usageError{fmt.Errorf("--image: %w", err)}
	}
	told, err := q.Told(s.ctx, image)
	if unclear, ok := errors.AsType[*query.ImageError](err); ok {
		return "", usageError{fmt.Errorf("--image: %w", unclear)}
	}
	return told, err
}

// print says what was found. Nothing found is said together with what was looked at.
func (c *matchCommand) print(s *session, read readings, match query.Match) error {
	for _, reason := range match.Incomplete {
		fmt.Fprintf(s.stderr, "tagalong: the answer is incomplete: %s\n", reason)
	}
	if match.Watched != "" {
		s.noteWatched(read.inWords(match.InUse) + " " + match.Watched)
	}
	if err := render(s.out, match.Rows, matchColumns(s.view()), "Nothing in use has such a finding, as far as the ledger knows"); err != nil {
		return err
	}
	switch {
	case c.Check && len(match.Rows) > 0:
		return fmt.Errorf("%w: %s in use", errDifferences, counted(len(match.Rows), "finding is", "findings are"))
	case c.Check && len(match.Incomplete) > 0:
		return fmt.Errorf("nothing found, but the ledger is incomplete: %s", strings.Join(match.Incomplete, "; "))
	}
	return nil
}

// readings are reports that have been read.
type readings struct {
	reports  int
	findings int // as they were read
	wanted   int // of them
	images   []report.Image
}

// readReports reads them all before anything is said of one.
func readReports(files []string, stdin io.Reader, told digest.Digest, wanted report.Wanted) (all readings, err error) {
	for _, file := range files {
		read, err := readReport(file, stdin, told, wanted)
		if err != nil {
			return readings{}, err
		}
		all.reports++
		all.findings += read.Read
		for _, image := range read.Images {
			all.wanted += len(image.Findings)
		}
		all.images = append(all.images, read.Images...)
	}
	return all, nil
}

func readReport(file string, stdin io.Reader, told digest.Digest, wanted report.Wanted) (report.Report, error) {
	from := stdin
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return report.Report{}, err
		}
		defer func() { _ = opened.Close() }() // it was only read
		from = opened
	}
	read, err := report.Read(from, told, wanted)
	if err != nil {
		return report.Report{}, usageError{fmt.Errorf("report %s: %w", printable(file), err)}
	}
	return read, nil
}

// inWords says what was looked at in the reports.
func (r readings) inWords(inUse int) string {
	return fmt.Sprintf("Read %s with %s of %s (%s), %d of them as asked for; %s in use.",
		counted(r.reports, "report", "reports"), counted(r.findings, "finding", "findings"), counted(len(r.images), "image", "images"),
		namesInWords(r.images), r.wanted, counted(inUse, "image is", "images are"))
}

// namesInWords names a few images.
func namesInWords(images []report.Image) string {
	var names []string
	for _, image := range images {
		for _, d := range append([]digest.Digest{image.Manifest}, image.Names...) {
			if d != "" && !slices.Contains(names, short(d)) {
				names = append(names, short(d))
			}
		}
	}
	return orDash(listed(names))
}
