package stories_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// ruled is a world whose rules and clock a test sets.
type ruled struct {
	*world
	t *testing.T
}

// twoImages is a world in which two deployments can come and go, in the environment old.
func twoImages(t *testing.T) ruled {
	w := ruled{newWorld(tagalong.Rules{{Environment: "old"}}), t}
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
	return w
}

// rule returns every service an environment, from a second on.
func (w ruled) rule(environment string, second int) {
	w.Rules = tagalong.Rules{{Environment: environment}}
	w.Now = func() time.Time { return at(second) }
}

// wantRows checks the environments of the rollouts, the newest first.
func (w ruled) wantRows(want ...ledger.Details) {
	w.t.Helper()
	rows, err := stream.Collect(w.ledger.Rollouts(w.t.Context(), prodAPI, ledger.Span{}, 0))
	if err != nil {
		w.t.Fatal(err)
	}
	var got []ledger.Details
	for _, row := range rows {
		got = append(got, ledger.Details{Environment: row.Environment, TaskDefinition: row.TaskDefinition, Moves: row.Moves})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("rollouts (-want +got):\n%s", diff)
	}
}

// in returns the environments of a deployment's row.
func in(deployment, environment string, moves ...ledger.Move) ledger.Details {
	return ledger.Details{Environment: environment, TaskDefinition: "td-ecs-svc/" + deployment, Moves: moves}
}

// stay is the time of a service in an environment, as a member or gone row tells it.
type stay struct {
	Environment                  string
	Since, Joined, CompleteSince time.Time
	Until                        time.Time
}

func stayOf(m ledger.RunningRecord, until time.Time) stay {
	return stay{Environment: m.Environment, Since: m.Since, Joined: m.Joined, CompleteSince: m.CompleteSince, Until: until}
}

