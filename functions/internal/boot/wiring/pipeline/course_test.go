package pipeline_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
)

// attempt lets a stage's action fail to deploy a version, and returns the events of
// ECS, of the action and of the stage.
func (w *world) attempt(st *codepipeline.Stage, version string) (told [][]byte) {
	w.t.Helper()
	a, event := w.act(st, "Deploy", toECS(w.service))
	told = append(told, event)
	d, event := w.roll(w.service, version)
	told = append(told, event, w.run(d.Fail(w.tick(), "")))
	if back, event, err := d.RollBack(w.tick()); err == nil {
		told = append(told, event, w.run(back.Complete(w.tick())))
	}
	return append(told, w.run(a.Fail(codepipeline.Result{}, w.tick())), w.run(st.Finish(codepipeline.Failed, w.tick())))
}

// again lets the stage's action deploy a version in another attempt.
func (w *world) again(st *codepipeline.Stage, version string) (told [][]byte) {
	w.t.Helper()
	told = append(told, w.run(st.Retry(w.tick())))
	a, event := w.act(st, "Deploy", toECS(w.service))
	d, rolling := w.roll(w.service, version)
	return append(told, event, rolling, w.run(d.Complete(w.tick())),
		w.run(a.Succeed(codepipeline.Result{}, w.tick())), w.run(st.Finish(codepipeline.Succeeded, w.tick())))
}

// ofStages picks the events of stages, as if all others had been lost.
func ofStages(told [][]byte) [][]byte {
	return slices.DeleteFunc(slices.Clone(told), func(event []byte) bool {
		return !bytes.Contains(event, []byte("Stage Execution State Change"))
	})
}

func TestTheCourseOfAStage(t *testing.T) {
	const (
		staged = "completed v1 revision by checkout-release/DeployStaging 4f2a9c1"
		failed = "failed v2 revision by checkout-release/DeployProd 4f2a9c1"
		back   = "completed back v1 revision by checkout-release/DeployProd 4f2a9c1"
		third  = "completed v3 revision by checkout-release/DeployProd 4f2a9c1"
	)
	for _, test := range []struct {
		name   string
		play   func(*world, *codepipeline.Execution, *codepipeline.Stage) [][]byte
		rows   []string
		stages []string
		tag    string
	}{
		{"it fails and ECS rolls back", func(w *world, _ *codepipeline.Execution, st *codepipeline.Stage) [][]byte {
			return w.attempt(st, "v2")
		}, []string{staged, failed, back}, []string{"DeployProd FAILED 1"}, "v1"},
		{"it is retried", func(w *world, _ *codepipeline.Execution, st *codepipeline.Stage) [][]byte {
			return append(w.attempt(st, "v2"), w.again(st, "v3")...)
		}, []string{staged, failed, back, third}, []string{"DeployProd FAILED 1", "DeployProd RESUMED 2", "DeployProd SUCCEEDED 2"}, "v3"},
		{"its execution is stopped, and ECS goes on", func(w *world, x *codepipeline.Execution, st *codepipeline.Stage) [][]byte {
			a, acting := w.act(st, "Deploy", toECS(w.service))
			d, rolling := w.roll(w.service, "v3")
			w.run(x.Stop("a bad feeling", w.tick()))
			stopping := w.run(st.Stop(w.tick()))
			left := w.run(a.Abandon(w.tick()))
			stopped := w.run(st.Finish(codepipeline.Stopped, w.tick()))
			return [][]byte{acting, rolling, stopping, left, w.run(d.Complete(w.tick())), stopped}
		}, []string{staged, third}, []string{"DeployProd STOPPING 1", "DeployProd STOPPED 1"}, "v3"},
		{"its pipeline's structure is changed", func(w *world, _ *codepipeline.Execution, st *codepipeline.Stage) [][]byte {
			told := w.succeed(st, "v3")
			w.pipeline.Restructure()
			return append(told, w.run(st.Finish(codepipeline.Canceled, w.tick())))
		}, []string{staged, third}, []string{"DeployProd CANCELED 1"}, "v3"},
	} {
		for how, pick := range map[string]func([][]byte) [][]byte{
			"all is heard":                func(told [][]byte) [][]byte { return told },
			"nothing but stages is heard": ofStages,
		} {
			t.Run(test.name+", "+how, func(t *testing.T) {
				w := newWorld(t, nil)
				w.hear(w.release(w.begin(), "DeployStaging", w.service, "v1").staged)
				x := w.begin()
				w.hear(pick(test.play(w, x, w.stage(x, "DeployProd")))...)
				want(t, "rows", w.rows(w.service), test.rows...)
				want(t, "stages", w.stages(x), test.stages...)
				if got := w.tag("prod"); got != test.tag {
					t.Errorf("the tag is on %q", got)
				}
			})
		}
	}
}

