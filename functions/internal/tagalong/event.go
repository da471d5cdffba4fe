package tagalong

import (
	"encoding/json"
	"strings"
	"time"
	"unicode"
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

// Plain returns a text for chat: on one line, and without what ends or begins something in
// JSON, in a template of EventBridge's or in a message of Slack's, whoever wrote it. It may
// stand between quotes as it is.
func Plain(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '"' || r == '`':
			return '\''
		case r == '\\':
			return '/'
		case r == '<':
			return '('
		case r == '>':
			return ')'
		case r == '&':
			return '+'
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	return Truncate(strings.Join(strings.Fields(text), " "))
}
