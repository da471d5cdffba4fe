package main

import (
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
)

type runningCommand struct {
	Environment string `arg:"" optional:"" name:"env" predictor:"environment" help:"An environment such as prod, or prod@2h for what ran there then. Default: all of them."`
	Flag        string `short:"e" name:"environment" placeholder:"ENV" predictor:"environment" help:"The same, as a flag."`
	At          string `placeholder:"TIME" help:"What ran at this time: RFC 3339, or how long ago, such as 90m, 2h or 3d. Default: now."`
	Service     string `short:"s" placeholder:"CLUSTER/NAME" predictor:"service" help:"Only these services: CLUSTER/NAME or NAME, globs allowed."`
	watched
}

func (runningCommand) Help() string {
	return `Examples:

  tagalong running prod
  tagalong running prod --watch
  tagalong running prod@2026-03-04T10:00Z
  tagalong running --at 3d --wide
  tagalong running --service 'prod-*/checkout-api' -o json
  tagalong running prod -o json | jq -r '.[].digest' | sort -u

ROLLING OUT names a deployment in progress and, where ECS has been asked, its share of the traffic, until when it bakes or a hook holds it, or that it is overdue: a sweep asks for what takes longer than TAGALONG_PENDING_AFTER. For a security question its digests run too: tagalong history lists them. Of a past time the ledger does not say how tags stood, nor what was rolling out; services that it did not know yet are named on standard error.
`
}

func (c *runningCommand) Run(s *session) error {
	return c.ask(s, c.answer)
}

func (c *runningCommand) answer(s *session) (rows any, err error) {
	wanted, err := c.query(s.now())
	if err != nil {
		return nil, err
	}
	q, err := s.queries()
	if err != nil {
		return nil, err
	}
	page, err := q.Running(s.ctx, wanted, query.Paging{})
	if err != nil {
		return nil, err
	}
	s.noteGaps(page.Gaps)
	s.noteWatched(page.Watched)
	return page.Items, render(s.out, page.Items, runningColumns(s.view(), wanted), "No running services"+in(wanted.Environment)+matching(c.Service)+when(wanted.At))
}

// query reads the arguments.
func (c *runningCommand) query(now time.Time) (q query.RunningQuery, err error) {
	if q.Services, err = servicePattern(c.Service); err != nil {
		return q, err
	}
	var point query.PointInTime
	environment, err := oneOf(c.Environment, c.Flag)
	if err != nil {
		return q, err
	}
	if environment != "" {
		if point, err = readPointInTime(environment, now); err != nil {
			return q, err
		}
	}
	at, err := pastFlag("--at", c.At, now)
	if err != nil {
		return q, err
	}
	if !at.IsZero() && !point.At.IsZero() && !at.Equal(point.At) {
		return q, usagef("--at %s: want the time of %s, or one of both alone", c.At, environment)
	}
	if at.IsZero() {
		at = point.At
	}
	q.Environment, q.At = point.Environment, at
	return q, nil
}
