package main

import (
	"fmt"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
)

type createCommand struct{}

func (createCommand) Help() string {
	return `Example:

  tagalong ledger create --table tagalong

A table of that name that is there already is left as it is.
`
}

func (c *createCommand) Run(s *session) error {
	client, err := s.dynamoDB()
	if err != nil {
		return err
	}
	created, err := dynamo.Create(s.ctx, client, s.table)
	if err != nil {
		return err
	}
	if !created {
		fmt.Fprintf(s.stdout, "Table %s is there already.\n", s.table)
		return nil
	}
	fmt.Fprintf(s.stdout, "Table %s is ready.\n", s.table)
	return nil
}
