package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Finding is what was found of one part.
type Finding struct {
	Check   string `json:"check"`   // table, index, expiry, setting, version, clock, account, rule, queue, sweep, tag or lifecycle
	Subject string `json:"subject"` // its name
	OK      bool   `json:"ok"`
	Found   string `json:"found"`
	Do      string `json:"do"` // "" where it is in order
}

func good(check, subject, found string) Finding { return Finding{check, subject, true, found, ""} }

func bad(check, subject, found, do string) Finding { return Finding{check, subject, false, found, do} }

// Installation is what the Terraform module says that it has made, in the item
// @installation of the table. A table that the command made has none.
type Installation struct {
	Version     string   `json:"version"`     // of the functions' zips, "" if it is not known
	Rules       []Rule   `json:"rules"`       // that bring events
	Queues      []string `json:"queues"`      // where events wait
	DeadLetters []string `json:"deadLetters"` // where those are that failed
}

// Rule is one of EventBridge.
type Rule struct {
	Name string `json:"name"`
	Bus  string `json:"bus"`
}

// ParseInstallation reads the item's text.
func ParseInstallation(text string) (i Installation, err error) {
	if err := json.Unmarshal([]byte(text), &i); err != nil {
		return Installation{}, fmt.Errorf("item @installation: %w; want what the Terraform module writes", err)
	}
	return i, nil
}

// Accounts says where we look, and with which credentials.
type Accounts interface {
	Scopes(context.Context) ([]tagalong.Scope, error)
	Workload(ctx context.Context, account, region string) (aws.Config, error)
}

// Doctor examines what lies in AWS.
type Doctor struct {
	Config       aws.Config
	Table        string
	Expires      bool // a retention is set, so that rows have to expire
	Version      string
	Installation *Installation // nil if the table does not say
	Accounts     Accounts
}

// Examine returns what was found, in the order in which one would look.
func (d *Doctor) Examine(ctx context.Context) []Finding {
	return slices.Concat(
		d.table(ctx, dynamodb.NewFromConfig(d.Config)),
		d.clock(ctx, sts.NewFromConfig(d.Config)),
		d.accounts(ctx),
		d.installed(ctx, eventbridge.NewFromConfig(d.Config), sqs.NewFromConfig(d.Config)),
	)
}

const apply = "Apply the Terraform module again"

// installed looks at what the module has made.
func (d *Doctor) installed(ctx context.Context, events *eventbridge.Client, queues *sqs.Client) []Finding {
	if d.Installation == nil {
		return []Finding{bad("version", d.Table, "the table does not say what is installed: nothing is known of rules and queues", apply+"; a table without functions has none of it")}
	}
	findings := []Finding{d.version()}
	for _, rule := range d.Installation.Rules {
		findings = append(findings, ruleFinding(ctx, events, rule))
	}
	for _, name := range d.Installation.Queues {
		findings = append(findings, waiting(ctx, queues, name))
	}
	for _, name := range d.Installation.DeadLetters {
		findings = append(findings, dead(ctx, queues, name))
	}
	return findings
}

// version holds the functions' version against the command's.
func (d *Doctor) version() Finding {
	installed := d.Installation.Version
	switch {
	case installed == "":
		return bad("version", d.Table, "the functions' version is not known", "Install a release, or zips of make build, which say it")
	case installed != d.Version:
		return bad("version", d.Table, fmt.Sprintf("the functions are %s, this command is %s", installed, d.Version), "Install the same of both: the newer one may write what the older one does not read")
	}
	return good("version", d.Table, installed)
}
