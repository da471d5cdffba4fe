//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// poison: an event that the function cannot handle, since ECS lets it read
// nothing, is tried three times, and then it is whole in the on-failure queue.
// It is replayed once ECS answers again.
func (w *world) poison(t *testing.T) {
	r := w.release(t, "poison")
	for _, operation := range ecsReads {
		w.ECS.Deny(operation)
	}
	w.ResetCalls()
	w.put(t, r.completed)
	letter := w.letter(t, "deployment")
	record := failed(t, letter)
	if !strings.Contains(record.ResponsePayload.ErrorMessage, "access denied by ECS") {
		t.Errorf("error %q", record.ResponsePayload.ErrorMessage)
	}
	sameEvent(t, record.RequestPayload, r.completed)
	tries := 0
	for _, call := range w.Calls() {
		if call.Operation == ecsReads[0] {
			tries++
		}
	}
	if tries != 3 {
		t.Errorf("tried %d times: %v", tries, w.Calls())
	}
	for _, operation := range ecsReads {
		w.ECS.Permit(operation)
	}
	w.replay(t, letter, r)
}

// ecsReads are the calls that say what a deployment runs; the first is made once
// for each try.
var ecsReads = []string{"DescribeServiceRevisions", "ListTasks", "DescribeTasks", "DescribeServices", "DescribeTaskDefinition"}

// undelivered: an event that the rule may not hand to the function is whole in
// the dead-letter queue of the rule's target. It is replayed once the rule may.
func (w *world) undelivered(t *testing.T) {
	r := w.release(t, "undelivered")
	give := w.forbid(t, "deployment")
	w.put(t, r.completed)
	letter := w.letter(t, "undelivered")
	sameEvent(t, json.RawMessage(*letter.Body), r.completed)
	for name, want := range map[string]string{
		"RULE_ARN": w.out.Tagalong.Value.RuleARNs["deployment"], "TARGET_ARN": w.out.Tagalong.Value.FunctionARNs["deployment"], "ERROR_CODE": "NO_PERMISSIONS",
	} {
		if got := aws.ToString(letter.MessageAttributes[name].StringValue); got != want {
			t.Errorf("%s %q, want %q", name, got, want)
		}
	}
	give()
	w.replay(t, letter, r)
}

// denied: a role without ecr:PutImage gets an AccessDenied, and the event ends
// in the on-failure queue with it. It is replayed once the role has it again.
func (w *world) denied(t *testing.T) {
	r := w.release(t, "denied")
	give := w.withoutAction(t, "deployment", "ecr:PutImage")
	w.put(t, r.completed)
	letter := w.letter(t, "deployment")
	record := failed(t, letter)
	for _, part := range []string{"AccessDenied", "ecr:PutImage"} {
		if !strings.Contains(record.ResponsePayload.ErrorMessage, part) {
			t.Errorf("error %q does not say %s", record.ResponsePayload.ErrorMessage, part)
		}
	}
	sameEvent(t, record.RequestPayload, r.completed)
	if on, err := w.tagged(t.Context(), r); on != "" || err != nil {
		t.Errorf("the tag is on %q, %v", on, err)
	}
	give()
	w.replay(t, letter, r)
}

// letter takes the one message out of a dead-letter queue.
func (w *world) letter(t *testing.T, queue string) types.Message {
	t.Helper()
	address := w.out.Tagalong.Value.DeadLetterQueueURLs[queue]
	letters := await(t, "the letter in the queue "+queue, func(ctx context.Context) ([]types.Message, bool, error) {
		answer, err := w.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &address, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"}})
		if err != nil {
			return nil, false, err
		}
		return answer.Messages, len(answer.Messages) > 0, nil
	})
	if len(letters) != 1 {
		t.Fatalf("%d letters in the queue %s, want 1", len(letters), queue)
	}
	if _, err := w.sqs.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &address, ReceiptHandle: letters[0].ReceiptHandle}); err != nil {
		t.Fatal(err)
	}
	return letters[0]
}

// failure is the record that Lambda sends to an on-failure destination,
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html.
type failure struct {
	RequestPayload  json.RawMessage `json:"requestPayload"`
	ResponsePayload struct {
		ErrorMessage string `json:"errorMessage"`
	} `json:"responsePayload"`
}

func failed(t *testing.T, letter types.Message) (record failure) {
	t.Helper()
	if err := json.Unmarshal([]byte(*letter.Body), &record); err != nil {
		t.Fatalf("failure record %s: %v", *letter.Body, err)
	}
	return record
}

// sameEvent checks that an event arrived whole: everything but the id, which
// EventBridge gives, and the envelope's fields that it fills in.
func sameEvent(t *testing.T, got json.RawMessage, want []byte) {
	t.Helper()
	var g, w struct {
		ID         string
		DetailType string `json:"detail-type"`
		Source     string
		Account    string
		Region     string
		Time       string
		Resources  []string
		Detail     json.RawMessage
	}
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("event %s: %v", got, err)
	}
	if err := json.Unmarshal(want, &w); err != nil {
		t.Fatal(err)
	}
	if g.ID == "" || g.DetailType != w.DetailType || g.Source != w.Source || g.Account != w.Account || g.Region != w.Region || g.Time != w.Time || !slices.Equal(g.Resources, w.Resources) {
		t.Errorf("event %s\nwant  %s", got, want)
	}
	if compact(t, g.Detail) != compact(t, w.Detail) {
		t.Errorf("detail %s\nwant   %s", g.Detail, w.Detail)
	}
}

// compact gives JSON in one form, its keys sorted.
func compact(t *testing.T, text json.RawMessage) string {
	t.Helper()
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// replay feeds a letter to tagalong replay, in the form in which the AWS CLI
// receives it, and waits for the tag.
func (w *world) replay(t *testing.T, letter types.Message, r release) {
	t.Helper()
	if on, err := w.tagged(t.Context(), r); on != "" || err != nil {
		t.Errorf("before the replay the tag is on %q, %v", on, err)
	}
	received, err := json.Marshal(map[string]any{"Messages": []any{map[string]any{"MessageId": letter.MessageId, "Body": letter.Body}}})
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), filepath.Join(w.dist, "tagalong"), "replay", "-")
	command.Stdin = bytes.NewReader(received)
	command.Env = append(os.Environ(), rootVariables()...)
	command.Env = append(command.Env, "AWS_ENDPOINT_URL_ECS="+w.sandboxURL, "TAGALONG_TABLE="+w.out.Tagalong.Value.TableName,
		`TAGALONG_ENVIRONMENTS=[{"environment":"prod","clusters":["prod-*"]}]`)
	if out, err := command.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("recorded")) {
		t.Errorf("tagalong replay: %v\n%s", err, out)
	}
	w.awaitTag(t, r)
}

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
