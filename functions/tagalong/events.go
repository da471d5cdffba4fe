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
// them. Dead letters are unwrapped.
func readEvents(name string, stdin io.Reader) ([]json.RawMessage, error) {
	in := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(raw) > maxInput {
		return nil, fmt.Errorf("%s: more than %d MB: split it", name, maxInput>>20)
	}
	events, err := splitEvents(raw)
	if err != nil {
		return events, fmt.Errorf("%s: %w", name, err)
	}
	if len(events) == 0 {
		return nil, fmt.Errorf("%s: no event in it: want an EventBridge event as JSON", name)
	}
	return events, nil
}

// splitEvents gives the events before the first text that is no JSON, and an
// error that says where that is.
func splitEvents(raw []byte) ([]json.RawMessage, error) {
	var events []json.RawMessage
	decoder := json.NewDecoder(bytes.NewReader(raw))
	for {
		var value json.RawMessage
		err := decoder.Decode(&value)
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			line := 1 + bytes.Count(raw[:decoder.InputOffset()], []byte("\n"))
			return events, fmt.Errorf("line %d: %w", line, err)
		}
		events = append(events, unwrap(value)...)
	}
}

// unwrap gives the events in a JSON value: an array's elements; the
// requestPayload of a failure record of Lambda's destinations; the body of an
// SQS message or of each of a ReceiveMessage answer; else the value itself.
//
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Message.html
func unwrap(value json.RawMessage) []json.RawMessage {
	var list []json.RawMessage
	if json.Unmarshal(value, &list) == nil {
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
		if events, err := splitEvents([]byte(*letter.Body)); err == nil {
			return events
		}
		return []json.RawMessage{json.RawMessage(*letter.Body)}
	}
	return []json.RawMessage{value}
}

func unwrapAll(list []json.RawMessage) []json.RawMessage {
	var events []json.RawMessage
	for _, value := range list {
		events = append(events, unwrap(value)...)
	}
	return events
}
