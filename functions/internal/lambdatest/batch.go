package lambdatest

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

// Batch is events as a queue hands them to a function, each in a message of its own:
// the first is number 0.
func Batch(bodies ...[]byte) []byte {
	var batch events.SQSEvent
	for i, body := range bodies {
		batch.Records = append(batch.Records, events.SQSMessage{
			MessageId:      fmt.Sprintf("message-%d", i),
			ReceiptHandle:  fmt.Sprintf("receipt-%d", i),
			Body:           string(body),
			Attributes:     map[string]string{"ApproximateReceiveCount": "1", "SentTimestamp": "1772616011020"},
			EventSource:    "aws:sqs",
			EventSourceARN: "arn:aws:sqs:us-east-1:111122223333:tagalong",
			AWSRegion:      "us-east-1",
		})
	}
	raw, _ := json.Marshal(batch) // texts: no error
	return raw
}

// GivenBack are the numbers of the messages that a function's answer to a Batch gives
// back to the queue.
func GivenBack(t testing.TB, answer []byte) (numbers []int) {
	t.Helper()
	var reply map[string][]map[string]string
	if err := json.Unmarshal(answer, &reply); err != nil || reply["batchItemFailures"] == nil {
		t.Fatalf("answer %s: want a list batchItemFailures; error %v", answer, err)
	}
	for _, item := range reply["batchItemFailures"] {
		var n int
		if _, err := fmt.Sscanf(item["itemIdentifier"], "message-%d", &n); err != nil {
			t.Fatalf("answer %s: want the id of a message as itemIdentifier; error %v", answer, err)
		}
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	return numbers
}
