package tagalongtest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// PipelinesWorld sets up what PipelinesSuite asks of pipelines. Its methods fail
// the test where they cannot.
type PipelinesWorld interface {
	// Start starts an execution, of a pipeline that it makes where there is none,
	// and returns its id. One that rolls back to another has that one's revisions.
	Start(t *testing.T, p tagalong.Pipeline, x tagalong.Execution, at time.Time) (execution string)
	// Run runs an action as it says but for its ID, which it gives. It starts the
	// stage where it was not, and retries it where the action has run before. An
	// account and a Region that the action does not name are the pipeline's.
	Run(t *testing.T, p tagalong.Pipeline, execution string, a pipeline.Action) (id string)
	// Elsewhere returns an account that is neither ours nor configured.
	Elsewhere(t *testing.T) string
}

// PipelinesSuite checks that an implementation keeps the contract of
// pipeline.Pipelines. open returns a new one and the world behind it.
func PipelinesSuite(t *testing.T, open func(t *testing.T) (pipeline.Pipelines, PipelinesWorld)) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, p suitePipelines)
	}{
		{"an execution has its trigger and the revisions of its sources", execution},
		{"an execution without a source has no revisions", executionWithoutSource},
		{"a rollback names the execution that it goes back to", executionRollback},
		{"executions are those of their own pipeline", executionOfPipeline},
		{"an execution that is not known is not found", executionAbsent},
		{"an account that is not covered is elsewhere", pipelineElsewhere},
		{"an execution has no actions at first", actionsNone},
		{"actions say what they did, where and when", actions},
		{"actions are those of their own execution", actionsOfExecution},
		{"the runs of earlier attempts are there", actionsRetried},
		{"many actions are all there", actionsMany},
	} {
		t.Run(test.name, func(t *testing.T) {
			pipelines, world := open(t)
			test.run(t, suitePipelines{Pipelines: pipelines, PipelinesWorld: world, t: t})
		})
	}
}

type suitePipelines struct {
	pipeline.Pipelines
	PipelinesWorld
	t *testing.T
}

var (
	suitePipeline = tagalong.Pipeline{Account: "111122223333", Region: "us-east-1", Name: "checkout-release"}
	suiteManual   = tagalong.Execution{
		Trigger: "StartPipelineExecution", TriggeredBy: "arn:aws:iam::111122223333:user/dana",
		Revisions: []tagalong.Revised{
			{Name: "EcrImage", ID: suiteDigest.String()},
			{Name: "Source", ID: "d5491e7e7124a22dd73fa746ba129c59f9dc6d5d", Summary: "Raise payment timeout", URL: "https://example.com/commit"},
		},
	}
	suiteDeploy = pipeline.Action{
		Stage: "DeployProd", Name: "DeployToEcs", Category: "Deploy", Provider: "ECS", Status: pipeline.ActionSucceeded,
		StartedAt: second(1), UpdatedAt: second(300), External: "ecs-svc/7330915268420174663",
		Configuration: map[string]string{"ClusterName": "prod-cluster", "ServiceName": "checkout-api"},
	}
)

const suiteNobody = "00000000-0000-4000-8000-000000000000"

