package main

import (
	"github.com/tagalong-aws/tagalong/functions/internal/query"
)

type findCommand struct {
	Text string `arg:"" help:"A commit, digest or execution, or 7 characters of its beginning; or the name of a tag, pipeline, service or repository."`
}

func (findCommand) Help() string {
	return `Examples:

  tagalong find 8c06be4
  tagalong find cdd0da87d069
  tagalong find checkout-api@cdd0da87d069
  tagalong find d1ce6a96
  tagalong find build-42
  tagalong find checkout-api -o json | jq -r '.[] | select(.phase == "running") | .environment'

It says what the text is the name of, and one line for each environment: where that runs and since when, or when it ran there last. Of a commit that is what was built from it, of an execution what it put in place, of a pipeline what its last executions did.

Digests, commits and executions are understood by their first 7 characters, as tables show them, here and in every other command; what is the beginning of several is listed. A name that nobody knows is an error.
`
}

func (c *findCommand) Run(s *session) error {
	text, err := query.ParseFindQuery(c.Text)
	if err != nil {
		return usageError{err}
	}
	q, err := s.queries()
	if err != nil {
		return err
	}
	page, err := q.Find(s.ctx, text, query.Paging{})
	if err != nil {
		return err
	}
	s.noteWatched(page.Watched)
	return render(s.out, page.Items, findColumns(s.view()), "Nothing runs or ran of "+c.Text+", as far as the ledger knows")
}
