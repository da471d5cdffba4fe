package pipeline_test

import (
	"slices"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

var listed = map[string]string{boot.EnvAccounts: `[{"account":"` + other + `","role":"` + role + `","regions":["us-east-1","eu-central-1"]}]`}

func TestAnActionElsewhere(t *testing.T) {
	for _, test := range []struct {
		name      string
		variables map[string]string
		scope     wire.Scope
		rows      []string // of the pipeline's event alone
		later     []string // of ECS's own too
	}{
		{"in another Region", nil, wire.Scope{Region: "eu-central-1"}, []string{released}, []string{released}},
		{"in another account", listed, wire.Scope{Account: other}, []string{released}, []string{released}},
		{"in another account and Region", listed, wire.Scope{Account: other, Region: "eu-central-1"}, []string{released}, []string{released}},
		{"in an account that is not listed", nil, wire.Scope{Account: other}, nil, []string{"completed by checkout-release/DeployProd 4f2a9c1"}},
		{"in a Region that is not listed", listed, wire.Scope{Account: other, Region: "ap-south-1"}, nil, []string{"completed by checkout-release/DeployProd 4f2a9c1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, test.variables)
			w.ECR.Allow(w.Home().Account, "checkout-api", other)
			service := w.ECS.Cluster(test.scope, "prod").CreateService("checkout-api", ecs.ServiceOptions{})
			options := toECS(service)
			options.Region = test.scope.Region
			if test.scope.Account != "" {
				options.RoleARN = deploy
			}
			st := w.stage(w.begin(), "DeployProd")
			a, _ := w.act(st, "Deploy", options)
			d, rolling := w.roll(service, "v1")
			rolled := w.run(d.Complete(w.tick()))
			w.run(a.Succeed(codepipeline.Result{}, w.tick()))
			w.hear(w.run(st.Finish(codepipeline.Succeeded, w.tick())))
			want(t, "rows", w.rows(service), test.rows...)
			w.hear(rolling, rolled)
			want(t, "rows later", w.rows(service), test.later...)
		})
	}
}

func TestAPipelineElsewhere(t *testing.T) {
	for _, test := range []struct {
		name      string
		variables map[string]string
		rows      []string
	}{
		{"listed", listed, []string{released}},
		{"not listed", nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, test.variables)
			w.pipeline = w.CodePipeline.CreatePipeline(wire.Scope{Account: other}, "checkout-release", codepipeline.PipelineOptions{})
			x := w.start(codepipeline.ExecutionOptions{Revisions: []codepipeline.Revision{{Name: "Source", ID: commit}}})
			st := w.stage(x, "DeployProd")
			options := toECS(w.service)
			options.RoleARN = "arn:aws:iam::" + w.Home().Account + ":role/deploy"
			a, _ := w.act(st, "Deploy", options)
			d, _ := w.roll(w.service, "v1")
			w.run(d.Complete(w.tick()))
			w.run(a.Succeed(codepipeline.Result{}, w.tick()))
			w.ResetCalls()
			w.hear(w.run(st.Finish(codepipeline.Succeeded, w.tick())))
			want(t, "rows", w.rows(w.service), test.rows...)
			asksAs := func(c sandbox.Call) bool { return c.Service == "codepipeline" && c.Account != other }
			if slices.ContainsFunc(w.Calls(), asksAs) {
				t.Errorf("CodePipeline is asked as somebody else: %+v", w.Calls())
			}
		})
	}
}

// A stage may deploy to several places at once.
func TestAStageDeploysToSeveralRegions(t *testing.T) {
	w := newWorld(t, nil)
	st := w.stage(w.begin(), "DeployProd")
	var services []*ecs.Service
	for _, region := range []string{"us-east-1", "eu-central-1", "ap-south-1"} {
		service := w.ECS.Cluster(wire.Scope{Region: region}, "prod").CreateService("checkout-api", ecs.ServiceOptions{})
		options := toECS(service)
		options.Region = region
		a, _ := w.act(st, "Deploy-"+region, options)
		d, _ := w.roll(service, "v1")
		w.run(d.Complete(w.tick()))
		w.run(a.Succeed(codepipeline.Result{}, w.tick()))
		services = append(services, service)
	}
	if outcomes := w.hear(w.run(st.Finish(codepipeline.Succeeded, w.tick()))); len(outcomes) != 3 {
		t.Errorf("outcomes %+v", outcomes)
	}
	for _, service := range services {
		want(t, "rows of "+service.ARN(), w.rows(service), released)
	}
}
