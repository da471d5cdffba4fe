package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/report"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

type gateCommand struct {
	Image      string `arg:"" help:"A digest or 7 digits of it, REPOSITORY@DIGEST or REPOSITORY:TAG."`
	RanIn      string `placeholder:"ENV" predictor:"environment" help:"It must have run in this environment, for as long as --for says."`
	For        string `placeholder:"DURATION" help:"How long without a break, such as 90m, 4h or 2d. Default: at all."`
	NotRunning string `placeholder:"ENV" predictor:"environment" help:"It must not be in use in this environment: neither run nor roll out."`

	NoNew   string   `placeholder:"SEVERITY" help:"It must have no finding of this severity or worse that what runs of its repository in --against has not."`
	Against string   `placeholder:"ENV" predictor:"environment" help:"The environment that --no-new compares with."`
	Report  []string `placeholder:"FILE" predictor:"file" help:"With --no-new: a scanner's report of the image, or - for standard input, where no sweep has fetched its findings. May be given several times."`
}

func (gateCommand) Help() string {
	return `Examples:

  tagalong gate checkout-api:build-43 --ran-in staging --for 4h
  tagalong gate sha256:d40494446bfc --not-running prod && echo "may be deleted"
  trivy image --format json IMAGE >report.json && tagalong gate IMAGE --no-new critical --against prod --report report.json

Each condition is a row that says why. Exit status 3 if one of them is not met. What ran counts only if its digest is known by more than a guess, and a rollout only once it has completed. Of an image the command does not say that it is not running if the ledger may not know: no sweep has come to its end for two days, an account could not be looked at, or a digest there is not known; then the exit status is 1.

--no-new compares findings by their names: a candidate that has one which nothing of its repository has that runs there is refused. What is in the candidate is known by the sweep, where it runs already and TAGALONG_FINDINGS is set, and by --report, in the forms that match reads; with both, all of it counts. A candidate that was never scanned is refused, as is one whose findings are not kept up: no findings would look the same. What rolls out there, and what drains, excuses nothing.
`
}

func (c *gateCommand) Run(s *session) error {
	wanted, err := c.query()
	if err != nil {
		return err
	}
	q, err := s.queries()
	if err != nil {
		return err
	}
	q.Now = s.now
	rows, err := c.ask(s, q, wanted)
	if image, ok := errors.AsType[*query.ImageError](err); ok {
		return usageError{image}
	}
	if err != nil {
		return err
	}
	if err := render(s.out, rows, gateColumns(), "No conditions"); err != nil {
		return err
	}
	var unmet []string
	for _, r := range rows {
		if !r.Passed {
			unmet = append(unmet, fmt.Sprintf("--%s %s: %s", r.Check, r.At(), r.Reason))
		}
	}
	if len(unmet) > 0 {
		return fmt.Errorf("%w: %s", errDifferences, strings.Join(unmet, "; "))
	}
	return nil
}

// ask reads the reports, which are of the image that is meant, and asks.
func (c *gateCommand) ask(s *session, q query.Queries, wanted query.GateQuery) ([]query.GateRow, error) {
	if len(c.Report) > 0 {
		image, err := q.Candidate(s.ctx, wanted.Image)
		if err != nil {
			return nil, err
		}
		wanted.Image = image
		for _, file := range c.Report {
			read, err := readReport(file, s.stdin, image.Digest, report.Wanted{Severity: wanted.NoNew})
			if err != nil {
				return nil, err
			}
			wanted.Reports = append(wanted.Reports, read)
		}
	}
	return q.Gate(s.ctx, wanted)
}

// query reads the arguments.
func (c *gateCommand) query() (q query.GateQuery, err error) {
	if q.Image, err = tagalong.ParseImageQuery(c.Image); err != nil {
		return q, usageError{err}
	}
	switch {
	case c.RanIn == "" && c.NotRunning == "" && c.NoNew == "" && c.Against == "":
		return q, usagef("gate: want a condition: --ran-in ENV, --not-running ENV or --no-new SEVERITY --against ENV")
	case (c.NoNew == "") != (c.Against == ""):
		return q, usagef("gate: want --no-new SEVERITY and --against ENV together")
	case len(c.Report) > 0 && c.NoNew == "":
		return q, usagef("--report %s: want --no-new SEVERITY --against ENV with it", c.Report[0])
	}
	if c.NoNew != "" {
		if q.NoNew, err = report.ParseSeverity(c.NoNew); err != nil {
			return q, usageError{fmt.Errorf("--no-new: %w", err)}
		}
	}
	if q.Against, err = environmentFlag("--against", c.Against); err != nil {
		return q, err
	}
	if c.For != "" && c.RanIn == "" {
		return q, usagef("--for %s: want --ran-in ENV with it", c.For)
	}
	if q.RanIn, err = environmentFlag("--ran-in", c.RanIn); err != nil {
		return q, err
	}
	if q.NotRunning, err = environmentFlag("--not-running", c.NotRunning); err != nil {
		return q, err
	}
	if c.For != "" {
		q.For, err = durationFlag("--for", c.For, 0, "how long, such as 90m, 4h or 2d")
	}
	return q, err
}