// wantStays checks where the service left, and where it is.
func (w ruled) wantStays(want ...stay) {
	w.t.Helper()
	var got []stay
	for _, environment := range []string{"old", "new", "newer"} {
		gone, err := stream.Collect(w.ledger.PastRecords(w.t.Context(), environment, time.Time{}))
		if err != nil {
			w.t.Fatal(err)
		}
		for _, g := range gone {
			got = append(got, stayOf(g.RunningRecord, g.Until))
		}
		running, err := stream.Collect(w.ledger.RunningRecords(w.t.Context(), environment, tagalong.Service{}, 0))
		if err != nil {
			w.t.Fatal(err)
		}
		for _, m := range running {
			got = append(got, stayOf(m, time.Time{}))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("stays (-want +got):\n%s", diff)
	}
}

func TestARunningServiceThatChangedRulesMoveIsWrittenDown(t *testing.T) {
	w := twoImages(t)
	w.tell(t, started(prodAPI, "ecs-svc/1", 0), completed(prodAPI, "ecs-svc/1", 1))
	w.wantRows(in("1", "old"))
	w.wantStays(stay{Environment: "old", Since: at(1), CompleteSince: at(0)})

	w.rule("new", 100)
	w.tell(t, started(prodAPI, "ecs-svc/2", 10))
	toNew := ledger.Move{Environment: "new", At: at(100)}
	w.wantRows(in("2", "new"), in("1", "old", toNew))
	left := stay{Environment: "old", Since: at(1), CompleteSince: at(0), Until: at(100)}
	w.wantStays(left, stay{Environment: "new", Since: at(1), Joined: at(100), CompleteSince: at(0)})

	w.rule("newer", 200)
	w.tell(t, failed(prodAPI, "ecs-svc/2", 20))
	toNewer := ledger.Move{Environment: "newer", At: at(200)}
	w.wantRows(in("2", "new"), in("1", "old", toNew, toNewer))
	again := stay{Environment: "new", Since: at(1), Joined: at(100), CompleteSince: at(0), Until: at(200)}
	w.wantStays(left, again, stay{Environment: "newer", Since: at(1), Joined: at(200), CompleteSince: at(0)})

	w.runs(prodAPI, "ecs-svc/3", ran("app", shopAPI, 3))
	w.tell(t, completed(prodAPI, "ecs-svc/3", 30))
	w.wantRows(in("3", "newer"), in("2", "new"), in("1", "old", toNew, toNewer))
	w.wantStays(left, again, stay{Environment: "newer", Since: at(30), CompleteSince: at(0)})
}

func TestARolloutThatComesIntoForceAgainBeginsWithoutMoves(t *testing.T) {
	w := twoImages(t)
	w.tell(t, started(prodAPI, "ecs-svc/1", 0), completed(prodAPI, "ecs-svc/1", 1))
	w.rule("new", 100)
	w.tell(t, started(prodAPI, "ecs-svc/2", 10), failed(prodAPI, "ecs-svc/2", 20), started(prodAPI, "ecs-svc/1", 21))
	move := ledger.Move{Environment: "new", At: at(100)}
	w.wantRows(in("1", "new"), in("2", "new"), in("1", "old", move))
	left := stay{Environment: "old", Since: at(1), CompleteSince: at(0), Until: at(100)}
	w.wantStays(left, stay{Environment: "new", Since: at(1), Joined: at(100), CompleteSince: at(0)})
	w.tell(t, completed(prodAPI, "ecs-svc/1", 30))
	w.wantRows(in("1", "new"), in("2", "new"), in("1", "old", move))
	w.wantStays(left, stay{Environment: "new", Since: at(30), CompleteSince: at(0)})
	for _, placement := range w.ledger.Placements() {
		if placement.Phase == ledger.PhaseEnded && !placement.Unfinished && placement.Environment != "old" {
			t.Errorf("the ended place says %s", placement.Environment)
		}
	}
}

// Both rollouts are of one deployment, and the head has the details of one.
func TestAMoveIsOfTheRolloutThatRunsAndOfNoOtherOfItsDeployment(t *testing.T) {
	w := twoImages(t)
	w.tell(t, completed(prodAPI, "ecs-svc/1", 1), started(prodAPI, "ecs-svc/2", 10), failed(prodAPI, "ecs-svc/2", 20), started(prodAPI, "ecs-svc/1", 21))
	w.rule("new", 100)
	w.tell(t, started(prodAPI, "ecs-svc/1", 21))
	move := ledger.Move{Environment: "new", At: at(100)}
	w.wantRows(in("1", "old"), in("2", "old"), in("1", "old", move))
	w.rule("newer", 200)
	w.tell(t, completed(prodAPI, "ecs-svc/1", 30))
	w.wantRows(in("1", "newer"), in("2", "old"), in("1", "old", move))
	w.wantStays(
		stay{Environment: "old", Since: at(1), CompleteSince: at(1), Until: at(100)},
		stay{Environment: "new", Since: at(1), Joined: at(100), CompleteSince: at(1), Until: at(30)},
		stay{Environment: "newer", Since: at(30), CompleteSince: at(1)},
	)
}

// A late start of another deployment shows that what seemed to be one start of
// this one, told twice, were two.
func TestARolloutThatALateFactSplitsOffHasNoMoves(t *testing.T) {
	w := twoImages(t)
	w.tell(t, completed(prodAPI, "ecs-svc/1", 1), started(prodAPI, "ecs-svc/1", 5))
	w.rule("new", 100)
	w.tell(t, started(prodAPI, "ecs-svc/1", 8))
	move := ledger.Move{Environment: "new", At: at(100)}
	w.wantRows(in("1", "old"), in("1", "old", move))
	w.tell(t, started(prodAPI, "ecs-svc/2", 6))
	w.wantRows(in("1", "old"), in("2", "new"), in("1", "old"), in("1", "old", move))
}

func TestARepeatFindsTheMoveAndARepeatOfThatNone(t *testing.T) {
	w := twoImages(t)
	w.tell(t, completed(prodAPI, "ecs-svc/1", 1))
	w.rule("new", 100)
	w.tell(t, completed(prodAPI, "ecs-svc/1", 1))
	w.rule("new", 200)
	w.repeatsWriteNothing(t, completed(prodAPI, "ecs-svc/1", 1))
	w.wantRows(in("1", "old", ledger.Move{Environment: "new", At: at(100)}))
	snapshot, err := w.ledger.Load(t.Context(), prodAPI)
	if err != nil {
		t.Fatal(err)
	}
	if moves := snapshot.Head.Live["ecs-svc/1"].Moves; len(moves) != 1 {
		t.Errorf("the head knows the moves %+v", moves)
	}
}

func TestAStartThatComesToLightLeavesTheMoves(t *testing.T) {
	w := twoImages(t)
	w.tell(t, completed(prodAPI, "ecs-svc/1", 2))
	w.rule("new", 100)
	w.tell(t, started(prodAPI, "ecs-svc/2", 10))
	w.rule("newer", 200)
	w.tell(t, started(prodAPI, "ecs-svc/1", 1))
	w.wantRows(in("2", "new"), in("1", "old", ledger.Move{Environment: "new", At: at(100)}, ledger.Move{Environment: "newer", At: at(200)}))
	w.wantStays(
		stay{Environment: "old", Since: at(2), CompleteSince: at(2), Until: at(100)},
		stay{Environment: "new", Since: at(2), Joined: at(100), CompleteSince: at(1), Until: at(200)},
		stay{Environment: "newer", Since: at(2), Joined: at(200), CompleteSince: at(1)},
	)
}

// The completion gets its event's time as the changed rule is first seen.
func TestAMoveAndTheGoneRowAgreeThoughTheCompletionIsDatedAnew(t *testing.T) {
	w := twoImages(t)
	swept := completed(prodAPI, "ecs-svc/1", 5)
	swept.Fact.Source = tagalong.FromSweep
	w.tell(t, started(prodAPI, "ecs-svc/1", 0), swept)
	w.rule("new", 100)
	w.tell(t, completed(prodAPI, "ecs-svc/1", 6))
	w.wantRows(in("1", "old", ledger.Move{Environment: "new", At: at(100)}))
	w.wantStays(
		stay{Environment: "old", Since: at(5), CompleteSince: at(0), Until: at(100)},
		stay{Environment: "new", Since: at(6), Joined: at(100), CompleteSince: at(0)},
	)
}

func TestALateFactTellsTheRunningRowSinceWhenTheServiceIsKnown(t *testing.T) {
	w := twoImages(t)
	w.tell(t, completed(prodAPI, "ecs-svc/2", 10))
	w.wantStays(stay{Environment: "old", Since: at(10), CompleteSince: at(10)})
	w.tell(t, failed(prodAPI, "ecs-svc/1", 3))
	w.wantStays(stay{Environment: "old", Since: at(10), CompleteSince: at(3)})
	w.repeatsWriteNothing(t, failed(prodAPI, "ecs-svc/1", 3), completed(prodAPI, "ecs-svc/2", 10))
}

// The late fact dates the ledger's knowledge back, so that the record of the service's
// earlier life is written anew in the same change.
func TestAServiceThatMovesAsItsEarlierLifeIsWrittenAnewHasLeft(t *testing.T) {
	w := twoImages(t)
	w.runs(prodAPI, "ecs-svc/0", ran("app", shopAPI, 0))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 1), retired(prodAPI, 20), completed(prodAPI, "ecs-svc/2", 30))
	w.rule("new", 100)
	w.tell(t, completed(prodAPI, "ecs-svc/0", 0))
	w.wantStays(
		stay{Environment: "old", Since: at(1), CompleteSince: at(0), Until: at(20)},
		stay{Environment: "old", Since: at(30), CompleteSince: at(0), Until: at(100)},
		stay{Environment: "new", Since: at(30), Joined: at(100), CompleteSince: at(0)})
}
