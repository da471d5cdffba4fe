package stories_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// Each line is an ending that no event told, and what the history then says.
func TestWhatNoEventReportedIsRepaired(t *testing.T) {
	for _, test := range []struct {
		name string
		ends func(w *inventoryWorld)
		want string // of the rollouts after the first
	}{
		{"SUCCESSFUL", func(w *inventoryWorld) { w.inventory.Complete(prodAPI) }, "2 completed 2m0s..3m0s"},
		{"FAILED without a rollback", func(w *inventoryWorld) { w.inventory.Fail(prodAPI, false) }, "2 failed 2m0s..3m0s"},
		{"ROLLBACK_SUCCESSFUL", func(w *inventoryWorld) {
			w.inventory.Fail(prodAPI, true)
			w.pass(time.Minute)
			w.inventory.Complete(prodAPI)
		}, "2 failed 2m0s..3m0s, 1 completed 3m0s..4m0s rollback"},
		{"ROLLBACK_IN_PROGRESS", func(w *inventoryWorld) { w.inventory.Fail(prodAPI, true) }, "2 failed 2m0s..3m0s, 1 in_progress 3m0s..- rollback"},
		{"ROLLBACK_FAILED", func(w *inventoryWorld) {
			w.inventory.Fail(prodAPI, true)
			w.pass(time.Minute)
			w.inventory.Fail(prodAPI, true)
		}, "2 failed 2m0s..3m0s, 1 failed 3m0s..4m0s rollback"},
		{"rolled back by hand", func(w *inventoryWorld) {
			w.inventory.RollBack(prodAPI)
			w.pass(time.Minute)
			w.inventory.Complete(prodAPI)
		}, "2 failed 2m0s..3m0s, 1 completed 3m0s..4m0s rollback"},
		{"STOPPED by a newer one", func(w *inventoryWorld) {
			w.deploys(prodAPI, ran("app", shopAPI, 3))
			w.pass(time.Minute)
			w.inventory.Complete(prodAPI)
		}, "2 superseded 2m0s..-, 3 completed 3m0s..4m0s"},
		{"not at all", func(w *inventoryWorld) {}, "2 in_progress 2m0s..-"},
	} {
		for _, known := range []string{"nothing", "the start", "the first rollout", "everything"} {
			t.Run(test.name+" and known was "+known, func(t *testing.T) {
				w := newInventoryWorld(prodRules())
				hear := func(when ...string) {
					if slices.Contains(when, known) {
						w.hears(t)
					}
					w.misses()
				}
				w.rolls(prodAPI, ran("app", shopAPI, 1))
				hear("the start", "the first rollout", "everything")
				w.pass(time.Minute)
				w.deploys(prodAPI, ran("app", shopAPI, 2))
				hear("the start", "everything")
				w.pass(time.Minute)
				test.ends(w)
				hear("everything")
				w.sweeps(t, sweep.Options{Whole: true})
				if got := w.course(t, prodAPI); got != "1 completed 0s..1m0s, "+test.want {
					t.Errorf("rollouts %s\nwant     1 completed 0s..1m0s, %s", got, test.want)
				}
				w.wantRunning(t)
				w.wantTags(t)
				w.wantQuiet(t, sweep.Options{Whole: true})
			})
		}
	}
}

// course says in short what the history has of a service, the oldest first.
func (w *inventoryWorld) course(t failer, s tagalong.Service) string {
	t.Helper()
	rows, err := stream.Collect(w.ledger.Rollouts(t.Context(), s, ledger.Span{}, 0))
	if err != nil {
		t.Fatalf("rollouts: %v", err)
	}
	var all []string
	for _, r := range slices.Backward(rows) {
		since := func(at time.Time) string {
			if at.IsZero() {
				return "-"
			}
			return at.Sub(noon).String()
		}
		line := fmt.Sprintf("%s %s %s..%s", r.Deployment[len(r.Deployment)-1:], r.State, since(r.StartedAt), since(r.FinishedAt))
		if r.Rollback {
			line += " rollback"
		}
		all = append(all, line)
	}
	return strings.Join(all, ", ")
}

// What ECS keeps no records of is told by what it shows.
func TestAServiceWithoutRecordsIsToldByWhatECSShows(t *testing.T) {
	w := newInventoryWorld(prodRules())
	deployment := func(version int) string {
		image := ran("app", shopWeb, version)
		id := w.inventory.Deployment(prodWeb, tagalongtest.Deployment{TaskDefinition: "arn:web", Revised: []tagalong.Ran{image}})
		w.images[deploymentOf{prodWeb, id}] = image
		return id
	}
	first := deployment(1)
	w.inventory.ShiftTraffic(prodWeb, first)
	w.sweeps(t, sweep.Options{})
	w.wantRunning(t)
	w.wantTags(t)
	second := deployment(2)
	w.pass(time.Minute)
	if report := w.sweeps(t, sweep.Options{Whole: true}); report.Recorded != 0 {
		t.Errorf("a task set without traffic was recorded: %+v", report)
	}
	w.inventory.ShiftTraffic(prodWeb, second)
	w.pass(time.Second)
	w.sweeps(t, sweep.Options{})
	w.wantRunning(t)
	w.wantTags(t)
	w.inventory.ShiftTraffic(prodWeb, first) // CodeDeploy rolls back
	w.sweeps(t, sweep.Options{})
	w.wantRunning(t)
	w.wantTags(t)
	w.wantQuiet(t, sweep.Options{Whole: true})
}

// What ended between a task set's start and its last change nobody remembers.
func TestOfAServiceWithoutRecordsTheLedgerIsCompleteFromItsLastChange(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.inventory.ShiftTraffic(prodWeb, w.inventory.Deployment(prodWeb, tagalongtest.Deployment{TaskDefinition: "arn:web", Revised: []tagalong.Ran{ran("app", shopWeb, 1)}}))
	w.pass(30 * 24 * time.Hour)
	w.inventory.Scale(prodWeb)
	scaled := w.now
	w.sweeps(t, sweep.Options{Whole: true})
	if since := w.running(t)[prodWeb].CompleteSince; !since.Equal(scaled) {
		t.Errorf("complete since %v, want %v", since, scaled)
	}
}

// The task set is known to be on its way by CodeDeploy's event.
func TestATaskSetThatIsOnItsWayIsLeftAlone(t *testing.T) {
	w := newInventoryWorld(prodRules())
	image := tagalongtest.Deployment{Revised: []tagalong.Ran{ran("app", shopWeb, 1)}}
	first := w.inventory.Deployment(prodWeb, image)
	w.inventory.ShiftTraffic(prodWeb, first)
	w.sweeps(t, sweep.Options{})
	second := w.inventory.Deployment(prodWeb, image)
	if _, err := w.Observe(t.Context(), prodWeb, tagalong.Fact{Deployment: second, Name: tagalong.InProgress, Time: w.now, Source: tagalong.FromCodeDeploy}); err != nil {
		t.Fatal(err)
	}
	if report := w.sweeps(t, sweep.Options{Whole: true}); report.Recorded != 0 {
		t.Errorf("report %+v", report)
	}
}

