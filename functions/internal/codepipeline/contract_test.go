package codepipeline

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

const elsewhere = "999988887777"

// open returns Pipelines on a sandbox.
func open(t *testing.T) (*sandboxtest.Sandbox, *Pipelines) {
	t.Helper()
	s := sandboxtest.Start(t)
	return s, New(func(_ context.Context, account, region string) (aws.Config, error) {
		if account == elsewhere {
			return aws.Config{}, tagalong.ErrElsewhere
		}
		cfg := s.As(account)
		cfg.Region = region
		return cfg, nil
	})
}

func TestTheContractOnTheSandbox(t *testing.T) {
	tagalongtest.PipelinesSuite(t, func(t *testing.T) (pipeline.Pipelines, tagalongtest.PipelinesWorld) {
		s, p := open(t)
		return p, &sandboxWorld{s, map[string]*codepipeline.Execution{}, map[string]*stage{}}
	})
}

// sandboxWorld sets up the sandbox's CodePipeline.
type sandboxWorld struct {
	*sandboxtest.Sandbox
	executions map[string]*codepipeline.Execution // by id
	stages     map[string]*stage                  // by execution and name
}

// stage remembers what ran in its present attempt.
type stage struct {
	*codepipeline.Stage
	ran map[string]bool
}

func (w *sandboxWorld) Start(t *testing.T, p tagalong.Pipeline, x tagalong.Execution, at time.Time) string {
	t.Helper()
	scope := wire.Scope{Account: p.Account, Region: p.Region}
	pipeline := w.CodePipeline.Pipeline(scope, p.Name)
	if pipeline == nil {
		pipeline = w.CodePipeline.CreatePipeline(scope, p.Name, codepipeline.PipelineOptions{})
	}
	options := codepipeline.ExecutionOptions{
		Trigger: codepipeline.Trigger{Type: x.Trigger, Detail: x.TriggeredBy}, RollbackOf: w.executions[x.RollbackOf],
	}
	for _, r := range x.Revisions {
		options.Revisions = append(options.Revisions, codepipeline.Revision{Name: r.Name, ID: r.ID, Summary: r.Summary, URL: r.URL})
	}
	started, event, err := pipeline.Start(options, at)
	run(t, event, err)
	w.executions[started.ID()] = started
	return started.ID()
}

func (w *sandboxWorld) Run(t *testing.T, p tagalong.Pipeline, execution string, a pipeline.Action) string {
	t.Helper()
	st := w.stage(t, execution, a)
	options := codepipeline.ActionOptions{
		Type:          codepipeline.ActionType{Category: a.Category, Provider: a.Provider},
		Configuration: a.Configuration, Region: a.Region,
	}
	if a.Account != "" && a.Account != p.Account {
		options.RoleARN = "arn:aws:iam::" + a.Account + ":role/deploy"
	}
	started, event, err := st.StartAction(a.Name, options, a.StartedAt)
	run(t, event, err)
	switch a.Status {
	case pipeline.ActionSucceeded:
		event, err = started.Succeed(codepipeline.Result{ExternalID: a.External, Variables: a.Variables}, a.UpdatedAt)
	case pipeline.ActionFailed:
		event, err = started.Fail(codepipeline.Result{ExternalID: a.External}, a.UpdatedAt)
	}
	run(t, event, err)
	return started.ID()
}

// stage returns the action's stage: started, or retried if the action ran already.
func (w *sandboxWorld) stage(t *testing.T, execution string, a pipeline.Action) *stage {
	t.Helper()
	key := execution + " " + a.Stage
	st, ok := w.stages[key]
	if !ok {
		started, event, err := w.executions[execution].StartStage(a.Stage, a.StartedAt)
		run(t, event, err)
		st = &stage{started, map[string]bool{}}
		w.stages[key] = st
	}
	if st.ran[a.Name] {
		event, err := st.Finish(codepipeline.Failed, a.StartedAt)
		run(t, event, err)
		event, err = st.Retry(a.StartedAt)
		run(t, event, err)
		st.ran = map[string]bool{}
	}
	st.ran[a.Name] = true
	return st
}

func (w *sandboxWorld) Elsewhere(*testing.T) string { return elsewhere }

// run fails the test if CodePipeline would refuse a change of state.
func run(t *testing.T, event []byte, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v after %s", err, event)
	}
}