// succeed deploys a version in a stage that goes on.
func (w *world) succeed(st *codepipeline.Stage, version string) [][]byte {
	w.t.Helper()
	a, acting := w.act(st, "Deploy", toECS(w.service))
	d, rolling := w.roll(w.service, version)
	rolled := w.run(d.Complete(w.tick()))
	return [][]byte{acting, rolling, rolled, w.run(a.Succeed(codepipeline.Result{}, w.tick()))}
}

func TestARetriedStageHasOneOutcomeOfAService(t *testing.T) {
	w := newWorld(t, nil)
	st := w.stage(w.begin(), "DeployProd")
	told := append(w.attempt(st, "v2"), w.again(st, "v3")...)
	if outcomes := w.hear(told[len(told)-1]); len(outcomes) != 1 || !outcomes[0].Recorded || outcomes[0].Moved != 1 {
		t.Errorf("outcomes %+v", outcomes)
	}
	if outcomes := w.hear(told[len(told)-1]); len(outcomes) != 1 || outcomes[0].Recorded || !outcomes[0].Repeated {
		t.Errorf("outcomes %+v of the repeat", outcomes)
	}
}

func TestARollbackIsAReleaseOfItsOwn(t *testing.T) {
	w := newWorld(t, nil)
	first := w.begin()
	w.hear(w.release(first, "DeployProd", w.service, "v1").staged)
	w.hear(w.release(w.begin(), "DeployProd", w.service, "v2").staged)
	back := w.start(codepipeline.ExecutionOptions{RollbackOf: first, Trigger: codepipeline.Trigger{Type: "AutomatedRollback"}})
	w.hear(w.release(back, "DeployProd", w.service, "v1").staged)
	r, _, err := w.ledger.Release(t.Context(), "checkout-release", back.ID())
	if err != nil || !r.Origin.Rollback || r.Origin.RollbackOf != first.ID() || r.Origin.Trigger != "AutomatedRollback" {
		t.Errorf("release %+v, error %v", r, err)
	}
	want(t, "rows", w.rows(w.service), released, "completed v2 revision by checkout-release/DeployProd 4f2a9c1", released)
	if w.tag("prod") != "v1" {
		t.Errorf("the tag is on %q", w.tag("prod"))
	}
}

func TestRulesSelectStagesAndDecideNoEnvironment(t *testing.T) {
	const rules = `[{"environment":"live","clusters":["prod"],"pipelines":["checkout-*"],"stages":["DeployProd"]},{"environment":"rest","clusters":["lab"]}]`
	for _, test := range []struct {
		name, pipeline, stage, cluster string
		unmanaged                      bool
		rows                           []string
		environment                    string
	}{
		{"the rule names it", "checkout-release", "DeployProd", "prod", false, []string{released}, "live"},
		{"another stage of the pipeline", "checkout-release", "Elsewhere", "prod", true, nil, ""},
		{"another pipeline", "cart-release", "DeployProd", "prod", true, nil, ""},
		{"a rule that names none", "cart-release", "Anywhere", "lab", false, []string{"completed v1 revision by cart-release/Anywhere 4f2a9c1"}, "rest"},
		{"a service of no rule", "checkout-release", "DeployProd", "dev", true, nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, map[string]string{boot.EnvEnvironments: rules})
			w.pipeline = w.CodePipeline.CreatePipeline(w.Home(), test.pipeline, codepipeline.PipelineOptions{})
			service := w.ECS.Cluster(w.Home(), test.cluster).CreateService("checkout-api", ecs.ServiceOptions{})
			outcomes := w.hear(w.release(w.begin(), test.stage, service, "v1").staged)
			if len(outcomes) != 1 || outcomes[0].Unmanaged != test.unmanaged || outcomes[0].Environment != test.environment {
				t.Errorf("outcomes %+v", outcomes)
			}
			want(t, "rows", w.rows(service), test.rows...)
		})
	}
}

// A stage that no rule names costs no call, and ECS's own events still count.
func TestAStageOfNoRuleIsNotAskedAbout(t *testing.T) {
	w := newWorld(t, map[string]string{boot.EnvEnvironments: `[{"environment":"live","clusters":["prod"],"stages":["DeployProd"]}]`})
	s := w.release(w.begin(), "Elsewhere", w.service, "v1")
	w.ResetCalls()
	if outcomes := w.hear(s.acting, s.acted, s.staged); len(outcomes) != 1 || !outcomes[0].Unhandled || len(w.Calls()) != 0 {
		t.Errorf("outcomes %+v, calls %+v", outcomes, w.Calls())
	}
	w.hear(s.rolling, s.rolled)
	want(t, "rows", w.rows(w.service), "completed v1 revision")
	if w.repo.Tag("live") == "" {
		t.Error("the environment is not its rule's")
	}
}
