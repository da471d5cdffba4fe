package pipeline_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

const released = "completed v1 revision by checkout-release/DeployProd 4f2a9c1"

func TestAStageTellsTheReleaseOfItsRollout(t *testing.T) {
	for _, test := range []struct {
		name  string
		heard func(story) [][]byte
		rows  []string
		tag   string
	}{
		{"ECS's events never come", func(s story) [][]byte { return [][]byte{s.staged} }, []string{released}, "v1"},
		{"nothing but the action's end", func(s story) [][]byte { return [][]byte{s.acted} }, []string{released}, "v1"},
		{"nothing but the action's start, told late", func(s story) [][]byte { return [][]byte{s.acting} }, []string{released}, "v1"},
		{"ECS's events first", func(s story) [][]byte { return [][]byte{s.rolling, s.rolled, s.staged} }, []string{released}, "v1"},
		{"ECS's events later", func(s story) [][]byte { return [][]byte{s.staged, s.rolling, s.rolled} }, []string{released}, "v1"},
		{"ECS's end first, its start last", func(s story) [][]byte { return [][]byte{s.rolled, s.staged, s.rolling} }, []string{released}, "v1"},
		{"all of it as it happens", story.all, []string{released}, "v1"},
		{"all of it backwards, and again", func(s story) [][]byte {
			all := s.all()
			slices.Reverse(all)
			return append(all, s.all()...)
		}, []string{released}, "v1"},
		{"nothing of the pipeline", func(s story) [][]byte { return [][]byte{s.rolling, s.rolled} }, []string{"completed v1 revision"}, "v1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, nil)
			x := w.begin()
			w.hear(test.heard(w.release(x, "DeployProd", w.service, "v1"))...)
			want(t, "rows", w.rows(w.service), test.rows...)
			if got := w.tag("prod"); got != test.tag {
				t.Errorf("the tag is on %q", got)
			}
		})
	}
}

// TestARepeatedStageWritesNoFactAgain says what a repeat costs: the release's two
// items are written again, and nothing else is.
func TestARepeatedStageWritesNoFactAgain(t *testing.T) {
	w := newWorld(t, nil)
	s := w.release(w.begin(), "DeployProd", w.service, "v1")
	w.hear(s.all()...)
	w.ResetCalls()
	outcomes := w.hear(s.staged)
	if len(outcomes) != 1 || outcomes[0].Recorded || !outcomes[0].Repeated {
		t.Errorf("outcomes %+v", outcomes)
	}
	for _, c := range w.Calls() {
		if c.Operation == "TransactWriteItems" || c.Operation == "PutImage" {
			t.Errorf("call %+v", c)
		}
	}
}

func TestTheReleaseIsRecorded(t *testing.T) {
	w := newWorld(t, nil)
	x := w.start(codepipeline.ExecutionOptions{
		Trigger: codepipeline.Trigger{Type: "WebhookV2", Detail: "main"},
		Revisions: []codepipeline.Revision{
			{Name: "Source", ID: commit, Summary: "Charge a card once", URL: "https://example.com/commit"},
			{Name: "Image", ID: "sha256:89966b648e537b6990d14a2e44e8075ac2ca0ff4250bf7d8bbfe0abdccf67a7d"},
		},
	})
	w.hear(w.release(x, "DeployProd", w.service, "v1").staged)
	r, ok, err := w.ledger.Release(t.Context(), "checkout-release", x.ID())
	if err != nil || !ok || r.Pipeline.Account != w.Home().Account || r.Origin.Trigger != "WebhookV2" || r.Origin.TriggeredBy != "main" ||
		len(r.Origin.Revisions) != 2 || r.Origin.Revisions[0].Summary != "Charge a card once" || r.Origin.Rollback {
		t.Errorf("release %+v, error %v", r, err)
	}
	want(t, "stages", w.stages(x), "DeployProd SUCCEEDED 1")
	want(t, "rows", w.rows(w.service), released) // an image's digest is no commit
	var rollouts []ledger.Row
	for row, err := range w.ledger.ReleaseRollouts(t.Context(), "checkout-release", x.ID(), ledger.Span{}, 0) {
		if err != nil {
			t.Fatal(err)
		}
		rollouts = append(rollouts, row)
	}
	if len(rollouts) != 1 || rollouts[0].Release.Execution != x.ID() {
		t.Errorf("rollouts %+v", rollouts)
	}
}

