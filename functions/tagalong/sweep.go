package main

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"

	"github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/sweeping"
	"github.com/tagalong-aws/tagalong/functions/internal/pace"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

type sweepCommand struct {
	DryRun  bool   `help:"Change nothing, and print what would be healed; exit status 3 if there is something."`
	Service string `placeholder:"[CLUSTER/]NAME" help:"Only services of this name; * and ? are allowed. The tags are then left alone but for those that these services move."`
	Cluster string `placeholder:"NAME" help:"Only clusters of this name; * and ? are allowed."`
	Whole   bool   `help:"Look into ECS's records of every service, 90 days back, and not only of those that differ from the ledger; and put blocked tags again."`
}

func (sweepCommand) Help() string {
	return `Examples:

  tagalong sweep --whole                 # once after the installation: the ledger is filled from what ECS still knows
  tagalong sweep --dry-run
  tagalong sweep --service prod-cluster/checkout-api

It does what the function does on its schedule, which also looks into the records of each service once a day: it compares all that runs with the ledger, and all tags with ECR, makes ledger and tags true, and prints what was wrong. The accounts and Regions are our own and those of TAGALONG_ACCOUNTS. Half of the calls that AWS allows are left to others, so that it takes its time.

HEALED is yes where nothing is left to be done. Exit status 3: something is left.

TAGALONG_ENVIRONMENTS and TAGALONG_ACCOUNTS must be those of the functions.
`
}

var clusterGlob = regexp.MustCompile(`^[A-Za-z0-9_*?-]{1,255}$`)

// options reads the flags.
func (c *sweepCommand) options() (tagalong.SweepOptions, error) {
	services, err := servicePattern(c.Service)
	if err != nil {
		return tagalong.SweepOptions{}, err
	}
	if c.Cluster != "" && !clusterGlob.MatchString(c.Cluster) {
		return tagalong.SweepOptions{}, usagef("--cluster %q: want a cluster's name: letters, digits, underscores and hyphens, with * and ? for others", c.Cluster)
	}
	return tagalong.SweepOptions{Cluster: c.Cluster, Services: services, Whole: c.Whole, Blocked: c.Whole, DryRun: c.DryRun}, nil
}

// Run prints what was found even where something could not be looked at.
func (c *sweepCommand) Run(s *session) error {
	options, err := c.options()
	if err != nil {
		return err
	}
	settings, err := s.settings()
	if err != nil {
		return err
	}
	sweeper, err := sweeping.Sweeper(s.ctx, settings, s.cfg, slog.New(slog.DiscardHandler), pace.New())
	if err != nil {
		return err
	}
	sweeper.Now = s.now
	show, done := s.progress()
	options.Progress = show
	report, err := sweeper.Sweep(s.ctx, options)
	done()
	if s.ctx.Err() != nil {
		return s.ctx.Err()
	}
	if printed := render(s.out, report.Drift, driftColumns(s.view()), "Nothing is wrong"); printed != nil {
		return errors.Join(err, printed)
	}
	fmt.Fprintf(s.stderr, "tagalong: %s\n", summary(report, c.DryRun))
	if err != nil {
		return err
	}
	return left(report)
}

// summary says what the sweep did.
func summary(r tagalong.Report, dry bool) string {
	looked := fmt.Sprintf("%d services and %d tags looked at", r.Services, r.Tags)
	if dry {
		return looked + "; nothing was changed"
	}
	done := fmt.Sprintf("%s; %d facts recorded, %d tags moved", looked, r.Recorded, r.Moved)
	if r.Removed > 0 {
		done += fmt.Sprintf(", %d removed", r.Removed)
	}
	if r.Announced > 0 {
		done += fmt.Sprintf(", %d rollouts announced", r.Announced)
	}
	return done
}

// left counts what is left to be done.
func left(r tagalong.Report) error {
	n := 0
	for _, d := range r.Drift {
		if d.Left() {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d left", errDifferences, n)
}
