package ecs_test

import (
	"strings"
	"testing"

	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

func TestTaskDefinitions(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{})
	var young string
	for _, image := range []string{"nginx:1", "nginx:2"} {
		var err error
		if young, err = w.ECS.Register(wire.Scope{}, "web", ecs.Container{Name: "web", Image: image, Inconsistent: true}); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]int32{"web": 2, "web:1": 1, "web:2": 2, young: 2} {
		out, err := w.client.DescribeTaskDefinition(t.Context(), &awsecs.DescribeTaskDefinitionInput{TaskDefinition: &text, Include: []types.TaskDefinitionField{types.TaskDefinitionFieldTags}})
		if err != nil || out.TaskDefinition.Revision != want {
			t.Errorf("%s: %+v: %v", text, out, err)
			continue
		}
		c := out.TaskDefinition.ContainerDefinitions[0]
		if *c.Image != "nginx:"+string(rune('0'+want)) || c.VersionConsistency != types.VersionConsistencyDisabled {
			t.Errorf("%s: what was registered did not come back: %+v", text, out.TaskDefinition)
		}
	}
	for _, text := range []string{"nope", "web:3", "web:0", "web:x", strings.Replace(young, "1111", "4444", 1)} {
		_, err := w.client.DescribeTaskDefinition(t.Context(), &awsecs.DescribeTaskDefinitionInput{TaskDefinition: &text})
		wantCode(t, err, "ClientException", "Unable to describe task definition.")
	}
}

func TestRegisterRefuses(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{})
	long := strings.Repeat("x", 256)
	for _, test := range []struct {
		family     string
		containers []ecs.Container
		refused    bool
	}{
		{"", []ecs.Container{{Name: "a", Image: "b"}}, true},
		{"a b", []ecs.Container{{Name: "a", Image: "b"}}, true},
		{"web", nil, true},
		{"web", []ecs.Container{{Name: "", Image: "b"}}, true},
		{"web", []ecs.Container{{Name: "a", Image: ""}}, true},
		{"web", []ecs.Container{{Name: "a", Image: long}}, true},
		{"web", []ecs.Container{{Name: "a", Image: long[1:] + "@sha256:" + long}}, false},
	} {
		if _, err := w.ECS.Register(wire.Scope{}, test.family, test.containers...); (err != nil) != test.refused {
			t.Errorf("%q with %+v: %v", test.family, test.containers, err)
		}
	}
}

// TestStrategies: what the service says, and a deployment takes its usual course.
func TestStrategies(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{Strategy: "CANARY"})
	w.push("v1")
	w.complete(w.deploy("v1"))
	service := w.describe()
	if service.DeploymentConfiguration.Strategy != types.DeploymentStrategyCanary || service.Deployments[0].RolloutState != types.DeploymentRolloutStateCompleted {
		t.Errorf("service %+v", service)
	}
}