// A rollout that the ledger has under way, and ECS neither shows nor remembers, has ended.
func TestARolloutThatECSDoesNotKnowHasFailed(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.hears(t)
	w.pass(time.Minute)
	if _, err := w.Observe(t.Context(), prodAPI, tagalong.Fact{Deployment: "ecs-svc/9", Name: tagalong.InProgress, Time: w.now, Source: tagalong.FromEvent}); err != nil {
		t.Fatal(err)
	}
	report := w.sweeps(t, sweep.Options{})
	w.wantRunning(t)
	if got := w.course(t, prodAPI); got != "1 completed 0s..1m0s, 9 failed 2m0s..1h2m0s" {
		t.Errorf("rollouts %s", got)
	}
	w.wantDrift(t, report, "ledger healed prod-a/api")
	w.wantQuiet(t, sweep.Options{Whole: true})
}

// wantDrift checks what a report has found: kind, whether it is repaired, and what it
// is about.
func (w *inventoryWorld) wantDrift(t failer, r sweep.Report, want ...string) {
	t.Helper()
	got := []string{}
	for _, d := range r.Drift {
		line := string(d.Kind)
		if d.Repaired {
			line += " healed"
		}
		switch {
		case d.Tag != "":
			line += " " + d.Repository + ":" + d.Tag
		case d.Container != "":
			line += " " + d.Cluster + "/" + d.Service + "#" + d.Container
		case d.Service != "":
			line += " " + d.Cluster + "/" + d.Service
		default:
			line += " " + d.Account + d.Repository
		}
		got = append(got, line)
	}
	slices.Sort(got)
	slices.Sort(want)
	if want == nil {
		want = []string{}
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Fatalf("drift (-want +got):\n%s%+v", diff, r.Drift)
	}
}

func TestAServiceThatIsGoneIsRetiredAtTheTimeFirstSeenGone(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.pass(time.Second)
	w.rolls(prodWeb, ran("app", shopAPI, 2))
	w.hears(t)
	w.inventory.Delete(prodWeb)
	report := w.sweeps(t, sweep.Options{})
	seen := w.now
	w.wantDrift(t, report, "retired healed prod-b/web")
	w.wantRunning(t)
	w.wantTags(t) // the other service has the tag again
	rows, _ := stream.Collect(w.ledger.Rollouts(t.Context(), prodWeb, ledger.Span{}, 0))
	if len(rows) != 1 || !rows[0].Until.Equal(seen) || !rows[0].Retired {
		t.Errorf("rollouts:\n%s", courseOf(rows))
	}
	w.wantQuiet(t, sweep.Options{Whole: true})
	w.rolls(prodWeb, ran("app", shopAPI, 3)) // it comes again
	w.sweeps(t, sweep.Options{})
	w.wantRunning(t)
	w.wantTags(t)
	w.wantQuiet(t, sweep.Options{Whole: true})
}

func TestAServiceThatWasMadeAnewUnseenHadGone(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.hears(t)
	w.pass(time.Hour)
	w.inventory.Delete(prodAPI)
	w.pass(time.Hour)
	w.deploys(prodAPI, ran("app", shopAPI, 2)) // and does not complete
	anew := w.now
	w.misses()
	w.sweeps(t, sweep.Options{})
	w.wantRunning(t)
	w.wantTags(t)
	rows, _ := stream.Collect(w.ledger.Rollouts(t.Context(), prodAPI, ledger.Span{}, 0))
	if first := rows[len(rows)-1]; !first.Retired || !first.Until.Before(anew) || anew.Sub(first.Until) > time.Minute || rows[0].State != timeline.StateInProgress {
		t.Errorf("rollouts:\n%s", courseOf(rows))
	}
	w.wantQuiet(t, sweep.Options{Whole: true})
}

// What is scaled is shown as if it were rolled out, where ECS says nothing of rollouts.
func TestWhatIsScaledIsNotRolledOut(t *testing.T) {
	for name, rolls := range map[string]func(w *inventoryWorld) tagalong.Service{
		"behind a Classic Load Balancer": func(w *inventoryWorld) tagalong.Service {
			w.rolls(prodWeb, ran("app", shopWeb, 1))
			return prodWeb
		},
		"task sets": func(w *inventoryWorld) tagalong.Service {
			w.inventory.ShiftTraffic(prodWeb, w.inventory.Deployment(prodWeb, tagalongtest.Deployment{TaskDefinition: "arn:web", Revised: []tagalong.Ran{ran("app", shopWeb, 1)}}))
			return prodWeb
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newInventoryWorld(prodRules())
			s := rolls(w)
			w.sweeps(t, sweep.Options{Whole: true})
			course := w.course(t, s)
			w.inventory.Steady(s, false)
			w.wantQuiet(t, sweep.Options{Whole: true})
			w.inventory.Steady(s, true)
			w.wantQuiet(t, sweep.Options{Whole: true})
			if now := w.course(t, s); now != course {
				t.Errorf("%s\nbecame %s", course, now)
			}
		})
	}
}

func TestTheLostEndOfARollbackIsSeenThoughItRanBefore(t *testing.T) {
	for _, recorded := range []bool{true, false} {
		t.Run(fmt.Sprintf("recorded %t", recorded), func(t *testing.T) {
			w := newInventoryWorld(prodRules())
			first := w.rolls(prodAPI, ran("app", shopAPI, 1))
			w.hears(t)
			w.deploys(prodAPI, ran("app", shopAPI, 2))
			w.pass(time.Minute)
			w.inventory.Fail(prodAPI, true)
			w.hears(t)
			w.pass(time.Minute)
			w.inventory.Complete(prodAPI)
			w.misses()
			if !recorded {
				w.Inventory = unrecorded{w.inventory}
			}
			w.sweeps(t, sweep.Options{})
			rows, _ := stream.Collect(w.ledger.Rollouts(t.Context(), prodAPI, ledger.Span{}, 0))
			if len(rows) != 3 || rows[0].Deployment != first || rows[0].State != timeline.StateCompleted || !rows[0].Rollback {
				t.Errorf("rollouts:\n%s", courseOf(rows))
			}
			w.wantQuiet(t, sweep.Options{})
		})
	}
}

// unrecorded is an inventory of whose deployments ECS has no records.
type unrecorded struct{ *tagalongtest.Inventory }

func (unrecorded) DeploymentHistory(context.Context, tagalong.Scope, []tagalong.Service) (map[tagalong.Service][]pipeline.ServiceDeployment, error) {
	return nil, nil
}

