package codedeploy

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	box "github.com/tagalong-aws/tagalong/functions/internal/sandbox/codedeploy"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

const elsewhere = "999988887777"

// on returns a CodeDeploy on a sandbox.
func on(s *sandboxtest.Sandbox) *CodeDeploy {
	return New(func(_ context.Context, account, region string) (aws.Config, error) {
		if account == elsewhere {
			return aws.Config{}, tagalong.ErrElsewhere
		}
		cfg := s.As(account)
		cfg.Region = region
		return cfg, nil
	})
}

func TestTheContractOnTheSandbox(t *testing.T) {
	tagalongtest.CodeDeploySuite(t, func(t *testing.T) (pipeline.CodeDeploy, tagalongtest.CodeDeployWorld) {
		s := sandboxtest.Start(t)
		return on(s), worldOn(s)
	})
}

// sandboxWorld sets up the sandbox's CodeDeploy.
type sandboxWorld struct {
	*sandboxtest.Sandbox
	groups      map[tagalongtest.Group]*box.Group
	deployments map[string]*box.Deployment
}

func worldOn(s *sandboxtest.Sandbox) sandboxWorld {
	return sandboxWorld{s, map[tagalongtest.Group]*box.Group{}, map[string]*box.Deployment{}}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w sandboxWorld) group(g tagalongtest.Group, target *ecs.Service) {
	w.groups[g] = w.CodeDeploy.Application(wire.Scope{Account: g.Account, Region: g.Region}, g.Application).Group(g.Name, target)
}

func (w sandboxWorld) Serve(t *testing.T, g tagalongtest.Group, s tagalong.Service) string {
	t.Helper()
	scope := wire.Scope{Account: s.Account, Region: s.Region}
	definition, err := w.ECS.Register(scope, "td", ecs.Container{Name: "app", Image: "public.ecr.aws/shop/api:v1"})
	ok(t, err)
	service := w.ECS.Cluster(scope, s.Cluster).CreateService(s.Name, ecs.ServiceOptions{Controller: "CODE_DEPLOY"})
	set, err := service.CreateTaskSet(definition, ecs.TaskSetOptions{}, sandboxtest.Epoch)
	ok(t, err)
	w.group(g, service)
	return set.ID()
}

func (w sandboxWorld) Servers(_ *testing.T, g tagalongtest.Group) { w.group(g, nil) }

func (w sandboxWorld) Create(t *testing.T, g tagalongtest.Group, at time.Time) string {
	t.Helper()
	d, err := w.groups[g].Create("td", at)
	ok(t, err)
	w.deployments[d.ID()] = d
	return d.ID()
}

func (w sandboxWorld) Start(t *testing.T, id string, at time.Time) {
	t.Helper()
	_, err := w.deployments[id].Start(at)
	ok(t, err)
}

func (w sandboxWorld) Install(t *testing.T, id string, at time.Time) string {
	t.Helper()
	ok(t, w.deployments[id].Install(at))
	return w.deployments[id].TaskSet().ID()
}

func (w sandboxWorld) ShiftTraffic(t *testing.T, id string, at time.Time) {
	t.Helper()
	ok(t, w.deployments[id].Deployment(at))
}

func (w sandboxWorld) Succeed(t *testing.T, id string, at time.Time) {
	t.Helper()
	_, err := w.deployments[id].Succeed(at)
	ok(t, err)
}

func (w sandboxWorld) Fail(t *testing.T, id string, at time.Time, reason string) {
	t.Helper()
	_, err := w.deployments[id].Fail(at, reason)
	ok(t, err)
}

func (w sandboxWorld) Stop(t *testing.T, id string, at time.Time) {
	t.Helper()
	_, err := w.deployments[id].Stop(at)
	ok(t, err)
}

func (w sandboxWorld) RollBack(t *testing.T, id string, at time.Time) string {
	t.Helper()
	back, _, err := w.deployments[id].RollBack(at)
	ok(t, err)
	w.deployments[back.ID()] = back
	return back.ID()
}

func (w sandboxWorld) Elsewhere(*testing.T) string { return elsewhere }
