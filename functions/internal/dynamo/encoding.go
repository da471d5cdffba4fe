package dynamo

import (
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// stamp is the one form of times in the table: UTC, milliseconds, fixed width,
// so that the order of texts is the order of times.
const stamp = "2006-01-02T15:04:05.000Z"

func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(stamp)
}

func parseTime(s string) time.Time {
	t, err := time.Parse(stamp, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

// lastTime is the last that the table's form of times has room for.
var lastTime = time.Date(9999, time.December, 31, 23, 59, 59, 999e6, time.UTC)

// ceil returns the first millisecond that is not before a time: the table's times
// have milliseconds.
func ceil(t time.Time) time.Time {
	up := t.Truncate(time.Millisecond)
	if up.Before(t) {
		up = up.Add(time.Millisecond)
	}
	if up.After(lastTime) {
		return lastTime
	}
	return up
}

// epoch returns the seconds that DynamoDB's time to live reads, 0 for never.
func epoch(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func fromEpoch(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// textOrNone returns nil for "".
func textOrNone(s string) types.AttributeValue {
	if s == "" {
		return nil
	}
	return text(s)
}

func textOf(i item, name string) string {
	s, _ := i[name].(*types.AttributeValueMemberS)
	if s == nil {
		return ""
	}
	return s.Value
}

// decode makes of an item, which is stored as an I, a T.
func decode[I, T any](i item, read func(I) (T, error)) (t T, err error) {
	var stored I
	if err = attributevalue.UnmarshalMap(i, &stored); err == nil {
		t, err = read(stored)
	}
	if err != nil {
		err = fmt.Errorf("item %s %s: %w", textOf(i, "pk"), textOf(i, "sk"), err)
	}
	return t, err
}

// asStored reads nothing from an item but what it holds.
func asStored[I any](i I) (I, error) { return i, nil }

// all maps a slice; nothing stays nothing.
func all[A, B any](in []A, f func(A) B) []B {
	var out []B
	for _, a := range in {
		out = append(out, f(a))
	}
	return out
}

// allOf maps a slice as all does, and gathers what goes wrong.
func allOf[A, B any](in []A, f func(A) (B, error), problems *error) []B {
	return all(in, func(a A) B {
		b, err := f(a)
		*problems = errors.Join(*problems, err)
		return b
	})
}
