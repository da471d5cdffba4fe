package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	sweepwiring "github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/ratelimit"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

type sweepCommand struct {
	ruled `embed:""`

	DryRun   bool   `help:"Change nothing, and print what would be repaired; exit status 3 if there is something."`
	Service  string `placeholder:"[CLUSTER/]NAME" help:"Only services of this name; * and ? are allowed. The tags are then left alone but for those that these services move."`
	Cluster  string `placeholder:"NAME" predictor:"cluster" help:"Only clusters of this name; * and ? are allowed."`
	Findings bool   `help:"Ask the scanner that TAGALONG_FINDINGS names about everything in use, though that was done within the day."`
	Whole    bool   `help:"Look into ECS's records of every service, 90 days back, and not only of those that differ from the ledger; and put blocked tags again."`
}

func (sweepCommand) Help() string {
	return `Examples:

  tagalong sweep --whole                 # once after the installation: the ledger is filled from what ECS still knows
  tagalong sweep --dry-run
  tagalong sweep --service prod-cluster/checkout-api

It does what the function does on its schedule, which also looks into the records of each service once a day: it compares all that runs with the ledger, and all tags with ECR, makes ledger and tags true, and prints what was wrong. The accounts and Regions are our own and those of TAGALONG_ACCOUNTS. Half of the calls that AWS allows are left to others, so that it takes its time.

HEALED is yes where nothing is left to be done. Exit status 3: something is left.

Rules and accounts are those that the table has, as the functions have them. Where TAGALONG_ENVIRONMENTS or TAGALONG_ACCOUNTS says otherwise, nothing is swept; a dry run then shows what a sweep by them would do, and says so.
`
}

var clusterGlob = regexp.MustCompile(`^[A-Za-z0-9_*?-]{1,255}$`)

// options reads the flags.
func (c *sweepCommand) options() (sweep.Options, error) {
	services, err := servicePattern(c.Service)
	if err != nil {
		return sweep.Options{}, err
	}
	if c.Cluster != "" && !clusterGlob.MatchString(c.Cluster) {
		return sweep.Options{}, usagef("--cluster %q: want a cluster's name: letters, digits, underscores and hyphens, with * and ? for others", c.Cluster)
	}
	return sweep.Options{Cluster: c.Cluster, Services: services, Whole: c.Whole, Blocked: c.Whole, DryRun: c.DryRun, Findings: c.Findings}, nil
}

// Run prints what was found even where something could not be looked at, or where it was
// interrupted.
func (c *sweepCommand) Run(s *session) error {
	options, err := c.options()
	if err != nil {
		return err
	}
	settings, err := c.settings(s)
	if err != nil {
		return err
	}
	if c.Findings && settings.Findings == "" {
		return usagef("--findings: want TAGALONG_FINDINGS to be inspector or ecr")
	}
	if c.Findings && (c.DryRun || c.Service != "" || c.Cluster != "") {
		return usagef("--findings: want it without --dry-run, --service and --cluster")
	}
	sweeper, err := sweepwiring.Sweeper(s.ctx, settings, s.cfg, slog.New(slog.DiscardHandler), ratelimit.New())
	if err != nil {
		return err
	}
	sweeper.Reactor.Now = s.now
	show, done := s.progress()
	options.Progress = show
	report, err := sweeper.Sweep(s.ctx, options)
	done()
	if _, unknown := errors.AsType[*tagalong.UnknownNameError](err); unknown {
		return err
	}
	nothing := "Nothing is wrong"
	switch {
	case err != nil:
		nothing = "Nothing was found, but not everything was looked at"
	case report.Services == 0 && (c.Service != "" || c.Cluster != ""):
		nothing = "No service was looked at: none matches"
	}
	if printed := render(s.out, report.Drift, driftColumns(s.view()), nothing); printed != nil {
		return errors.Join(err, printed)
	}
	fmt.Fprintf(s.stderr, "tagalong: %s\n", summary(report, c.DryRun))
	if err := cmp.Or(s.ctx.Err(), err); err != nil {
		return err
	}
	return left(report)
}

// settings are the table's, or those that a dry run tries out.
func (c *sweepCommand) settings(s *session) (boot.Config, error) {
	if !c.DryRun {
		return c.ruled.settings(s)
	}
	settings, at, err := c.compared(s)
	if len(at) > 0 {
		fmt.Fprintf(s.stderr, "tagalong: %s\nThis is what a sweep with --rules-from-environment would do.\n", strings.Join(at, "\n"))
	}
	return settings, err
}

// summary says what the sweep did.
func summary(r sweep.Report, dry bool) string {
	looked := fmt.Sprintf("%s and %s looked at", counted(r.Services, "service", "services"), counted(r.Tags, "tag", "tags"))
	if dry {
		return looked + "; nothing was changed"
	}
	done := fmt.Sprintf("%s; %s recorded, %s moved", looked, counted(r.Recorded, "fact", "facts"), counted(r.Moved, "tag", "tags"))
	if r.Removed > 0 {
		done += fmt.Sprintf(", %d removed", r.Removed)
	}
	if r.Scanned > 0 {
		done += fmt.Sprintf(", findings of %s fetched", counted(r.Scanned, "image", "images"))
	}
	if r.Announced > 0 {
		done += fmt.Sprintf(", %s announced", counted(r.Announced, "rollout", "rollouts"))
	}
	return done
}

// left counts what is left to be done.
func left(r sweep.Report) error {
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
