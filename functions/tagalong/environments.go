package main

import "github.com/tagalong-aws/tagalong/functions/internal/query"

type environmentsCommand struct{}

func (environmentsCommand) Help() string {
	return `Examples:

  tagalong environments
  tagalong environments -o json | jq -r '.[].environment'

An environment that everything has left stays in the list: its history does.
`
}

func (environmentsCommand) Run(s *session) error {
	q, err := s.queries()
	if err != nil {
		return err
	}
	page, err := q.Environments(s.ctx, query.Paging{})
	if err != nil {
		return err
	}
	s.noteWatched(page.Watched)
	return render(s.out, page.Items, environmentColumns(), "No environments: the ledger has seen no rollout")
}
