package main

import (
	"fmt"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
)

type diffCommand struct {
	From string `arg:"" name:"from" predictor:"environment" help:"An environment such as staging, or prod@2h for what ran there then."`
	To   string `arg:"" name:"to" predictor:"environment" help:"Another one, or the same at another time."`
}

func (diffCommand) Help() string {
	return `Examples:

  tagalong diff staging prod
  tagalong diff prod@1d prod
  tagalong diff prod@2026-03-04T10:00Z prod@2026-03-04T11:00Z -o json

Compared are containers of services with the same names, in whatever clusters, regions and accounts, as sets of digests. Exit status 3 if there is a difference, 1 if an environment is not known. What is not known differs from everything.
`
}

func (c *diffCommand) Run(s *session) error {
	now := s.now()
	from, err := readPointInTime(c.From, now)
	if err != nil {
		return err
	}
	to, err := readPointInTime(c.To, now)
	if err != nil {
		return err
	}
	q, err := s.queries()
	if err != nil {
		return err
	}
	page, err := q.Diff(s.ctx, from, to, query.Paging{})
	if err != nil {
		return err
	}
	s.noteGaps(page.Gaps)
	if err := render(s.out, page.Items, diffColumns(s.view(), c.From, c.To), "No differences between "+c.From+" and "+c.To); err != nil || len(page.Items) == 0 {
		return err
	}
	return fmt.Errorf("%w: %s not alike in %s and %s", errDifferences, counted(len(page.Items), "container is", "containers are"), c.From, c.To)
}
