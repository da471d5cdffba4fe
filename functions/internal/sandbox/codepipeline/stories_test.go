package codepipeline_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
)

// TestStories tries what CodePipeline would not do.
func TestStories(t *testing.T) {
	type story struct {
		w  *world
		x  *codepipeline.Execution
		st *codepipeline.Stage
		a  *codepipeline.Action
	}
	invalidAction := func(change func(*codepipeline.ActionOptions)) func(story) error {
		return func(s story) error {
			options := ecsDeploy
			change(&options)
			_, _, err := s.st.StartAction("Other", options, s.w.tick())
			return err
		}
	}
	for _, test := range []struct {
		name string
		do   func(s story) error
		bad  bool // for another reason than the state
	}{
		{"a stage starts twice", func(s story) error { _, _, err := s.x.StartStage("DeployProd", s.w.tick()); return err }, false},
		{"an action starts twice", func(s story) error {
			_, _, err := s.st.StartAction("DeployToEcs", ecsDeploy, s.w.tick())
			return err
		}, false},
		{"a stage ends before its action", func(s story) error { _, err := s.st.Finish(codepipeline.Failed, s.w.tick()); return err }, false},
		{"an execution ends before its stage", func(s story) error { _, err := s.x.Finish(codepipeline.Failed, s.w.tick()); return err }, false},
		{"a stage is retried that did not fail", func(s story) error { _, err := s.st.Retry(s.w.tick()); return err }, false},
		{"a stage stops that nobody stops", func(s story) error { _, err := s.st.Stop(s.w.tick()); return err }, false},
		{"an action is abandoned that nobody stops", func(s story) error { _, err := s.a.Abandon(s.w.tick()); return err }, false},
		{"an action ends twice", func(s story) error {
			s.w.run(s.a.Succeed(codepipeline.Result{}, s.w.tick()))
			_, err := s.a.Fail(codepipeline.Result{}, s.w.tick())
			return err
		}, false},
		{"a stage succeeds whose action failed", func(s story) error {
			s.w.run(s.a.Fail(codepipeline.Result{}, s.w.tick()))
			_, err := s.st.Finish(codepipeline.Succeeded, s.w.tick())
			return err
		}, false},
		{"a stage is superseded", func(s story) error {
			s.w.run(s.a.Succeed(codepipeline.Result{}, s.w.tick()))
			_, err := s.st.Finish(codepipeline.Superseded, s.w.tick())
			return err
		}, false},
		{"an execution succeeds whose stage failed", func(s story) error {
			s.w.run(s.a.Fail(codepipeline.Result{}, s.w.tick()))
			s.w.run(s.st.Finish(codepipeline.Failed, s.w.tick()))
			_, err := s.x.Finish(codepipeline.Succeeded, s.w.tick())
			return err
		}, false},
		{"an execution is stopped twice", func(s story) error {
			s.w.run(s.x.Stop("", s.w.tick()))
			_, err := s.x.Stop("", s.w.tick())
			return err
		}, false},
		{"an execution starts a state", func(s story) error {
			s.w.run(s.a.Succeed(codepipeline.Result{}, s.w.tick()))
			s.w.run(s.st.Finish(codepipeline.Succeeded, s.w.tick()))
			_, err := s.x.Finish("STARTED", s.w.tick())
			return err
		}, false},
		{"a stage without a name", func(s story) error { _, _, err := s.x.StartStage("", s.w.tick()); return err }, true},
		{"an action without a name", func(s story) error { _, _, err := s.st.StartAction("", ecsDeploy, s.w.tick()); return err }, true},
		{"an action without a type", invalidAction(func(o *codepipeline.ActionOptions) { o.Type = codepipeline.ActionType{} }), true},
		{"a role that is none", invalidAction(func(o *codepipeline.ActionOptions) { o.RoleARN = "deploy" }), true},
		{"a value that is too long", invalidAction(func(o *codepipeline.ActionOptions) {
			o.Configuration = map[string]string{"UserParameters": strings.Repeat("x", 1001)}
		}), true},
		{"an artifact of nobody", invalidAction(func(o *codepipeline.ActionOptions) { o.Inputs = []string{"BuildArtifact"} }), true},
		{"an artifact without a name", invalidAction(func(o *codepipeline.ActionOptions) { o.Outputs = []string{""} }), true},
		{"too many artifacts", invalidAction(func(o *codepipeline.ActionOptions) { o.Outputs = strings.Split("abcdef", "") }), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, codepipeline.PipelineOptions{})
			x := w.start(codepipeline.ExecutionOptions{})
			st := w.stage(x, "DeployProd")
			s := story{w, x, st, w.action(st, "DeployToEcs", ecsDeploy)}
			before := len(w.CodePipeline.Events())
			err := test.do(s)
			if err == nil || errors.Is(err, codepipeline.ErrState) == test.bad {
				t.Errorf("error %v after %d events", err, before)
			}
		})
	}
}
