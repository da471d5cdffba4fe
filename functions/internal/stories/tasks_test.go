package stories_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// nightly is a family of tasks that a schedule starts.
var nightly = tagalong.TaskFamily(tagalong.Scope{Account: prodAPI.Account, Region: prodAPI.Region}, prodAPI.Cluster, "nightly")

// taskEvent is what ECS tells of a task, as EventBridge delivers it. A zero stop says that it
// runs.
func taskEvent(task sweep.StandaloneTask, stopped time.Time, change func(detail map[string]any)) []byte {
	at := func(kind, name string) string {
		return fmt.Sprintf("arn:aws:ecs:%s:%s:%s/%s", task.Family.Region, task.Family.Account, kind, name)
	}
	var containers []map[string]any
	for _, c := range task.Containers {
		containers = append(containers, map[string]any{"name": c.Name, "image": c.Image, "imageDigest": c.Digest, "lastStatus": "RUNNING"})
	}
	arn := at("task", task.Family.Cluster+"/"+task.ID)
	detail := map[string]any{
		"clusterArn": at("cluster", task.Family.Cluster), "taskArn": arn, "taskDefinitionArn": at("task-definition", task.Family.OwnName()+":7"),
		"group": "family:" + task.Family.OwnName(), "lastStatus": "RUNNING", "desiredStatus": "RUNNING", "version": 3,
		"startedAt": task.Started.Format(time.RFC3339Nano), "containers": containers,
	}
	if !stopped.IsZero() {
		detail["lastStatus"], detail["stoppedAt"], detail["version"] = "STOPPED", stopped.Format(time.RFC3339Nano), 5
	}
	if change != nil {
		change(detail)
	}
	raw, err := json.Marshal(map[string]any{
		"version": "0", "id": "f8e5a73e-fcb5-482d-9321-f0c69407d9a6", "detail-type": "ECS Task State Change", "source": "aws.ecs",
		"account": task.Family.Account, "region": task.Family.Region, "time": task.Started.Format(time.RFC3339), "resources": []string{arn}, "detail": detail,
	})
	if err != nil {
		panic(err)
	}
	return raw
}

// tells lets the handler hear of a task.
func (w *inventoryWorld) tells(t failer, task sweep.StandaloneTask, stopped time.Time) {
	t.Helper()
	if _, err := w.Handle(t.Context(), taskEvent(task, stopped, nil)); err != nil {
		t.Fatalf("%v", err)
	}
}

// places asks where an image runs and ran, as ENVIRONMENT KIND NAME PHASE lines.
func (w *inventoryWorld) whereIs(t failer, image string) (lines []string) {
	t.Helper()
	asked, err := tagalong.ParseImageQuery(image)
	if err != nil {
		t.Fatalf("%v", err)
	}
	page, err := query.Queries{Records: w.ledger, Registry: w.registry, Now: func() time.Time { return w.now }}.Where(t.Context(), asked, query.Paging{})
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, r := range page.Items {
		lines = append(lines, strings.Join([]string{r.Environment, string(r.Kind), r.Service, string(r.Phase)}, " "))
	}
	return lines
}

