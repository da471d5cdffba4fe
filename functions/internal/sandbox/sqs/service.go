// Package sqs is the sandbox's SQS, as far as somebody looks at queues: their URLs and
// how many messages they have. A story or a test makes the queues and fills them.
//
// The operations are described at
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/Welcome.html.
package sqs

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// Service is SQS in all accounts and Regions. It is safe for concurrent use.
type Service struct {
	wire.Faults // Deny, Permit and Throttle

	home wire.Scope

	mu       sync.Mutex
	messages map[queue]int
}

type queue struct {
	wire.Scope
	name string
}

// New makes a service without queues.
func New(home wire.Scope) *Service { return &Service{home: home, messages: map[queue]int{}} }

// Put makes a queue with so many messages, or gives one as many. Empty fields of the scope
// mean the service's home.
func (s *Service) Put(scope wire.Scope, name string, messages int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages[queue{scope.Or(s.home), name}] = messages
}

// Delete removes a queue.
func (s *Service) Delete(scope wire.Scope, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.messages, queue{scope.Or(s.home), name})
}

var operations = wire.Operations[*Service]{
	"GetQueueAttributes": wire.Op((*Service).getQueueAttributes),
	"GetQueueUrl":        wire.Op((*Service).getQueueURL),
}

// Call answers one request, as wire.Service asks.
func (s *Service) Call(caller wire.Caller, operation string, body []byte) (any, error) {
	if err := s.Check("sqs", operation, caller); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return operations.Call(s, caller, operation, body)
}

type getQueueURLInput struct {
	Name string `json:"QueueName"`
}

type getQueueURLOutput struct {
	URL string `json:"QueueUrl"`
}

func (s *Service) getQueueURL(caller wire.Caller, in getQueueURLInput) (out getQueueURLOutput, err error) {
	q := queue{caller.Scope, in.Name}
	if _, there := s.messages[q]; !there {
		return out, noQueue()
	}
	return getQueueURLOutput{fmt.Sprintf("https://sqs.%s.amazonaws.com/%s/%s", q.Region, q.Account, q.name)}, nil
}

type getQueueAttributesInput struct {
	URL   string   `json:"QueueUrl"`
	Names []string `json:"AttributeNames"`
}

type getQueueAttributesOutput struct {
	Attributes map[string]string `json:"Attributes"`
}

const numberOfMessages = "ApproximateNumberOfMessages"

func (s *Service) getQueueAttributes(caller wire.Caller, in getQueueAttributesInput) (out getQueueAttributesOutput, err error) {
	n, there := s.messages[queue{caller.Scope, in.URL[strings.LastIndexByte(in.URL, '/')+1:]}]
	if !there {
		return out, noQueue()
	}
	out.Attributes = map[string]string{}
	for _, name := range in.Names {
		if name != numberOfMessages && name != "All" {
			return out, wire.Errorf("InvalidAttributeName", "attribute %s is not known to the sandbox", name)
		}
		out.Attributes[numberOfMessages] = strconv.Itoa(n)
	}
	return out, nil
}

func noQueue() error {
	return wire.Errorf("QueueDoesNotExist", "The specified queue does not exist.")
}
