package tagalong

import (
	"strings"
	"time"
)

// longestPosition is how long the texts of a key may be together, in bytes: a
// sort key of DynamoDB has 1,024.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
const longestPosition = 900

// ValidKeyTexts reports whether keys may hold these texts: printable ASCII without blanks.
func ValidKeyTexts(texts ...string) bool {
	all := strings.Join(texts, "")
	return len(all) <= longestPosition && !strings.ContainsFunc(all, func(c rune) bool { return c <= ' ' || c > '~' })
}

// TimeOrNil returns a time as rows show it: an unknown one is null.
func TimeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// FormatTime returns a time as it is shown to people: RFC 3339 in UTC, whole seconds.
func FormatTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Later returns the later of two times, of equal ones the first.
func Later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
