package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxInput bounds a file of events: far more than a day's dead letters.
const maxInput = 64 << 20

// readEvents reads the events of a file, or of standard input for "-": one JSON
// event, several of them (as lines, or just one after the other) or arrays of
// them. Dead letters are unwrapped. What is no JSON is in the error, beside the
// events that are.
func readEvents(name string, stdin io.Reader) ([]json.RawMessage, error) {
	in := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, reason(err))
		}
		defer file.Close()
		in = file
	}
	raw, err := readUpTo(in, maxInput)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, reason(err))
	}
	events, problems := splitEvents(raw)
	if len(events) == 0 && len(problems) == 0 {
		problems = []error{errors.New("no event: want an EventBridge event as JSON")}
	}
	for i, problem := range problems {
		problems[i] = fmt.Errorf("%s: %w", name, problem)
	}
	return events, errors.Join(problems...)
}

// reason is why a file could not be read, without its name, which is said already.
func reason(err error) error {
	if path, ok := errors.AsType[*os.PathError](err); ok {
		return path.Err
	}
	return err
}

// readUpTo reads everything, and refuses more than limit bytes.
func readUpTo(in io.Reader, limit int64) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("more than %d MB: want smaller files", limit>>20)
	}
	return raw, nil
}

// splitEvents returns the events in a text. A value that is no JSON is a problem
// with its line; the events go on at the next line that begins one.
func splitEvents(raw []byte) (events []json.RawMessage, problems []error) {
	for start := 0; ; {
		more, bad, err := decodeEvents(raw[start:])
		events = append(events, more...)
		if err == nil {
			return events, problems
		}
		problems = append(problems, fmt.Errorf("line %d: %w", 1+bytes.Count(raw[:start+bad], []byte("\n")), err))
		next := nextEvent(raw[start+bad:])
		if next < 0 {
			return events, problems
		}
		start += bad + next
	}
}

// decodeEvents returns the events before the first value that is no JSON, and
// where that value begins.
func decodeEvents(raw []byte) (events []json.RawMessage, bad int, err error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	for {
		at := int(decoder.InputOffset())
		var value json.RawMessage
		err := decoder.Decode(&value)
		if errors.Is(err, io.EOF) {
			return events, 0, nil
		}
		if err != nil {
			return events, at + space(raw[at:]), err
		}
		events = append(events, unwrap(value)...)
	}
}

// space counts the white space that raw begins with.
func space(raw []byte) int { return len(raw) - len(bytes.TrimLeft(raw, " \t\r\n")) }

// nextEvent finds the first line after this one that begins an object or an
// array; -1 if there is none. Lines inside of a value are indented as a rule.
func nextEvent(raw []byte) int {
	at := -1
	for _, begin := range []string{"\n{", "\n["} {
		if i := bytes.Index(raw, []byte(begin)); i >= 0 && (at < 0 || i+1 < at) {
			at = i + 1
		}
	}
	return at
}

// unwrap returns the events in a JSON value: an array's elements; the
// requestPayload of a failure record of Lambda's destinations; the body of an
// SQS message or of each of a ReceiveMessage answer; else the value itself.
//
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Message.html
func unwrap(value json.RawMessage) []json.RawMessage {
	var list []json.RawMessage
	if bytes.HasPrefix(bytes.TrimSpace(value), []byte("[")) && json.Unmarshal(value, &list) == nil {
		return unwrapAll(list)
	}
	var letter struct {
		RequestPayload json.RawMessage   `json:"requestPayload"`
		Messages       []json.RawMessage `json:"Messages"`
		Records        []json.RawMessage `json:"Records"`
		Body           *string           `json:"Body"` // encoding/json takes Lambda's "body" for it too
		Detail         json.RawMessage   `json:"detail"`
	}
	if json.Unmarshal(value, &letter) != nil || letter.Detail != nil {
		return []json.RawMessage{value}
	}
	switch {
	case letter.RequestPayload != nil:
		return unwrap(letter.RequestPayload)
	case letter.Messages != nil:
		return unwrapAll(letter.Messages)
	case letter.Records != nil:
		return unwrapAll(letter.Records)
	case letter.Body != nil:
		return unwrapBody(*letter.Body)
	}
	return []json.RawMessage{value}
}

// unwrapBody returns the events in a message's body. One that holds none is given
// as it is, so that it is named as what could not be replayed.
func unwrapBody(body string) []json.RawMessage {
	events, problems := splitEvents([]byte(body))
	if len(events) == 0 || len(problems) > 0 {
		return []json.RawMessage{json.RawMessage(body)}
	}
	return events
}

func unwrapAll(list []json.RawMessage) []json.RawMessage {
	var events []json.RawMessage
	for _, value := range list {
		events = append(events, unwrap(value)...)
	}
	return events
}
