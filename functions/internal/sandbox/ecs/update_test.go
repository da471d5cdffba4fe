package ecs_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
)

// protocol is a sandbox whose ECS is driven over the protocol alone.
type protocol struct {
	*sandboxtest.Sandbox
	t      *testing.T
	client *awsecs.Client
}

func newProtocol(t *testing.T) *protocol {
	t.Helper()
	s := sandboxtest.Start(t)
	p := &protocol{s, t, awsecs.NewFromConfig(s.Config())}
	if _, err := p.client.CreateCluster(t.Context(), &awsecs.CreateClusterInput{}); err != nil {
		t.Fatal(err)
	}
	p.register("nginx:1")
	return p
}

func (p *protocol) register(image string) *types.TaskDefinition {
	p.t.Helper()
	out, err := p.client.RegisterTaskDefinition(p.t.Context(), &awsecs.RegisterTaskDefinitionInput{
		Family: aws.String("web"), NetworkMode: types.NetworkModeAwsvpc, Cpu: aws.String("256"),
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: aws.String("web"), Image: &image, VersionConsistency: types.VersionConsistencyEnabled,
			PortMappings: []types.PortMapping{{ContainerPort: aws.Int32(80)}},
		}},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return out.TaskDefinition
}

func (p *protocol) create(in awsecs.CreateServiceInput) (*types.Service, error) {
	if in.ServiceName == nil {
		in.ServiceName = aws.String("web")
	}
	if in.TaskDefinition == nil {
		in.TaskDefinition = aws.String("web")
	}
	if in.DesiredCount == nil {
		in.DesiredCount = aws.Int32(2)
	}
	out, err := p.client.CreateService(p.t.Context(), &in)
	if err != nil {
		return nil, err
	}
	return out.Service, nil
}

