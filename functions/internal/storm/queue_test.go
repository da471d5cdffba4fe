package storm_test

import (
	"container/heap"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/tagalong-aws/tagalong/functions/internal/batch"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/wait"
)

// The queue and the function, as infra/queues.tf and infra/variables.tf set them.
const (
	timeout    = time.Minute
	visibility = 6 * timeout
	tries      = 240
)

// message is an event in the queue.
type message struct {
	id       string
	body     []byte
	visible  time.Time // when it is handed out next
	received int
	done     bool
}

// queue is one of SQS: what is handed out comes again after the visibility timeout unless it
// is deleted, and what has been handed out too often goes to the dead letters.
type queue struct {
	mu    sync.Mutex
	order byTime
	sent  int
	left  int // messages that are neither done nor dead
	dead  int
	most  int // times that one message was handed out
}

// byTime is a heap: what is visible first is handed out first.
type byTime []*message

func (b byTime) Len() int           { return len(b) }
func (b byTime) Less(i, j int) bool { return b[i].visible.Before(b[j].visible) }
func (b byTime) Swap(i, j int)      { b[i], b[j] = b[j], b[i] }
func (b *byTime) Push(m any)        { *b = append(*b, m.(*message)) }
func (b *byTime) Pop() any {
	last := len(*b) - 1
	m := (*b)[last]
	*b = (*b)[:last]
	return m
}

func (q *queue) send(body []byte, at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	heap.Push(&q.order, &message{id: fmt.Sprintf("message-%d", q.sent), body: body, visible: at})
	q.sent++
	q.left++
}

// receive hands out what is visible.
func (q *queue) receive(limit int) (batch []*message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for now := time.Now(); len(batch) < limit && len(q.order) > 0 && !q.order[0].visible.After(now); {
		m := heap.Pop(&q.order).(*message)
		switch {
		case m.done:
			continue
		case m.received == tries:
			q.dead++
			q.left--
			continue
		}
		m.received++
		q.most = max(q.most, m.received)
		m.visible = now.Add(visibility)
		batch = append(batch, m)
	}
	for _, m := range batch {
		heap.Push(&q.order, m)
	}
	return batch
}

// remove deletes the messages of a batch, but those that were given back.
func (q *queue) remove(batch []*message, back map[string]bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range batch {
		if !back[m.id] {
			m.done = true
			q.left--
		}
	}
}

func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.left == 0
}

// mapping is Lambda's event source mapping: pollers that take batches out of the queue, and
// hand each to an instance of the function,
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html.
type mapping struct {
	*queue
	most      int              // maximum_concurrency
	size      int              // of a batch
	slots     chan struct{}    // the account's concurrency; nil is enough
	instances []lambda.Handler // one for each poller
	killed    int              // invocations that the function did not end in time
}

const (
	firstPollers = 5                      // that Lambda begins with
	nextPoller   = 200 * time.Millisecond // for each further one: 300 a minute
	pollEvery    = 100 * time.Millisecond
)

// drain polls until the queue is empty.
func (m *mapping) drain(t *testing.T) {
	t.Helper()
	parallel.ForEach(m.most, m.most, func(i int) {
		_ = wait.For(t.Context(), nextPoller*time.Duration(max(0, i-firstPollers+1)))
		for !m.empty() {
			if batch := m.receive(m.size); len(batch) > 0 {
				m.hand(t, i, batch)
				continue
			}
			_ = wait.For(t.Context(), pollEvery)
		}
	})
}

// hand has an instance handle a batch, as soon as Lambda has room for it: what has none for
// too long comes again by itself.
func (m *mapping) hand(t *testing.T, i int, batch []*message) {
	if m.slots != nil {
		room, cancel := context.WithTimeout(t.Context(), visibility-timeout)
		defer cancel()
		select {
		case m.slots <- struct{}{}:
			defer func() { <-m.slots }()
		case <-room.Done():
			return
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{InvokedFunctionArn: "arn:aws:lambda:" + region + ":" + account + ":function:tagalong-deployment"})
	answer, err := m.instances[i].Invoke(ctx, recordsOf(batch))
	var reply events.SQSEventResponse
	switch {
	case ctx.Err() != nil:
		m.mu.Lock()
		defer m.mu.Unlock()
		m.killed++
	case err != nil:
		t.Errorf("a batch failed as a whole: %v", err)
	case json.Unmarshal(answer, &reply) != nil:
		t.Errorf("answer %s", answer)
	default:
		back := map[string]bool{}
		for _, f := range reply.BatchItemFailures {
			back[f.ItemIdentifier] = true
		}
		m.remove(batch, back)
	}
}

func recordsOf(batch []*message) []byte {
	var in events.SQSEvent
	for _, m := range batch {
		in.Records = append(in.Records, events.SQSMessage{
			MessageId: m.id, Body: string(m.body), EventSource: "aws:sqs",
			Attributes: map[string]string{"ApproximateReceiveCount": strconv.Itoa(m.received)},
		})
	}
	raw, _ := json.Marshal(in) // texts: no error
	return raw
}

// The storms come over what the module sets.
func TestTheQueueIsTheModules(t *testing.T) {
	for file, wants := range map[string][]string{
		"variables.tf": {fmt.Sprintf(`(?s)variable "timeout" \{[^}]*default\s+= %.0f\n`, timeout.Seconds()), fmt.Sprintf(`(?s)variable "maximum_concurrency" \{[^}]*default\s+= %d\n`, maximumConcurrency)},
		"queues.tf":    {`repeat_seconds = max\(300, 6 \* var.timeout\)\n`, `tries          = ceil\(24 \* 3600 / local.repeat_seconds\)\n`, fmt.Sprintf(`batch_size\s+= %d\n`, batch.Size)},
	} {
		text, err := os.ReadFile("../../../infra/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !regexp.MustCompile(want).Match(text) {
				t.Errorf("infra/%s lacks %s", file, want)
			}
		}
	}
	if visibility != max(5*time.Minute, 6*timeout) || tries != 24*time.Hour/visibility {
		t.Errorf("invisible for %v, %d tries", visibility, tries)
	}
}
