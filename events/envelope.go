package events

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// MaxSize is the size in bytes of the largest event that [Parse] reads: what
// Lambda accepts for an asynchronous invocation.
const MaxSize = 1 << 20

// Event is something that AWS says has happened: one of the types of this
// package, told apart by a type switch.
type Event interface {
	// Envelope returns what all events have in common, and the detail as it
	// arrived. It is a copy: changing it changes no event.
	Envelope() Envelope
}

// Envelope is what every event of EventBridge has around its detail:
//
//	{
//	  "version": "0",
//	  "id": "0b7d13ee-be49-4e6e-8043-7e170761ac20",
//	  "detail-type": "ECS Deployment State Change",
//	  "source": "aws.ecs",
//	  "account": "111122223333",
//	  "time": "2026-03-04T09:19:56Z",
//	  "region": "us-east-1",
//	  "resources": ["arn:aws:ecs:us-east-1:111122223333:service/prod-cluster/checkout-api"],
//	  "detail": { … }
//	}
//
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events.html
//
// Source and DetailType are always there, Account and Region in all events but
// an [Unknown], Time in those of CodePipeline and CodeDeploy; the other fields
// may be empty.
type Envelope struct {
	// Version is "0" in all events. It is no version of the detail.
	Version string `json:"version,omitempty"`

	// ID names this event and stays the same when it is delivered again. A
	// source that reports one change twice may use two.
	ID string `json:"id,omitempty"`

	// DetailType and Source together say what the detail is.
	DetailType string `json:"detail-type"`
	Source     string `json:"source"`

	// Account is the sender's, 12 digits, even after the event was
	// forwarded to another account.
	Account string `json:"account,omitempty"`

	// Time is when the source sent the event, UTC, mostly in whole seconds.
	// It may be minutes later than the moment that the detail reports.
	Time time.Time `json:"time,omitzero"`

	// Region is where the event comes from.
	Region string `json:"region,omitempty"`

	// Resources are the ARNs that the event is about.
	Resources []string `json:"resources,omitzero"`

	// Detail is the JSON of the event proper.
	Detail json.RawMessage `json:"detail,omitempty"`
}

// clone copies what a reader could change.
func (e Envelope) clone() Envelope {
	e.Resources = slices.Clone(e.Resources)
	e.Detail = slices.Clone(e.Detail)
	return e
}

// encode returns the JSON of the event with another detail.
func (e Envelope) encode(detail any) ([]byte, error) {
	raw, err := json.Marshal(detail)
	if err != nil {
		return nil, fmt.Errorf("encoding the detail of event %q: %w", e.ID, err)
	}
	e.Detail = raw
	return json.Marshal(e)
}

// Unknown is an event that this package has no type for: of another source or
// detail-type, or of ECS with an event name that AWS has added since. It is no error,
// since a rule may select more than its function needs.
type Unknown struct {
	envelope Envelope
}

// Envelope returns the event as it arrived.
func (e Unknown) Envelope() Envelope { return e.envelope.clone() }

// MarshalJSON returns the event as it arrived.
func (e Unknown) MarshalJSON() ([]byte, error) { return json.Marshal(e.envelope) }

// kind is what decides an event's type.
type kind struct{ source, detailType string }

// parsers has an entry for each kind of event that is known. A parser notes
// problems in the object that it reads; the event counts only without any.
var parsers = map[kind]func(object, Envelope) Event{
	{"aws.ecs", "ECS Deployment State Change"}:         parseDeploymentStateChange,
	{"aws.ecs", "ECS Service Action"}:                  parseServiceAction,
	{"aws.ecs", "ECS Task State Change"}:               parseTaskStateChange,
	{"aws.ecs", "ECS Container Instance State Change"}: parseContainerInstanceStateChange,

	{"aws.codepipeline", "CodePipeline Stage Execution State Change"}:     parseStageExecutionStateChange,
	{"aws.codepipeline", "CodePipeline Action Execution State Change"}:    parseActionExecutionStateChange,
	{"aws.codedeploy", "CodeDeploy Deployment State-change Notification"}: parseCodeDeployStateChange,
}

// Parse reads the JSON of one event as EventBridge delivers it.
//
// An event of an unknown kind is an [Unknown]. An error means that raw is no
// event of EventBridge (it lacks a source or a detail-type) or that a known
// event is malformed; it joins one [*FieldError] for each field that is wrong.
func Parse(raw []byte) (Event, error) {
	if len(raw) > MaxSize {
		return nil, &FieldError{
			Field: "event",
			Value: fmt.Sprintf("%d bytes", len(raw)),
			Want:  fmt.Sprintf("at most %d bytes", MaxSize),
		}
	}
	top := openEvent(raw)
	envelope := readEnvelope(top)
	var event Event = Unknown{envelope}
	if parse, ok := parsers[kind{envelope.Source, envelope.DetailType}]; ok {
		event = parse(top, envelope)
	}
	if err := top.found.err(); err != nil {
		return nil, err
	}
	return event, nil
}

var (
	source     = check("the sender of an EventBridge event, such as aws.ecs", isLabel)
	detailType = check("the type of an EventBridge event, such as ECS Deployment State Change", isLabel)
)

func isLabel(s string) bool {
	_, ok := line.parse(s)
	return ok && s != ""
}

// readEnvelope reads what events have in common. Only the kind of the event
// must be there; what else must be depends on it.
func readEnvelope(top object) Envelope {
	return Envelope{
		Version:    may(top, "version", line),
		ID:         may(top, "id", line),
		DetailType: must(top, "detail-type", detailType),
		Source:     must(top, "source", source),
		Account:    may(top, "account", line),
		Time:       may(top, "time", instant),
		Region:     may(top, "region", line),
		Resources:  top.lines("resources"),
		Detail:     slices.Clone(top.fields["detail"]),
	}
}
