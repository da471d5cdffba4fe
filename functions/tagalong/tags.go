package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
)

type tagsCommand struct {
	Word        string `arg:"" optional:"" name:"env" predictor:"environment" help:"Only tags of this environment. Default: all of them, and those of none."`
	Environment string `short:"e" placeholder:"ENV" predictor:"environment" help:"The same, as a flag."`
	Pending     bool   `help:"Only tags that are not confirmed: pending, blocked or missing."`
	Check       bool   `help:"Ask ECR where each tag is now; exit status 3 if one is not on its digest; one that is elsewhere than the ledger last saw it is moved. Without it, ACTUAL is where the ledger last saw the tag."`
	watched
}

func (tagsCommand) Help() string {
	return `Examples:

  tagalong tags
  tagalong tags prod --pending
  tagalong tags --check || echo "somebody moved a tag"
`
}

func (c *tagsCommand) Run(s *session) error { return c.ask(s, c.answer) }

func (c *tagsCommand) answer(s *session) (any, error) {
	environment, err := oneEnvironment(c.Word, c.Environment)
	if err != nil {
		return nil, err
	}
	q, err := s.queries()
	if err != nil {
		return nil, err
	}
	page, err := q.Tags(s.ctx, query.TagsQuery{Environment: environment, Pending: c.Pending, Check: c.Check}, query.Paging{})
	rows := page.Items
	if err != nil && len(rows) == 0 {
		return nil, err
	}
	s.noteWatched(page.Watched)
	nothing := "No tags in the ledger" + in(environment)
	if c.Pending {
		nothing = "No tags that are pending, blocked or missing" + in(environment)
	}
	printed := render(s.out, rows, tagColumns(s.view()), nothing)
	if printed == nil && err == nil && c.Check {
		return rows, differences(rows)
	}
	return rows, errors.Join(err, printed)
}

// differences names the tags that are not on their desired digest.
func differences(rows []query.TagRow) error {
	var texts []string
	for _, row := range rows {
		place := "on " + short(row.Actual)
		if row.Actual == "" {
			place = "nowhere"
		}
		if row.Actual != row.Digest && row.State != ledger.TagInput { // that is where deployments have it
			texts = append(texts, fmt.Sprintf("%s:%s is %s, not on %s", row.Repository, row.Tag, place, short(row.Digest)))
		}
	}
	if len(texts) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", errDifferences, strings.Join(texts, "; "))
}
