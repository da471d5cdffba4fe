//go:build e2e

package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
)

// poison: an event that the function cannot handle, since ECS lets it read
// nothing, is tried three times, and then it is whole in the on-failure queue.
// It is replayed once ECS answers again.
func (w *world) poison(t *testing.T) {
	r := w.release(t, "poison", ecs.ServiceOptions{})
	mend := w.denyECS(t)
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
	mend()
	w.replay(t, letter, r)
}

// undelivered: an event that the rule may not hand to the function is whole in
// the dead-letter queue of the rule's target. It is replayed once the rule may.
func (w *world) undelivered(t *testing.T) {
	r := w.release(t, "undelivered", ecs.ServiceOptions{})
	mend := w.forbid(t, "deployment")
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
	mend()
	w.replay(t, letter, r)
}

// denied: a role without ecr:PutImage gets an AccessDenied, and the event ends
// in the on-failure queue with it. It is replayed once the role has it again.
func (w *world) denied(t *testing.T) {
	r := w.release(t, "denied", ecs.ServiceOptions{})
	mend := w.without(t, "deployment", "ecr:PutImage")
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
	mend()
	w.replay(t, letter, r)
}

// theRest: nothing else ended in a dead-letter queue.
func (w *world) theRest(t *testing.T) {
	for queue, address := range w.out.Tagalong.Value.DeadLetterQueueURLs {
		answer, err := w.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &address})
		check(t, err)
		for _, letter := range answer.Messages {
			t.Errorf("in the queue %s: %s", queue, *letter.Body)
		}
	}
}
