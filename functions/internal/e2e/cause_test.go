//go:build e2e

package e2e

import (
	"encoding/json"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// forbid takes the rule's permission from a function; the result gives it back.
func (w *world) forbid(t *testing.T, function string) (give func()) {
	t.Helper()
	arn := w.out.Tagalong.Value.FunctionARNs[function]
	policy, err := w.lambda.GetPolicy(t.Context(), &lambda.GetPolicyInput{FunctionName: &arn})
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Statement []struct {
			Sid       string
			Condition struct{ ArnLike map[string]string }
		}
	}
	if err := json.Unmarshal([]byte(*policy.Policy), &document); err != nil {
		t.Fatal(err)
	}
	for _, statement := range document.Statement {
		if statement.Condition.ArnLike["AWS:SourceArn"] != w.out.Tagalong.Value.RuleARNs[function] {
			continue
		}
		if _, err := w.lambda.RemovePermission(t.Context(), &lambda.RemovePermissionInput{FunctionName: &arn, StatementId: &statement.Sid}); err != nil {
			t.Fatal(err)
		}
		return func() {
			_, err := w.lambda.AddPermission(t.Context(), &lambda.AddPermissionInput{
				FunctionName: &arn, StatementId: &statement.Sid, Action: aws.String("lambda:InvokeFunction"),
				Principal: aws.String("events.amazonaws.com"), SourceArn: aws.String(w.out.Tagalong.Value.RuleARNs[function]),
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Fatalf("the rule has no permission to take away: %s", *policy.Policy)
	return nil
}

// withoutAction takes an action from a function's role; the result gives it back.
func (w *world) withoutAction(t *testing.T, function, action string) (give func()) {
	t.Helper()
	role := path.Base(w.out.Tagalong.Value.RoleARNs[function])
	names, err := w.iam.ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: &role})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names.PolicyNames {
		policy, err := w.iam.GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: &role, PolicyName: &name})
		if err != nil {
			t.Fatal(err)
		}
		whole, err := url.QueryUnescape(*policy.PolicyDocument)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(whole, `"`+action+`"`) {
			continue
		}
		set := func(document string) {
			if _, err := w.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: &name, PolicyDocument: &document}); err != nil {
				t.Fatal(err)
			}
		}
		// Another action in its place, since a statement must have one.
		set(strings.ReplaceAll(whole, `"`+action+`"`, `"ecr:DescribeRegistry"`))
		return func() { set(whole) }
	}
	t.Fatalf("the role %s has no %s to take away", role, action)
	return nil
}
