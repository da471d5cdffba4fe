package tagalongtest

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// suiteRest has one of everything that a change may leave to come.
func suiteRest(s tagalong.Service) ledger.Rest {
	expires := time.Date(2999, 1, 2, 3, 4, 5, 0, time.UTC)
	row := suiteRow(s, "ecs-svc/5", 5)
	row.Containers, row.Moves, row.Release, row.Expires = suiteContainers(), suiteMoves(), suiteRelease, expires
	gone := ledger.PastRecord{RunningRecord: suiteRunning(s, "prod"), Until: second(50), Expires: expires}
	running := suitePlacement(s, "app", suiteRepo, ledger.PhaseRunning, "prod", "live")
	ended := suitePlacement(s, "web", suiteOther, ledger.PhaseEnded)
	ended.Continues, ended.Continued, ended.Expires = true, true, expires
	previous := ledger.PreviousRecord{
		Service: s, Environment: "prod", Since: second(1), Tags: []string{"prod-previous"},
		Previous: ledger.Previous{Container: "app", Image: suiteOther, Digest: suiteNext},
	}
	return ledger.Rest{
		Items: ledger.Items{
			Rollouts:       []ledger.Row{row},
			Finished:       []ledger.FinishedRollout{suiteFinished(s, "ecs-svc/5", 5)},
			Past:           []ledger.PastRecord{gone},
			Placements:     []ledger.Placement{running, ended},
			Previous:       []ledger.PreviousRecord{previous},
			DropRollouts:   []timeline.RolloutKey{{Sort: second(6), Deployment: "ecs-svc/6"}},
			DropPast:       []ledger.PastRecord{{RunningRecord: ledger.RunningRecord{Service: s, Environment: "staging"}, Until: second(51)}},
			DropPlacements: []ledger.Placement{suitePlacement(s, "app", suiteOther, ledger.PhaseRollingOut)},
			DropPrevious:   []ledger.PreviousRecord{previous},
		},
		Tags:        []ledger.TagToCome{{ID: suiteTag("prod")}, {ID: suiteTag("live"), Renew: true}},
		DropRunning: "staging",
	}
}

// restRoundTrip lets a head name what is left to come, and the next change write it.
func restRoundTrip(t *testing.T, l suiteLedger) {
	s := suiteService("api")
	first := change(s, "")
	first.Head.Rest = suiteRest(s)
	for i := range reflect.TypeFor[ledger.Items]().NumField() {
		if field := reflect.ValueOf(first.Head.Rest.Items).Field(i); field.Len() == 0 {
			t.Errorf("nothing of %s is left to come", reflect.TypeFor[ledger.Items]().Field(i).Name)
		}
	}
	l.commit(first)
	held := l.load(s).Head
	same(t, "the rest", first.Head.Rest, held.Rest)
	next := change(s, first.Head.Version)
	next.Items, next.DropRunning = held.Rest.Items, held.Rest.DropRunning
	next.DropPrevious = nil // of one that the same change puts
	l.commit(next)
	same(t, "the rest, when it is written", ledger.Rest{}, l.load(s).Head.Rest)
	same(t, "rollouts", first.Head.Rest.Rollouts[0].Containers, l.rollouts(s, ledger.Span{})[0].Containers)
	same(t, "what left", first.Head.Rest.Past, read(t, l.PastRecords(t.Context(), "prod", second(0))))
	same(t, "open placements", first.Head.Rest.Placements[:1], read(t, l.OpenPlacements(t.Context(), suiteRepo.Name)))
	same(t, "ended placements", first.Head.Rest.Placements[1:], read(t, l.EndedPlacements(t.Context(), suiteOther.Name, ledger.PlacementCursor{}, 0)))
}

func hundredItems(t *testing.T, l suiteLedger) {
	s := suiteService("api")
	c := manyItems(s, 100)
	l.commit(c)
	if tags := read(t, l.EnvironmentTags(t.Context(), "prod", false, tagalong.TagID{}, 0)); len(tags) != 97 {
		t.Errorf("%d tags", len(tags))
	}
}

func moreThanAHundredItems(t *testing.T, l suiteLedger) {
	s := suiteService("api")
	err := l.Commit(t.Context(), manyItems(s, 101))
	if err == nil || isConflict(err) || isRefused(err) {
		t.Errorf("error %v, want one that says that these are too many items", err)
	}
	same(t, "the service", ledger.Snapshot{}, l.load(s))
	same(t, "tags", []ledger.Tag(nil), read(t, l.EnvironmentTags(t.Context(), "prod", false, tagalong.TagID{}, 0)))
}

// manyItems is a change of so many items: a head, a fact, an end and tags.
func manyItems(s tagalong.Service, items int) ledger.Change {
	c := change(s, "")
	c.Fact = &tagalong.Fact{Deployment: "ecs-svc/1", Name: tagalong.Completed, Time: second(1)}
	c.Finished = []ledger.FinishedRollout{suiteFinished(s, "ecs-svc/1", 1)}
	for i := range items - c.Size() {
		c.Tags = append(c.Tags, tagWrite(ledger.Advance, claimAt(fmt.Sprintf("t%02d", i), second(1), "m")))
	}
	return c
}
