package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/accounts"
	"github.com/tagalong-aws/tagalong/functions/internal/doctor"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
)

type doctorCommand struct{}

func (doctorCommand) Help() string {
	return `Examples:

  tagalong doctor
  tagalong doctor -o json | jq '.[] | select(.ok | not)'

It looks at the table, its indexes and the expiry of its rows; at rules and accounts in the table and here; takes each account's role and asks ECS in each of its Regions; at the rules that bring events, the queues where they wait and where those are that failed; at when a sweep has last come to its end; at tags that could not be put; at what repositories' lifecycle policies would expire of what is in use; at this machine's clock, and whether functions and command are of one version. It changes nothing. Each line is ok, or says what to do. Exit status 3: something is to be done.

What it does not look at: whether all that runs is in the ledger ("tagalong sweep --dry-run" does), functions' own errors (the alarms do), and what lifecycle policies will delete once a tag has moved on (the sweep warns of it).
`
}

// Run examines what can be, whatever else is out of order.
func (doctorCommand) Run(s *session) error {
	config, err := s.variables()
	if err != nil {
		return err
	}
	settings := s.examineSettings(&config)
	patient := doctor.Doctor{
		Config: s.cfg, Table: s.table, Expires: config.Retention > 0, Version: versionName(),
		Accounts: accounts.New(s.cfg, accounts.OwnAccount(s.cfg), nil),
	}
	if listed, err := config.Accounts.Resolve(s.ctx, s.ledger().Setting); err == nil {
		patient.Accounts = accounts.New(s.cfg, accounts.OwnAccount(s.cfg), listed)
	}
	var made doctor.Finding
	if patient.Installation, made = s.installation(); made.Found != "" {
		settings = append(settings, made)
	}
	findings := slices.Concat(patient.Examine(s.ctx), settings, s.examineSweep(), s.examineTags(config.PendingAfter), s.examineLifecycles())
	if err := cmp.Or(s.ctx.Err(), render(s.out, findings, findingColumns(), "Nothing was looked at")); err != nil {
		return err
	}
	return ailing(findings)
}

