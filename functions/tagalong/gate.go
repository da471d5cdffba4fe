package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

type gateCommand struct {
	Image      string `arg:"" help:"A digest or 7 digits of it, REPOSITORY@DIGEST or REPOSITORY:TAG."`
	RanIn      string `placeholder:"ENV" predictor:"environment" help:"It must have run in this environment, for as long as --for says."`
	For        string `placeholder:"DURATION" help:"How long without a break, such as 90m, 4h or 2d. Default: at all."`
	NotRunning string `placeholder:"ENV" predictor:"environment" help:"It must not be in use in this environment: neither run nor roll out."`
}

func (gateCommand) Help() string {
	return `Examples:

  tagalong gate checkout-api:build-43 --ran-in staging --for 4h
  tagalong gate sha256:d40494446bfc --not-running prod && echo "may be deleted"

Each condition is a row that says why. Exit status 3 if one of them is not met. What ran counts only if its digest is known by more than a guess, and a rollout only once it has completed. Of an image the command does not say that it is not running if the ledger may not know: no sweep has come to its end for two days, an account could not be looked at, or a digest there is not known; then the exit status is 1.
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
	rows, err := q.Gate(s.ctx, wanted)
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
			unmet = append(unmet, fmt.Sprintf("--%s %s: %s", r.Check, r.Environment, r.Reason))
		}
	}
	if len(unmet) > 0 {
		return fmt.Errorf("%w: %s", errDifferences, strings.Join(unmet, "; "))
	}
	return nil
}

// query reads the arguments.
func (c *gateCommand) query() (q query.GateQuery, err error) {
	if q.Image, err = tagalong.ParseImageQuery(c.Image); err != nil {
		return q, usageError{err}
	}
	if c.RanIn == "" && c.NotRunning == "" {
		return q, usagef("gate: want a condition: --ran-in ENV or --not-running ENV")
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