// Between the completion and the service that was made anew lies less than by how
// much an event's time and ECS's record may differ.
func TestAServiceThatWasMadeAnewAtOnceHadGone(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	completed := w.now
	w.hears(t)
	w.pass(time.Second)
	w.inventory.Delete(prodAPI)
	w.deploys(prodAPI, ran("app", shopAPI, 2)) // and does not complete
	w.sweeps(t, sweep.Options{})
	w.wantRunning(t)
	w.wantTags(t)
	rows, _ := stream.Collect(w.ledger.Rollouts(t.Context(), prodAPI, ledger.Span{}, 0))
	if first := rows[len(rows)-1]; len(rows) != 2 || !first.Retired || !first.Until.Equal(completed) || rows[0].State != timeline.StateInProgress {
		t.Errorf("rollouts:\n%s", courseOf(rows))
	}
	w.wantQuiet(t, sweep.Options{Whole: true})
}

// By the clock of its events it completed before the service was made.
func TestWhatECSStillHasIsNoFormerService(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.inventory.Jitter = func() time.Duration { return -time.Second }
	w.deploys(prodAPI, ran("app", shopAPI, 1))
	w.inventory.Complete(prodAPI)
	w.hears(t)
	w.sweeps(t, sweep.Options{})
	w.wantRunning(t)
	if got := w.course(t, prodAPI); got != "1 completed -1s..-1s" {
		t.Errorf("rollouts %s", got)
	}
}

func TestAServiceThatNoRuleManagesAnyMoreIsRetiredAndComesBack(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.hears(t)
	w.Rules = tagalong.Rules{{Environment: "prod", Clusters: []string{"other"}}}
	report := w.sweeps(t, sweep.Options{})
	w.wantDrift(t, report, "retired healed prod-a/api")
	w.wantRunning(t)
	w.wantTags(t)
	w.wantQuiet(t, sweep.Options{Whole: true})
	w.Rules = prodRules()
	w.sweeps(t, sweep.Options{})
	w.wantRunning(t)
	w.wantTags(t)
	w.wantQuiet(t, sweep.Options{Whole: true})
}

func TestAChangedRuleTakesEffectWithTheSweep(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.hears(t)
	w.Rules = tagalong.Rules{{Environment: "live", Tags: []string{"{environment}", "{service}"}}}
	w.sweeps(t, sweep.Options{})
	w.wantRunning(t)
	w.wantTags(t)
	if running := w.running(t); running[prodAPI].Environment != "live" {
		t.Errorf("members %+v", running)
	}
	w.wantQuiet(t, sweep.Options{Whole: true})
}

func TestATagThatSomebodyMovesOnceInASeasonIsPutBackEachTime(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.hears(t)
	for range 6 {
		w.pass(60 * 24 * time.Hour)
		w.registry.Push(shopAPI, imageOf(shopAPI, 3), "prod")
		w.wantDrift(t, w.sweeps(t, sweep.Options{}), "tag healed shop/api:prod")
		w.wantTags(t)
	}
}

// Whoever was at odds with us is put to the test again a week later.
func TestATagThatSomebodyFoughtForIsPutBackOnceAWeek(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.hears(t)
	for range 3 {
		w.registry.Push(shopAPI, imageOf(shopAPI, 3), "prod")
		w.sweeps(t, sweep.Options{})
	}
	for range 3 {
		w.registry.Push(shopAPI, imageOf(shopAPI, 3), "prod")
		for range 24 * 6 {
			w.wantDrift(t, w.sweeps(t, sweep.Options{}), "fought shop/api:prod")
		}
		w.pass(48 * time.Hour)
		w.wantDrift(t, w.sweeps(t, sweep.Options{}), "tag healed shop/api:prod")
		w.wantTags(t)
	}
}

// The handler has written the wish, and is about to put the tag.
func TestATagThatAHandlerIsAboutToPutIsNoDrift(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.hears(t)
	w.registry.OnTag = func(_ context.Context, _ tagalong.Repository, _ tagalong.Manifest, _ string, put func() error) error {
		w.registry.OnTag = nil
		report, err := w.Sweep(t.Context(), sweep.Options{})
		if err != nil {
			t.Error(err)
		}
		w.wantDrift(t, report)
		return put()
	}
	w.rolls(prodAPI, ran("app", shopAPI, 2))
	w.hears(t)
	w.wantTags(t)
}

func TestATagThatSomebodyMovesIsPutBackThreeTimesAndThenReported(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.hears(t)
	for range 3 {
		w.registry.Push(shopAPI, imageOf(shopAPI, 3), "prod")
		w.wantDrift(t, w.sweeps(t, sweep.Options{}), "tag healed shop/api:prod")
		w.wantTags(t)
		w.wantQuiet(t, sweep.Options{Whole: true})
	}
	w.registry.Push(shopAPI, imageOf(shopAPI, 3), "prod")
	report := w.sweeps(t, sweep.Options{})
	w.wantDrift(t, report, "fought shop/api:prod")
	if !report.Left() || w.registry.Tags(shopAPI)["prod"] != imageOf(shopAPI, 3).Digest {
		t.Errorf("report %+v", report)
	}
	w.wantQuiet(t, sweep.Options{Whole: true})
	w.rolls(prodAPI, ran("app", shopAPI, 2)) // a new wish is put all the same
	w.hears(t)
	w.wantDrift(t, w.sweeps(t, sweep.Options{}))
	w.wantTags(t)
}

func TestATagThatSomebodyRemovesIsPutBack(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.hears(t)
	w.registry.Untag(shopAPI, "prod")
	report := w.sweeps(t, sweep.Options{})
	w.wantDrift(t, report, "tag healed shop/api:prod")
	w.wantTags(t)
	if report.Moved != 1 || report.Left() {
		t.Errorf("report %+v", report)
	}
}

func TestABlockedTagIsPutAgainInItsHourOnly(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.registry.Push(shopAPI, imageOf(shopAPI, 0), "prod")
	w.registry.Immutable(shopAPI)
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.hears(t)
	tries := 0
	w.registry.OnTag = func(_ context.Context, _ tagalong.Repository, _ tagalong.Manifest, _ string, put func() error) error {
		tries++
		return put()
	}
	for range 24 {
		w.wantDrift(t, w.sweeps(t, sweep.Options{Scheduled: true}), "blocked shop/api:prod")
	}
	if tries != 1 {
		t.Errorf("a day of sweeps put the blocked tag %d times, want 1", tries)
	}
	w.sweeps(t, sweep.Options{Whole: true}) // which tries all
	w.wantQuiet(t, sweep.Options{Whole: true})
	w.registry.Push(shopAPI, imageOf(shopAPI, 1), "prod")
	w.wantDrift(t, w.sweeps(t, sweep.Options{Scheduled: true}), "tag healed shop/api:prod")
	w.wantTags(t)
}