// ailing counts what is to be done.
func ailing(findings []doctor.Finding) error {
	n := 0
	for _, f := range findings {
		if !f.OK {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d to be done", errDifferences, n)
}

// installation reads what the Terraform module says that it has made.
func (s *session) installation() (*doctor.Installation, doctor.Finding) {
	const item = "installation"
	found, err := s.ledger().Settings(s.ctx, item)
	if err != nil || found[item] == "" {
		return nil, doctor.Finding{} // the table has a finding of its own, or the item is missing
	}
	installation, err := doctor.ParseInstallation(found[item])
	if err != nil {
		return nil, unsettled(item, err.Error())
	}
	return &installation, doctor.Finding{}
}

func unsettled(item, found string) doctor.Finding {
	return doctor.Finding{Check: "setting", Subject: "@" + item, Found: found, Do: "Apply the Terraform module, which writes it; \"tagalong ledger create\" writes one that is missing"}
}

// examineSettings looks at rules and accounts: whether the table has them, whether they can
// be read, and whether the variables here say the same. It makes the table's the config's.
func (s *session) examineSettings(config *boot.Config) (findings []doctor.Finding) {
	found, err := documents(s.ctx, s.ledger(), config)
	if errors.Is(err, ledger.ErrNoTable) {
		return nil // which is a finding already
	}
	if err != nil {
		return []doctor.Finding{{Check: "setting", Subject: s.table, Found: err.Error(), Do: "Allow dynamodb:BatchGetItem to these credentials"}}
	}
	for _, setting := range config.Stored() {
		findings = append(findings, examineSetting(s.ctx, setting, s.ledger().Setting, found[setting.Item()]))
	}
	takeFrom(found, config)
	return findings
}

func examineSetting(ctx context.Context, setting boot.Stored, read boot.ReadItem, document string) doctor.Finding {
	if document == "" {
		return unsettled(setting.Item(), "is not in the table: nothing says what the functions go by")
	}
	if !setting.Set() {
		setting.TakeFrom(document)
	}
	here, there, err := setting.Compare(ctx, read, document)
	switch {
	case err != nil:
		return unsettled(setting.Item(), err.Error())
	case len(here)+len(there) > 0:
		return doctor.Finding{Check: "setting", Subject: "@" + setting.Item(), Found: setting.Variable() + " is not what the table has", Do: "Unset the variable, and the table's are taken"}
	}
	return doctor.Finding{Check: "setting", Subject: "@" + setting.Item(), OK: true, Found: fmt.Sprintf("%d bytes, read", len(document))}
}

// examineSweep looks when a sweep of everything has last come to its end.
func (s *session) examineSweep() []doctor.Finding {
	found := doctor.Finding{Check: "sweep", Subject: "the last one"}
	swept, err := s.ledger().Swept(s.ctx)
	switch {
	case errors.Is(err, ledger.ErrNoTable):
		return nil // which is a finding already
	case err != nil:
		found.Found, found.Do = err.Error(), "Allow dynamodb:BatchGetItem to these credentials"
	case swept.Begun.IsZero():
		found.Found, found.Do = "none has come to its end yet: nobody knows what runs since before the installation", "Wait an hour, or sweep; if none comes, read the log of the function sweep"
	case swept.Stale(s.now()):
		found.Found, found.Do = "was noted "+age(&swept.Begun, s.now())+", and is every day: what no event tells is not found", "Read the log of the function sweep, and look whether its schedule is enabled"
	default:
		found.OK, found.Found = true, "noted "+age(&swept.Begun, s.now())+", as it is once a day"
	}
	return []doctor.Finding{found}
}

// cures say what to do about a tag that is not where it should be.
var cures = map[ledger.TagState]string{
	ledger.TagBlocked: "Leave the tag out of the repository's immutability, or give the rule one with {time}; then sweep --whole puts it",
	ledger.TagMissing: "Deploy an image that is there; and look at the repository's lifecycle rules, which may have deleted this one",
	ledger.TagPending: "Sweep: it puts the tag, or says what hinders it",
}

// examineTags looks at the tags that could not be put.
func (s *session) examineTags(overdue time.Duration) []doctor.Finding {
	q, err := s.queries()
	if err != nil {
		return nil // the settings have a finding
	}
	page, err := q.Tags(s.ctx, query.TagsQuery{Pending: true}, query.Paging{})
	if errors.Is(err, ledger.ErrNoTable) {
		return nil
	}
	if err != nil {
		return []doctor.Finding{{Check: "tag", Subject: s.table, Found: err.Error(), Do: "Allow dynamodb:Query to these credentials"}}
	}
	var findings []doctor.Finding
	for _, row := range page.Items {
		if row.State == ledger.TagPending && row.Since != nil && s.now().Sub(*row.Since) < overdue {
			continue
		}
		findings = append(findings, doctor.Finding{
			Check: "tag", Subject: row.Repository + ":" + row.Tag, Do: cures[row.State],
			Found: strings.TrimSuffix(string(row.State)+": "+row.Reason, ": "),
		})
	}
	if findings == nil {
		return []doctor.Finding{{Check: "tag", Subject: "all", OK: true, Found: "none is blocked, missing or overdue"}}
	}
	return findings
}

func findingColumns() []column[doctor.Finding] {
	type row = doctor.Finding
	return []column[row]{
		{head: "ok", cell: func(r row) string { return map[bool]string{true: "yes", false: "no"}[r.OK] }},
		{head: "check", cell: func(r row) string { return r.Check }},
		{head: "subject", cell: func(r row) string { return r.Subject }},
		{head: "found", cell: func(r row) string { return r.Found }},
		{head: "do", cell: func(r row) string { return orDash(r.Do) }, plain: "-"},
	}
}
