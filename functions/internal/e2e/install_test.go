//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func (w *world) apply(t *testing.T) {
	if out, status := w.run(t, "apply", "-auto-approve"); status != 0 {
		t.Fatalf("terraform apply: exit status %d\n%s\n%s", status, out, logEnd())
	}
	w.outputs(t, &w.out)
	if len(w.list(t)) == 0 {
		t.Error("nothing was installed")
	}
}

func (w *world) planNothing(t *testing.T) {
	if out, status := w.run(t, "plan", "-detailed-exitcode"); status != 0 {
		t.Errorf("terraform plan: exit status %d\n%s", status, out)
	}
}

// destroy takes everything away, and what AWS lists then is nothing. The state has
// just been read, so that it is not read again.
func (w *world) destroy(t *testing.T) {
	if out, status := w.run(t, "destroy", "-auto-approve", "-refresh=false"); status != 0 {
		t.Fatalf("terraform destroy: exit status %d\n%s", status, out)
	}
	if left := w.list(t); len(left) > 0 {
		t.Errorf("left behind: %s", strings.Join(left, ", "))
	}
}

// list names what there is of the kinds that a user would be asked to pay for,
// or that could do something.
func (w *world) list(t *testing.T) (names []string) {
	ctx := t.Context()
	functions, err := w.lambda.ListFunctions(ctx, &lambda.ListFunctionsInput{})
	check(t, err)
	for _, f := range functions.Functions {
		names = append(names, "function "+*f.FunctionName)
	}
	queues, err := w.sqs.ListQueues(ctx, &sqs.ListQueuesInput{})
	check(t, err)
	for _, url := range queues.QueueUrls {
		names = append(names, "queue "+url)
	}
	rules, err := w.eventbridge.ListRules(ctx, &eventbridge.ListRulesInput{})
	check(t, err)
	for _, rule := range rules.Rules {
		names = append(names, "rule "+*rule.Name)
	}
	roles, err := w.iam.ListRoles(ctx, &iam.ListRolesInput{})
	check(t, err)
	for _, role := range roles.Roles {
		names = append(names, "role "+*role.RoleName)
	}
	tables, err := w.dynamodb.ListTables(ctx, &dynamodb.ListTablesInput{})
	check(t, err)
	for _, table := range tables.TableNames {
		names = append(names, "table "+table)
	}
	return names
}
