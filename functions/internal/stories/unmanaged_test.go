package stories_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// reader is a service that no rule of onlyAPI matches, in a cluster with one that does.
var reader = tagalong.Service{Account: prodAPI.Account, Region: prodAPI.Region, Cluster: prodAPI.Cluster, Name: "reader"}

// reads lets the ledger know that a container of an unmanaged service reads a tag.
func (w *world) reads(t failer, s tagalong.Service, container string, tag tagalong.TagID) {
	t.Helper()
	err := w.ledger.SetUnmanaged(t.Context(), ledger.UnmanagedService{Service: s}, ledger.UnmanagedService{
		Service: s, Version: "1", Deployments: []ledger.DeploymentInputs{{Deployment: "ecs-svc/9", At: w.Now(), Inputs: []ledger.Input{{Container: container, Tag: tag}}}},
	})
	if err != nil {
		t.Fatalf("unmanaged service: %v", err)
	}
}

func onlyAPI() tagalong.Rules {
	return tagalong.Rules{{Environment: "prod", Clusters: []string{"prod-a"}, Services: []string{"api"}}}
}

// readings returns which tags the ledger knows to be read by unmanaged services, and by which.
func (w *inventoryWorld) readings(t failer) string {
	t.Helper()
	var all []string
	kept, err := stream.Collect(w.ledger.AllUnmanaged(t.Context()))
	if err != nil {
		t.Fatalf("unmanaged services: %v", err)
	}
	for _, u := range kept {
		for _, i := range u.Inputs() {
			all = append(all, fmt.Sprintf("%s/%s#%s reads %s:%s", u.Service.Cluster, u.Service.Name, i.Container, i.Tag.Name, i.Tag.Tag))
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func (w *inventoryWorld) wantReadings(t failer, want string) {
	t.Helper()
	if got := w.readings(t); got != want {
		t.Fatalf("the ledger has %q, want %q", got, want)
	}
}

// CI pushes shop/api:prod, from which a service is deployed that no rule matches. Whether
// an event or only a sweep tells of it, and whatever its cluster: nobody moves the tag.
func TestATagThatAnUnmanagedServiceDeploysFromIsLeftAloneUntilItDoesNoMore(t *testing.T) {
	elsewhere := tagalong.Service{Account: reader.Account, Region: reader.Region, Cluster: "dev", Name: "reader"}
	for name, test := range map[string]struct {
		reader tagalong.Service
		report func(w *inventoryWorld)
		drift  []string
	}{
		"its events are heard": {reader, func(w *inventoryWorld) { w.hears(t) }, []string{"unmanaged prod-a/reader"}},
		"its events are lost":  {reader, (*inventoryWorld).misses, []string{"unmanaged prod-a/reader"}},
		"and no rule matches its cluster, its events are heard": {elsewhere, func(w *inventoryWorld) { w.hears(t) }, nil},
		"and no rule matches its cluster, its events are lost":  {elsewhere, (*inventoryWorld).misses, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newInventoryWorld(onlyAPI())
			w.rolls(prodAPI, ran("app", shopAPI, 1))
			w.hears(t)
			w.wantState(t, shopAPI, "prod", 1, ledger.TagConfirmed)
			w.pushes(shopAPI, "prod", 3)
			w.deploys(test.reader, deployedFrom("main", shopAPI, "prod", 3)) // and never completes
			test.report(w)
			w.pass(time.Minute)
			w.rolls(prodAPI, ran("app", shopAPI, 2))
			test.report(w)

			dry := w.sweeps(t, sweep.Options{DryRun: true})
			if !slices.ContainsFunc(dry.Drift, func(d sweep.Drift) bool { return d.Kind == sweep.DriftInput }) {
				t.Errorf("a dry run does not foresee that the tag is left alone: %+v", dry.Drift)
			}
			report := w.sweeps(t, sweep.Options{})
			w.wantState(t, shopAPI, "prod", 3, ledger.TagInput)
			reason := fmt.Sprintf("container main of %s/reader is deployed from this tag", test.reader.Cluster)
			if !slices.ContainsFunc(report.Drift, func(d sweep.Drift) bool { return d.Kind == sweep.DriftInput && strings.HasPrefix(d.Reason, reason) }) {
				t.Errorf("drift %+v, want an input: %s", report.Drift, reason)
			}
			w.wantDrift(t, w.sweeps(t, sweep.Options{}), append(test.drift, "input shop/api:prod")...)
			w.wantReadings(t, test.reader.Cluster+"/reader#main reads shop/api:prod")
			w.wantQuiet(t, sweep.Options{Whole: true})

			w.inventory.Fail(test.reader, false)
			w.rolls(test.reader, ran("main", shopAPI, 0))
			test.report(w)
			w.pass(time.Hour)
			w.wantDrift(t, w.sweeps(t, sweep.Options{DryRun: true}), append(test.drift, "tag shop/api:prod")...)
			w.wantDrift(t, w.sweeps(t, sweep.Options{}), append(test.drift, "tag healed shop/api:prod")...)
			w.wantState(t, shopAPI, "prod", 2, ledger.TagConfirmed)
			w.wantQuiet(t, sweep.Options{})
		})
	}
}

// The handler that records a rollout sees the reader, without any sweep.
func TestAHandlerPutsNoTagThatAnUnmanagedServiceDeploysFrom(t *testing.T) {
	w := newInventoryWorld(onlyAPI())
	w.pushes(shopAPI, "prod", 3)
	w.deploys(reader, deployedFrom("main", shopAPI, "prod", 3))
	w.hears(t)
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.hears(t)
	w.wantState(t, shopAPI, "prod", 3, ledger.TagInput)
}

func TestAnUnmanagedServiceReadsNothingAnyMoreOnceItIsGone(t *testing.T) {
	for name, goes := range map[string]func(w *inventoryWorld){
		"deleted": func(w *inventoryWorld) { w.inventory.Delete(reader) },
		"not covered any more": func(w *inventoryWorld) {
			w.Reactor.Coverage = func(context.Context) (tagalong.Coverage, error) {
				return tagalong.Coverage{Own: reader.Account, Listed: map[string]tagalong.Given{reader.Account: {Clusters: []string{"other"}}, "444455556666": {}}}, nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newInventoryWorld(onlyAPI())
			w.deploys(reader, deployedFrom("main", shopAPI, "prod", 3))
			w.hears(t)
			w.wantReadings(t, "prod-a/reader#main reads shop/api:prod")
			goes(w)
			if _, err := w.Sweep(t.Context(), sweep.Options{}); err != nil {
				t.Fatal(err)
			}
			w.wantReadings(t, "prod-a/reader#main reads shop/api:prod") // ECS may only not show it yet
			w.sweeps(t, sweep.Options{DryRun: true})
			w.wantReadings(t, "prod-a/reader#main reads shop/api:prod")
			w.sweeps(t, sweep.Options{})
			w.wantReadings(t, "")
			w.wantQuiet(t, sweep.Options{})
		})
	}
}

// What an event tells ECS may show minutes later: a sweep does not forget it.
func TestASweepDoesNotForgetWhatECSDoesNotShowYet(t *testing.T) {
	w := newInventoryWorld(onlyAPI())
	w.rolls(reader, deployedFrom("main", shopAPI, "v1", 1))
	w.hears(t)
	w.pass(time.Hour)
	w.Inventory = lagging{w.inventory}
	w.deploys(reader, deployedFrom("main", shopAPI, "prod", 3))
	w.hears(t)
	w.pass(10 * time.Minute)
	if _, err := w.Sweep(t.Context(), sweep.Options{}); err != nil {
		t.Fatal(err)
	}
	w.wantReadings(t, "prod-a/reader#main reads shop/api:prod, prod-a/reader#main reads shop/api:v1")
}

// lagging shows of a service only what is older than its newest deployment.
type lagging struct{ *tagalongtest.Inventory }

func (e lagging) Describe(ctx context.Context, of tagalong.Scope, cluster string, names []string) ([]sweep.ServiceState, error) {
	states, err := e.Inventory.Describe(ctx, of, cluster, names)
	for i := range states {
		states[i].Current = states[i].Current[1:]
	}
	return states, err
}

// An event between a sweep's look and its write loses nothing, nor does the sweep.
func TestASweepAndAnEventBothKeepWhatAnUnmanagedServiceReads(t *testing.T) {
	w := newInventoryWorld(onlyAPI())
	w.deploys(reader, deployedFrom("main", shopAPI, "one", 1))
	w.misses()
	once := true
	w.ledger.Hook = func(_ context.Context, operation string) error {
		if operation == "SetUnmanaged" && once {
			once = false
			w.deploys(reader, deployedFrom("main", shopAPI, "two", 2))
			w.hears(t)
		}
		return nil
	}
	w.sweeps(t, sweep.Options{})
	w.wantReadings(t, "prod-a/reader#main reads shop/api:one, prod-a/reader#main reads shop/api:two")
}

func TestAServiceThatARuleComesToMatchIsManagedAndBack(t *testing.T) {
	w := newInventoryWorld(onlyAPI())
	w.pushes(shopAPI, "prod", 3)
	w.rolls(reader, deployedFrom("main", shopAPI, "prod", 3))
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.hears(t)
	w.sweeps(t, sweep.Options{})
	w.wantState(t, shopAPI, "prod", 3, ledger.TagInput)
	w.wantReadings(t, "prod-a/reader#main reads shop/api:prod")

	w.Reactor.Rules = tagalong.Rules{{Environment: "prod", Clusters: []string{"prod-a"}}}
	w.sweeps(t, sweep.Options{})
	w.wantReadings(t, "") // its place tells
	w.wantRunning(t)
	w.wantState(t, shopAPI, "prod", 3, ledger.TagInput)
	w.wantQuiet(t, sweep.Options{})

	w.Reactor.Rules = onlyAPI()
	w.wantDrift(t, w.sweeps(t, sweep.Options{DryRun: true}), "unmanaged prod-a/reader", "retired prod-a/reader", "input shop/api:prod")
	w.wantDrift(t, w.sweeps(t, sweep.Options{}), "unmanaged prod-a/reader", "retired healed prod-a/reader", "input shop/api:prod")
	w.wantReadings(t, "prod-a/reader#main reads shop/api:prod")
	w.wantRunning(t)
	w.wantState(t, shopAPI, "prod", 3, ledger.TagInput)
	w.wantQuiet(t, sweep.Options{})
}

// No question knows an unmanaged service: only the tags that it reads are known.
func TestAnUnmanagedServiceIsInNoAnswer(t *testing.T) {
	w := newInventoryWorld(onlyAPI())
	w.rolls(reader, deployedFrom("main", shopAPI, "prod", 3))
	w.hears(t)
	w.sweeps(t, sweep.Options{})
	w.wantReadings(t, "prod-a/reader#main reads shop/api:prod")
	services, err := w.ledger.Services(t.Context(), "")
	if err != nil || len(services) != 0 {
		t.Errorf("services %v, error %v", services, err)
	}
	environments, err := w.ledger.Environments(t.Context())
	if err != nil || len(environments) != 0 {
		t.Errorf("environments %v, error %v", environments, err)
	}
	if places := w.ledger.Placements(); len(places) != 0 {
		t.Errorf("places %+v", places)
	}
}

// What the containers of an unmanaged service are resolved to does not matter: the task
// definition tells what they read, where the revision does not.
func TestWhichTagsAnUnmanagedServiceReads(t *testing.T) {
	pinned := tagalong.Ran{Name: "pin", Image: shopAPI.String() + ":prod@" + imageOf(shopAPI, 1).Digest.String()}
	for name, test := range map[string]struct {
		deployment tagalongtest.Deployment
		want       string
	}{
		"the revision tells": {
			tagalongtest.Deployment{Revised: []tagalong.Ran{deployedFrom("main", shopAPI, "prod", 1), deployedFrom("log", awayAPI, "live", 1), pinned, ran("web", nginx, 1)}},
			"prod-a/reader#log reads shop/api:live, prod-a/reader#main reads shop/api:prod",
		},
		"the task definition tells": {
			tagalongtest.Deployment{TaskDefinition: "arn:reader", Defined: []tagalong.Ran{{Name: "main", Image: shopAPI.String() + ":prod"}, pinned}},
			"prod-a/reader#main reads shop/api:prod",
		},
		"it reads nothing": {tagalongtest.Deployment{Revised: []tagalong.Ran{pinned}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, lost := range []bool{false, true} {
				w := newInventoryWorld(onlyAPI())
				w.inventory.Deploy(reader, test.deployment)
				if lost {
					w.misses()
					w.sweeps(t, sweep.Options{})
				}
				w.hears(t)
				w.wantReadings(t, test.want)
				w.wantQuiet(t, sweep.Options{})
			}
		})
	}
}

// An event costs a read and a write and, of a deployment that is new, a look at it; a
// sweep in which nothing is new costs what it costs to list and describe the services.
func TestWhatAnUnmanagedServiceCosts(t *testing.T) {
	w := newInventoryWorld(onlyAPI())
	var (
		mu    sync.Mutex
		asked map[string]int
	)
	w.ledger.Hook = func(_ context.Context, operation string) error {
		mu.Lock()
		defer mu.Unlock()
		asked[operation]++
		return nil
	}
	want := func(what string, ledger, calls map[string]int, do func()) {
		t.Helper()
		asked = map[string]int{}
		before := w.inventory.Calls()
		do()
		if diff := cmp.Diff(ledger, asked); diff != "" {
			t.Errorf("%s: the ledger is asked (-want +got):\n%s", what, diff)
		}
		after := w.inventory.Calls()
		maps.DeleteFunc(after, func(name string, n int) bool { after[name] -= before[name]; return n == before[name] })
		if diff := cmp.Diff(calls, after); diff != "" {
			t.Errorf("%s: calls of ECS (-want +got):\n%s", what, diff)
		}
	}
	w.deploys(reader, deployedFrom("main", shopAPI, "prod", 3))
	want("a start", map[string]int{"Unmanaged": 1, "SetUnmanaged": 1}, map[string]int{"DescribeServiceRevisions": 1}, func() { w.hears(t) })
	w.pass(time.Minute)
	w.inventory.Complete(reader)
	want("its end", map[string]int{"Unmanaged": 1, "SetUnmanaged": 1}, map[string]int{}, func() { w.hears(t) })

	const services = 150
	for n := range services {
		s := reader
		s.Name = fmt.Sprintf("s%03d", n)
		w.rolls(s, deployedFrom("main", shopAPI, "prod", 3))
	}
	w.misses()
	once := map[string]int{"Cursor": 1, "Swept": 1, "AllUnmanaged": 1, "Environments": 2, "Services": 1, "EnvironmentTags": 2, "TaskFamiliesIn": 2}
	calls := map[string]int{"ListClusters": 2, "ListServices": 2, "ListTasks": 1, "DescribeServices": 16}
	first, news := maps.Clone(once), maps.Clone(calls)
	first["SetUnmanaged"], news["DescribeServiceRevisions"] = services, 8
	want("a sweep", first, news, func() { w.sweeps(t, sweep.Options{}) })
	for _, options := range []sweep.Options{{}, {Whole: true}, {DryRun: true}} {
		want("another sweep", once, calls, func() { w.sweeps(t, options) })
	}
}

// Of an error nothing is lost: the event comes again.
func TestAnEventOfAnUnmanagedServiceThatFailsIsTriedAgain(t *testing.T) {
	for _, fails := range []string{"Unmanaged", "SetUnmanaged", "Revision"} {
		w := newInventoryWorld(onlyAPI())
		w.deploys(reader, deployedFrom("main", shopAPI, "prod", 3))
		sent := w.unheard()[0]
		w.ledger.Hook = func(_ context.Context, operation string) error {
			if operation == fails {
				return errDied
			}
			return nil
		}
		w.inventory.Hook = func(context.Context, tagalongtest.Call) error {
			if fails == "Revision" {
				return errDied
			}
			return nil
		}
		if _, err := w.Reactor.Handle(t.Context(), sent.JSON(uuid(1))); err == nil || !strings.Contains(err.Error(), reader.String()) {
			t.Errorf("%s fails: error %v", fails, err)
		}
		w.ledger.Hook, w.inventory.Hook = nil, nil
		w.hear(t, sent)
		w.wantReadings(t, "prod-a/reader#main reads shop/api:prod")
	}
}

// A deployment that comes back is as young as that, however long ago it first was: what
// ECS does not show of it yet is not forgotten.
func TestADeploymentOfAnUnmanagedServiceThatComesBackIsNotForgotten(t *testing.T) {
	w := newInventoryWorld(onlyAPI())
	w.rolls(reader, deployedFrom("main", shopAPI, "prod", 3))
	w.deploys(reader, deployedFrom("main", shopAPI, "next", 1))
	w.hears(t)
	w.pass(time.Hour)
	w.inventory.Fail(reader, true)
	w.hears(t)
	w.Inventory = lagging{w.inventory} // shows what came back only later
	if _, err := w.Sweep(t.Context(), sweep.Options{}); err != nil {
		t.Fatal(err)
	}
	w.wantReadings(t, "prod-a/reader#main reads shop/api:next, prod-a/reader#main reads shop/api:prod")
}

// A rule has come to match the service. Of what it runs now the ledger could not be told,
// but of what ran before: that it reads the tag is not forgotten, and the tag stays.
func TestOfAServiceThatCouldBeRecordedInPartTheRestIsStillKnownToRead(t *testing.T) {
	w := newInventoryWorld(onlyAPI())
	w.rolls(reader, deployedFrom("main", shopAPI, "build-41", 1))
	w.pass(time.Hour)
	w.rolls(reader, deployedFrom("main", shopAPI, "prod", 3))
	w.hears(t)
	w.pass(time.Hour)
	w.Reactor.Rules = tagalong.Rules{{Environment: "prod", Clusters: []string{"prod-a"}}}
	commits := 0
	w.ledger.Hook = func(_ context.Context, operation string) error {
		if operation == "Commit" {
			if commits++; commits > 1 {
				return errDied
			}
		}
		return nil
	}
	if _, err := w.Sweep(t.Context(), sweep.Options{}); !errors.Is(err, errDied) {
		t.Fatalf("error %v", err)
	}
	w.wantReadings(t, "prod-a/reader#main reads shop/api:prod")
}

// A late event tells a service that a rule has come to match what it ran before: what it
// read as an unmanaged one counts, until a sweep knows what runs.
func TestWhatAServiceReadBeforeARuleCameToMatchItCounts(t *testing.T) {
	w := newInventoryWorld(onlyAPI())
	w.rolls(reader, deployedFrom("main", shopAPI, "build-41", 1))
	late := w.unheard()
	w.pass(time.Hour)
	w.rolls(reader, deployedFrom("main", shopAPI, "prod", 3))
	w.hears(t)
	w.pushes(shopAPI, "prod", 3)
	before := w.registry.Tags(shopAPI)["prod"]
	w.Reactor.Rules = tagalong.Rules{{Environment: "prod", Clusters: []string{"prod-a"}}}
	for _, told := range late {
		w.hear(t, told)
	}
	if now := w.registry.Tags(shopAPI)["prod"]; now != before {
		t.Errorf("the tag moved from %s to %s", before, now)
	}
}

// A service that is deployed again and again between two sweeps stays one small item.
func TestOfAnUnmanagedServiceTheNewestDeploymentsAreKept(t *testing.T) {
	w := newInventoryWorld(onlyAPI())
	for version := range 6 {
		w.pass(time.Minute)
		w.deploys(reader, deployedFrom("main", shopAPI, versionTag(version), 1))
	}
	sent := w.unheard()
	for i := range sent {
		w.hear(t, sent[(i+3)%len(sent)]) // in whatever order
	}
	var newest []string
	for version := 2; version < 6; version++ {
		newest = append(newest, "prod-a/reader#main reads shop/api:"+versionTag(version))
	}
	w.wantReadings(t, strings.Join(newest, ", "))
}

// A rule has come to match the service, and the ledger could not be told what it runs: that
// it reads the tag is not forgotten.
func TestAServiceThatCouldNotBeRecordedIsStillKnownToRead(t *testing.T) {
	w := newInventoryWorld(onlyAPI())
	w.rolls(reader, deployedFrom("main", shopAPI, "prod", 3))
	w.hears(t)
	w.pass(time.Hour)
	w.Reactor.Rules = tagalong.Rules{{Environment: "prod", Clusters: []string{"prod-a"}}}
	w.ledger.Hook = func(_ context.Context, operation string) error {
		if operation == "Commit" {
			return errDied
		}
		return nil
	}
	if _, err := w.Sweep(t.Context(), sweep.Options{}); !errors.Is(err, errDied) {
		t.Fatalf("error %v", err)
	}
	w.wantReadings(t, "prod-a/reader#main reads shop/api:prod")
}

// ECS keeps what runs beside a deployment that fails to start, and tries as often as it is told.
func TestWhatRunsIsKeptHoweverManyDeploymentsFailToStart(t *testing.T) {
	for name, completes := range map[string]func(w *inventoryWorld){
		"all is heard":                    func(w *inventoryWorld) { w.inventory.Complete(reader); w.hears(t) },
		"its end is heard, not its start": func(w *inventoryWorld) { w.misses(); w.inventory.Complete(reader); w.hears(t) },
		"its start is heard, its end a sweep finds": func(w *inventoryWorld) {
			w.hears(t)
			w.inventory.Complete(reader)
			w.misses()
			w.sweeps(t, sweep.Options{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newInventoryWorld(onlyAPI())
			w.deploys(reader, deployedFrom("main", shopAPI, "prod", 3))
			completes(w)
			for n := range ledger.MaxUnmanaged + 1 {
				w.pass(time.Minute)
				w.deploys(reader, deployedFrom("main", shopAPI, fmt.Sprintf("broken-%d", n), 1))
				w.hears(t)
			}
			if got := w.readings(t); !strings.Contains(got, "reads shop/api:prod") || !strings.Contains(got, "reads shop/api:broken-4") {
				t.Errorf("the ledger has %q", got)
			}
		})
	}
}
