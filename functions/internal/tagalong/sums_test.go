package tagalong_test

import (
	"errors"
	"testing"

	. "github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// filled is a T whose fields are all set.
func filled[T any](t *testing.T) (full T) {
	t.Helper()
	tagalongtest.Fill(&full)
	return full
}

func TestASumOfOutcomesForgetsNothing(t *testing.T) {
	full := filled[Outcome](t)
	tagalongtest.EveryFieldCounts(t, func(o Outcome) any { return []Outcome{Outcome{}.Sum(o), full.Sum(o)} })
}

func TestALineOfTheLogForgetsNothing(t *testing.T) {
	// What an event is not for is said where it is told apart.
	tagalongtest.EveryFieldCounts(t, func(o Outcome) any { return o.Line(nil) }, "Unhandled")
	tagalongtest.EveryFieldCounts(t, func(o Outcome) any { return o.Line(errors.New("broken")) }, "Unhandled", "Unmanaged", "Expired")
}

func TestASumOfConvergencesForgetsNothing(t *testing.T) {
	tagalongtest.EveryFieldCounts(t, func(c Convergence) any { return Convergence{}.Sum(c) })
}

func TestTheSizeOfAChangeForgetsNothing(t *testing.T) {
	// What the head says and of whom is one item, which is always written.
	tagalongtest.EveryFieldCounts(t, func(c Change) any { return c.Size() }, "Service", "Seen", "Head")
}

func TestComparisonsForgetNothing(t *testing.T) {
	details, place := filled[Details](t), filled[PreviousPlace](t)
	tagalongtest.EveryFieldCounts(t, func(d Details) any { return []bool{d.Equal(Details{}), d.Equal(details)} })
	tagalongtest.EveryFieldCounts(t, func(p PreviousPlace) any { return []bool{p.Equal(PreviousPlace{}), p.Equal(place)} }, "Service") // its key
}
