package tagalong

import (
	"encoding/json"
	"time"
	"unicode/utf8"
)

// Event is one of Tagalong's own events, for tools that hang on it such as chat. Its
// source is EventSource.
type Event struct {
	DetailType string
	Time       time.Time       // UTC; EventBridge delivers whole seconds
	Resources  []string        // the ARNs of what it is about
	Detail     json.RawMessage // a RolloutRecorded or a Drift; a few KB
}

// What Tagalong's own events are known by.
const (
	EventSource = "tagalong"
)

// maxReason bounds the one text of an event that AWS does not: EventBridge takes
// 256 KB at once.
const maxReason = 2000

// MustJSON returns the JSON of texts, numbers and times, which is never an error.
func MustJSON(v any) json.RawMessage {
	raw, _ := json.Marshal(v)
	return raw
}

// Truncate shortens a text, at the end of a character.
func Truncate(text string) string {
	if len(text) <= maxReason {
		return text
	}
	end := maxReason
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
