package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/lambdatest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

func TestMain(m *testing.M) { lambdatest.Main(m) }

// world is a sandbox with a table, a deployment that no event told of, and the
// function.
type world struct {
	*sandboxtest.Sandbox
	*lambdatest.Runtime
	*lambdatest.Process
	repository *ecr.Repository
}

// start starts a sandbox whose clock has stood still for two hours.
func start(t *testing.T, more ...string) world {
	t.Helper()
	made := time.Now().Add(-2 * time.Hour)
	s := sandboxtest.StartWith(t, sandbox.Options{Now: func() time.Time { return made }})
	if _, err := dynamo.Create(t.Context(), dynamodb.NewFromConfig(s.Config()), "ledger"); err != nil {
		t.Fatal(err)
	}
	w := world{Sandbox: s, Runtime: lambdatest.StartRuntime(t), repository: s.ECR.Repository(wire.Scope{}, "checkout-api")}
	if _, err := w.repository.Push(ecr.Image{Seed: "v1", Tags: []string{"build-1"}}); err != nil {
		t.Fatal(err)
	}
	d, _, err := s.ECS.Cluster(wire.Scope{}, "prod").CreateService("checkout-api", ecs.ServiceOptions{}).
		Release(made.Add(time.Hour), ecs.Container{Name: "app", Image: w.repository.URI() + ":build-1"})
	if err == nil {
		_, err = d.Complete(made.Add(time.Hour + time.Minute))
	}
	if err != nil {
		t.Fatal(err)
	}
	w.Process = lambdatest.Launch(t, w.Variables("sweep", s.URL, append([]string{"TAGALONG_TABLE=ledger"}, more...)...)...)
	return w
}

func succeed(t *testing.T, a lambdatest.Answer) {
	t.Helper()
	if a.Failed || a.Body != "null" {
		t.Errorf("failed %v: %s", a.Failed, a.Body)
	}
}

func TestASweepTakesAnythingAndRepairs(t *testing.T) {
	w := start(t)
	succeed(t, w.Invoke(t, []byte(`{"anything":"goes"}`), time.Minute))
	if w.repository.Tag("prod") != w.repository.Tag("build-1") {
		t.Errorf("the tag is on %q", w.repository.Tag("prod"))
	}
	w.ResetCalls()
	succeed(t, w.Invoke(t, []byte(`"again"`), time.Minute))
	for _, c := range w.Calls() {
		if strings.HasPrefix(c.Operation, "Put") || strings.HasPrefix(c.Operation, "Update") || strings.HasPrefix(c.Operation, "Transact") {
			t.Errorf("the second sweep calls %s", c.Operation)
		}
	}
	output := w.Output.Await(t, `"SweepServices":1`, 2)
	for _, want := range []string{
		`"msg":"drift","kind":"ledger","healed":true,"environment":"prod"`, `"msg":"sweep","services":1,"tags":1,"recorded":2,"moved":1`,
		`"Kind":"ledger","Drift":1,"DriftLeft":0`, `"FactsRecorded":2,"TagsMoved":1`, `"FactsRecorded":0,"TagsMoved":0`,
	} {
		if strings.Count(output, want) != 1 {
			t.Errorf("%s is not there once:\n%s", want, output)
		}
	}
	for line := range strings.Lines(output) {
		if !json.Valid([]byte(line)) {
			t.Errorf("line %q is no JSON", line)
		}
	}
}

