package reactor_test

import (
	"errors"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// filled is a T whose fields are all set.
func filled[T any](t *testing.T) (full T) {
	t.Helper()
	tagalongtest.Fill(&full)
	return full
}

func TestASumOfOutcomesForgetsNothing(t *testing.T) {
	full := filled[reactor.Outcome](t)
	tagalongtest.EveryFieldCounts(t, func(o reactor.Outcome) any { return []reactor.Outcome{reactor.Outcome{}.Sum(o), full.Sum(o)} })
}

func TestALineOfTheLogForgetsNothing(t *testing.T) {
	// What an event is not for is said where it is told apart.
	tagalongtest.EveryFieldCounts(t, func(o reactor.Outcome) any { return o.Line(nil) }, "Unhandled")
	tagalongtest.EveryFieldCounts(t, func(o reactor.Outcome) any { return o.Line(errors.New("broken")) }, "Unhandled", "Unmanaged", "Expired")
}

func TestASumOfConvergencesForgetsNothing(t *testing.T) {
	tagalongtest.EveryFieldCounts(t, func(c reactor.Convergence) any { return reactor.Convergence{}.Sum(c) })
}

func TestTheSizeOfAChangeForgetsNothing(t *testing.T) {
	// What the head says and of whom is one item, which is always written. What is shared is
	// in no transaction, nor is what images are found by, nor are the platforms of indexes.
	tagalongtest.EveryFieldCounts(t, func(c ledger.Change) any { return c.Size() }, "Service", "Seen", "Head", "Shared", "Names", "Repositories", "Children")
}

func TestComparisonsForgetNothing(t *testing.T) {
	details := filled[ledger.Details](t)
	tagalongtest.EveryFieldCounts(t, func(d ledger.Details) any { return []bool{d.Equal(ledger.Details{}), d.Equal(details)} })
}
