package stories_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

func TestAnyOrderAndRepetitionOfAStoryEndsAlike(t *testing.T) {
	tagalongtest.CheckTimes(t, 200, func(t *rapid.T) {
		s := drawStory(t)
		inOrder, shuffled := s.world(), s.world()
		inOrder.tell(t, s.happenings...)
		arrivals := drawShuffled(t, s.happenings)
		shuffled.tell(t, arrivals...)
		if diff := cmp.Diff(inOrder.ledger.Dump(), shuffled.ledger.Dump()); diff != "" {
			t.Fatalf("the ledger depends on the order of arrival (-in order +shuffled):\n%s\narrivals:\n%s", diff, describe(arrivals))
		}
		inOrder.check(t, s, s.happenings)
		shuffled.check(t, s, s.happenings)
	})
}

func TestAfterEachArrivalLedgerAndTagsSayWhatTheFactsSoFarSay(t *testing.T) {
	tagalongtest.CheckTimes(t, 200, func(t *rapid.T) {
		s := drawStory(t)
		arrivals := drawShuffled(t, s.happenings)
		w := s.world()
		for i, h := range arrivals {
			w.tell(t, h)
			w.check(t, s, arrivals[:i+1])
		}
	})
}

func TestAReplayOfEverythingWritesNothing(t *testing.T) {
	tagalongtest.CheckTimes(t, 200, func(t *rapid.T) {
		s := drawStory(t)
		s.happenings = s.managed(s.happenings) // a job that comes again sets its wish again
		w := s.world()
		w.tell(t, drawShuffled(t, s.happenings)...)
		writes, puts := w.ledger.Writes(), w.registry.Puts()
		w.tell(t, s.happenings...)
		w.tell(t, drawShuffled(t, s.happenings)...)
		if w.ledger.Writes() != writes || w.registry.Puts() != puts {
			t.Fatalf("the replay wrote %d times and put %d tags", w.ledger.Writes()-writes, w.registry.Puts()-puts)
		}
	})
}

func TestATagOnlyEverSitsOnWhatHasCompleted(t *testing.T) {
	tagalongtest.CheckTimes(t, 200, func(t *rapid.T) {
		s := drawStory(t)
		arrivals := drawShuffled(t, s.happenings)
		w := s.world()
		for i, h := range arrivals {
			before := s.wishes(arrivals[:i])
			moved := map[string]int{}
			for id := range s.wishes(s.happenings) {
				moved[id.String()] = len(w.registry.History(id.Repository, id.Tag))
			}
			w.tell(t, h)
			for id, now := range s.wishes(arrivals[:i+1]) {
				if _, ok := moved[id.String()]; !ok {
					continue
				}
				was, known := before[id]
				history := w.registry.History(id.Repository, id.Tag)
				if known && was.digest == now.digest && len(history) != moved[id.String()] {
					t.Fatalf("tag %s moved to %v though its wish stayed %s", id, history, now.digest)
				}
				if len(history) > moved[id.String()]+1 {
					t.Fatalf("tag %s moved more than once for one event: %v", id, history)
				}
				if !slices.Contains(history, now.digest) {
					t.Fatalf("tag %s never sat on %s", id, now.digest)
				}
			}
		}
	})
}

func TestAnyOrderOfAStoryWithPlatformsDigestsEndsOnTheirIndexes(t *testing.T) {
	tagalongtest.CheckTimes(t, 200, func(t *rapid.T) {
		s := drawPlatformStory(t)
		arrivals := drawShuffled(t, s.happenings)
		w := s.world()
		w.tell(t, arrivals...)
		w.check(t, s, s.happenings)
	})
}
