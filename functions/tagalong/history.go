package main

import (
	"fmt"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
)

type historyCommand struct {
	Word        string `arg:"" optional:"" name:"env" predictor:"environment" help:"Only rollouts in this environment. Default: all of them."`
	Environment string `short:"e" placeholder:"ENV" predictor:"environment" help:"The same, as a flag."`
	Service     string `short:"s" placeholder:"CLUSTER/NAME" predictor:"service" help:"Only these services: CLUSTER/NAME or NAME, globs allowed."`
	Since       string `placeholder:"TIME" help:"Rollouts that started at this time or later: RFC 3339, or how long ago, such as 90m, 2h or 3d."`
	Until       string `placeholder:"TIME" help:"Rollouts that started before this time."`
	Limit       int    `default:"100" help:"At most so many rollouts; 0 for all."`
}

func (historyCommand) Help() string {
	return `Examples:

  tagalong history --service prod-cluster/checkout-api
  tagalong history --environment prod --since 1d
  tagalong history --since 3d --limit 0 -o csv > rollouts.csv
  tagalong history --since 2026-03-04T00:00Z --until 2026-03-05T00:00Z --wide

A rollout whose start nobody saw is placed by its finish.
`
}

func (c *historyCommand) Run(s *session) error {
	wanted, err := c.query(s)
	if err != nil {
		return err
	}
	q, err := s.queries()
	if err != nil {
		return err
	}
	page, err := q.History(s.ctx, wanted, query.Paging{Limit: c.Limit})
	if err != nil {
		return err
	}
	s.noteWatched(page.Watched)
	nothing := "No rollouts" + in(wanted.Environment) + matching(c.Service) + between(wanted.Since, wanted.Until)
	if page.Next != "" {
		fmt.Fprintf(s.stderr, "tagalong: there are more rollouts than the newest %d: --limit 0 gives all\n", len(page.Items))
	}
	return render(s.out, page.Items, historyColumns(s.view(), wanted), nothing)
}

// query reads the flags.
func (c *historyCommand) query(s *session) (q query.HistoryQuery, err error) {
	if c.Limit < 0 {
		return q, usagef("--limit %d: want 0 for all, or how many rollouts", c.Limit)
	}
	if q.Environment, err = oneEnvironment(c.Word, c.Environment); err != nil {
		return q, err
	}
	if q.Services, err = servicePattern(c.Service); err != nil {
		return q, err
	}
	now := s.now()
	if q.Since, err = timeFlag("--since", c.Since, now); err != nil {
		return q, err
	}
	if q.Until, err = timeFlag("--until", c.Until, now); err != nil {
		return q, err
	}
	if !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until) {
		return q, usagef("--until %s: want a time after --since %s", c.Until, c.Since)
	}
	return q, nil
}
