//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
)

// poison: an event that the function cannot handle, since ECS lets it read
// nothing, is tried until its day is over, and then it is whole in the dead-letter
// queue. It is replayed once ECS answers again.
func (w *world) poison(t *testing.T) {
	r := w.release(t, "poison", ecs.ServiceOptions{})
	mend := w.denyECS(t)
	w.ResetCalls()
	w.put(t, r.completed)
	letter := w.letter(t, "events")
	sameEvent(t, json.RawMessage(*letter.Body), r.completed)
	awaitLog(t, "message goes back to the queue", *letter.MessageId, `"received":"3"`, "access denied by ECS")
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

// batch: of events that come together what can be done is done, and a malformed one
// alone ends in the dead-letter queue, whole.
func (w *world) batch(t *testing.T) {
	var releases []release
	for _, service := range []string{"together-a", "together-b", "together-c"} {
		releases = append(releases, w.release(t, service, ecs.ServiceOptions{}))
	}
	malformed := bytes.Replace(releases[0].completed, []byte(`"ecs-svc/`), []byte(`"svc/`), 1)
	w.put(t, malformed, releases[0].completed, releases[1].completed, releases[2].completed)
	for _, r := range releases {
		w.awaitTag(t, r)
	}
	letter := w.letter(t, "events")
	sameEvent(t, json.RawMessage(*letter.Body), malformed)
	awaitLog(t, "message goes back to the queue", *letter.MessageId, "detail.deploymentId")
}

// undelivered: an event that the rule may not send to the function's queue is whole
// in the dead-letter queue of the rule's target. It is replayed once the rule may.
func (w *world) undelivered(t *testing.T) {
	r := w.release(t, "undelivered", ecs.ServiceOptions{})
	mend := w.forbid(t, "deployment")
	w.put(t, r.completed)
	letter := w.letter(t, "undelivered")
	sameEvent(t, json.RawMessage(*letter.Body), r.completed)
	for name, want := range map[string]string{
		"RULE_ARN": w.out.Tagalong.Value.RuleARNs["deployment"], "TARGET_ARN": w.out.Tagalong.Value.QueueARNs["deployment"], "ERROR_CODE": "NO_PERMISSIONS",
	} {
		if got := aws.ToString(letter.MessageAttributes[name].StringValue); got != want {
			t.Errorf("%s %q, want %q", name, got, want)
		}
	}
	mend()
	w.replay(t, letter, r)
}

// denied: a role without ecr:PutImage gets an AccessDenied, and the event ends
// in the dead-letter queue. It is replayed once the role has it again.
func (w *world) denied(t *testing.T) {
	r := w.release(t, "denied", ecs.ServiceOptions{})
	mend := w.without(t, "deployment", "ecr:PutImage")
	w.put(t, r.completed)
	letter := w.letter(t, "events")
	sameEvent(t, json.RawMessage(*letter.Body), r.completed)
	awaitLog(t, "message goes back to the queue", *letter.MessageId, "AccessDenied", "ecr:PutImage")
	if on, err := w.tagged(t.Context(), r); on != "" || err != nil {
		t.Errorf("the tag is on %q, %v", on, err)
	}
	mend()
	w.replay(t, letter, r)
}

// untaken: what the function may not take from its queue stays there, and is taken
// once it may.
func (w *world) untaken(t *testing.T) {
	r := w.release(t, "untaken", ecs.ServiceOptions{})
	mend := w.without(t, "deployment", "sqs:ReceiveMessage")
	w.put(t, r.completed)
	await(t, "the event in its queue", func(ctx context.Context) (string, bool, error) {
		waiting, err := w.waiting(ctx, "deployment")
		return waiting, waiting == "1", err
	})
	mend()
	w.awaitTag(t, r)
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
