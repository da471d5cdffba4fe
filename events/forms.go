package events

import (
	"strings"
	"time"
	"unicode"
)

// form is how a string becomes a value, and what to say if it does not. Where
// parse reports false the value is the zero value.
type form[T any] struct {
	want  string
	parse func(string) (T, bool)
}

// check makes a form of a string that stays a string.
func check(want string, ok func(string) bool) form[string] {
	return form[string]{want, func(s string) (string, bool) {
		if !ok(s) {
			return "", false
		}
		return s, true
	}}
}

const (
	maxLine = 2048 // bytes; more than AWS allows for any ARN
	maxText = 1024 // bytes of free text that are kept
)

var (
	// line is what identifies something but is compared only with itself.
	line = check("at most 2048 bytes without control characters", func(s string) bool {
		return len(s) <= maxLine && strings.IndexFunc(s, unicode.IsControl) < 0
	})

	// text is written for people. Nothing depends on it, so that it is cut
	// rather than refused.
	text = form[string]{"text", func(s string) (string, bool) { return clip(s, maxText), true }}

	accountID = check("12 digits", func(s string) bool { return len(s) == 12 && only(s, isDigit) })

	regionName = check("the name of an AWS Region, such as us-east-1", IsRegion)

	// word is a state or the name of an event, such as SERVICE_STEADY_STATE.
	word = check("1 to 128 of A-Z, 0-9 and _", func(s string) bool {
		return sized(s, 1, 128) && only(s, func(c byte) bool { return isUpper(c) || isDigit(c) || c == '_' })
	})

	deploymentID = check("ecs-svc/ and 1 to 20 decimal digits", isDeploymentID)

	containerName = check("1 to 255 of a-z, A-Z, 0-9, _ and -", isName)

	imageReference = check("an image reference of 1 to 512 printable ASCII characters without spaces", func(s string) bool {
		return sized(s, 1, 512) && only(s, func(c byte) bool { return c > ' ' && c < 0x7f })
	})

	imageDigest = check("sha256: and 64 digits of a-f and 0-9, or sha512: and 128", isDigest)

	// instant is a time in UTC, cut to milliseconds. Its year has four
	// digits, so that times written with a fixed width sort as text.
	instant = form[time.Time]{"a time as in RFC 3339 from the years 1970 to 9999, such as 2026-03-04T09:18:41.077Z", parseInstant}
)

func parseInstant(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, false
	}
	// Parse also takes hours of one digit, a decimal comma and offsets of a
	// whole day, none of which is RFC 3339.
	if _, offset := t.Zone(); s[13] != ':' || strings.Contains(s, ",") || max(offset, -offset) >= 24*60*60 {
		return time.Time{}, false
	}
	t = t.UTC().Truncate(time.Millisecond)
	if t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}, false
	}
	return t, true
}

// timestamp is a time that encodes the way the details of events write it.
type timestamp time.Time

// IsZero lets encoding/json leave the zero time out.
func (t timestamp) IsZero() bool { return time.Time(t).IsZero() }

// MarshalText writes UTC with exactly three digits of fraction.
func (t timestamp) MarshalText() ([]byte, error) {
	return time.Time(t).AppendFormat(nil, "2006-01-02T15:04:05.000Z"), nil
}

// IsRegion reports whether s has the form of a Region's name,
// [a-z]{2,}(-[a-z]+)+-[0-9]; the sovereign cloud's eusc-de-east-1 begins with
// more than two letters. Which Regions there are it does not know.
func IsRegion(s string) bool {
	parts := strings.Split(s, "-")
	last := len(parts) - 1
	if len(s) > maxPlace || last < 2 || len(parts[0]) < 2 || len(parts[last]) != 1 {
		return false
	}
	for _, p := range parts[:last] {
		if p == "" || !only(p, isLower) {
			return false
		}
	}
	return only(parts[last], isDigit)
}

// isPartition accepts aws(-[a-z]+)*.
func isPartition(s string) bool {
	parts := strings.Split(s, "-")
	if len(s) > maxPlace || parts[0] != "aws" {
		return false
	}
	for _, p := range parts {
		if p == "" || !only(p, isLower) {
			return false
		}
	}
	return true
}

// isName accepts the names that ECS allows for clusters, services, families
// and containers.
func isName(s string) bool {
	return sized(s, 1, 255) && only(s, isNamed)
}

// isResourceID accepts the ids that ECS makes up for tasks and container
// instances: 32 hexadecimal digits, with hyphens in older ARNs.
func isResourceID(s string) bool {
	return sized(s, 1, 64) && only(s, func(c byte) bool {
		return isLower(c) || isUpper(c) || isDigit(c) || c == '-'
	})
}

func isDeploymentID(s string) bool {
	number, ok := strings.CutPrefix(s, "ecs-svc/")
	return ok && sized(number, 1, 20) && only(number, isDigit)
}

func isDigest(s string) bool {
	algorithm, hex, _ := strings.Cut(s, ":")
	if !only(hex, func(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' }) {
		return false
	}
	return algorithm == "sha256" && len(hex) == 64 || algorithm == "sha512" && len(hex) == 128
}

func sized(s string, least, most int) bool { return len(s) >= least && len(s) <= most }

// only reports whether every byte of s passes; bytes beyond ASCII never do.
func only(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}

// isNamed accepts the characters that names of all services may have.
func isNamed(c byte) bool {
	return isLower(c) || isUpper(c) || isDigit(c) || c == '_' || c == '-'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isLower(c byte) bool { return c >= 'a' && c <= 'z' }
func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