func TestTheCommitOfSeveralSourcesIsTheImages(t *testing.T) {
	w := newWorld(t, nil)
	w.push(ecr.Image{Seed: "v1", Tags: []string{"v1"}, Commit: "0ddba11c0ffee"})
	x := w.start(codepipeline.ExecutionOptions{Revisions: []codepipeline.Revision{{Name: "App", ID: commit}, {Name: "Charts", ID: "aaaaaaa"}}})
	st := w.stage(x, "DeployProd")
	a, _ := w.act(st, "Deploy", toECS(w.service))
	d, _, err := w.service.Release(w.tick(), ecs.Container{Name: "app", Image: w.repo.URI() + ":v1"})
	w.run(nil, err)
	w.run(d.Complete(w.tick()))
	w.run(a.Succeed(codepipeline.Result{}, w.tick()))
	w.hear(w.run(st.Finish(codepipeline.Succeeded, w.tick())))
	for row := range w.ledger.Rollouts(t.Context(), serviceOf(w, w.service), ledger.Span{}, 0) {
		if row.Release.Commit != "" || row.Containers[0].Commit != "0ddba11c0ffee" {
			t.Errorf("release %+v, containers %+v", row.Release, row.Containers)
		}
	}
	q := query.Queries{Records: w.ledger}
	page, err := q.History(t.Context(), query.HistoryQuery{}, query.Paging{})
	if err != nil || len(page.Items) != 1 || page.Items[0].Release.Commit != "0ddba11c0ffee" {
		t.Errorf("history %+v, error %v", page.Items, err)
	}
}

func TestAStageWithoutOurActionWritesNothing(t *testing.T) {
	for name, options := range map[string]codepipeline.ActionOptions{
		"a build":              {Type: codepipeline.ActionType{Category: "Build", Provider: "CodeBuild"}},
		"a stack":              {Type: codepipeline.ActionType{Category: "Deploy", Provider: "CloudFormation"}},
		"an approval":          {Type: codepipeline.ActionType{Category: "Approval", Provider: "Manual"}},
		"a service of no name": {Type: codepipeline.ActionType{Category: "Deploy", Provider: "ECS"}, Configuration: map[string]string{"ClusterName": "prod"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			x := w.begin()
			st := w.stage(x, "Build")
			if options.Type.Provider != "ECS" {
				options.Configuration = toECS(w.service).Resolved // names that are none of ours there
			}
			a, started := w.act(st, "It", options)
			complete(w, "v1")
			ended := w.run(a.Succeed(codepipeline.Result{}, w.tick()))
			staged := w.run(st.Finish(codepipeline.Succeeded, w.tick()))
			w.ResetCalls()
			for _, event := range [][]byte{started, ended, staged} {
				if outcomes := w.hear(event); len(outcomes) != 1 || !outcomes[0].Unhandled {
					t.Errorf("outcomes %+v of %s", outcomes, event)
				}
			}
			for _, c := range w.Calls() {
				if c.Service == "dynamodb" {
					t.Errorf("call %+v", c)
				}
			}
		})
	}
}

func TestAStageOfSeveralActions(t *testing.T) {
	w := newWorld(t, nil)
	worker := w.service.Cluster().CreateService("checkout-worker", ecs.ServiceOptions{})
	canary := w.ECS.Cluster(wire.Scope{}, "canary").CreateService("checkout-api", ecs.ServiceOptions{})
	st := w.stage(w.begin(), "DeployProd")
	var actions []*codepipeline.Action
	for name, service := range map[string]*ecs.Service{"Api": w.service, "Worker": worker, "Canary": canary} {
		a, _ := w.act(st, name, toECS(service))
		d, _ := w.roll(service, "v1")
		w.run(d.Complete(w.tick()))
		actions = append(actions, a)
	}
	build, _ := w.act(st, "Smoke", codepipeline.ActionOptions{Type: codepipeline.ActionType{Category: "Test", Provider: "CodeBuild"}})
	for _, a := range append(actions, build) {
		w.run(a.Succeed(codepipeline.Result{}, w.tick()))
	}
	if outcomes := w.hear(w.run(st.Finish(codepipeline.Succeeded, w.tick()))); len(outcomes) != 3 {
		t.Errorf("outcomes %+v", outcomes)
	}
	for _, service := range []*ecs.Service{w.service, worker, canary} {
		want(t, "rows of "+service.ARN(), w.rows(service), released)
	}
}

func TestOneBrokenActionLeavesTheOthers(t *testing.T) {
	w := newWorld(t, nil)
	worker := w.service.Cluster().CreateService("checkout-worker", ecs.ServiceOptions{})
	st := w.stage(w.begin(), "DeployProd")
	for name, service := range map[string]*ecs.Service{"Api": w.service, "Worker": worker} {
		a, _ := w.act(st, name, toECS(service))
		d, _ := w.roll(service, "v1")
		w.run(d.Complete(w.tick()))
		w.run(a.Succeed(codepipeline.Result{}, w.tick()))
	}
	staged := w.run(st.Finish(codepipeline.Succeeded, w.tick()))
	w.ECS.Throttle("ListServiceDeployments", 1)
	if _, err := w.follower.Handle(t.Context(), staged); err == nil || !strings.Contains(err.Error(), "ListServiceDeployments") {
		t.Errorf("error %v", err)
	}
	if rows := slices.Concat(w.rows(w.service), w.rows(worker)); !slices.Equal(rows, []string{released}) {
		t.Errorf("rows %q", rows)
	}
	w.hear(staged) // Lambda's own retry
	want(t, "rows", slices.Concat(w.rows(w.service), w.rows(worker)), released, released)
}

