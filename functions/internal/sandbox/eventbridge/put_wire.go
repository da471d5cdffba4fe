package eventbridge

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

const (
	maxEntries = 10
	maxSize    = 256 << 10 // of all entries of a request, in bytes
)

type putEventsInput struct {
	Entries []entry `json:"Entries"`
}

// entry is
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html.
type entry struct {
	Time       *wire.Time `json:"Time"`
	Source     string     `json:"Source"`
	DetailType string     `json:"DetailType"`
	Detail     string     `json:"Detail"`
	Resources  []string   `json:"Resources"`
	Bus        *string    `json:"EventBusName"`
}

type putEventsOutput struct {
	Failed  int      `json:"FailedEntryCount"`
	Entries []result `json:"Entries"`
}

// result is
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html.
type result struct {
	ID      string `json:"EventId,omitempty"`
	Code    string `json:"ErrorCode,omitempty"`
	Message string `json:"ErrorMessage,omitempty"`
}

// putEvents is
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html.
func (s *Service) putEvents(caller wire.Caller, in putEventsInput) (out putEventsOutput, err error) {
	if err := checkRequest(in); err != nil {
		return out, err
	}
	for _, e := range in.Entries {
		r := s.put(caller, e)
		if r.Code != "" {
			out.Failed++
		}
		out.Entries = append(out.Entries, r)
	}
	return out, nil
}

func checkRequest(in putEventsInput) error {
	if n := len(in.Entries); n < 1 || n > maxEntries {
		return wire.Errorf("ValidationException", "1 validation error detected: Value of %d entries at 'entries' failed to satisfy constraint: Member must have length between 1 and %d", n, maxEntries)
	}
	total := 0
	for i, e := range in.Entries {
		if e.Bus != nil && !busPattern.MatchString(*e.Bus) {
			return wire.Errorf("ValidationException", "1 validation error detected: Value '%s' at 'entries.%d.member.eventBusName' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", *e.Bus, i+1, busPattern)
		}
		total += e.size()
	}
	if total >= maxSize {
		return wire.Errorf("ValidationException", "Total size of the entries in the request is over the limit.")
	}
	return nil
}

var busPattern = regexp.MustCompile(`^(?:arn:aws[\w-]*:events:([a-z]{2,4}-[a-z]+-[\w-]+):([0-9]{12}):event-bus/)?([.\-_A-Za-z0-9]+)$`)

// size is what counts of an entry,
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size.
func (e entry) size() int {
	n := len(e.Source) + len(e.DetailType) + len(e.Detail)
	if e.Time != nil {
		n += 14
	}
	for _, resource := range e.Resources {
		n += len(resource)
	}
	return n
}

// put takes one entry, or says why not.
func (s *Service) put(caller wire.Caller, e entry) result {
	bus, refused := e.bus(caller.Scope)
	if refused == nil {
		refused = e.check()
	}
	if refused != nil {
		return *refused
	}
	s.ids++
	id := wire.UUID("event", bus.String(), bus.name, strconv.Itoa(s.ids))
	event := s.event(caller.Scope, id, e)
	if s.refuse != nil {
		if code := s.refuse(event); code != "" {
			return result{Code: code, Message: "The sandbox was told to refuse this event."}
		}
	}
	s.events[bus] = append(s.events[bus], event)
	return result{ID: id}
}

// bus gives the bus that the entry is for: the default one, another by its name, or
// any of the Region by its ARN.
func (e entry) bus(caller wire.Scope) (busKey, *result) {
	if e.Bus == nil {
		return busKey{caller, "default"}, nil
	}
	m := busPattern.FindStringSubmatch(*e.Bus)
	if m[1] != "" && m[1] != caller.Region {
		return busKey{}, invalid("EventBusName", "The event bus is in another Region.")
	}
	return busKey{wire.Scope{Account: m[2]}.Or(caller), m[3]}, nil
}

func (e entry) check() *result {
	var object map[string]any
	switch {
	case e.Source == "":
		return invalid("Source", "Source is a required argument.")
	case e.DetailType == "":
		return invalid("DetailType", "DetailType is a required argument.")
	case utf8.RuneCountInString(e.DetailType) > 128:
		return invalid("DetailType", "DetailType has more than 128 characters.")
	case e.Detail == "":
		return invalid("Detail", "Detail is a required argument.")
	case strings.HasPrefix(e.Source, "aws."):
		return &result{Code: "NotAuthorizedForSourceException", Message: "Not authorized for the source."}
	case json.Unmarshal([]byte(e.Detail), &object) != nil || object == nil:
		return &result{Code: "MalformedDetail", Message: "Detail is malformed."}
	}
	return nil
}

func invalid(parameter, reason string) *result {
	return &result{Code: "InvalidArgument", Message: fmt.Sprintf("Parameter %s is not valid. Reason: %s", parameter, reason)}
}

func (s *Service) event(from wire.Scope, id string, e entry) []byte {
	return wire.Event{
		Scope: from, ID: id, DetailType: e.DetailType, Source: e.Source, Time: cmp.Or(e.Time, wire.At(s.options.Now())).Time,
		Resources: append([]string{}, e.Resources...), Detail: json.RawMessage(e.Detail),
	}.Delivered()
}