func wantLines(t failer, what string, got []string, want ...string) {
	t.Helper()
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func TestAStandaloneTaskIsWhereItRuns(t *testing.T) {
	w := newInventoryWorld(prodRules())
	first, second := ran("app", shopAPI, 1), ran("app", shopAPI, 2)
	task := w.inventory.RunTask(nightly, first)
	w.tells(t, task, time.Time{})
	wantLines(t, "while it runs", w.whereIs(t, first.Digest.String()), "prod task nightly running")
	w.pass(time.Hour)
	w.inventory.StopTask(task.ID)
	w.tells(t, task, w.now)
	wantLines(t, "between its runs", w.whereIs(t, first.Digest.String()), "prod task nightly idle")
	w.pass(24 * time.Hour)
	w.tells(t, w.inventory.RunTask(nightly, second), time.Time{})
	wantLines(t, "after another image ran", w.whereIs(t, first.Digest.String()), "prod task nightly ended")
	wantLines(t, "the other image", w.whereIs(t, second.Digest.String()), "prod task nightly running")
	if calls := w.inventory.Calls(); len(calls) > 0 {
		t.Errorf("ECS was asked: %v", calls)
	}
	if got := w.found(t, second.Digest.Encoded()[:12]); got != "digest "+shopAPI.String()+"@"+second.Digest.String() {
		t.Errorf("it is found as %s", got)
	}
}

// A task of a service is known by its deployment, and one that never ran is nowhere.
func TestOnlyTasksThatStandAloneAndRanAreKept(t *testing.T) {
	w := newInventoryWorld(prodRules())
	task, writes := w.inventory.RunTask(nightly, ran("app", shopAPI, 1)), w.ledger.Writes()
	for name, change := range map[string]func(map[string]any){
		"of a service":   func(d map[string]any) { d["group"] = "service:api" },
		"not yet":        func(d map[string]any) { d["lastStatus"] = "PROVISIONING" },
		"it never began": func(d map[string]any) { d["lastStatus"] = "STOPPED"; delete(d, "startedAt") },
	} {
		if o, err := w.Handle(t.Context(), taskEvent(task, time.Time{}, change)); err != nil || !o.Unhandled {
			t.Errorf("%s: %+v, %v", name, o, err)
		}
	}
	if n := w.ledger.Writes() - writes; n > 0 {
		t.Errorf("%d writes", n)
	}
}

// Whoever runs a task by hand may call it what he likes: only ECS says service: of a group.
func TestATaskThatClaimsToBeADeploymentsIsAStandaloneOne(t *testing.T) {
	w := newInventoryWorld(prodRules())
	image := ran("app", shopAPI, 1)
	task := w.inventory.RunTask(nightly, image)
	if _, err := w.Handle(t.Context(), taskEvent(task, time.Time{}, func(d map[string]any) { d["startedBy"] = "ecs-svc/7330915268420174663" })); err != nil {
		t.Fatal(err)
	}
	wantLines(t, "it is", w.whereIs(t, image.Digest.String()), "prod task nightly running")
}

func TestNoTagMovesThatAScheduledTaskReads(t *testing.T) {
	for _, running := range []bool{true, false} {
		w := newInventoryWorld(prodRules())
		reads := ran("app", shopAPI, 1)
		reads.Image = shopAPI.String() + ":prod"
		task := w.inventory.RunTask(nightly, reads)
		w.tells(t, task, time.Time{})
		if !running {
			w.pass(time.Hour)
			w.inventory.StopTask(task.ID)
			w.tells(t, task, w.now)
		}
		w.rolls(prodAPI, ran("app", shopAPI, 2))
		w.hears(t)
		if w.registry.Puts() > 0 {
			t.Errorf("running %v: a tag was put that the next task reads", running)
		}
	}
}

func TestASweepKnowsTheTasksOfWhichNobodyTold(t *testing.T) {
	w := newInventoryWorld(prodRules())
	image, old := ran("app", shopAPI, 1), ran("app", shopAPI, 2)
	stopped := w.inventory.RunTask(tagalong.TaskFamily(scopeOf(nightly), nightly.Cluster, "by-hand"), old)
	w.tells(t, stopped, time.Time{})
	w.inventory.StopTask(stopped.ID) // and nobody tells
	w.inventory.RunTask(nightly, image)
	w.pass(time.Hour)
	dry := w.dryRun(t, sweep.Options{Whole: true})
	if len(dry.Drift) > 0 {
		t.Errorf("the dry run found %+v", dry.Drift)
	}
	w.sweeps(t, sweep.Options{Whole: true})
	wantLines(t, "what runs", w.whereIs(t, image.Digest.String()), "prod task nightly running")
	wantLines(t, "what has stopped", w.whereIs(t, old.Digest.String()), "prod task by-hand idle")
	writes := w.ledger.Writes()
	w.sweeps(t, sweep.Options{Whole: true})
	if w.ledger.Writes() > writes {
		t.Errorf("a second sweep wrote %d times", w.ledger.Writes()-writes)
	}
	w.pass(ledger.TaskIdleFor + time.Hour)
	w.sweeps(t, sweep.Options{Whole: true})
	wantLines(t, "what has not run for long", w.whereIs(t, old.Digest.String()), "prod task by-hand ended")
	wantLines(t, "what still runs", w.whereIs(t, image.Digest.String()), "prod task nightly running")
}

// The rules give tasks their environment; without a match it has none, and runs all the same.
func TestTasksAreInTheEnvironmentsOfTheirRules(t *testing.T) {
	for _, test := range []struct {
		rules tagalong.Rules
		want  string
	}{
		{nil, nightly.Cluster},
		{tagalong.Rules{{Environment: "live", Kinds: []tagalong.Kind{tagalong.KindService}}, {Environment: "batch", Kinds: []tagalong.Kind{tagalong.KindTask}}}, "batch"},
		{tagalong.Rules{{Environment: "jobs", Services: []string{"night*"}}}, "jobs"},
		{tagalong.Rules{{Environment: "live", Kinds: []tagalong.Kind{tagalong.KindService}}}, ""},
	} {
		w := newInventoryWorld(test.rules)
		image := ran("app", shopAPI, 1)
		w.tells(t, w.inventory.RunTask(nightly, image), time.Time{})
		wantLines(t, "by its event", w.whereIs(t, image.Digest.String()), test.want+" task nightly running")
		w.Rules = tagalong.Rules{{Environment: "other"}}
		w.sweeps(t, sweep.Options{Whole: true})
		wantLines(t, "by other rules", w.whereIs(t, image.Digest.String()), "other task nightly running")
	}
}

func scopeOf(s tagalong.Service) tagalong.Scope {
	return tagalong.Scope{Account: s.Account, Region: s.Region}
}

// Any events of any tasks, in any order and with any losses, and one sweep: what runs is
// running, and nothing else is.
func TestAfterASweepTheTasksThatRunAreRunning(t *testing.T) {
	tagalongtest.CheckTimes(t, 150, func(t *rapid.T) {
		w := newInventoryWorld(prodRules())
		families := []tagalong.Service{nightly, tagalong.TaskFamily(scopeOf(nightly), nightly.Cluster, "hourly"), tagalong.TaskFamily(scopeOf(nightly), "elsewhere", "nightly")}
		type told struct {
			task    sweep.StandaloneTask
			stopped time.Time
		}
		var events []told
		running := map[tagalong.Service][]string{}
		for range rapid.IntRange(1, 8).Draw(t, "tasks") {
			w.pass(time.Duration(rapid.IntRange(1, 3000).Draw(t, "minutes")) * time.Minute)
			image := ran("app", shopAPI, rapid.IntRange(1, 2).Draw(t, "image"))
			task := w.inventory.RunTask(rapid.SampledFrom(families).Draw(t, "family"), image)
			events = append(events, told{task: task})
			if rapid.IntRange(0, 2).Draw(t, "stops") > 0 {
				w.pass(time.Duration(rapid.IntRange(1, 300).Draw(t, "for minutes")) * time.Minute)
				w.inventory.StopTask(task.ID)
				events = append(events, told{task, w.now})
			} else {
				running[task.Family] = append(running[task.Family], image.Digest.String())
			}
		}
		for _, e := range rapid.Permutation(events).Draw(t, "events") {
			for range rapid.SampledFrom([]int{0, 1, 1, 2}).Draw(t, "times") {
				w.tells(t, e.task, e.stopped)
			}
		}
		w.pass(time.Hour)
		w.sweeps(t, sweep.Options{Whole: true})
		for _, family := range families {
			kept, err := w.ledger.TaskFamily(t.Context(), family)
			if err != nil {
				t.Fatal(err)
			}
			var now []string
			for _, p := range kept.Placements() {
				if p.Phase == ledger.PhaseRunning {
					now = append(now, p.Container.Digest.String())
				}
			}
			want := slices.Compact(slices.Sorted(slices.Values(running[family])))
			slices.Sort(now)
			if !slices.Equal(now, want) {
				t.Fatalf("of %s there run %v, want %v: %+v", family, now, want, kept.Images)
			}
			open, err := collectOpen(w, t, family)
			if err != nil || len(open) != len(slices.DeleteFunc(kept.Placements(), func(p ledger.Placement) bool { return p.Phase == ledger.PhaseEnded })) {
				t.Fatalf("open placements of %s: %+v, %v; want those of %+v", family, open, err, kept.Images)
			}
		}
	})
}

func collectOpen(w *inventoryWorld, t failer, family tagalong.Service) (open []ledger.Placement, err error) {
	for p, err := range w.ledger.OpenPlacements(t.Context(), shopAPI.Name) {
		if err != nil {
			return nil, err
		}
		if p.Service == family {
			open = append(open, p)
		}
	}
	return open, nil
}

// What a schedule runs is in every answer about its environment, and between its runs it is
// idle there, not gone.
func TestStandaloneTasksAreInWhatRunsInDiffAndInEnvironments(t *testing.T) {
	w := newInventoryWorld(prodRules())
	first, second := ran("app", shopAPI, 1), ran("app", shopAPI, 2)
	task := w.inventory.RunTask(nightly, first)
	w.tells(t, task, time.Time{})
	began := w.now
	wantLines(t, "while it runs", w.runs(t, time.Time{}), "prod task nightly app running "+first.Digest.String())
	w.pass(time.Hour)
	w.inventory.StopTask(task.ID)
	w.sweeps(t, sweep.Options{})
	wantLines(t, "between its runs", w.runs(t, time.Time{}), "prod task nightly app idle "+first.Digest.String())
	w.pass(24 * time.Hour)
	w.tells(t, w.inventory.RunTask(nightly, second), time.Time{})
	wantLines(t, "after another image ran", w.runs(t, time.Time{}), "prod task nightly app running "+second.Digest.String())
	wantLines(t, "at a time when the first one ran", w.runs(t, began.Add(time.Minute)), "prod task nightly app  "+first.Digest.String())
	wantLines(t, "at the very time when it began", w.runs(t, task.Started), "prod task nightly app  "+first.Digest.String())

	q := query.Queries{Records: w.ledger, Registry: w.registry, Now: func() time.Time { return w.now }}
	environments, err := q.Environments(t.Context(), query.Paging{})
	if want := []query.EnvironmentRow{{Environment: "prod", Tasks: 1}}; err != nil || !slices.Equal(environments.Items, want) {
		t.Errorf("environments: %v, %v", environments.Items, err)
	}
	before, now := query.PointInTime{Environment: "prod", At: began.Add(time.Minute)}, query.PointInTime{Environment: "prod"}
	diff, err := q.Diff(t.Context(), before, now, query.Paging{})
	want := []query.DiffRow{{Kind: tagalong.KindTask, Service: "nightly", Container: "app", From: []digest.Digest{first.Digest}, To: []digest.Digest{second.Digest}}}
	if err != nil || gocmp.Diff(want, diff.Items) != "" {
		t.Errorf("diff: %v, %v", diff.Items, err)
	}
	for _, name := range []string{"nightly", nightly.Cluster + "/nightly"} {
		if got := w.found(t, name); got != "task "+nightly.Shown() {
			t.Errorf("%s is found as %s", name, got)
		}
	}
}

// runs asks what runs, as KIND NAME CONTAINER PHASE DIGEST lines, one row a page.
func (w *inventoryWorld) runs(t failer, at time.Time) (lines []string) {
	t.Helper()
	q := query.Queries{Records: w.ledger, Registry: w.registry, Now: func() time.Time { return w.now }}
	pattern, err := tagalong.ParseServicePattern(nightly.OwnName())
	for cursor := ""; err == nil; {
		var page query.Page[query.RunningRow]
		if page, err = q.Running(t.Context(), query.RunningQuery{Environment: "prod", Services: pattern, At: at}, query.Paging{Limit: 1, Cursor: cursor}); err != nil {
			break
		}
		for _, r := range page.Items {
			lines = append(lines, strings.Join([]string{r.Environment, string(r.Kind), r.Service, r.Container, r.Phase, r.Digest.String()}, " "))
		}
		if cursor = page.Next; cursor == "" {
			return lines
		}
	}
	t.Fatalf("%v", err)
	return nil
}
