package main

import (
	"fmt"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
)

type releasesCommand struct {
	Pipeline    string `short:"p" placeholder:"NAME" help:"Only executions of this pipeline."`
	Environment string `short:"e" placeholder:"ENV" predictor:"environment" help:"Only what they put in place in this environment."`
	Since       string `placeholder:"TIME" help:"Executions with a rollout that started at this time or later: RFC 3339, or how long ago, such as 90m, 2h or 3d."`
	Until       string `placeholder:"TIME" help:"Executions with a rollout that started before this time."`
	Limit       int    `default:"20" help:"At most so many executions; 0 for all."`
}

func (releasesCommand) Help() string {
	return `Examples:

  tagalong releases
  tagalong releases --pipeline checkout-release --environment prod
  tagalong releases --since 3d --limit 0 -o json | jq -r '.[].commit'

An execution stands where its newest rollout began, the newest first. One that put nothing in place is not listed; tagalong release tells of it.
`
}

func (c *releasesCommand) Run(s *session) error {
	wanted, err := c.query(s)
	if err != nil {
		return err
	}
	q, err := s.queries()
	if err != nil {
		return err
	}
	rows, more, err := upTo(c.Limit, func(p query.Paging) (query.Page[query.ReleasesRow], error) {
		page, err := q.Releases(s.ctx, wanted, p)
		s.noteWatched(page.Watched)
		return page, err
	})
	if err != nil {
		return err
	}
	if more {
		fmt.Fprintf(s.stderr, "tagalong: there are more executions than the newest %d: --limit 0 gives all\n", len(rows))
	}
	return render(s.out, rows, releasesColumns(s.view(), wanted), "No executions put a rollout in place"+in(c.Environment)+between(wanted.Since, wanted.Until))
}

// query reads the flags.
func (c *releasesCommand) query(s *session) (q query.ReleasesQuery, err error) {
	if c.Pipeline != "" {
		if q.Pipeline, err = query.ParsePipeline(c.Pipeline); err != nil {
			return q, usageError{fmt.Errorf("--pipeline: %w", err)}
		}
	}
	history := historyCommand{Environment: c.Environment, Since: c.Since, Until: c.Until, Limit: c.Limit}
	same, err := history.query(s)
	q.Environment, q.Since, q.Until = same.Environment, same.Since, same.Until
	return q, err
}

// upTo takes pages until there are so many rows: one that looked at much in vain is not
// full. It reports whether there are more.
func upTo[R any](limit int, ask func(query.Paging) (query.Page[R], error)) (rows []R, more bool, err error) {
	for p := (query.Paging{Limit: limit}); ; {
		page, err := ask(p)
		if err != nil {
			return nil, false, err
		}
		rows = append(rows, page.Items...)
		if p.Cursor = page.Next; p.Cursor == "" || limit > 0 && len(rows) >= limit {
			return rows, page.Next != "", nil
		}
		if limit > 0 {
			p.Limit = limit - len(rows)
		}
	}
}
