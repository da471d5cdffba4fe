package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/boot/accounts"
	"github.com/tagalong-aws/tagalong/functions/internal/doctor"
	"github.com/tagalong-aws/tagalong/functions/internal/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/ratelimit"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

type lifecycleCommand struct {
	Repositories []string `arg:"" optional:"" name:"repository" help:"Only these: NAME or HOST/NAME. Default: all of which something is in use."`
	Previous     int      `default:"1" placeholder:"N" help:"Look at the images of so many rollouts of each service, too, that ran others before. Default: 1."`
	Check        bool     `help:"Exit status 3 if there is any."`
}

func (lifecycleCommand) Help() string {
	return `Examples:

  tagalong lifecycle
  tagalong lifecycle checkout-api --previous 3
  tagalong lifecycle --check || echo "a rule takes what runs"

It asks ECR for a preview of each repository's lifecycle policy: what it would expire or archive if it were applied now, of the images that run, roll out or are in use otherwise, and of those that a rollback would come back to. A preview changes nothing; a repository has one at a time, and the credentials need ecr:StartLifecyclePolicyPreview and ecr:GetLifecyclePolicyPreview.

What a policy will take once a tag has moved on is not here: the sweep warns of it.

If the ledger may not know everything that is in use, or a repository may not be looked at, standard error says so; with --check and nothing found the exit status is then 1.
`
}

func (c *lifecycleCommand) Run(s *session) error {
	wanted, err := c.query()
	if err != nil {
		return err
	}
	q, err := s.queries()
	if err != nil {
		return err
	}
	previewer, err := s.previewer()
	if err != nil {
		return err
	}
	answer, err := q.Lifecycle(s.ctx, wanted, previewer)
	if err != nil && len(answer.Rows) == 0 {
		return err
	}
	return errors.Join(err, c.print(s, answer))
}

func (c *lifecycleCommand) print(s *session, answer query.Lifecycle) error {
	for _, reason := range answer.Incomplete {
		fmt.Fprintf(s.stderr, "tagalong: the answer is incomplete: %s\n", reason)
	}
	if len(answer.Skipped) > 0 {
		fmt.Fprintf(s.stderr, "tagalong: Not looked at, since it is no repository of ECR that we were given: %s.\n", listed(answer.Skipped))
	}
	if len(answer.Rows) == 0 {
		s.noteWatched(fmt.Sprintf("Looked at the lifecycle policies of %s (%s). %s",
			counted(len(answer.Looked), "repository", "repositories"), orDash(listed(answer.Looked)), answer.Watched))
	}
	if err := render(s.out, answer.Rows, lifecycleColumns(s.view()), "No lifecycle policy would take an image that is in use"); err != nil || !c.Check {
		return err
	}
	switch {
	case len(answer.Rows) > 0:
		return fmt.Errorf("%w: %s", errDifferences, counted(len(answer.Rows), "image in use would be taken", "images in use would be taken"))
	case len(answer.Incomplete) > 0:
		return fmt.Errorf("nothing found, but not everything is known: %s", strings.Join(answer.Incomplete, "; "))
	}
	return nil
}

// query reads the arguments.
func (c *lifecycleCommand) query() (q query.LifecycleQuery, err error) {
	if c.Previous < 0 || c.Previous > 100 {
		return q, usagef("--previous %d: want how many images, 0 to 100", c.Previous)
	}
	q.Previous = c.Previous
	for _, text := range c.Repositories {
		image, err := tagalong.ParseImageQuery(text)
		if err != nil {
			return q, usageError{err}
		}
		if image.Tag != "" || image.Digest != "" || image.Repository == "" {
			return q, usagef("repository %q: want NAME or HOST/NAME, without tag and digest", text)
		}
		q.Repositories = append(q.Repositories, image)
	}
	return q, nil
}

// previewer asks ECR no faster than a sweep does, in the accounts that the table names.
func (s *session) previewer() (query.Previewer, error) {
	settings, err := s.settings()
	if err != nil {
		return nil, err
	}
	given, err := settings.Accounts.Resolve(s.ctx, s.ledger().Setting)
	if err != nil {
		return nil, err
	}
	reach := accounts.New(s.cfg, accounts.OwnAccount(s.cfg), given)
	return ecr.New(ratelimit.New().Of(reach.Registry)), nil
}

func lifecycleColumns(v view) []column[query.LifecycleRow] {
	type row = query.LifecycleRow
	return []column[row]{
		{head: "does", cell: func(r row) string { return r.Action }},
		{head: "rule", cell: func(r row) string { return fmt.Sprint(r.Rule) }},
		{head: "repository", cell: func(r row) string { return r.Repository }},
		{head: "digest", cell: func(r row) string { return v.digest(r.Digest) }},
		{head: "tags", cell: func(r row) string { return orDash(strings.Join(r.Tags, ", ")) }},
		{head: "phase", cell: func(r row) string { return r.Phase }},
		{head: "env", cell: func(r row) string { return orDash(r.Environment) }},
		{head: "service", cell: func(r row) string { return r.Cluster + "/" + r.Service }},
		{head: "container", cell: func(r row) string { return orDash(r.Container) }},
	}
}

// examineLifecycles looks whether lifecycle policies would take something that is in use.
func (s *session) examineLifecycles() []doctor.Finding {
	const all = "all"
	unseen := func(found string) []doctor.Finding {
		return []doctor.Finding{{Check: "lifecycle", Subject: all, Found: found, Do: "Allow ecr:StartLifecyclePolicyPreview and ecr:GetLifecyclePolicyPreview to these credentials"}}
	}
	q, err := s.queries()
	if err != nil {
		return nil // the settings have a finding
	}
	previewer, err := s.previewer()
	if err != nil {
		return nil
	}
	answer, err := q.Lifecycle(s.ctx, query.LifecycleQuery{Previous: 1}, previewer)
	switch {
	case errors.Is(err, ledger.ErrNoTable):
		return nil
	case err != nil:
		return unseen(err.Error())
	}
	var findings []doctor.Finding
	for _, r := range answer.Rows {
		findings = append(findings, doctor.Finding{
			Check: "lifecycle", Subject: r.Repository + "@" + short(r.Digest),
			Found: fmt.Sprintf("rule %d would %s it now, and it is %s in %s/%s", r.Rule, r.Action, r.Phase, r.Cluster, r.Service),
			Do:    "Let an earlier rule keep it, by a tag of its own or by previousTags",
		})
	}
	for _, reason := range answer.Refused {
		findings = append(findings, unseen(reason)...)
	}
	if findings == nil {
		return []doctor.Finding{{Check: "lifecycle", Subject: all, OK: true, Found: fmt.Sprintf("the policies of %s take nothing that is in use", counted(len(answer.Looked), "repository", "repositories"))}}
	}
	return findings
}
