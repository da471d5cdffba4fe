package main

import (
	"cmp"
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

Compared are containers of services with the same names, in whatever clusters, regions and accounts, as sets of digests. Exit status 3 if there is a difference, 1 if there is nothing to compare since nothing ever ran in an environment of that name. What is not known differs from everything.
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
	if err := s.checkKnown(q, from, to, page.Items); err != nil {
		return err
	}
	if err := render(s.out, page.Items, diffColumns(s.view(), c.From, c.To), "No differences between "+c.From+" and "+c.To); err != nil || len(page.Items) == 0 {
		return err
	}
	return fmt.Errorf("%w: %s not alike in %s and %s", errDifferences, counted(len(page.Items), "container is", "containers are"), c.From, c.To)
}

// checkKnown looks whether the environments are known if one side of the answer is
// empty: one may be mistyped. What there is on the other side differs from it
// all the same; but that there is nothing at all must not look like no difference.
func (s *session) checkKnown(q tagalong.Queries, from, to tagalong.Moment, rows []tagalong.DiffRow) error {
	bothSides := slices.ContainsFunc(rows, func(r tagalong.DiffRow) bool { return len(r.From) > 0 }) &&
		slices.ContainsFunc(rows, func(r tagalong.DiffRow) bool { return len(r.To) > 0 })
	if bothSides {
		return nil
	}
	names, err := q.Records.Environments(s.ctx)
	if err != nil {
		return fmt.Errorf("environments: %w", err)
	}
	unknown := slices.DeleteFunc([]string{from.Environment, to.Environment}, func(name string) bool { return slices.Contains(names, name) })
	if unknown = slices.Compact(unknown); len(unknown) == 0 {
		return nil
	}
	noun := map[bool]string{true: "environments", false: "environment"}[len(unknown) > 1]
	problem := fmt.Errorf("nothing ever ran in %s %s (environments with services: %s)", noun, strings.Join(unknown, " and "), cmp.Or(strings.Join(names, ", "), "none"))
	if len(rows) == 0 {
		return problem
	}
	fmt.Fprintf(s.stderr, "tagalong: %v\n", problem)
	return nil
}
