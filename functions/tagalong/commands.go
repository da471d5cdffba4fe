package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"
	"github.com/xhit/go-str2duration/v2"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

type runningCommand struct {
	Environment string `arg:"" optional:"" name:"env" help:"An environment such as prod; without it all of them."`
	Service     string `short:"s" placeholder:"CLUSTER/NAME" help:"Only these services: CLUSTER/NAME or NAME, globs allowed."`
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
	rows, err := q.Running(s.ctx, c.Environment, services)
	if err != nil {
		return err
	}
	return render(s.out, rows, runningColumns(s.now()), "what runs in "+named("environment", c.Environment, "any environment")+of(c.Service))
}

type historyCommand struct {
	Service string `short:"s" placeholder:"CLUSTER/NAME" help:"Only these services: CLUSTER/NAME or NAME, globs allowed."`
	Since   string `placeholder:"TIME" help:"Rollouts that started at this time or later: RFC 3339, or how long ago, such as 2h or 3d."`
	Until   string `placeholder:"TIME" help:"Rollouts that started before this time."`
	Limit   int    `default:"100" help:"At most so many rows, 0 for all."`
}

func (c *historyCommand) Run(s *session) error {
	if c.Limit < 0 {
		return usagef("--limit %d: want 0 for all, or how many rows", c.Limit)
	}
	services, err := servicePattern(c.Service)
	if err != nil {
		return err
	}
	since, err := s.time("--since", c.Since)
	if err != nil {
		return err
	}
	until, err := s.time("--until", c.Until)
	if err != nil {
		return err
	}
	q, err := s.queries()
	if err != nil {
		return err
	}
	rows, err := q.History(s.ctx, tagalong.HistoryQuery{Services: services, Since: since, Until: until, Limit: c.Limit})
	if err != nil {
		return err
	}
	return render(s.out, rows, historyColumns(), "rollouts"+of(c.Service)+between(c.Since, c.Until))
}

type tagsCommand struct {
	Pending bool `help:"Only tags that are not confirmed: pending, blocked or missing."`
	Check   bool `help:"Ask ECR where each tag is now; exit status 3 if one is not on its digest."`
}

func (c *tagsCommand) Run(s *session) error {
	q, err := s.queries()
	if err != nil {
		return err
	}
	rows, err := q.Tags(s.ctx, c.Pending, c.Check)
	if err != nil && len(rows) == 0 {
		return err
	}
	lookedFor := "tags that the ledger wishes"
	if c.Pending {
		lookedFor = "tags that are not confirmed"
	}
	if printed := render(s.out, rows, tagColumns(s.now()), lookedFor); printed != nil || err != nil {
		return errors.Join(err, printed)
	}
	for _, row := range rows {
		if c.Check && row.Actual != row.Digest {
			return errDifferences
		}
	}
	return nil
}

type replayCommand struct {
	Files []string `arg:"" name:"file" help:"JSON files, or - for standard input: one event or several, arrays, JSON lines; records of a failed asynchronous invocation and SQS messages are unwrapped."`
}

// Run replays every event that it can, and names those that it could not.
func (c *replayCommand) Run(s *session) error {
	reactor, err := s.reactor()
	if err != nil {
		return err
	}
	var problems *multierror.Error
	for _, file := range c.Files {
		events, err := readEvents(file, s.stdin)
		problems = multierror.Append(problems, err)
		for i, event := range events {
			outcome, err := reactor.Handle(s.ctx, event)
			if err != nil {
				err = fmt.Errorf("%s: event %d: %w", file, i+1, err)
				problems = multierror.Append(problems, err)
			}
			fmt.Fprintf(s.stdout, "%s: %s\n", place(file, i, len(events)), tell(event, outcome, err))
		}
	}
	if problems != nil {
		problems.ErrorFormat = listErrors
	}
	return problems.ErrorOrNil()
}

func place(file string, i, n int) string {
	if n == 1 {
		return file
	}
	return fmt.Sprintf("%s[%d]", file, i)
}

func listErrors(all []error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d not replayed:", len(all))
	for _, err := range all {
		fmt.Fprintf(&b, "\n  %v", err)
	}
	return b.String()
}

// tell says in a line what an event was and what became of it.
func tell(event json.RawMessage, o tagalong.Outcome, err error) string {
	var e struct {
		DetailType string `json:"detail-type"`
		Detail     struct {
			EventName    string `json:"eventName"`
			DeploymentID string `json:"deploymentId"`
		} `json:"detail"`
	}
	_ = json.Unmarshal(event, &e) // what it is not, it does not say
	what := strings.TrimSpace(strings.Join([]string{strings.TrimPrefix(e.Detail.EventName, "SERVICE_DEPLOYMENT_"), deploymentNumber(e.Detail.DeploymentID)}, " "))
	if what == "" {
		what = orDash(e.DetailType)
	}
	switch {
	case err != nil:
		return what + ": not handled"
	case o.Unhandled:
		return what + ": not an event for us"
	case o.Unmanaged:
		return what + ": service is not managed"
	case o.Expired:
		return what + ": older than the retention"
	}
	done := map[bool]string{true: "recorded", false: "recorded before"}[o.Recorded]
	for _, count := range []struct {
		n    int
		what string
	}{{o.Moved, "moved"}, {o.Confirmed, "confirmed"}, {o.Blocked, "blocked"}, {o.Missing, "missing"}, {o.InDoubt, "in doubt"}} {
		if count.n > 0 {
			done += fmt.Sprintf(", %d tag(s) %s", count.n, count.what)
		}
	}
	return what + ": " + done
}

type createCommand struct{}

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

func named(kind, name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return kind + " " + name
}

func of(service string) string {
	if service == "" {
		return ""
	}
	return " of service " + service
}

func between(since, until string) string {
	var text string
	if since != "" {
		text += " since " + since
	}
	if until != "" {
		text += " until " + until
	}
	return text
}
