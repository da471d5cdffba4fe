package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
)

// Rules and accounts decide what a service's environment is, and so what is written of
// it. They lie in the table, where the functions' owner has put them: no command takes a
// variable that somebody forgot for the wish that there be no rules.

// variables reads the functions' variables, with the table that was given here.
func (s *session) variables() (boot.Config, error) {
	if _, err := s.dynamoDB(); err != nil {
		return boot.Config{}, err
	}
	return boot.ReadConfig(func(name string) string {
		if name == boot.EnvTable {
			return s.table
		}
		return s.getenv(name)
	}, boot.EnvTable)
}

// settings are the variables, and what the table has where none is set, for commands
// that write nothing.
func (s *session) settings() (boot.Config, error) {
	config, err := s.variables()
	if err != nil {
		return boot.Config{}, err
	}
	found, err := documents(s.ctx, s.ledger(), &config)
	takeFrom(found, &config)
	return config, err
}

// ruled is a part of the commands that write.
type ruled struct {
	RulesFromEnvironment bool `help:"Go ahead although TAGALONG_ENVIRONMENTS or TAGALONG_ACCOUNTS is not what the table has, or the table lacks it. A variable that is not set overrules nothing: [] means none."`
}

// settings are those of a command that writes: an error, unless the table has the same.
func (r ruled) settings(s *session) (boot.Config, error) {
	config, at, err := r.compared(s)
	if err != nil {
		return boot.Config{}, err
	}
	return config, at.refusal()
}

// compared are the settings, and where they are not those of the table, unless that is
// wanted. It is an error if the table has none.
func (r ruled) compared(s *session) (boot.Config, disagreement, error) {
	config, err := s.variables()
	if err != nil {
		return config, nil, err
	}
	ledger := s.ledger()
	found, err := documents(s.ctx, ledger, &config)
	if err != nil {
		return config, nil, err
	}
	takeFrom(found, &config)
	if r.RulesFromEnvironment {
		return config, nil, unsaid(&config, found)
	}
	if err := incomplete(&config, found); err != nil {
		return config, nil, err
	}
	at, err := disagreements(s.ctx, &config, ledger.Setting, found)
	return config, at, err
}

// incomplete is the error of a table that does not have all settings.
func incomplete(config *boot.Config, found map[string]string) error {
	var items, variables []string
	for _, setting := range config.Stored() {
		variables = append(variables, setting.Variable())
		if found[setting.Item()] == "" {
			items = append(items, "item @"+setting.Item())
		}
	}
	if len(items) == 0 {
		return nil
	}
	return fmt.Errorf(`table %q has no %s: nothing says that the rules and accounts here are those of its functions.
Apply the Terraform module of this version; a table that "tagalong ledger create" made gets them by the same command, with %s as the functions have them, [] for none. --rules-from-environment goes ahead with the variables that are set here`,
		config.Table, strings.Join(items, " and no "), strings.Join(variables, " and "))
}

func (s *session) ledger() *dynamo.Ledger { return dynamo.New(dynamodb.NewFromConfig(s.cfg), s.table) }

// documents reads what the table has of the settings, by item.
func documents(ctx context.Context, ledger *dynamo.Ledger, config *boot.Config) (map[string]string, error) {
	var items []string
	for _, setting := range config.Stored() {
		items = append(items, setting.Item())
	}
	return ledger.Settings(ctx, items...)
}

// takeFrom makes what the table has the setting, where no variable is set.
func takeFrom(found map[string]string, config *boot.Config) {
	for _, setting := range config.Stored() {
		if text := found[setting.Item()]; text != "" && !setting.Set() {
			setting.TakeFrom(text)
		}
	}
}

// unsaid is the error of a setting that neither the table has nor a variable: the
// functions may have had one all the time.
func unsaid(config *boot.Config, found map[string]string) error {
	for _, setting := range config.Stored() {
		if item := setting.Item(); found[item] == "" && !setting.Set() {
			return fmt.Errorf("table %q has no item @%s: set %s as the functions have it, [] for none, and run this again", config.Table, item, setting.Variable())
		}
	}
	return nil
}

// disagreement says of each variable that is set how it is not what the table has.
type disagreement []string

func disagreements(ctx context.Context, config *boot.Config, read boot.ReadItem, found map[string]string) (all disagreement, err error) {
	for _, setting := range config.Stored() {
		document := found[setting.Item()]
		if !setting.Set() || document == "" {
			continue
		}
		here, there, err := setting.Compare(ctx, read, document)
		if err != nil {
			return nil, err
		}
		if len(here)+len(there) > 0 {
			all = append(all, fmt.Sprintf("%s is not what the table has in item @%s:%s%s", setting.Variable(), setting.Item(),
				lines("here:        ", here), lines("in the table:", there)))
		}
	}
	return all, nil
}

func lines(title string, entries []string) (text string) {
	for _, entry := range entries {
		text += fmt.Sprintf("\n  %s %s", title, entry)
	}
	return text
}

// refusal is the error of a command that would write by other settings than the
// functions.
func (d disagreement) refusal() error {
	if len(d) == 0 {
		return nil
	}
	return fmt.Errorf("%s\nUnset the variable, and the table's are taken; --rules-from-environment overrules them", strings.Join(d, "\n"))
}