func (p suitePipelines) wantError(what string, err, want error) {
	p.t.Helper()
	if !errors.Is(err, want) {
		p.t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

func (p suitePipelines) wantExecution(pipeline tagalong.Pipeline, id string, want tagalong.Execution) {
	p.t.Helper()
	got, err := p.Execution(p.t.Context(), pipeline, id)
	if err != nil {
		p.t.Fatalf("execution: %v", err)
	}
	slices.SortFunc(got.Revisions, func(a, b tagalong.Revised) int { return cmp.Compare(a.Name, b.Name) })
	same(p.t, "execution", want, got)
}

func (p suitePipelines) wantActions(named tagalong.Pipeline, id string, want ...pipeline.Action) {
	p.t.Helper()
	got, err := p.Actions(p.t.Context(), named, id)
	if err != nil {
		p.t.Fatalf("actions: %v", err)
	}
	byID := func(a, b pipeline.Action) int { return cmp.Compare(a.ID, b.ID) }
	slices.SortFunc(got, byID)
	slices.SortFunc(want, byID)
	same(p.t, "actions", want, got)
}

// run runs an action and returns it as it must be read.
func (p suitePipelines) run(pipeline tagalong.Pipeline, execution string, a pipeline.Action) pipeline.Action {
	p.t.Helper()
	a.ID = p.Run(p.t, pipeline, execution, a)
	a.Account, a.Region = cmp.Or(a.Account, pipeline.Account), cmp.Or(a.Region, pipeline.Region)
	return a
}

func execution(t *testing.T, p suitePipelines) {
	p.wantExecution(suitePipeline, p.Start(t, suitePipeline, suiteManual, suiteStart), suiteManual)
}

func executionWithoutSource(t *testing.T, p suitePipelines) {
	x := tagalong.Execution{Trigger: "CloudWatchEvent", TriggeredBy: "arn:aws:events:us-east-1:111122223333:rule/nightly"}
	p.wantExecution(suitePipeline, p.Start(t, suitePipeline, x, suiteStart), x)
}

func executionRollback(t *testing.T, p suitePipelines) {
	old := p.Start(t, suitePipeline, suiteManual, suiteStart)
	x := tagalong.Execution{Trigger: "ManualRollback", TriggeredBy: "arn:aws:iam::111122223333:user/dana", Rollback: true, RollbackOf: old}
	id := p.Start(t, suitePipeline, x, second(60))
	x.Revisions = suiteManual.Revisions
	p.wantExecution(suitePipeline, id, x)
}

func executionOfPipeline(t *testing.T, p suitePipelines) {
	id := p.Start(t, suitePipeline, suiteManual, suiteStart)
	for _, change := range []func(*tagalong.Pipeline){
		func(p *tagalong.Pipeline) { p.Account = "444455556666" },
		func(p *tagalong.Pipeline) { p.Region = "eu-west-1" },
		func(p *tagalong.Pipeline) { p.Name = "search-release" },
	} {
		other := suitePipeline
		change(&other)
		x := tagalong.Execution{Trigger: "CloudWatchEvent"}
		p.wantExecution(other, p.Start(t, other, x, suiteStart), x)
		_, err := p.Execution(t.Context(), other, id)
		p.wantError("another pipeline's execution", err, pipeline.ErrNoExecution)
	}
	p.wantExecution(suitePipeline, id, suiteManual)
}

func executionAbsent(t *testing.T, p suitePipelines) {
	p.Start(t, suitePipeline, suiteManual, suiteStart)
	nowhere := suitePipeline
	nowhere.Name = "nowhere"
	for _, named := range []tagalong.Pipeline{suitePipeline, nowhere} {
		_, err := p.Execution(t.Context(), named, suiteNobody)
		p.wantError("execution of "+named.Name, err, pipeline.ErrNoExecution)
		_, err = p.Actions(t.Context(), named, suiteNobody)
		p.wantError("actions of "+named.Name, err, pipeline.ErrNoExecution)
	}
}

func pipelineElsewhere(t *testing.T, p suitePipelines) {
	elsewhere := suitePipeline
	elsewhere.Account = p.Elsewhere(t)
	_, err := p.Execution(t.Context(), elsewhere, suiteNobody)
	p.wantError("execution", err, tagalong.ErrElsewhere)
	_, err = p.Actions(t.Context(), elsewhere, suiteNobody)
	p.wantError("actions", err, tagalong.ErrElsewhere)
}

func actionsNone(t *testing.T, p suitePipelines) {
	p.wantActions(suitePipeline, p.Start(t, suitePipeline, suiteManual, suiteStart))
}

func actions(t *testing.T, p suitePipelines) {
	id := p.Start(t, suitePipeline, suiteManual, suiteStart)
	abroad := suiteDeploy
	abroad.Name, abroad.Account, abroad.Region = "DeployAbroad", "444455556666", "eu-west-1"
	abroad.Status, abroad.External = pipeline.ActionFailed, ""
	blueGreen := pipeline.Action{
		Stage: "DeployProd", Name: "BlueGreen", Category: "Deploy", Provider: "CodeDeployToECS", Status: pipeline.ActionSucceeded,
		StartedAt: second(2), UpdatedAt: second(400), External: "d-8QZK4T2LF",
		Configuration: map[string]string{"ApplicationName": "AppECS", "DeploymentGroupName": "DgpECS"},
	}
	going := suiteDeploy
	going.Name, going.Status, going.External, going.UpdatedAt = "DeploySlowly", pipeline.ActionInProgress, "", going.StartedAt
	plain := pipeline.Action{
		Stage: "Source", Name: "Image", Category: "Source", Provider: "ECR", Status: pipeline.ActionSucceeded,
		StartedAt: suiteStart, UpdatedAt: second(1),
		Variables: map[string]string{"ImageTag": "build-42", "ImageDigest": suiteDigest.String()},
	}
	var want []pipeline.Action
	for _, a := range []pipeline.Action{plain, suiteDeploy, abroad, blueGreen, going} {
		want = append(want, p.run(suitePipeline, id, a))
	}
	p.wantActions(suitePipeline, id, want...)
}

func actionsOfExecution(t *testing.T, p suitePipelines) {
	first, second := p.Start(t, suitePipeline, suiteManual, suiteStart), p.Start(t, suitePipeline, suiteManual, second(60))
	one, two := p.run(suitePipeline, first, suiteDeploy), p.run(suitePipeline, second, suiteDeploy)
	p.wantActions(suitePipeline, first, one)
	p.wantActions(suitePipeline, second, two)
}

func actionsRetried(t *testing.T, p suitePipelines) {
	id := p.Start(t, suitePipeline, suiteManual, suiteStart)
	failed := suiteDeploy
	failed.Status = pipeline.ActionFailed
	retried := suiteDeploy
	retried.StartedAt, retried.UpdatedAt = second(900), second(1100)
	p.wantActions(suitePipeline, id, p.run(suitePipeline, id, failed), p.run(suitePipeline, id, retried))
}

// actionsMany has more actions than CodePipeline lists on a page.
func actionsMany(t *testing.T, p suitePipelines) {
	id := p.Start(t, suitePipeline, suiteManual, suiteStart)
	var want []pipeline.Action
	for i := range 230 {
		a := suiteDeploy
		a.Stage, a.Name = fmt.Sprint("Deploy", i/50), fmt.Sprint("Service", i)
		want = append(want, p.run(suitePipeline, id, a))
	}
	p.wantActions(suitePipeline, id, want...)
}