// A stage may end before its own action deploys: it is recorded with what earlier
// stages have put in place, by whichever order the events come.
func TestAStageThatFailsBeforeItDeploysIsRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		rules  string
		heard  func(told [][]byte) [][]byte
		stages []string
	}{
		"as it happens": {"[]", slices.Clone[[][]byte], []string{"DeployStaging SUCCEEDED 1", "DeployProd FAILED 1", "DeployProd RESUMED 2"}},
		"backwards": {"[]", func(told [][]byte) [][]byte {
			slices.Reverse(told)
			return told
		}, []string{"DeployStaging SUCCEEDED 1", "DeployProd FAILED 1", "DeployProd RESUMED 2"}},
		"nothing of it is ours":       {`[{"environment":"x","clusters":["lab"]}]`, slices.Clone[[][]byte], nil},
		"the stage counts for nobody": {`[{"environment":"x","stages":["DeployStaging"]}]`, slices.Clone[[][]byte], []string{"DeployStaging SUCCEEDED 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, map[string]string{boot.EnvEnvironments: c.rules})
			x := w.begin()
			built := w.stage(x, "Build")
			b, _ := w.act(built, "Build", codepipeline.ActionOptions{Type: codepipeline.ActionType{Category: "Build", Provider: "CodeBuild"}})
			w.run(b.Succeed(codepipeline.Result{}, w.tick()))
			told := [][]byte{w.run(built.Finish(codepipeline.Succeeded, w.tick())), w.release(x, "DeployStaging", w.service, "v1").staged}
			st := w.stage(x, "DeployProd")
			a, _ := w.act(st, "Pin", codepipeline.ActionOptions{Type: codepipeline.ActionType{Category: "Invoke", Provider: "Lambda"}})
			w.run(a.Fail(codepipeline.Result{}, w.tick()))
			told = append(told, w.run(st.Finish(codepipeline.Failed, w.tick())), w.run(st.Retry(w.tick())))
			w.hear(c.heard(told)...)
			want(t, "stages", w.stages(x), c.stages...)
		})
	}
}

func TestAnActionMayNameItsServiceByARNs(t *testing.T) {
	for name, resolved := range map[string]func(w *world) map[string]string{
		"the cluster": func(w *world) map[string]string {
			return map[string]string{"ClusterName": "arn:aws:ecs:us-east-1:111122223333:cluster/prod", "ServiceName": "checkout-api"}
		},
		"the service": func(w *world) map[string]string {
			return map[string]string{"ClusterName": "prod", "ServiceName": w.service.ARN()}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			st := w.stage(w.begin(), "DeployProd")
			options := toECS(w.service)
			options.Resolved = resolved(w)
			a, _ := w.act(st, "Deploy", options)
			complete(w, "v1")
			w.hear(w.run(a.Succeed(codepipeline.Result{}, w.tick())))
			want(t, "rows", w.rows(w.service), released)
		})
	}
}

func TestAStageThatDeploysAServiceOfNoRuleToo(t *testing.T) {
	w := newWorld(t, map[string]string{boot.EnvEnvironments: `[{"environment":"prod","clusters":["prod"]}]`})
	foreign := w.ECS.Cluster(wire.Scope{}, "lab").CreateService("checkout-api", ecs.ServiceOptions{})
	worker := w.service.Cluster().CreateService("checkout-worker", ecs.ServiceOptions{})
	st := w.stage(w.begin(), "DeployProd")
	for name, service := range map[string]*ecs.Service{"Api": w.service, "Lab": foreign, "Worker": worker} {
		a, _ := w.act(st, name, toECS(service))
		d, _ := w.roll(service, "v1")
		w.run(d.Complete(w.tick()))
		w.run(a.Succeed(codepipeline.Result{}, w.tick()))
	}
	outcomes := w.hear(w.run(st.Finish(codepipeline.Succeeded, w.tick())))
	unmanaged := slices.DeleteFunc(slices.Clone(outcomes), func(o reactor.Outcome) bool { return !o.Unmanaged })
	if len(outcomes) != 3 || len(unmanaged) != 1 || unmanaged[0].Service != serviceOf(w, foreign) {
		t.Errorf("outcomes %+v", outcomes)
	}
	want(t, "rows", slices.Concat(w.rows(w.service), w.rows(foreign), w.rows(worker)), released, released)
}