func TestAPendingTagIsConvergedAndADoubtSettled(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	held := heldPuts{hold: holdOnce(imageOf(shopAPI, 1), tagalong.ErrUnanswered, nil)}
	w.registry.OnTag = held.onTag
	w.hears(t) // the repetition succeeds, the first may still arrive
	report, err := w.Sweep(t.Context(), sweep.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.wantDrift(t, report) // only time helps
	w.wantQuiet(t, sweep.Options{})
	w.pass(16 * time.Minute)
	report, err = w.Sweep(t.Context(), sweep.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.wantDrift(t, report, "tag healed shop/api:prod")
	w.wantTags(t)
}

// The handler died between its commit and its put.
func TestATagThatNobodyPutIsPut(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.registry.OnRead = failingRead
	for _, sent := range w.unheard() {
		_, _ = w.Reactor.Handle(t.Context(), sent.JSON(uuid(1)))
	}
	w.registry.OnRead = nil
	w.wantDrift(t, w.sweeps(t, sweep.Options{}), "tag healed shop/api:prod")
	w.wantTags(t)
}

func TestWhatTheSweepCannotRepairIsReported(t *testing.T) {
	w := newInventoryWorld(tagalong.Rules{{Environment: "prod", Clusters: []string{"prod-*"}}, {Environment: "test", Services: []string{"none"}}})
	stray := tagalong.Service{Account: prodAPI.Account, Region: prodAPI.Region, Cluster: "test", Name: "web"}
	w.rolls(stray, ran("app", shopAPI, 1))
	w.inventory.Deploy(prodAPI, tagalongtest.Deployment{Revised: []tagalong.Ran{{Name: "app", Image: shopAPI.String() + ":v1"}}}) // only the registry can guess
	w.pass(time.Minute)
	w.inventory.Complete(prodAPI)
	w.rolls(prodWeb, ran("app", shopWeb, 2))
	w.registry.Delete(shopWeb, imageOf(shopWeb, 2).Digest)
	w.pass(time.Minute)
	w.deploys(prodWeb, ran("app", shopWeb, 3)) // no circuit breaker
	w.hears(t)
	w.pass(2 * time.Hour)
	report := w.sweeps(t, sweep.Options{})
	w.wantDrift(t, report, "unmanaged test/web", "unknown prod-a/api#app", "missing shop/web:prod", "overdue prod-b/web")
	if !report.Left() {
		t.Error("nothing is left to do")
	}
	w.wantQuiet(t, sweep.Options{Whole: true})
}

func TestADigestThatIsKnownNowIsProven(t *testing.T) {
	w := newInventoryWorld(prodRules())
	image := ran("app", shopAPI, 1)
	unresolved := tagalong.Ran{Name: image.Name, Image: image.Image}
	task := tagalong.TaskRun{TaskDefinition: "arn:api", Containers: []tagalong.Ran{image}}
	id := w.inventory.Deploy(prodAPI, tagalongtest.Deployment{TaskDefinition: "arn:api", Revised: []tagalong.Ran{unresolved}})
	w.images[deploymentOf{prodAPI, id}] = image
	w.inventory.Complete(prodAPI)
	w.hears(t)
	w.inventory.Report(prodAPI, id, task)
	w.wantDrift(t, w.sweeps(t, sweep.Options{}))
	w.wantTags(t)
	w.wantQuiet(t, sweep.Options{Whole: true})
}

func TestOneAccountsFailureDoesNotStopTheOthers(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.rolls(awayService, ran("app", shopWeb, 2))
	w.hears(t)
	w.inventory.Delete(prodAPI)
	w.rolls(awayService, ran("app", shopWeb, 3))
	w.misses()
	refused := errors.New("AccessDenied")
	w.inventory.Hook = func(_ context.Context, c tagalongtest.Call) error {
		if c.Account == prodAPI.Account {
			return refused
		}
		return nil
	}
	w.pass(time.Hour)
	report, err := w.Sweep(t.Context(), sweep.Options{})
	if !errors.Is(err, refused) {
		t.Errorf("error %v", err)
	}
	w.wantDrift(t, report, "unreachable "+prodAPI.Account, "ledger healed prod-a/api")
	running := w.running(t)
	if _, stays := running[prodAPI]; !stays || running[awayService].Deployment != w.inventory.Running()[awayService] {
		t.Errorf("members %+v", running)
	}
	w.inventory.Hook = nil
	w.sweeps(t, sweep.Options{})
	w.wantRunning(t)
	w.wantTags(t)
}

var awayService = tagalong.Service{Account: "444455556666", Region: "eu-west-1", Cluster: "prod-a", Name: "api"}

func TestOneServicesFailureDoesNotStopTheOthers(t *testing.T) {
	w := newInventoryWorld(prodRules())
	other := tagalong.Service{Account: prodAPI.Account, Region: prodAPI.Region, Cluster: prodAPI.Cluster, Name: "other"}
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	bad := w.rolls(other, ran("app", shopWeb, 2))
	w.Reactor.Workload = refusing{w.inventory, bad}
	w.pass(time.Hour)
	report, err := w.Sweep(t.Context(), sweep.Options{})
	if !errors.Is(err, errDied) {
		t.Errorf("error %v", err)
	}
	w.wantDrift(t, report, "ledger healed prod-a/api", "ledger prod-a/other")
	w.Reactor.Workload = w.inventory
	w.sweeps(t, sweep.Options{})
	w.wantRunning(t)
	w.wantTags(t)
}

// refusing is a workload that does not show one deployment.
type refusing struct {
	tagalong.Workload
	deployment string
}

func (r refusing) Revision(ctx context.Context, s tagalong.Service, deployment string) (tagalong.Spec, error) {
	if deployment == r.deployment {
		return tagalong.Spec{}, errDied
	}
	return r.Workload.Revision(ctx, s, deployment)
}

func TestOneRepositorysFailureDoesNotStopTheOthers(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.rolls(prodWeb, ran("app", shopWeb, 2))
	w.hears(t)
	w.registry.Untag(shopAPI, "prod")
	w.registry.Untag(shopWeb, "prod")
	w.registry.OnRead = func(_ context.Context, r tagalong.Repository, read func() (tagalong.Images, error)) (tagalong.Images, error) {
		if r == shopAPI {
			return tagalong.Images{}, errDied
		}
		return read()
	}
	w.pass(time.Hour)
	report, err := w.Sweep(t.Context(), sweep.Options{})
	if !errors.Is(err, errDied) {
		t.Errorf("error %v", err)
	}
	w.wantDrift(t, report, "unreachable shop/api", "tag healed shop/web:prod")
}

// places returns where all tags are.
func (w *inventoryWorld) places() map[string]string {
	all := map[string]string{}
	for _, r := range []tagalong.Repository{shopAPI, shopWeb} {
		for tag, at := range w.registry.Tags(r) {
			all[r.Name+":"+tag] = at.String()
		}
	}
	return all
}

func TestADryRunTellsWhatARuleThatHasChangedWouldDo(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.hears(t)
	w.sweeps(t, sweep.Options{Whole: true})
	w.Rules = tagalong.Rules{{Environment: "live", Tags: []string{"{environment}", "{service}"}}}
	writes := w.ledger.Writes()
	dry := w.sweeps(t, sweep.Options{DryRun: true})
	w.wantDrift(t, dry, "ledger prod-a/api", "tag shop/api:api", "tag shop/api:live")
	if !dry.Left() || w.ledger.Writes() != writes {
		t.Errorf("report %+v, %d writes", dry, w.ledger.Writes()-writes)
	}
	w.wantDrift(t, w.sweeps(t, sweep.Options{}), "ledger healed prod-a/api")
	if at := w.registry.Tags(shopAPI); at["live"] != imageOf(shopAPI, 1).Digest || at["api"] != imageOf(shopAPI, 1).Digest {
		t.Errorf("tags %v", at)
	}
	w.wantQuiet(t, sweep.Options{Whole: true})
}

func TestADryRunOnAnEmptyLedgerTellsWhichTagsWouldMove(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.registry.Push(shopAPI, imageOf(shopAPI, 0), "prod")
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	dry := w.sweeps(t, sweep.Options{DryRun: true})
	w.wantDrift(t, dry, "ledger prod-a/api", "tag shop/api:prod")
	for _, d := range dry.Drift {
		if d.Kind == sweep.DriftTag && (d.Want != imageOf(shopAPI, 1).Digest || d.Actual != imageOf(shopAPI, 0).Digest) {
			t.Errorf("drift %+v", d)
		}
	}
}

// The tag is not even where the ledger has it now.
func TestADryRunTellsOfATagOnce(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.hears(t)
	w.rolls(prodAPI, ran("app", shopAPI, 2))
	w.misses()
	w.registry.Push(shopAPI, imageOf(shopAPI, 0), "prod")
	w.wantDrift(t, w.sweeps(t, sweep.Options{DryRun: true}), "ledger prod-a/api", "tag shop/api:prod")
}

func TestADryRunTellsAnImageThatIsGoneFromATagThatWasMoved(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.hears(t)
	w.registry.Delete(shopAPI, imageOf(shopAPI, 1).Digest)
	w.wantDrift(t, w.sweeps(t, sweep.Options{DryRun: true}), "missing shop/api:prod")
	w.wantDrift(t, w.sweeps(t, sweep.Options{}), "missing shop/api:prod")
}

func TestARunningDeploymentOfWhichNothingIsKnownIsDrift(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.inventory.Deploy(prodAPI, tagalongtest.Deployment{})
	w.pass(time.Minute)
	w.inventory.Complete(prodAPI)
	w.hears(t)
	w.wantDrift(t, w.sweeps(t, sweep.Options{}), "unknown prod-a/api")
}

// services gives what drift there is of services: that of tags follows from it.

func TestASweepOfOneClusterOrServiceTouchesNoOther(t *testing.T) {
	for _, test := range []struct {
		name    string
		options func() sweep.Options
	}{
		{"cluster", func() sweep.Options { return sweep.Options{Cluster: "prod-a"} }},
		{"service", func() sweep.Options {
			pattern, err := tagalong.ParseServicePattern("prod-a/*")
			if err != nil {
				t.Fatal(err)
			}
			return sweep.Options{Services: pattern}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newInventoryWorld(prodRules())
			w.rolls(prodAPI, ran("app", shopAPI, 1))
			w.rolls(prodWeb, ran("app", shopWeb, 2))
			report := w.sweeps(t, test.options())
			if running := w.running(t); len(running) != 1 || running[prodAPI].Deployment == "" || report.Services != 1 {
				t.Errorf("members %+v, report %+v", running, report)
			}
			w.wantTag(t, shopAPI, "prod", 1)
			w.hears(t)
			w.inventory.Delete(prodAPI)
			w.inventory.Delete(prodWeb)
			w.sweeps(t, test.options())
			if running := w.running(t); len(running) != 1 || running[prodWeb].Deployment == "" {
				t.Errorf("members %+v", running)
			}
		})
	}
}

func (w *inventoryWorld) wantTag(t failer, r tagalong.Repository, tag string, version int) {
	t.Helper()
	if sits := w.registry.Tags(r)[tag]; sits != imageOf(r, version).Digest {
		t.Fatalf("tag %s sits on %q", tag, sits)
	}
}

// The events came up to a time, then no more, and then again.
func TestATimeInAGapIsAnsweredRightAfterTheSweep(t *testing.T) {
	w := newInventoryWorld(prodRules())
	var ran1 []string
	for version := range 4 {
		ran1 = append(ran1, w.rolls(prodAPI, ran("app", shopAPI, version)))
		if version == 1 || version == 2 {
			w.misses()
		} else {
			w.hears(t)
		}
		w.pass(24 * time.Hour)
	}
	w.sweeps(t, sweep.Options{Whole: true})
	q := query.Queries{Records: w.ledger, Now: func() time.Time { return w.now }}
	for day, want := range ran1 {
		page, err := q.Running(t.Context(), query.RunningQuery{At: noon.Add(time.Duration(day)*24*time.Hour + 2*time.Hour)}, query.Paging{})
		if err != nil || len(page.Items) != 1 || page.Items[0].Deployment != want {
			t.Errorf("day %d: %+v, %v; want %s", day, page.Items, err, want)
		}
	}
	_, err := q.Running(t.Context(), query.RunningQuery{At: noon.Add(-time.Hour)}, query.Paging{})
	var horizon *query.HorizonError
	if !errors.As(err, &horizon) || !horizon.CompleteSince.Equal(noon) {
		t.Errorf("before the ledger: %v", err)
	}
}

// What ECS remembers is older than what the ledger is to keep.
func TestWhatIsOlderThanTheRetentionIsNotImportedButWhatRunsIs(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.Retention = 30 * 24 * time.Hour
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.pass(time.Hour)
	w.rolls(prodAPI, ran("app", shopAPI, 2))
	w.pass(60 * 24 * time.Hour)
	w.sweeps(t, sweep.Options{Whole: true})
	w.wantRunning(t)
	w.wantTags(t)
	if got := w.course(t, prodAPI); got != "2 completed 1h1m0s..1h2m0s" {
		t.Errorf("rollouts %s", got)
	}
	w.wantQuiet(t, sweep.Options{Whole: true})
}

// ECS is asked, and then something happens that an event tells at once: what ECS
// showed is the past.
func TestWhatHappensWhileTheSweepLooksIsNotUndone(t *testing.T) {
	for _, test := range []struct {
		name      string
		meanwhile func(w *inventoryWorld)
	}{
		{"it completes", func(w *inventoryWorld) { w.inventory.Complete(prodAPI) }},
		{"it fails", func(w *inventoryWorld) { w.inventory.Fail(prodAPI, true) }},
		{"it is rolled back", func(w *inventoryWorld) {
			w.inventory.Fail(prodAPI, true)
			w.pass(time.Second)
			w.inventory.Complete(prodAPI)
		}},
		{"another one begins", func(w *inventoryWorld) { w.deploys(prodAPI, ran("app", shopAPI, 3)) }},
		{"another one completes", func(w *inventoryWorld) { w.rolls(prodAPI, ran("app", shopAPI, 3)) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newInventoryWorld(prodRules())
			w.rolls(prodAPI, ran("app", shopAPI, 1))
			w.deploys(prodAPI, ran("app", shopAPI, 2))
			w.hears(t)
			w.pass(10 * time.Minute)
			once := true
			w.Inventory = changingInventory{w.inventory, func() {
				if once {
					once = false
					w.pass(time.Second)
					test.meanwhile(w)
					w.hears(t)
				}
			}}
			want := func() string { return w.course(t, prodAPI) }
			if _, err := w.Sweep(t.Context(), sweep.Options{Whole: true}); err != nil {
				t.Fatal(err)
			}
			after := want()
			w.Inventory = w.inventory
			w.sweeps(t, sweep.Options{Whole: true})
			w.wantRunning(t)
			w.wantTags(t)
			if again := want(); again != after {
				t.Errorf("the sweep made up %s\nit is     %s", after, again)
			}
			w.wantHistory(t)
		})
	}
}

// changingInventory is an inventory in which something happens right after a service was shown.
type changingInventory struct {
	sweep.Inventory
	then func()
}

func (s changingInventory) Describe(ctx context.Context, of tagalong.Scope, cluster string, names []string) ([]sweep.ServiceState, error) {
	states, err := s.Inventory.Describe(ctx, of, cluster, names)
	s.then()
	return states, err
}

// spoiledWorld has something of everything that a sweep repairs.
func spoiledWorld(t failer) *inventoryWorld {
	t.Helper()
	w := newInventoryWorld(prodRules())
	services := []tagalong.Service{prodAPI, prodWeb, awayService}
	for n := range 9 {
		services = append(services, tagalong.Service{Account: prodAPI.Account, Region: prodAPI.Region, Cluster: fmt.Sprintf("prod-%d", n%3), Name: fmt.Sprintf("s%d", n)})
	}
	for n, s := range services {
		w.rolls(s, ran("app", []tagalong.Repository{shopAPI, shopWeb}[n%2], n%versions))
		if n%3 == 0 {
			w.hears(t)
		}
		w.misses()
		w.pass(time.Minute)
	}
	for n, s := range services {
		if n%4 == 0 {
			w.inventory.Delete(s)
			continue
		}
		w.deploys(s, ran("app", shopAPI, (n+1)%versions))
		w.pass(time.Minute)
		w.inventory.Fail(s, true)
		w.pass(time.Minute)
		w.inventory.Complete(s)
	}
	w.misses()
	w.registry.Push(shopAPI, imageOf(shopAPI, 0), "prod")
	w.pass(time.Hour)
	return w
}

// outcome is what the sweep made of it, but for what was seen when.
func (w *inventoryWorld) outcome() string { return w.ledger.Dump() }

// Whatever call is the last that the time allows, the next sweep goes on.
func TestASweepThatIsInterruptedAnywhereAndTakenUpEndsAlike(t *testing.T) {
	whole := spoiledWorld(t)
	if _, err := whole.Sweep(t.Context(), sweep.Options{Whole: true, Scheduled: true}); err != nil {
		t.Fatal(err)
	}
	step, least := 1, 100
	if testing.Short() {
		step, least = 9, 10
	}
	interrupted := 0
	for stop := 2; ; stop += step { // the first reads the cursor: without it there is no sweep
		w := spoiledWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		var mu sync.Mutex
		count := func() {
			mu.Lock()
			defer mu.Unlock()
			if calls++; calls == stop {
				cancel()
			}
		}
		w.hook(count)
		report, err := w.Sweep(ctx, sweep.Options{Whole: true, Scheduled: true})
		cancel()
		if err != nil {
			t.Fatalf("stopped at call %d: %v", stop, err)
		}
		if stop > calls {
			break
		}
		if !report.Unfinished {
			if stop < calls-1 {
				t.Fatalf("stopped at call %d: %+v", stop, report)
			}
			continue // at its very last calls it may have been done
		}
		interrupted++
		w.hook(func() {})
		for range 2 { // the second time begins anew
			if report, err = w.Sweep(t.Context(), sweep.Options{Whole: true, Scheduled: true}); err != nil || report.Unfinished {
				t.Fatalf("taken up after call %d: %+v, %v", stop, report, err)
			}
		}
		w.wantRunning(t)
		w.wantTags(t)
		w.wantHistory(t)
		if diff := gocmp.Diff(whole.outcome(), w.outcome()); diff != "" {
			t.Fatalf("stopped at call %d (-whole +taken up):\n%s", stop, diff)
		}
		if cursor, _ := w.ledger.Cursor(t.Context()); strings.Contains(cursor, "phase") {
			t.Fatalf("stopped at call %d: the cursor %s is left", stop, cursor)
		}
	}
	if interrupted < least {
		t.Errorf("only %d calls to be interrupted at", interrupted)
	}
}

// hook counts every call.
func (w *inventoryWorld) hook(count func()) {
	w.ledger.Hook = func(context.Context, string) error { count(); return nil }
	w.inventory.Hook = func(context.Context, tagalongtest.Call) error { count(); return nil }
	w.registry.OnRead = func(ctx context.Context, _ tagalong.Repository, read func() (tagalong.Images, error)) (tagalong.Images, error) {
		count()
		return read()
	}
	w.registry.OnTag = func(ctx context.Context, _ tagalong.Repository, _ tagalong.Manifest, _ string, put func() error) error {
		count()
		if err := ctx.Err(); err != nil {
			return err
		}
		return put()
	}
}

// A function has so much time, and each call takes a second: the sweep ends in
// good time, and each invocation comes further.
func TestASweepEndsBeforeItsDeadlineAndGoesOnInTheNextInvocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := spoiledWorld(t)
		w.hook(func() { time.Sleep(200 * time.Millisecond) })
		for invocations := 1; ; invocations++ {
			ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
			report, err := w.Sweep(ctx, sweep.Options{Whole: true, Scheduled: true})
			left := ctx.Err()
			cancel()
			if err != nil || left != nil {
				t.Fatalf("invocation %d: %v, %v", invocations, err, left)
			}
			if !report.Unfinished {
				if invocations < 3 {
					t.Errorf("done after %d invocations", invocations)
				}
				break
			}
			if invocations > 100 {
				t.Fatal("it comes to no end")
			}
		}
		w.hook(func() {})
		w.wantRunning(t)
		w.wantTags(t)
		w.wantHistory(t)
	})
}

