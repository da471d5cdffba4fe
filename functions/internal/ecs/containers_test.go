package ecs

import (
	"errors"
	"slices"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

func TestContainerNamesAreThoseToBe(t *testing.T) {
	w := start(t, ecs.ServiceOptions{})
	w.deploy(t, ecs.Container{Name: "old", Image: w.image})
	w.deploy(t, ecs.Container{Name: "app", Image: w.image}, ecs.Container{Name: "envoy", Image: w.image}) // in progress: what the deploy action builds on
	w.ResetCalls()
	names, err := w.ContainerNames(t.Context(), service)
	if err != nil || !slices.Equal(names, []string{"app", "envoy"}) {
		t.Errorf("names %q, error %v", names, err)
	}
	wantCalls(t, w, "DescribeServices", "DescribeTaskDefinition")
}

func TestContainerNamesOfNoService(t *testing.T) {
	w := start(t, ecs.ServiceOptions{})
	for _, c := range []struct {
		service tagalong.Service
		want    error
	}{
		{tagalong.Service{Account: service.Account, Region: service.Region, Cluster: service.Cluster, Name: "other"}, tagalong.ErrNotFound},
		{tagalong.Service{Account: service.Account, Region: service.Region, Cluster: "other", Name: service.Name}, tagalong.ErrNotFound},
		{tagalong.Service{Account: "444455556666", Region: service.Region, Cluster: "c", Name: "s"}, tagalong.ErrElsewhere},
	} {
		if _, err := w.ContainerNames(t.Context(), c.service); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.service, err)
		}
	}
	w.ECS.Deny("DescribeServices")
	if _, err := w.ContainerNames(t.Context(), service); !errors.Is(err, tagalong.ErrDenied) {
		t.Error(err)
	}
}

func TestContainerNamesOfTaskSets(t *testing.T) {
	const arn = "arn:aws:ecs:us-east-1:111122223333:task-definition/app:"
	body := `{"services":[{"status":"ACTIVE","deployments":[],"taskDefinition":"` + arn + `1","taskSets":[
		{"status":"ACTIVE","taskDefinition":"` + arn + `2"},{"status":"PRIMARY","taskDefinition":"` + arn + `3"}]}],
		"taskDefinition":{"containerDefinitions":[{"name":"blue"}]}}`
	if names, err := answering(t, 200, body).ContainerNames(t.Context(), service); err != nil || !slices.Equal(names, []string{"blue"}) {
		t.Errorf("names %q, error %v", names, err)
	}
	deleted := `{"services":[{"status":"INACTIVE","taskDefinition":"` + arn + `1"}]}`
	if _, err := answering(t, 200, deleted).ContainerNames(t.Context(), service); !errors.Is(err, tagalong.ErrNotFound) {
		t.Error(err)
	}
}