func TestServiceOverTheProtocol(t *testing.T) {
	p := newProtocol(t)
	service, err := p.create(awsecs.CreateServiceInput{DeploymentConfiguration: &types.DeploymentConfiguration{
		MaximumPercent: aws.Int32(150), DeploymentCircuitBreaker: &types.DeploymentCircuitBreaker{Enable: true, Rollback: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if service.RunningCount != 2 || len(service.Deployments) != 1 || *service.DeploymentConfiguration.MaximumPercent != 150 || len(p.ECS.Events()) != 1 {
		t.Errorf("service %+v", service)
	}
	update := func(in awsecs.UpdateServiceInput) *types.Service {
		in.Service = aws.String("web")
		out, err := p.client.UpdateService(t.Context(), &in)
		if err != nil {
			t.Fatal(err)
		}
		return out.Service
	}
	if s := update(awsecs.UpdateServiceInput{DesiredCount: aws.Int32(3)}); s.RunningCount != 3 || len(s.Deployments) != 1 {
		t.Errorf("scaled service %+v", s)
	}
	if s := update(awsecs.UpdateServiceInput{TaskDefinition: aws.String("web:1")}); len(s.Deployments) != 1 {
		t.Errorf("nothing changed, and yet %+v", s.Deployments)
	}
	if s := update(awsecs.UpdateServiceInput{ForceNewDeployment: true}); len(s.Deployments) != 2 {
		t.Errorf("forced: %+v", s.Deployments)
	}
	young := p.register("nginx:2")
	if s := update(awsecs.UpdateServiceInput{TaskDefinition: aws.String("web")}); *s.TaskDefinition != *young.TaskDefinitionArn || len(p.ECS.Events()) != 3 {
		t.Errorf("updated: %+v, %d events", s, len(p.ECS.Events()))
	}
	d := p.ECS.Cluster(p.Home(), "default").Service("web").Primary()
	if _, err := d.Complete(sandboxtest.Epoch); err != nil {
		t.Error(err)
	}
}

func TestCreateServiceForCodeDeploy(t *testing.T) {
	p := newProtocol(t)
	service, err := p.create(awsecs.CreateServiceInput{DeploymentController: &types.DeploymentController{Type: types.DeploymentControllerTypeCodeDeploy}})
	if err != nil {
		t.Fatal(err)
	}
	if len(service.Deployments) != 0 || len(service.TaskSets) != 1 || *service.TaskSets[0].Status != "PRIMARY" || len(p.ECS.Events()) != 0 {
		t.Errorf("service %+v", service)
	}
}

func TestCreateServiceRefuses(t *testing.T) {
	p := newProtocol(t)
	tests := []struct {
		name, code string
		in         awsecs.CreateServiceInput
	}{
		{"an unknown task definition", "ClientException", awsecs.CreateServiceInput{TaskDefinition: aws.String("web:9")}},
		{"an unknown cluster", "ClusterNotFoundException", awsecs.CreateServiceInput{Cluster: aws.String("nope")}},
		{"an illegal name", "InvalidParameterException", awsecs.CreateServiceInput{ServiceName: aws.String("a b")}},
		{"fewer than no tasks", "InvalidParameterException", awsecs.CreateServiceInput{DesiredCount: aws.Int32(-1)}},
		{"an unknown controller", "InvalidParameterException", awsecs.CreateServiceInput{DeploymentController: &types.DeploymentController{Type: "X"}}},
		{"a task definition for an external controller", "InvalidParameterException", awsecs.CreateServiceInput{DeploymentController: &types.DeploymentController{Type: types.DeploymentControllerTypeExternal}}},
		{"an unknown launch type", "InvalidParameterException", awsecs.CreateServiceInput{LaunchType: "X"}},
		{"an unknown strategy", "InvalidParameterException", awsecs.CreateServiceInput{DeploymentConfiguration: &types.DeploymentConfiguration{Strategy: "X"}}},
		{"an unmodelled member", "ValidationException", awsecs.CreateServiceInput{Role: aws.String("x")}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := p.create(test.in)
			wantCode(t, err, test.code, "")
		})
	}
	if _, err := p.create(awsecs.CreateServiceInput{}); err != nil {
		t.Fatal(err)
	}
	_, err := p.create(awsecs.CreateServiceInput{})
	wantCode(t, err, "InvalidParameterException", "not idempotent")
}

func TestUpdateServiceRefuses(t *testing.T) {
	p := newProtocol(t)
	cluster := p.ECS.Cluster(p.Home(), "default")
	cluster.CreateService("empty", ecs.ServiceOptions{})
	cluster.CreateService("external", ecs.ServiceOptions{Controller: "EXTERNAL"})
	cluster.CreateService("deleted", ecs.ServiceOptions{}).Delete(sandboxtest.Epoch)
	tests := []struct {
		service, code string
		in            awsecs.UpdateServiceInput
	}{
		{"nope", "ServiceNotFoundException", awsecs.UpdateServiceInput{}},
		{"", "InvalidParameterException", awsecs.UpdateServiceInput{}},
		{"deleted", "ServiceNotActiveException", awsecs.UpdateServiceInput{}},
		{"external", "InvalidParameterException", awsecs.UpdateServiceInput{ForceNewDeployment: true}},
		{"empty", "InvalidParameterException", awsecs.UpdateServiceInput{DesiredCount: aws.Int32(-1)}},
		{"empty", "ClientException", awsecs.UpdateServiceInput{TaskDefinition: aws.String("nope")}},
		{"empty", "InvalidParameterException", awsecs.UpdateServiceInput{DeploymentConfiguration: &types.DeploymentConfiguration{Strategy: "X"}}},
		{"empty", "", awsecs.UpdateServiceInput{ForceNewDeployment: true}},
	}
	for _, test := range tests {
		test.in.Service = &test.service
		_, err := p.client.UpdateService(t.Context(), &test.in)
		wantCode(t, err, test.code, "")
	}
}

func TestTaskDefinitions(t *testing.T) {
	p := newProtocol(t)
	young := p.register("nginx:2")
	for text, want := range map[string]int32{"web": 2, "web:1": 1, "web:2": 2, *young.TaskDefinitionArn: 2} {
		out, err := p.client.DescribeTaskDefinition(t.Context(), &awsecs.DescribeTaskDefinitionInput{TaskDefinition: &text, Include: []types.TaskDefinitionField{types.TaskDefinitionFieldTags}})
		if err != nil || out.TaskDefinition.Revision != want {
			t.Errorf("%s: %+v: %v", text, out, err)
			continue
		}
		c := out.TaskDefinition.ContainerDefinitions[0]
		if *c.PortMappings[0].ContainerPort != 80 || c.VersionConsistency != types.VersionConsistencyEnabled || *out.TaskDefinition.Cpu != "256" {
			t.Errorf("%s: what was registered did not come back: %+v", text, out.TaskDefinition)
		}
	}
	for _, text := range []string{"nope", "web:3", "web:0", "web:x", strings.Replace(*young.TaskDefinitionArn, "1111", "4444", 1)} {
		_, err := p.client.DescribeTaskDefinition(t.Context(), &awsecs.DescribeTaskDefinitionInput{TaskDefinition: &text})
		wantCode(t, err, "ClientException", "Unable to describe task definition.")
	}
}

func TestRegisterTaskDefinitionRefuses(t *testing.T) {
	p := newProtocol(t)
	container := func(name, image string) []types.ContainerDefinition {
		return []types.ContainerDefinition{{Name: &name, Image: &image}}
	}
	long := strings.Repeat("x", 256)
	tests := []struct {
		family     string
		containers []types.ContainerDefinition
		code       string
	}{
		{"", container("a", "b"), "ClientException"},
		{"a b", container("a", "b"), "ClientException"},
		{"web", []types.ContainerDefinition{}, "ClientException"},
		{"web", container("", "b"), "ClientException"},
		{"web", container("a", ""), "ClientException"},
		{"web", container("a", long), "ClientException"},
		{"web", container("a", long[1:]+"@sha256:"+long), ""},
		{"web", []types.ContainerDefinition{{Name: aws.String("a"), Image: aws.String("b"), VersionConsistency: "x"}}, "ClientException"},
		{"web", []types.ContainerDefinition{{Name: aws.String("a"), Image: aws.String("b"), Links: []string{"x"}}}, "ValidationException"},
	}
	for _, test := range tests {
		_, err := p.client.RegisterTaskDefinition(t.Context(), &awsecs.RegisterTaskDefinitionInput{Family: &test.family, ContainerDefinitions: test.containers})
		wantCode(t, err, test.code, "")
	}
	_, err := p.client.CreateCluster(t.Context(), &awsecs.CreateClusterInput{ClusterName: aws.String("a b")})
	wantCode(t, err, "InvalidParameterException", "")
}