func TestTwoSweepsAtOnceEndLikeOne(t *testing.T) {
	one := spoiledWorld(t)
	if _, err := one.Sweep(t.Context(), sweep.Options{Whole: true}); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		w := spoiledWorld(t)
		var wait sync.WaitGroup
		for range 2 {
			wait.Go(func() {
				if _, err := w.Sweep(t.Context(), sweep.Options{Whole: true}); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		w.wantRunning(t)
		w.wantTags(t)
		if diff := gocmp.Diff(one.outcome(), w.outcome()); diff != "" {
			t.Fatalf("(-one +two):\n%s", diff)
		}
	}
}

// All events come while the sweep is under way, in any order.
func TestASweepBesideHandlersEndsLikeOneAfterThem(t *testing.T) {
	for seed := range 40 {
		synctest.Test(t, func(t *testing.T) {
			w := spoiledWorld(t)
			sent := w.inventory.Events(0)
			w.hook(func() { time.Sleep(time.Duration(seed%7+1) * time.Millisecond) })
			var wait sync.WaitGroup
			wait.Go(func() {
				if _, err := w.Sweep(t.Context(), sweep.Options{Whole: true}); err != nil {
					t.Error(err)
				}
			})
			for n, event := range sent {
				wait.Go(func() {
					time.Sleep(time.Duration((n*seed)%97) * 5 * time.Millisecond)
					if _, err := w.Reactor.Handle(t.Context(), event.JSON(uuid(n))); err != nil {
						t.Error(err)
					}
				})
			}
			wait.Wait()
			w.hook(func() {})
			w.sweeps(t, sweep.Options{Whole: true}) // of a service that is gone an event may have been the last
			w.wantRunning(t)
			w.wantTags(t)
			w.wantHistory(t)
			w.wantQuiet(t, sweep.Options{Whole: true})
		})
	}
}

func TestASweepsCallsAreThoseOfTheBatchOptimum(t *testing.T) {
	w := newInventoryWorld(prodRules())
	for n := range 250 {
		s := tagalong.Service{Account: prodAPI.Account, Region: prodAPI.Region, Cluster: fmt.Sprintf("prod-%d", n%2), Name: fmt.Sprintf("s%03d", n)}
		w.rolls(s, ran("app", shopAPI, n%versions))
	}
	calls := func(o sweep.Options) string {
		before := w.inventory.Calls()
		w.sweeps(t, o)
		var all []string
		for name, n := range w.inventory.Calls() {
			if n > before[name] {
				all = append(all, fmt.Sprintf("%s %d", name, n-before[name]))
			}
		}
		slices.Sort(all)
		return strings.Join(all, ", ")
	}
	for _, test := range []struct {
		name    string
		options sweep.Options
		want    string
	}{
		{"backfill", sweep.Options{}, "DescribeServiceRevisions 14, DescribeServices 26, ListClusters 2, ListServiceDeployments 250, ListServices 4, ListTasks 2"},
		{"whole", sweep.Options{Whole: true}, "DescribeServices 26, ListClusters 2, ListServiceDeployments 250, ListServices 4, ListTasks 2"},
	} {
		if got := calls(test.options); got != test.want {
			t.Errorf("%s: %s\nwant %s", test.name, got, test.want)
		}
	}
	for _, apart := range []time.Duration{time.Hour, 90 * time.Minute, 6 * time.Hour, 20 * time.Minute} {
		w.sweeps(t, sweep.Options{Scheduled: true})
		before := w.inventory.Calls()["ListServiceDeployments"]
		for range 24 * time.Hour / apart {
			w.pass(apart - time.Hour) // which sweeps lets pass
			w.sweeps(t, sweep.Options{Scheduled: true})
		}
		if day := w.inventory.Calls()["ListServiceDeployments"] - before; day < 240 || day > 260 {
			t.Errorf("a day of sweeps %v apart looked into the records %d times, want about once for each of 250 services", apart, day)
		}
	}
}

// asked notes of which services the records were read.
type asked struct {
	*tagalongtest.Inventory
	of map[tagalong.Service]bool
}

func (e asked) DeploymentHistory(ctx context.Context, s tagalong.Scope, services []tagalong.Service) (map[tagalong.Service][]pipeline.ServiceDeployment, error) {
	for _, one := range services {
		e.of[one] = true
	}
	return e.Inventory.DeploymentHistory(ctx, s, services)
}

// manyServices is a world of services, half of them in each of two clusters, that the
// ledger knows.
func manyServices(t failer, n int) *inventoryWorld {
	w := newInventoryWorld(prodRules())
	for i := range n {
		w.rolls(tagalong.Service{Account: prodAPI.Account, Region: prodAPI.Region, Cluster: fmt.Sprintf("prod-%d", i%2), Name: fmt.Sprintf("s%03d", i)}, ran("app", shopAPI, 1))
	}
	w.hears(t)
	w.sweeps(t, sweep.Options{Scheduled: true})
	return w
}

func TestTheRecordsOfEachServiceAreReadOnceADayHoweverSeldomItSweeps(t *testing.T) {
	w := manyServices(t, 40)
	for day := range 3 {
		of := map[tagalong.Service]bool{}
		w.Inventory = asked{w.inventory, of}
		w.pass(23 * time.Hour)
		w.sweeps(t, sweep.Options{Scheduled: true})
		if len(of) != 40 {
			t.Errorf("day %d: the records of %d services were read", day, len(of))
		}
	}
}

// A pass that takes two invocations has the hours of both.
func TestTheRecordsOfEachServiceAreReadOnceADayThoughEachPassIsInterrupted(t *testing.T) {
	w := manyServices(t, 40)
	of := map[tagalong.Service]bool{}
	w.Inventory = asked{w.inventory, of}
	for range 13 {
		ctx, cancel := context.WithCancel(t.Context())
		w.inventory.Hook = func(_ context.Context, c tagalongtest.Call) error {
			if c.Cluster == "prod-1" && c.Operation == "DescribeServices" {
				cancel() // the time is up behind the first cluster
			}
			return ctx.Err()
		}
		w.pass(time.Hour)
		if report, err := w.Sweep(ctx, sweep.Options{Scheduled: true}); err != nil || !report.Unfinished {
			t.Fatalf("report %+v, error %v", report, err)
		}
		cancel()
		w.inventory.Hook = nil
		if report := w.sweeps(t, sweep.Options{Scheduled: true}); report.Unfinished {
			t.Fatalf("report %+v", report)
		}
	}
	if len(of) != 40 {
		t.Errorf("the records of %d services were read", len(of))
	}
}

// Schedules are not exact, and clocks may be wrong.
func TestTheRecordsOfEachServiceAreReadOnceADayWhateverTheClocksSay(t *testing.T) {
	for name, spoil := range map[string]func(w *inventoryWorld){
		"a little less than a day": func(w *inventoryWorld) { w.pass(23*time.Hour - time.Minute) },
		"the last one is to come": func(w *inventoryWorld) {
			if err := w.ledger.SetCursor(context.Background(), `{"begun":"2036-01-01T00:00:00Z"}`); err != nil {
				panic(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := manyServices(t, 40)
			of := map[tagalong.Service]bool{}
			w.Inventory = asked{w.inventory, of}
			spoil(w)
			w.sweeps(t, sweep.Options{Scheduled: true})
			if len(of) != 40 {
				t.Errorf("the records of %d services were read", len(of))
			}
		})
	}
}

// What is known of the pass before stays known, though this one begins anew.
func TestACursorOfAnotherVersionKeepsWhenThePassBeforeBegan(t *testing.T) {
	w := manyServices(t, 40)
	last := w.now
	cursor := fmt.Sprintf(`{"begun":%q,"last":%q,"phase":"services2"}`, last.Add(time.Hour).Format(time.RFC3339), last.Format(time.RFC3339))
	if err := w.ledger.SetCursor(t.Context(), cursor); err != nil {
		t.Fatal(err)
	}
	of := map[tagalong.Service]bool{}
	w.Inventory = asked{w.inventory, of}
	w.pass(time.Hour)
	w.sweeps(t, sweep.Options{Scheduled: true})
	if len(of) == 0 || len(of) > 20 {
		t.Errorf("two hours later the records of %d services of 40 were read", len(of))
	}
}

func TestAPassRightAfterAnotherWritesNothing(t *testing.T) {
	w := spoiledWorld(t)
	w.sweeps(t, sweep.Options{Scheduled: true})
	w.pass(2 * time.Minute)
	w.wantQuiet(t, sweep.Options{Scheduled: true})
}

func TestASweepByHandBeginsAtTheBeginningAndLeavesTheScheduleAlone(t *testing.T) {
	w := spoiledWorld(t)
	const cursor = `{"begun":"2026-03-04T12:00:00Z","phase":"tags","environment":"prod"}`
	if err := w.ledger.SetCursor(t.Context(), cursor); err != nil {
		t.Fatal(err)
	}
	w.sweeps(t, sweep.Options{Whole: true})
	w.wantRunning(t)
	w.wantHistory(t)
	if got, _ := w.ledger.Cursor(t.Context()); got != cursor {
		t.Errorf("the cursor is %s", got)
	}
}

// Of another version, or of another list of accounts.
func TestACursorThatSaysNothingBeginsAtTheBeginning(t *testing.T) {
	for _, cursor := range []string{
		`x`, `{}`, `{"phase":"tags"}`,
		`{"begun":"2026-03-04T12:00:00Z","phase":"services2"}`,
		`{"begun":"2026-03-04T12:00:00Z","phase":"services","scope":{"Account":"999999999999","Region":"us-east-1"},"cluster":"zzz"}`,
	} {
		w := spoiledWorld(t)
		if err := w.ledger.SetCursor(t.Context(), cursor); err != nil {
			t.Fatal(err)
		}
		w.sweeps(t, sweep.Options{Scheduled: true})
		w.wantRunning(t)
		w.wantTags(t)
		w.wantHistory(t)
	}
}

func TestProgressTellsHowFarTheSweepHasCome(t *testing.T) {
	w := spoiledWorld(t)
	var sent []string
	w.sweeps(t, sweep.Options{Progress: func(p sweep.Progress) { sent = append(sent, fmt.Sprintf("%s %s %d", p.Phase, p.At, p.Done)) }})
	if len(sent) < 5 || !strings.HasPrefix(sent[0], "services 111122223333/us-east-1/prod-0 ") || !strings.HasPrefix(sent[len(sent)-1], "tags shop/web ") {
		t.Errorf("told %q", sent)
	}
}

// What cannot be looked at stops nothing else.
func TestOneClusterThatCannotBeReadStopsNothingInTheOthers(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.rolls(prodWeb, ran("app", shopWeb, 2))
	w.hears(t)
	w.inventory.Delete(prodAPI)
	w.inventory.Delete(prodWeb)
	w.inventory.Hook = func(_ context.Context, c tagalongtest.Call) error {
		if c.Cluster == prodAPI.Cluster {
			return tagalong.ErrDenied
		}
		return nil
	}
	w.pass(time.Hour)
	report, err := w.Sweep(t.Context(), sweep.Options{})
	if !errors.Is(err, tagalong.ErrDenied) {
		t.Errorf("error %v", err)
	}
	if rows := slices.DeleteFunc(report.Drift, func(d sweep.Drift) bool { return d.Kind != sweep.DriftUnreachable }); len(rows) != 1 || rows[0].Cluster != prodAPI.Cluster {
		t.Errorf("unreachable: %+v", rows)
	}
	running := w.running(t)
	if _, stays := running[prodWeb]; stays {
		t.Errorf("%s runs, as the ledger has it: %+v", prodWeb, report.Drift)
	}
	if _, stays := running[prodAPI]; !stays {
		t.Errorf("%s is retired, though nobody knows", prodAPI)
	}
}

func TestOneServiceThatFailsStopsNoOther(t *testing.T) {
	a, b := tagalong.Service{Account: prodAPI.Account, Region: prodAPI.Region, Cluster: "prod-a", Name: "a"}, tagalong.Service{Account: prodAPI.Account, Region: prodAPI.Region, Cluster: "prod-a", Name: "b"}
	fails := errors.New("ServerException")
	for _, test := range []struct {
		name  string
		spoil func(w *inventoryWorld)
		drift string // of the other one
	}{
		{"its records cannot be read", func(w *inventoryWorld) {
			w.misses()
			w.Inventory = secretive{w.inventory, a, fails}
		}, "ledger healed prod-a/b"},
		{"it cannot be retired", func(w *inventoryWorld) {
			w.hears(t)
			w.inventory.Delete(a)
			w.inventory.Delete(b)
			w.Reactor.Ledger = brokenFor{w.ledger, a, fails}
		}, "retired healed prod-a/b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newInventoryWorld(prodRules())
			w.rolls(a, ran("app", shopAPI, 1))
			w.rolls(b, ran("app", shopWeb, 2))
			test.spoil(w)
			w.pass(time.Hour)
			report, err := w.Sweep(t.Context(), sweep.Options{})
			if !errors.Is(err, fails) {
				t.Errorf("error %v", err)
			}
			w.wantDrift(t, report, "ledger prod-a/a", test.drift)
		})
	}
}

// secretive is an inventory that fails as soon as one service's records are asked for.
type secretive struct {
	*tagalongtest.Inventory
	of  tagalong.Service
	err error
}

func (e secretive) DeploymentHistory(ctx context.Context, s tagalong.Scope, services []tagalong.Service) (map[tagalong.Service][]pipeline.ServiceDeployment, error) {
	if slices.Contains(services, e.of) {
		return nil, e.err
	}
	return e.Inventory.DeploymentHistory(ctx, s, services)
}

// brokenFor is a ledger that cannot read one service.
type brokenFor struct {
	*tagalongtest.Ledger
	s   tagalong.Service
	err error
}

func (l brokenFor) Load(ctx context.Context, s tagalong.Service) (ledger.Snapshot, error) {
	if s == l.s {
		return ledger.Snapshot{}, l.err
	}
	return l.Ledger.Load(ctx, s)
}
