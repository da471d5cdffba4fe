package batch

import (
	"encoding/json"
	"fmt"
	"time"

	lambdaevents "github.com/aws/aws-lambda-go/events"

	"github.com/tagalong-aws/tagalong/events"
)

// message is one of a batch.
type message struct {
	id       string
	received string // how often, this time included
	body     json.RawMessage
	about    subject
	at       time.Time // of what the event tells, by the clock of who tells it
}

const sourceSQS = "aws:sqs"

// split returns the messages of a batch of SQS, and none of anything else: an event of
// EventBridge has no records. A message without its id could not be given back.
//
// https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
func split(raw []byte) ([]message, error) {
	var batch lambdaevents.SQSEvent
	if json.Unmarshal(raw, &batch) != nil {
		return nil, nil
	}
	messages := make([]message, 0, len(batch.Records))
	for i, r := range batch.Records {
		if r.EventSource != sourceSQS || r.MessageId == "" {
			return nil, fmt.Errorf("field Records[%d]: eventSource %.80q, messageId %.80q: want %s and the id of a message", i, r.EventSource, r.MessageId, sourceSQS)
		}
		messages = append(messages, messageOf(r))
	}
	return messages, nil
}

func messageOf(r lambdaevents.SQSMessage) message {
	m := message{id: r.MessageId, received: r.Attributes["ApproximateReceiveCount"], body: json.RawMessage(r.Body)}
	event, _ := events.Parse(m.body) // who handles it says what is wrong with it
	m.about, m.at = subjectOf(event)
	return m
}

// answerOf names the messages that the queue is to keep. An empty list says that all
// are done; null would say that all have failed.
//
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
func answerOf(failed []message) lambdaevents.SQSEventResponse {
	items := make([]lambdaevents.SQSBatchItemFailure, 0, len(failed))
	for _, m := range failed {
		items = append(items, lambdaevents.SQSBatchItemFailure{ItemIdentifier: m.id})
	}
	return lambdaevents.SQSEventResponse{BatchItemFailures: items}
}
