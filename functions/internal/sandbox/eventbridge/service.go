// Package eventbridge is the sandbox's EventBridge, as far as events are sent to it:
// PutEvents over AWS's protocol, and for a story or a test the events of each bus, as
// EventBridge would deliver them. Buses need not be made. Rules can be looked at; they
// deliver nothing.
//
// The operations are described at
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/Welcome.html.
package eventbridge

import (
	"bytes"
	"sync"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// Options of a service.
type Options struct {
	Home wire.Scope       // where a scope with empty fields is
	Now  func() time.Time // of events that name no time
}

// Service is EventBridge in all accounts and Regions. It is safe for concurrent use.
type Service struct {
	wire.Faults // Deny, Permit and Throttle

	options Options

	mu     sync.Mutex
	events map[busKey][][]byte
	rules  map[ruleKey]string // their states
	refuse func(event []byte) (code string)
	ids    int // counts what gets an id
}

type busKey struct {
	wire.Scope
	name string
}

// New makes a service whose buses are empty.
func New(options Options) *Service {
	return &Service{options: options, events: map[busKey][][]byte{}, rules: map[ruleKey]string{}}
}

// Events gives every event that a bus has accepted, in order. Empty fields of the
// scope mean the service's home.
func (s *Service) Events(scope wire.Scope, bus string) [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var events [][]byte
	for _, event := range s.events[busKey{scope.Or(s.options.Home), bus}] {
		events = append(events, bytes.Clone(event))
	}
	return events
}

// Refuse lets single events be refused, while others of the same request are
// accepted: with the error code that the function gives for one, such as
// InternalFailure; "" accepts it. A nil function refuses none.
func (s *Service) Refuse(refuse func(event []byte) (code string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = refuse
}

var operations = wire.Operations[*Service]{
	"DescribeRule": wire.Op((*Service).describeRule),
	"PutEvents":    wire.Op((*Service).putEvents),
}

// Call answers one request, as wire.Service asks.
func (s *Service) Call(caller wire.Caller, operation string, body []byte) (any, error) {
	if err := s.Check("events", operation, caller); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return operations.Call(s, caller, operation, body)
}
