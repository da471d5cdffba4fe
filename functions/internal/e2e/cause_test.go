//go:build e2e

package e2e

import (
	"context"
	"net/url"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// mending makes what undoes a harm: it is done once, by the test or at its end.
func mending(t *testing.T, undo func(context.Context) error) (mend func()) {
	ctx := context.WithoutCancel(t.Context()) // at the test's end its own is over
	mend = sync.OnceFunc(func() {
		if err := undo(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(mend)
	return mend
}

// denyECS lets nobody read what a deployment runs.
func (w *world) denyECS(t *testing.T) (mend func()) {
	t.Helper()
	for _, operation := range ecsReads {
		w.ECS.Deny(operation)
	}
	return mending(t, func(context.Context) error {
		for _, operation := range ecsReads {
			w.ECS.Permit(operation)
		}
		return nil
	})
}

// ecsReads are the calls that say what a deployment runs; the first is made once
// for each try.
var ecsReads = []string{"DescribeServiceRevisions", "ListTasks", "DescribeTasks", "DescribeServices", "DescribeTaskDefinition"}

// forbid takes from the rules the permission to send to a function's queue.
func (w *world) forbid(t *testing.T, function string) (mend func()) {
	t.Helper()
	address, err := w.queueURL(t.Context(), function)
	check(t, err)
	const policy = types.QueueAttributeNamePolicy
	had, err := w.sqs.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &address, AttributeNames: []types.QueueAttributeName{policy}})
	check(t, err)
	set := func(ctx context.Context, document string) error {
		_, err := w.sqs.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &address, Attributes: map[string]string{string(policy): document}})
		return err
	}
	check(t, set(t.Context(), strings.ReplaceAll(had.Attributes[string(policy)], "sqs:SendMessage", "sqs:GetQueueUrl")))
	return mending(t, func(ctx context.Context) error { return set(ctx, had.Attributes[string(policy)]) })
}

// without takes an action from a function's role.
func (w *world) without(t *testing.T, function, action string) (mend func()) {
	t.Helper()
	policy := w.rolePolicy(t, function)
	// Another one takes its place, since a statement must have one.
	less := strings.ReplaceAll(policy.document, `"`+action+`"`, `"ecr:DescribeRegistry"`)
	if less == policy.document {
		t.Fatalf("role %s has no %s to take away: %s", policy.role, action, policy.document)
	}
	set := func(ctx context.Context, document string) error {
		_, err := w.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &policy.role, PolicyName: &policy.name, PolicyDocument: &document})
		return err
	}
	check(t, set(t.Context(), less))
	return mending(t, func(ctx context.Context) error { return set(ctx, policy.document) })
}

// rolePolicy is the one policy of a function's role, as IAM has it.
type rolePolicy struct{ role, name, document string }

func (w *world) rolePolicy(t *testing.T, function string) rolePolicy {
	t.Helper()
	p := rolePolicy{role: path.Base(w.out.Tagalong.Value.RoleARNs[function])}
	policies, err := w.iam.ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: &p.role})
	check(t, err)
	if len(policies.PolicyNames) != 1 {
		t.Fatalf("role %s has the policies %v, want one", p.role, policies.PolicyNames)
	}
	p.name = policies.PolicyNames[0]
	policy, err := w.iam.GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: &p.role, PolicyName: &p.name})
	check(t, err)
	p.document, err = url.QueryUnescape(*policy.PolicyDocument)
	check(t, err)
	return p
}
