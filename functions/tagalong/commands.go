package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/xhit/go-str2duration/v2"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

type runningCommand struct {
	Environment string `arg:"" optional:"" name:"env" help:"An environment such as prod. Default: all of them."`
	Service     string `short:"s" placeholder:"CLUSTER/NAME" help:"Only these services: CLUSTER/NAME or NAME, globs allowed."`
}

func (runningCommand) Help() string {
	return `Examples:

  tagalong running prod
  tagalong running --service 'prod-*/checkout-api' -o json
  tagalong running prod -o json | jq -r '.[].digest' | sort -u

ROLLING OUT names a deployment in progress. For a security question its digests run too: tagalong history lists them.
`
}

func (c *runningCommand) Run(s *session) error {
	services, err := servicePattern(c.Service)
	if err != nil {
		return err
	}
	q, err := s.queries()
	if err != nil {
		return err
	}
	page, err := q.Running(s.ctx, tagalong.RunningQuery{Environment: c.Environment, Services: services}, tagalong.Paging{})
	if err != nil {
		return err
	}
	rows := page.Items
	nothing := "No running services" + in(c.Environment) + matching(c.Service)
	if len(rows) == 0 && c.Environment != "" {
		nothing += s.otherEnvironments(q)
	}
	return render(s.out, rows, runningColumns(s.now()), nothing)
}

// otherEnvironments lists the ones that are known, for who mistyped one.
func (s *session) otherEnvironments(q tagalong.Queries) string {
	names, err := q.Records.Environments(s.ctx)
	if err != nil || len(names) == 0 {
		return "" // the answer is complete without
	}
	return " (environments with services: " + strings.Join(names, ", ") + ")"
}

type historyCommand struct {
	Service string `short:"s" placeholder:"CLUSTER/NAME" help:"Only these services: CLUSTER/NAME or NAME, globs allowed."`
	Since   string `placeholder:"TIME" help:"Rollouts that started at this time or later: RFC 3339, or how long ago, such as 90m, 2h or 3d."`
	Until   string `placeholder:"TIME" help:"Rollouts that started before this time."`
	Limit   int    `default:"100" help:"At most so many rollouts; 0 for all."`
}

func (historyCommand) Help() string {
	return `Examples:

  tagalong history --service prod-cluster/checkout-api
  tagalong history --since 3d --limit 0 -o csv > rollouts.csv
  tagalong history --since 2026-03-04T00:00:00Z --until 2026-03-05T00:00:00Z

A rollout whose start nobody saw is placed by its finish.
`
}

func (c *historyCommand) Run(s *session) error {
	query, err := c.query(s)
	if err != nil {
		return err
	}
	q, err := s.queries()
	if err != nil {
		return err
	}
	page, err := q.History(s.ctx, query, tagalong.Paging{Limit: c.Limit})
	if err != nil {
		return err
	}
	return render(s.out, page.Items, historyColumns(), "No rollouts"+matching(c.Service)+between(query.Since, query.Until))
}

// query reads the flags.
func (c *historyCommand) query(s *session) (q tagalong.HistoryQuery, err error) {
	if c.Limit < 0 {
		return q, usagef("--limit %d: want 0 for all, or how many rollouts", c.Limit)
	}
	if q.Services, err = servicePattern(c.Service); err != nil {
		return q, err
	}
	if q.Since, err = s.time("--since", c.Since); err != nil {
		return q, err
	}
	if q.Until, err = s.time("--until", c.Until); err != nil {
		return q, err
	}
	if !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until) {
		return q, usagef("--until %s: want a time after --since %s", c.Until, c.Since)
	}
	return q, nil
}

type tagsCommand struct {
	Pending bool `help:"Only tags that are not confirmed: pending, blocked or missing."`
	Check   bool `help:"Ask ECR where each tag is now; exit status 3 if one is not on its digest. Without it, ACTUAL is where the ledger last saw the tag."`
}

func (tagsCommand) Help() string {
	return `Examples:

  tagalong tags
  tagalong tags --pending
  tagalong tags --check || echo "somebody moved a tag"
`
}

func (c *tagsCommand) Run(s *session) error {
	q, err := s.queries()
	if err != nil {
		return err
	}
	page, err := q.Tags(s.ctx, tagalong.TagsQuery{Pending: c.Pending, Check: c.Check}, tagalong.Paging{})
	rows := page.Items
	if err != nil && len(rows) == 0 {
		return err
	}
	nothing := "No tags in the ledger"
	if c.Pending {
		nothing = "No tags that are pending, blocked or missing"
	}
	if printed := render(s.out, rows, tagColumns(s.now()), nothing); printed != nil || err != nil {
		return errors.Join(err, printed)
	}
	if !c.Check {
		return nil
	}
	return differences(rows)
}

// differences names the tags that are not where the ledger wishes them.
func differences(rows []tagalong.TagRow) error {
	var texts []string
	for _, row := range rows {
		place := "on " + short(row.Actual)
		if row.Actual == "" {
			place = "nowhere"
		}
		if row.Actual != row.Digest {
			texts = append(texts, fmt.Sprintf("%s:%s is %s, not on %s", row.Repository, row.Tag, place, short(row.Digest)))
		}
	}
	if len(texts) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", errDifferences, strings.Join(texts, "; "))
}

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

// servicePattern reads --service; without it every service is meant.
func servicePattern(s string) (tagalong.ServicePattern, error) {
	if s == "" {
		return tagalong.ServicePattern{}, nil
	}
	p, err := tagalong.ParseServicePattern(s)
	if err != nil {
		return p, usageError{fmt.Errorf("--service: %w", err)}
	}
	return p, nil
}

// time reads a point in time: RFC 3339, or how long ago.
func (s *session) time(flag, value string) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, value); err == nil {
		return t.UTC(), nil
	}
	if ago, err := str2duration.ParseDuration(value); err == nil && ago >= 0 {
		return s.now().Add(-ago), nil
	}
	return time.Time{}, usagef("%s %q: want RFC 3339 such as 2026-03-04T03:12:00Z, or how long ago such as 90m, 2h or 3d", flag, value)
}

func in(environment string) string {
	if environment == "" {
		return ""
	}
	return " in environment " + environment
}

func matching(service string) string {
	if service == "" {
		return ""
	}
	return " of service " + service
}

func between(since, until time.Time) string {
	var text string
	if !since.IsZero() {
		text += " since " + since.Format(time.RFC3339)
	}
	if !until.IsZero() {
		text += " until " + until.Format(time.RFC3339)
	}
	return text
}
