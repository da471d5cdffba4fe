package main

import (
	"fmt"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
)

type createCommand struct {
	RulesFromEnvironment bool `help:"Write what TAGALONG_ENVIRONMENTS and TAGALONG_ACCOUNTS say into a table that has other rules and accounts."`
}

func (createCommand) Help() string {
	return `Example:

  TAGALONG_ENVIRONMENTS='[{"environment":"prod","clusters":["prod-*"]}]' TAGALONG_ACCOUNTS='[]' tagalong ledger create --table tagalong

The rules of TAGALONG_ENVIRONMENTS and the accounts of TAGALONG_ACCOUNTS are written into the table, for everybody who sweeps or replays: they must be those of the functions. [] is said for none: a variable that is not set may be one that was forgotten.

A table of that name that is there already is left as it is, but for rules and accounts that it lacks. In a table that the Terraform module makes it is the module that writes them.
`
}

// Run reads the variables first: a table is not made if what is to be in it is wrong.
func (c *createCommand) Run(s *session) error {
	config, err := s.variables()
	if err != nil {
		return err
	}
	client, err := s.dynamoDB()
	if err != nil {
		return err
	}
	created, err := dynamo.Create(s.ctx, client, s.table)
	if err != nil {
		return err
	}
	if created {
		fmt.Fprintf(s.stdout, "Table %s is ready.\n", s.table)
	} else {
		fmt.Fprintf(s.stdout, "Table %s is there already.\n", s.table)
	}
	return c.store(s, &config)
}

// store writes the settings that the table lacks.
func (c *createCommand) store(s *session, config *boot.Config) error {
	ledger := s.ledger()
	found, err := documents(s.ctx, ledger, config)
	if err != nil {
		return err
	}
	if err := unsaid(config, found); err != nil {
		return err
	}
	at, err := disagreements(s.ctx, config, ledger.Setting, found)
	if err == nil && !c.RulesFromEnvironment {
		err = at.refusal()
	}
	if err != nil {
		return err
	}
	for _, setting := range config.Stored() {
		if err := s.write(ledger, setting, found[setting.Item()]); err != nil {
			return err
		}
	}
	return nil
}

// write writes a setting that the table lacks, or has otherwise.
func (s *session) write(ledger *dynamo.Ledger, setting boot.Stored, was string) error {
	if was != "" && !setting.Set() {
		return nil
	}
	if was != "" {
		here, there, err := setting.Compare(s.ctx, ledger.Setting, was)
		if err != nil || len(here)+len(there) == 0 {
			return err
		}
	}
	document, err := setting.Document(s.ctx, ledger.Setting)
	if err != nil {
		return err
	}
	if err := ledger.PutSetting(s.ctx, setting.Item(), was, document); err != nil {
		return err
	}
	fmt.Fprintf(s.stdout, "Item @%s: %s\n", setting.Item(), document)
	return nil
}
