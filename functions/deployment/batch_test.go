package main

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/lambdatest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// shop is a service with a repository of its own.
type shop struct {
	repository *ecr.Repository
	service    *ecs.Service
}

func (w *world) shop(t *testing.T, name string) shop {
	t.Helper()
	s := shop{w.ECR.Repository(wire.Scope{}, name), w.ECS.Cluster(wire.Scope{}, "prod-cluster").CreateService(name, ecs.ServiceOptions{})}
	for _, build := range []string{"build-1", "build-2"} {
		if _, err := s.repository.Push(ecr.Image{Seed: name + build, Tags: []string{build}}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// deploy returns the events of a build's start and completion, so long ago.
func (s shop) deploy(t *testing.T, build string, ago time.Duration) (started, completed []byte) {
	t.Helper()
	at := time.Now().Add(-ago)
	d, started, err := s.service.Release(at, ecs.Container{Name: "app", Image: s.repository.URI() + ":" + build})
	if err != nil {
		t.Fatal(err)
	}
	completed, err = d.Complete(at.Add(30 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return started, completed
}

// hand lets the function handle a batch, and returns the numbers of the messages that it
// gives back.
func (w *world) hand(t *testing.T, limit time.Duration, bodies ...[]byte) []int {
	t.Helper()
	a := w.Invoke(t, lambdatest.Batch(bodies...), limit)
	if a.Failed {
		t.Fatalf("failed: %s", a.Body)
	}
	return lambdatest.GivenBack(t, []byte(a.Body))
}

// spent is how often each operation was called since the last time.
func (w *world) spent() map[string]int {
	counts := map[string]int{}
	for _, c := range w.Calls() {
		counts[c.Service+" "+c.Operation]++
	}
	w.ResetCalls()
	return counts
}

func TestABatchCostsWhatItsEventsCost(t *testing.T) {
	const others = 5
	w := start(t, "TAGALONG_ENVIRONMENTS=@rules")
	var shops []shop
	for i := range 1 + others {
		s := w.shop(t, fmt.Sprintf("shop-%d", i))
		for event := range pair(s.deploy(t, "build-1", time.Hour)) {
			succeed(t, w.Invoke(t, event, 30*time.Second))
		}
		shops = append(shops, s)
	}
	w.spent()
	for event := range pair(shops[0].deploy(t, "build-2", time.Minute)) {
		succeed(t, w.Invoke(t, event, 30*time.Second))
	}
	want := w.spent()
	for operation := range want {
		want[operation] *= others
	}

	var starts, completions [][]byte
	for _, s := range shops[1:] {
		started, completed := s.deploy(t, "build-2", time.Minute)
		starts, completions = append(starts, started), append(completions, completed)
	}
	if failed := w.hand(t, 30*time.Second, slices.Concat(completions, starts)...); len(failed) != 0 { // each completion before its start
		t.Errorf("given back: %v", failed)
	}
	if diff := cmp.Diff(want, w.spent()); diff != "" {
		t.Errorf("calls of %d services in a batch (-want +got):\n%s", others, diff)
	}
	for i, s := range shops {
		if on := s.repository.Tag("prod"); on == "" || on != s.repository.Tag("build-2") {
			t.Errorf("the tag of shop-%d is on %q", i, on)
		}
	}
}

// pair lets both results of a call be ranged over.
func pair(a, b []byte) func(yield func([]byte) bool) { return slices.Values([][]byte{a, b}) }

func TestOnlyWhatFailedGoesBack(t *testing.T) {
	w := start(t, "TAGALONG_ENVIRONMENTS=@rules")
	a, b := w.shop(t, "shop-a"), w.shop(t, "shop-b")
	startedA, completedA := a.deploy(t, "build-1", time.Hour)
	laterA, _ := a.deploy(t, "build-2", time.Minute)
	startedB, _ := b.deploy(t, "build-1", time.Minute)
	malformed := []byte(strings.Replace(string(startedB), `"ecs-svc/`, `"svc/`, 1))
	foreign := []byte(`{"version":"0","id":"1","detail-type":"Scheduled Event","source":"aws.events","account":"111122223333","time":"2026-03-04T09:18:52Z","region":"us-east-1","resources":[],"detail":{}}`)

	w.ECR.Deny("PutImage")
	if failed := w.hand(t, 30*time.Second, completedA, malformed, startedA, laterA, foreign, startedB); !slices.Equal(failed, []int{0, 1}) {
		t.Errorf("given back: %v, want the completion, whose tag is refused, and the malformed one", failed)
	}
	output := w.Output.Await(t, "message goes back to the queue", 2)
	for _, want := range []string{`"message":"message-0"`, "PutImage", `"message":"message-1"`, "detail.deploymentId"} {
		if !strings.Contains(output, want) {
			t.Errorf("%s is not in:\n%s", want, output)
		}
	}
	w.Output.Await(t, `"EventsHandled":1`, 3) // the starts, of which one is later than what failed

	w.ECR.Permit("PutImage")
	if failed := w.hand(t, 30*time.Second, completedA, malformed); !slices.Equal(failed, []int{1}) {
		t.Errorf("given back: %v", failed)
	}
	if on := a.repository.Tag("prod"); on == "" || on != a.repository.Tag("build-1") {
		t.Errorf("the tag is on %q", on)
	}
}

func TestABatchEndsBeforeTheFunctionDoes(t *testing.T) {
	api := lambdatest.StartRuntime(t)
	hanging, err := net.Listen("tcp", "127.0.0.1:0") // it takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer hanging.Close()
	w := &world{Runtime: api, Process: lambdatest.Launch(t, variables(api, "http://"+hanging.Addr().String())...)}
	var bodies [][]byte
	for _, service := range []string{"a", "b"} {
		for _, second := range []string{"41", "51"} {
			bodies = append(bodies, []byte(`{"version":"0","id":"1","detail-type":"ECS Deployment State Change","source":"aws.ecs","account":"111122223333",
				"time":"2026-03-04T09:19:52Z","region":"us-east-1","resources":["arn:aws:ecs:us-east-1:111122223333:service/prod-cluster/`+service+`"],
				"detail":{"eventName":"SERVICE_DEPLOYMENT_COMPLETED","deploymentId":"ecs-svc/7330915268420174663","updatedAt":"2026-03-04T09:18:`+second+`Z"}}`))
		}
	}
	begun := time.Now()
	if failed := w.hand(t, 2*time.Second, bodies...); !slices.Equal(failed, []int{0, 1, 2, 3}) || time.Since(begun) > 4*time.Second {
		t.Errorf("given back after %v: %v", time.Since(begun), failed)
	}
	w.Output.Await(t, "ended so that later events of its service have their turn", 2)
	w.Output.Await(t, "ended before the function's timeout", 2)
}
