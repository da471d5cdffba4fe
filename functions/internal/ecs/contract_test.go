package ecs

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

const elsewhere = "999988887777"

func TestTheContractOnTheSandbox(t *testing.T) {
	tagalongtest.WorkloadSuite(t, func(t *testing.T) (tagalong.Workload, tagalongtest.WorkloadWorld) {
		s := sandboxtest.Start(t)
		w := on(s)
		return w, sandboxWorld{s, w, map[string]*ecs.Deployment{}}
	})
}

// on returns a Workload on a sandbox.
func on(s *sandboxtest.Sandbox) *Workload {
	return New(func(_ context.Context, account, region string) (aws.Config, error) {
		if account == elsewhere {
			return aws.Config{}, tagalong.ErrElsewhere
		}
		cfg := s.As(account)
		cfg.Region = region
		return cfg, nil
	})
}

// sandboxWorld sets up the sandbox's ECS.
type sandboxWorld struct {
	*sandboxtest.Sandbox
	workload    *Workload
	deployments map[string]*ecs.Deployment
}

func (w sandboxWorld) serviceOf(s tagalong.Service, options ecs.ServiceOptions) *ecs.Service {
	cluster := w.ECS.Cluster(wire.Scope{Account: s.Account, Region: s.Region}, s.Cluster)
	if found := cluster.Service(s.Name); found != nil {
		return found
	}
	return cluster.CreateService(s.Name, options)
}

func (w sandboxWorld) Legacy(_ *testing.T, s tagalong.Service) {
	w.serviceOf(s, ecs.ServiceOptions{ShortARN: true})
}

func (w sandboxWorld) register(t *testing.T, s tagalong.Service, containers ...tagalong.Ran) (taskDefinition string) {
	t.Helper()
	var defined []ecs.Container
	for _, c := range containers {
		w.ECS.Publish(c.Image, c.Digest)
		defined = append(defined, ecs.Container{Name: c.Name, Image: c.Image})
	}
	taskDefinition, err := w.ECS.Register(wire.Scope{Account: s.Account, Region: s.Region}, s.Name, defined...)
	if err != nil {
		t.Fatal(err)
	}
	return taskDefinition
}

func (w sandboxWorld) RunTask(t *testing.T, s tagalong.Service, startedBy string, containers ...tagalong.Ran) {
	t.Helper()
	cluster := w.ECS.Cluster(wire.Scope{Account: s.Account, Region: s.Region}, s.Cluster)
	if _, err := cluster.RunTask(w.register(t, s, containers...), ecs.RunOptions{StartedBy: startedBy}, now); err != nil {
		t.Fatal(err)
	}
}

func (w sandboxWorld) Deploy(t *testing.T, s tagalong.Service, tasks int, containers ...tagalong.Ran) (deployment, taskDefinition string) {
	t.Helper()
	service := w.serviceOf(s, ecs.ServiceOptions{})
	service.Scale(tasks)
	taskDefinition = w.register(t, s, containers...)
	d, _, err := service.Deploy(taskDefinition, now)
	if err != nil {
		t.Fatal(err)
	}
	w.deployments[d.ID()] = d
	return d.ID(), taskDefinition
}

func (w sandboxWorld) Forget(_ *testing.T, _ tagalong.Service, deployment string) {
	w.deployments[deployment].SetRevision(ecs.Expired)
	w.workload.revisions = cache[tagalong.Spec]{} // what a warm function knows is not asked again
}

func (w sandboxWorld) Deny(*testing.T) { w.ECS.Deny("DescribeServiceRevisions") }

func (w sandboxWorld) Elsewhere(*testing.T) string { return elsewhere }
