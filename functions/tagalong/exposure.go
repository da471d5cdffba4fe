package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/report"
)

type exposureCommand struct {
	Environment string `arg:"" optional:"" name:"env" help:"Only what is in use in this environment, or prod@2h for what was then. Default: all of them."`
	Flag        string `short:"e" name:"environment" placeholder:"ENV" help:"The same, as a flag."`
	Service     string `short:"s" placeholder:"CLUSTER/NAME" predictor:"service" help:"Only these services: CLUSTER/NAME or NAME, globs allowed."`
	CVE         string `name:"cve" placeholder:"ID" help:"Only this finding, by any of its names."`
	Severity    string `placeholder:"SEVERITY" help:"Only findings of this severity and worse: critical, high, medium, low, negligible or unknown."`
	Fixable     bool   `help:"Only findings that a version of the package fixes."`
	At          string `placeholder:"TIME" xor:"when" help:"What was in use at this time: RFC 3339, or how long ago, such as 90m, 2h or 3d. Default: now."`
	Ever        bool   `xor:"when" help:"From when to when each service ran an image with a finding."`
	Check       bool   `help:"Exit status 3 if there is any."`
}

func (exposureCommand) Help() string {
	return `Examples:

  tagalong exposure prod --severity critical
  tagalong exposure --cve CVE-2021-44228
  tagalong exposure --cve CVE-2021-44228 --ever     # who ran it, and from when to when
  tagalong exposure prod@2026-03-04T10:00Z
  tagalong exposure prod --severity critical --check

Findings are those that the sweep has fetched from Amazon Inspector or from ECR, where TAGALONG_FINDINGS says so. Of scanners' own files: tagalong match.

Each row is a finding in a package of an image that runs, rolls out or drains, and the place, what burns most first. An image that lies in a registry alone has no row, however bad it is. Whatever the time is, an image has the findings that are known of it today, those included that its scanner has forgotten since.

An image that was never scanned is a row without a finding: that nothing is known of it does not mean that there is nothing. With --cve such rows are printed of what is in use now alone.

If the ledger may not know everything, standard error says why; with --check and nothing found the exit status is then 1.
`
}

func (c *exposureCommand) Run(s *session) error {
	wanted, err := c.query(s.now())
	if err != nil {
		return err
	}
	q, err := s.queries()
	if err != nil {
		return err
	}
	q.Now = s.now
	page, reasons, err := q.Exposure(s.ctx, wanted, query.Paging{})
	if err != nil {
		return err
	}
	for _, reason := range reasons {
		fmt.Fprintf(s.stderr, "tagalong: the answer is incomplete: %s\n", reason)
	}
	s.noteWatched(page.Watched)
	none := "Nothing in use" + in(wanted.Environment) + matching(c.Service) + when(wanted.At) + " has such a finding, as far as the ledger knows"
	if wanted.Ever {
		none = "Nothing" + in(wanted.Environment) + matching(c.Service) + " ever had such a finding, as far as the ledger knows"
	}
	if err := render(s.out, page.Items, exposureColumns(s.view(), wanted), none); err != nil || !c.Check {
		return err
	}
	return checked(page.Items, reasons)
}

// checked counts findings and images that were never scanned: neither passes a check.
func checked(rows []query.ExposureRow, reasons []string) error {
	if len(rows) > 0 {
		found := 0
		for _, r := range rows {
			if r.Scanned {
				found++
			}
		}
		return fmt.Errorf("%w: %s, and %s in use", errDifferences, counted(found, "finding", "findings"), counted(len(rows)-found, "image that was never scanned is", "images that were never scanned are"))
	}
	if len(reasons) > 0 {
		return fmt.Errorf("nothing found, but the ledger is incomplete: %s", strings.Join(reasons, "; "))
	}
	return nil
}

// query reads the arguments.
func (c *exposureCommand) query(now time.Time) (q query.ExposureQuery, err error) {
	running := runningCommand{Environment: c.Environment, Flag: c.Flag, At: c.At}
	point, err := running.query(now)
	if err != nil {
		return q, err
	}
	if c.Ever && !point.At.IsZero() {
		return q, usagef("--ever: want it without a time")
	}
	q = query.ExposureQuery{Environment: point.Environment, At: point.At, Ever: c.Ever, Wanted: report.Wanted{Fixable: c.Fixable}}
	if q.Services, err = servicePattern(c.Service); err != nil {
		return q, err
	}
	if q.ID, err = query.ParseFinding(c.CVE); err != nil {
		return q, usageError{fmt.Errorf("--cve: %w", err)}
	}
	if c.Severity != "" {
		if q.Wanted.Severity, err = report.ParseSeverity(c.Severity); err != nil {
			return q, usageError{fmt.Errorf("--severity: %w", err)}
		}
	}
	return q, nil
}
