//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

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

// waiting is how many messages wait in a function's queue.
func (w *world) waiting(ctx context.Context, function string) (string, error) {
	address, err := w.queueURL(ctx, function)
	if err != nil {
		return "", err
	}
	const count = types.QueueAttributeNameApproximateNumberOfMessages
	answer, err := w.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &address, AttributeNames: []types.QueueAttributeName{count}})
	if err != nil {
		return "", err
	}
	return answer.Attributes[string(count)], nil
}

// queueURL is the address of a function's queue.
func (w *world) queueURL(ctx context.Context, function string) (string, error) {
	arn := strings.Split(w.out.Tagalong.Value.QueueARNs[function], ":")
	answer, err := w.sqs.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &arn[len(arn)-1]})
	if err != nil {
		return "", err
	}
	return *answer.QueueUrl, nil
}

// sameEvent checks that an event arrived whole, but for its id, which the bus
// gives, and its time, which MiniStack gives, too.
func sameEvent(t *testing.T, got json.RawMessage, want []byte) {
	t.Helper()
	var g, w struct {
		ID         string
		DetailType string `json:"detail-type"`
		Source     string
		Account    string
		Region     string
		Resources  []string
		Detail     json.RawMessage
	}
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("event %s: %v", got, err)
	}
	check(t, json.Unmarshal(want, &w))
	if g.ID == "" || g.DetailType != w.DetailType || g.Source != w.Source || g.Account != w.Account || g.Region != w.Region || !slices.Equal(g.Resources, w.Resources) {
		t.Errorf("event %s\nwant  %s", got, want)
	}
	if compact(t, g.Detail) != compact(t, w.Detail) {
		t.Errorf("detail %s\nwant   %s", g.Detail, w.Detail)
	}
}

// compact returns JSON in one form, its keys sorted.
func compact(t *testing.T, text json.RawMessage) string {
	t.Helper()
	var value any
	check(t, json.Unmarshal(text, &value))
	data, err := json.Marshal(value)
	check(t, err)
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
	check(t, err)
	command := exec.CommandContext(t.Context(), filepath.Join(w.dist, "tagalong"), "replay", "-")
	command.Stdin = bytes.NewReader(received)
	command.Env = slices.Concat(os.Environ(), w.functionVariables(t, "deployment"), rootVariables(region))
	if out, err := command.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("recorded")) {
		t.Errorf("tagalong replay: %v\n%s", err, out)
	}
	w.awaitTag(t, r)
}

// functionVariables are the environment variables that the module gave a function.
func (w *world) functionVariables(t *testing.T, function string) (variables []string) {
	t.Helper()
	name := w.out.Tagalong.Value.FunctionARNs[function]
	configuration, err := w.lambda.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: &name})
	check(t, err)
	for name, value := range configuration.Environment.Variables {
		variables = append(variables, name+"="+value)
	}
	return variables
}
