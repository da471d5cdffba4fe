package doctor_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/boot/accounts"
	"github.com/tagalong-aws/tagalong/functions/internal/doctor"
	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/eventbridge"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

const (
	table = "tagalong"
	other = "444455556666"
	role  = "arn:aws:iam::444455556666:role/tagalong"
	bus   = "tagalong-forwarded"
)

// installed is an AWS in which all is well, and who examines it.
type installed struct {
	*sandboxtest.Sandbox
	doctor.Doctor
	listed []boot.Account
}

func install(t *testing.T) *installed {
	t.Helper()
	s := sandboxtest.Start(t)
	s.STS.AddRole(role)
	i := &installed{Sandbox: s, listed: []boot.Account{{ID: other, Role: role, Regions: []string{"eu-west-1"}}}}
	i.Doctor = doctor.Doctor{Config: s.Config(), Table: table, Expires: true, Version: "v1.2.3", Installation: &doctor.Installation{
		Version: "v1.2.3", Rules: []doctor.Rule{{Name: "tagalong-deployment", Bus: "default"}, {Name: "tagalong-deployment-forwarded", Bus: bus}},
		Queues: []string{"tagalong-deployment"}, DeadLetters: []string{"tagalong-undelivered"},
	}}
	if _, err := dynamo.Create(t.Context(), i.dynamoDB(), table); err != nil {
		t.Fatal(err)
	}
	for _, rule := range i.Installation.Rules {
		s.EventBridge.PutRule(wire.Scope{}, rule.Bus, rule.Name, eventbridge.Enabled)
	}
	s.SQS.Put(wire.Scope{}, "tagalong-deployment", 3)
	s.SQS.Put(wire.Scope{}, "tagalong-undelivered", 0)
	return i
}

func (i *installed) dynamoDB() *dynamodb.Client { return dynamodb.NewFromConfig(i.Sandbox.Config()) }

// examine returns what is not in order.
func (i *installed) examine(t *testing.T) (ailments []doctor.Finding) {
	t.Helper()
	i.Accounts = accounts.New(i.Doctor.Config, accounts.OwnAccount(i.Doctor.Config), i.listed)
	findings := i.Examine(t.Context())
	if len(findings) < 2 {
		t.Fatalf("findings %+v", findings)
	}
	for _, f := range findings {
		if f.OK != (f.Do == "") || f.Found == "" || f.Subject == "" {
			t.Errorf("%+v: want what was found, and what to do where it is not in order", f)
		}
	}
	return slices.DeleteFunc(findings, func(f doctor.Finding) bool { return f.OK })
}

// retable makes the table anew by another definition.
func (i *installed) retable(t *testing.T, change func(*dynamodb.CreateTableInput)) {
	t.Helper()
	if _, err := i.dynamoDB().DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: aws.String(table)}); err != nil {
		t.Fatal(err)
	}
	definition := dynamo.Definition(table)
	change(definition)
	if _, err := i.dynamoDB().CreateTable(t.Context(), definition); err != nil {
		t.Fatal(err)
	}
	i.expire(t, "expires", true)
}

func (i *installed) expire(t *testing.T, by string, on bool) {
	t.Helper()
	_, err := i.dynamoDB().UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{
		TableName: aws.String(table), TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String(by), Enabled: aws.Bool(on)},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// late lets AWS's clock go after ours.
type late struct{ http.RoundTripper }

func (l late) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := l.RoundTripper.RoundTrip(r)
	if err == nil {
		response.Header.Set("Date", time.Now().Add(-10*time.Minute).UTC().Format(http.TimeFormat))
	}
	return response, err
}

// denying answers one operation as IAM does where no policy allows it; DynamoDB's sandbox
// knows no policies.
type denying string

func (d denying) Do(r *http.Request) (*http.Response, error) {
	if r.Header.Get("X-Amz-Target") != string(d) {
		return http.DefaultClient.Do(r)
	}
	body := io.NopCloser(strings.NewReader(`{"__type": "com.amazon.coral.service#AccessDeniedException", "message": "not authorized"}`))
	return &http.Response{StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: body, Request: r}, nil
}

func TestNothingIsToBeDoneWhereAllIsWell(t *testing.T) {
	if ailments := install(t).examine(t); len(ailments) > 0 {
		t.Errorf("%+v", ailments)
	}
}

