package pipeline_test

import (
	"strings"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
)

// Only the stage is heard: what ECS did is read from its service deployments.
func TestWhatECSDidInAnActionsTime(t *testing.T) {
	const by = " by checkout-release/DeployProd 4f2a9c1"
	for _, test := range []struct {
		name    string
		options ecs.ServiceOptions
		play    func(w *world, act func(), end func())
		rows    []string
		tag     string
	}{
		{"somebody deploys by hand before, and after", ecs.ServiceOptions{}, func(w *world, act, end func()) {
			complete(w, "v1")
			act()
			complete(w, "v2")
			end()
			complete(w, "v3")
		}, []string{"completed v2 revision" + by}, "v2"},
		{"a deployment takes the place of one in progress", ecs.ServiceOptions{}, func(w *world, act, end func()) {
			act()
			w.roll(w.service, "v1")
			complete(w, "v2")
			end()
		}, []string{"superseded v1 revision" + by, "completed v2 revision" + by}, "v2"},
		{"the circuit breaker fails it without a rollback", ecs.ServiceOptions{NoRollback: true}, func(w *world, act, end func()) {
			act()
			d, _ := w.roll(w.service, "v1")
			w.run(d.Fail(w.tick(), ""))
			end()
		}, []string{"failed v1 revision" + by}, ""},
		{"ECS rolls back, and the action takes that for success", ecs.ServiceOptions{}, func(w *world, act, end func()) {
			complete(w, "v1")
			act()
			d, _ := w.roll(w.service, "v2")
			w.run(d.Fail(w.tick(), ""))
			back, event, err := d.RollBack(w.tick())
			w.run(event, err)
			w.run(back.Complete(w.tick()))
			end()
		}, []string{"failed v2 revision" + by, "completed back v1 revision" + by}, "v1"},
		{"it goes on after the action", ecs.ServiceOptions{}, func(w *world, act, end func()) {
			act()
			d, _ := w.roll(w.service, "v1")
			end()
			w.run(d.Complete(w.tick()))
		}, []string{"completed v1 revision" + by}, "v1"},
		{"it deploys nothing", ecs.ServiceOptions{}, func(_ *world, act, end func()) {
			act()
			end()
		}, nil, ""},
		{"the service is gone", ecs.ServiceOptions{}, func(w *world, act, end func()) {
			act()
			complete(w, "v1")
			end()
			w.service.Forget()
		}, nil, ""},
		{"ECS keeps no service deployments of it: its events must tell", ecs.ServiceOptions{NoRevisions: true}, func(w *world, act, end func()) {
			act()
			complete(w, "v1")
			end()
		}, nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.service = w.service.Cluster().CreateService("checkout-api", test.options)
			st := w.stage(w.begin(), "DeployProd")
			var a *codepipeline.Action
			test.play(w, func() { a, _ = w.act(st, "Deploy", toECS(w.service)) }, func() { w.run(a.Succeed(codepipeline.Result{}, w.tick())) })
			w.hear(w.run(st.Finish(codepipeline.Succeeded, w.tick())))
			want(t, "rows", w.rows(w.service), test.rows...)
			if got := w.tag("prod"); got != test.tag {
				t.Errorf("the tag is on %q", got)
			}
		})
	}
}

// complete deploys a version.
func complete(w *world, version string) {
	w.t.Helper()
	d, _ := w.roll(w.service, version)
	w.run(d.Complete(w.tick()))
}

// A release is that of the rollouts that started while its action went on.
func TestARolloutByHandHasNoRelease(t *testing.T) {
	w := newWorld(t, nil)
	d, before := w.roll(w.service, "v1")
	w.hear(before, w.run(d.Complete(w.tick())))
	s := w.release(w.begin(), "DeployProd", w.service, "v2")
	d, after := w.roll(w.service, "v3")
	w.hear(after, w.run(d.Complete(w.tick())), s.staged, s.rolling, s.rolled, s.acting)
	want(t, "rows", w.rows(w.service), "completed v1 revision", "completed v2 revision by checkout-release/DeployProd 4f2a9c1", "completed v3 revision")
	if w.tag("prod") != "v3" {
		t.Errorf("the tag is on %q", w.tag("prod"))
	}
}

func TestEveryFormOfAVersion(t *testing.T) {
	for _, form := range []string{`"version":3.0`, `"version":3`, `"version":"3"`, `"version":"3.0"`, `"version":null`, ``} {
		t.Run(form, func(t *testing.T) {
			w := newWorld(t, nil)
			s := w.release(w.begin(), "DeployProd", w.service, "v1")
			before, after, ok := strings.Cut(string(s.staged), `"version":3.0,`)
			if !ok {
				t.Fatalf("event %s", s.staged)
			}
			if form != "" {
				form += ","
			}
			w.hear([]byte(before + form + after))
			want(t, "rows", w.rows(w.service), released)
		})
	}
}

func TestAClusterMayBeNamedByItsARN(t *testing.T) {
	w := newWorld(t, nil)
	st := w.stage(w.begin(), "DeployProd")
	options := toECS(w.service)
	options.Resolved["ClusterName"] = w.service.Cluster().ARN()
	a, _ := w.act(st, "Deploy", options)
	complete(w, "v1")
	w.run(a.Succeed(codepipeline.Result{}, w.tick()))
	w.hear(w.run(st.Finish(codepipeline.Succeeded, w.tick())))
	want(t, "rows", w.rows(w.service), released)
}
