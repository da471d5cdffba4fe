package pipeline_test

import (
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codedeploy"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// The ids that the samples name.
const (
	sampleExecution     = "3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38"
	sampleExecutionAway = "2447c37a-855f-4c9c-bb53-bcd710bc7e45"
	sampleAction        = "b84d2f10-57c3-4e6a-8f1b-2c90d7a34e65"
	sampleShift         = "d-8QZK4T2LF"
	sampleNumber        = "7330915268420174663"
)

// at is a time of the samples' morning.
func at(clock string) time.Time {
	at, err := time.Parse(time.RFC3339, "2026-03-04T"+clock+"Z")
	if err != nil {
		panic(err)
	}
	return at
}

// sample is a world in which what a sample tells has happened.
type sample struct {
	*world
	execution *codepipeline.Execution
	stage     *codepipeline.Stage
}

// here starts the samples' stage in our own account.
func here(t *testing.T) *sample {
	w := newWorldAt(t, nil, func() time.Time { return at("09:50:00") })
	return w.sample(wire.Scope{}, sampleExecution, "DeployProd")
}

// away starts that of the other account, whose role's credentials need a true clock.
func away(t *testing.T) *sample {
	w := newWorld(t, map[string]string{boot.EnvAccounts: `[{"account":"` + other + `","role":"` + role + `"}]`})
	w.ECR.Allow(w.Home().Account, "checkout-api", other)
	return w.sample(wire.Scope{Account: other}, sampleExecutionAway, "DeployStaging")
}

func (w *world) sample(scope wire.Scope, execution, stage string) *sample {
	w.t.Helper()
	w.push(ecr.Image{Seed: "v1", Tags: []string{"v1"}})
	w.pipeline = w.CodePipeline.CreatePipeline(scope, "checkout-release", codepipeline.PipelineOptions{Version: 3})
	w.service = w.ECS.Cluster(scope, "prod-cluster").CreateService("checkout-api", ecs.ServiceOptions{Numbers: []string{sampleNumber}})
	x, event, err := w.pipeline.Start(codepipeline.ExecutionOptions{
		ID: execution, Revisions: []codepipeline.Revision{{Name: "Source", ID: commit}},
	}, at("09:12:00"))
	w.run(event, err)
	st, event, err := x.StartStage(stage, at("09:14:31.204"))
	w.run(event, err)
	return &sample{w, x, st}
}

// act starts the action that the samples name, or a further run of it.
func (s *sample) act(name, id string, options codepipeline.ActionOptions, began string) *codepipeline.Action {
	s.t.Helper()
	options.ID = id
	a, event, err := s.stage.StartAction(name, options, at(began))
	s.run(event, err)
	return a
}

func (s *sample) roll(began string) *ecs.Deployment {
	s.t.Helper()
	d, event, err := s.service.Release(at(began), ecs.Container{Name: "app", Image: s.repo.URI() + ":v1"})
	s.run(event, err)
	return d
}

func deploying(s *sample) (*codepipeline.Action, *ecs.Deployment) {
	s.t.Helper()
	return s.act("DeployToEcs", sampleAction, toECS(s.service), "09:14:32.611"), s.roll("09:14:58.102")
}

func deployed(s *sample) {
	s.t.Helper()
	a, d := deploying(s)
	s.run(d.Complete(at("09:18:41.077")))
	s.run(a.Succeed(codepipeline.Result{ExternalID: "ecs-svc/" + sampleNumber}, at("09:20:11.020")))
}

func failing(s *sample) {
	s.t.Helper()
	a, d := deploying(s)
	s.run(d.Fail(at("09:34:30"), ""))
	s.run(a.Fail(codepipeline.Result{}, at("09:35:00.500")))
}

func resumed(s *sample) {
	s.t.Helper()
	failing(s)
	s.run(s.stage.Finish(codepipeline.Failed, at("09:35:02")))
	s.run(s.stage.Retry(at("09:41:18.006")))
}

func retried(s *sample) {
	s.t.Helper()
	resumed(s)
	a := s.act("DeployToEcs", "", toECS(s.service), "09:41:19")
	s.run(s.roll("09:41:40").Complete(at("09:46:12")))
	s.run(a.Succeed(codepipeline.Result{}, at("09:47:49")))
}

func abandoned(s *sample) {
	s.t.Helper()
	a, d := deploying(s)
	s.run(s.execution.Stop("", at("09:17:04")))
	s.run(a.Abandon(at("09:17:05.800")))
	s.run(d.Complete(at("09:18:41.077")))
}

// byCodeDeploy lets the samples' action begin a deployment of CodeDeploy.
func byCodeDeploy(s *sample) (*codepipeline.Action, *codedeploy.Deployment) {
	s.t.Helper()
	s.service = s.service.Cluster().CreateService("checkout-api", ecs.ServiceOptions{Controller: "CODE_DEPLOY"})
	const name = "ECS-prod-cluster-checkout-api"
	arn, err := s.ECS.Register(s.Home(), "checkout-api", ecs.Container{Name: "app", Image: s.repo.URI() + ":v1"})
	s.run(nil, err)
	_, err = s.service.CreateTaskSet(arn, ecs.TaskSetOptions{}, at("08:00:00"))
	s.run(nil, err)
	a := s.act("BlueGreen", sampleAction, codepipeline.ActionOptions{
		Type:          codepipeline.ActionType{Category: "Deploy", Provider: "CodeDeployToECS"},
		Configuration: map[string]string{"ApplicationName": "App" + name, "DeploymentGroupName": "Dgp" + name},
	}, "09:14:32.611")
	group := s.CodeDeploy.Application(wire.Scope{}, "App"+name).Group("Dgp"+name, s.service)
	group.NextIDs(sampleShift)
	d, event, err := group.Deploy(arn, at("09:14:40"))
	s.run(event, err)
	return a, d
}