// TestEachFaultIsNamed puts in one fault at a time: it is named, and nothing else.
func TestEachFaultIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		fault                       func(*testing.T, *installed)
		check, subject, found, todo string
	}{
		"no table": {func(t *testing.T, i *installed) { i.Table = "other" }, "table", "other", "is not in region us-east-1", "ledger create"},
		"another key": {func(t *testing.T, i *installed) {
			i.retable(t, func(d *dynamodb.CreateTableInput) {
				d.KeySchema[0].AttributeName, d.KeySchema[1].AttributeName = d.KeySchema[1].AttributeName, d.KeySchema[0].AttributeName
			})
		}, "table", table, "has the keys sk (HASH) pk (RANGE), not pk (HASH) sk (RANGE)", "another table"},
		"an index is missing": {func(t *testing.T, i *installed) {
			i.retable(t, func(d *dynamodb.CreateTableInput) {
				d.GlobalSecondaryIndexes, d.AttributeDefinitions = d.GlobalSecondaryIndexes[:1], d.AttributeDefinitions[:4]
			})
		}, "index", "gsi2", "is not there", "Apply"},
		"an index leaves attributes out": {func(t *testing.T, i *installed) {
			i.retable(t, func(d *dynamodb.CreateTableInput) {
				d.GlobalSecondaryIndexes[0].Projection.ProjectionType = types.ProjectionTypeKeysOnly
			})
		}, "index", "gsi1", "leaves attributes out", "Apply"},
		"the table may not be looked at": {func(t *testing.T, i *installed) {
			i.Doctor.Config.HTTPClient = denying("DynamoDB_20120810.DescribeTable")
		}, "table", table, "AccessDenied", "dynamodb:DescribeTable"},
		"the expiry may not be looked at": {func(t *testing.T, i *installed) {
			i.Doctor.Config.HTTPClient = denying("DynamoDB_20120810.DescribeTimeToLive")
		}, "expiry", table, "AccessDenied", "dynamodb:DescribeTimeToLive"},
		"rows go by another attribute": {func(t *testing.T, i *installed) {
			i.retable(t, func(*dynamodb.CreateTableInput) {})
			i.expire(t, "expires", false)
			i.expire(t, "until", true)
		}, "expiry", table, `rows go by the attribute "until"`, "Switch it off"},
		"the clock is wrong": {func(t *testing.T, i *installed) {
			i.Doctor.Config.HTTPClient = &http.Client{Transport: late{http.DefaultTransport}}
		}, "clock", "this machine", "s off AWS's", "Set the clock"},
		"a role cannot be assumed": {func(t *testing.T, i *installed) {
			i.listed[0].Role = "arn:aws:iam::444455556666:role/other"
		}, "account", other + " eu-west-1", "AssumeRole", "role_arns"},
		"a role may not ask ECS": {func(t *testing.T, i *installed) { i.ECS.Deny("ListClusters", other) }, "account", other + " eu-west-1", "AccessDenied", "assumed-role/tagalong"},
		"an account has no role": {func(t *testing.T, i *installed) { i.listed[0].Role = "" }, "account", "@accounts", "neither role nor repositories", "Correct accounts"},
		"a rule is disabled": {func(t *testing.T, i *installed) {
			i.EventBridge.PutRule(wire.Scope{}, bus, "tagalong-deployment-forwarded", eventbridge.Disabled)
		}, "rule", "tagalong-deployment-forwarded", "is DISABLED", "Enable it"},
		"a rule is gone": {func(t *testing.T, i *installed) {
			i.EventBridge.PutRule(wire.Scope{}, "default", "tagalong-deployment", "")
		},
			"rule", "tagalong-deployment", "is not on bus default", "Apply"},
		"many events wait":             {func(t *testing.T, i *installed) { i.SQS.Put(wire.Scope{}, "tagalong-deployment", 5000) }, "queue", "tagalong-deployment", "5000 events wait", "event source mapping"},
		"dead letters":                 {func(t *testing.T, i *installed) { i.SQS.Put(wire.Scope{}, "tagalong-undelivered", 2) }, "queue", "tagalong-undelivered", "2 dead letters", "replay"},
		"a queue is gone":              {func(t *testing.T, i *installed) { i.SQS.Delete(wire.Scope{}, "tagalong-undelivered") }, "queue", "tagalong-undelivered", "is not there", "Apply"},
		"a queue may not be looked at": {func(t *testing.T, i *installed) { i.SQS.Deny("GetQueueAttributes") }, "queue", "tagalong-deployment", "AccessDenied", "sqs:GetQueueAttributes"},
		"another version":              {func(t *testing.T, i *installed) { i.Version = "v1.3.0" }, "version", table, "the functions are v1.2.3, this command is v1.3.0", "Install the same"},
		"a version nobody knows":       {func(t *testing.T, i *installed) { i.Installation.Version = "" }, "version", table, "is not known", "Install a release"},
		"no installation":              {func(t *testing.T, i *installed) { i.Installation = nil }, "version", table, "does not say what is installed", "Apply"},
	} {
		t.Run(name, func(t *testing.T) {
			i := install(t)
			c.fault(t, i)
			ailments := i.examine(t)
			named := func(f doctor.Finding) bool {
				return f.Check == c.check && f.Subject == c.subject && strings.Contains(f.Found, c.found) && strings.Contains(f.Do, c.todo)
			}
			if !slices.ContainsFunc(ailments, named) {
				t.Errorf("%+v", ailments)
			}
			for _, f := range ailments {
				if f.Check != c.check {
					t.Errorf("and %+v", f)
				}
			}
		})
	}
}

// TestARetentionNeedsRowsThatGo: where none is set rows may stay.
func TestARetentionNeedsRowsThatGo(t *testing.T) {
	i := install(t)
	i.expire(t, "expires", false)
	if ailments := i.examine(t); len(ailments) != 1 || ailments[0].Check != "expiry" {
		t.Errorf("%+v", ailments)
	}
	i.Expires = false
	if ailments := i.examine(t); len(ailments) > 0 {
		t.Errorf("%+v", ailments)
	}
}
