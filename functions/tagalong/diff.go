package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

type diffCommand struct {
	From string `arg:"" name:"from" help:"An environment such as staging, or prod@2h for what ran there then."`
	To   string `arg:"" name:"to" help:"Another one, or the same at another time."`
}

func (diffCommand) Help() string {
	return `Examples:

  tagalong diff staging prod
  tagalong diff prod@1d prod
  tagalong diff prod@2026-03-04T10:00Z prod@2026-03-04T11:00Z -o json

Compared are containers of services with the same names, in whatever clusters, regions and accounts, as sets of digests. Exit status 3 if there is a difference. What is not known differs from everything.
`
}

func (c *diffCommand) Run(s *session) error {
	now := s.now()
	from, err := readMoment(c.From, now)
	if err != nil {
		return err
	}
	to, err := readMoment(c.To, now)
	if err != nil {
		return err
	}
	q, err := s.queries()
	if err != nil {
		return err
	}
	page, err := q.Diff(s.ctx, from, to, tagalong.Paging{})
	if err != nil {
		return err
	}
	s.noteGaps(page.Gaps)
	s.noteUnknown(q, from, to, page.Items)
	if err := render(s.out, page.Items, diffColumns(s.view(), c.From, c.To), "No differences between "+c.From+" and "+c.To); err != nil || len(page.Items) == 0 {
		return err
	}
	return fmt.Errorf("%w: %s not alike in %s and %s", errDifferences, counted(len(page.Items), "container is", "containers are"), c.From, c.To)
}

// noteUnknown names an environment that the ledger has never seen, if one side
// of the answer is empty: it may be mistyped.
func (s *session) noteUnknown(q tagalong.Queries, from, to tagalong.Moment, rows []tagalong.DiffRow) {
	bothSides := slices.ContainsFunc(rows, func(r tagalong.DiffRow) bool { return len(r.From) > 0 }) &&
		slices.ContainsFunc(rows, func(r tagalong.DiffRow) bool { return len(r.To) > 0 })
	if bothSides {
		return
	}
	names, err := q.Records.Environments(s.ctx)
	if err != nil {
		return // the answer is complete without
	}
	unknown := slices.DeleteFunc([]string{from.Environment, to.Environment}, func(name string) bool { return slices.Contains(names, name) })
	for _, name := range slices.Compact(unknown) {
		fmt.Fprintf(s.stderr, "tagalong: nothing ever ran in environment %s (environments with services: %s)\n", name, strings.Join(names, ", "))
	}
}