// CI pushes live, from which a service is deployed that no rule matches: its events never
// came, and the sweep sees it nevertheless.
func TestATagThatOnlyAnUnmanagedServiceDeploysFromIsNotPutBack(t *testing.T) {
	w := start(t, `TAGALONG_ENVIRONMENTS=[{"environment":"live","clusters":["prod*"],"services":["checkout-*"]}]`)
	succeed(t, w.Invoke(t, nil, time.Minute))
	if w.repository.Tag("live") != w.repository.Tag("build-1") {
		t.Fatalf("the tag is on %q", w.repository.Tag("live"))
	}
	pushed, err := w.repository.Push(ecr.Image{Seed: "v2", Tags: []string{"live"}})
	if err == nil {
		_, _, err = w.ECS.Cluster(wire.Scope{}, "prod").CreateService("reader", ecs.ServiceOptions{}).
			Release(time.Now().Add(-time.Hour), ecs.Container{Name: "app", Image: w.repository.URI() + ":live"})
	}
	if err != nil {
		t.Fatal(err)
	}
	succeed(t, w.Invoke(t, nil, time.Minute))
	w.ResetCalls()
	succeed(t, w.Invoke(t, nil, time.Minute))
	if w.repository.Tag("live") != pushed {
		t.Errorf("the tag is on %q, want it where it was pushed: %q", w.repository.Tag("live"), pushed)
	}
	for _, c := range w.Calls() {
		if strings.HasPrefix(c.Operation, "Put") || strings.HasPrefix(c.Operation, "Transact") || c.Operation == "DescribeServiceRevisions" {
			t.Errorf("the third sweep calls %s", c.Operation)
		}
	}
	w.Output.Await(t, `"kind":"input","healed":false,"environment":"live"`, 2)
}

func TestASweepWithoutTimeLeavesItsCursor(t *testing.T) {
	w := start(t)
	succeed(t, w.Invoke(t, nil, 6*time.Second)) // less than what is kept in reserve
	w.Output.Await(t, `"SweepUnfinished":1`, 1)
	if w.repository.Tag("prod") != "" {
		t.Error("the tag was moved")
	}
	succeed(t, w.Invoke(t, nil, time.Minute))
	w.Output.Await(t, `"SweepUnfinished":0`, 1)
	if w.repository.Tag("prod") == "" {
		t.Error("the next sweep did not go on")
	}
}

// A timeout that is too short for a sweep to get anywhere is no success for ever.
func TestASweepThatGetsNowhereTwiceIsAnError(t *testing.T) {
	w := start(t)
	succeed(t, w.Invoke(t, nil, 6*time.Second))
	a := w.Invoke(t, nil, 6*time.Second)
	if !a.Failed || !strings.Contains(a.Body, "no further than the sweep before") {
		t.Errorf("failed %v: %s", a.Failed, a.Body)
	}
	w.Output.Await(t, `"SweepFinished":0`, 2)
	succeed(t, w.Invoke(t, nil, time.Minute))
	w.Output.Await(t, `"SweepFinished":1`, 1)
}

// Whatever services there are, a table that is not there is one error.
func TestAMissingTableIsOneError(t *testing.T) {
	w := start(t, "TAGALONG_TABLE=another")
	a := w.Invoke(t, nil, time.Minute)
	if !a.Failed || strings.Count(a.Body, `table \"another\"`) != 1 || strings.Contains(a.Body, "service ") {
		t.Errorf("failed %v: %s", a.Failed, a.Body)
	}
	w.Output.Await(t, `"SweepFinished":0`, 1)
	for _, c := range w.Calls() {
		if c.Service == "ecs" {
			t.Errorf("ECS was asked: %s", c.Operation)
		}
	}
}

func TestASweepThatCannotLookIsAnError(t *testing.T) {
	w := start(t)
	w.ECS.Deny("ListClusters")
	a := w.Invoke(t, []byte(`{}`), time.Minute)
	if !a.Failed || !strings.Contains(a.Body, "ListClusters") {
		t.Errorf("failed %v: %s", a.Failed, a.Body)
	}
	w.Output.Await(t, `"Kind":"unreachable","Drift":1,"DriftLeft":1`, 1)
}

func TestASettingThatIsNotThereFailsTheSweep(t *testing.T) {
	w := start(t, "TAGALONG_ENVIRONMENTS=@rules")
	if a := w.Invoke(t, []byte(`{}`), time.Minute); !a.Failed || !strings.Contains(a.Body, "item @rules") {
		t.Errorf("failed %v: %s", a.Failed, a.Body)
	}
}
