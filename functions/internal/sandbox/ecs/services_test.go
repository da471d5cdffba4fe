package ecs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

func TestDescribeServices(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{})
	w.ECS.Cluster(wire.Scope{}, "prod-cluster").CreateService("legacy", ecs.ServiceOptions{ShortARN: true})
	out, err := w.client.DescribeServices(t.Context(), &awsecs.DescribeServicesInput{
		Cluster: aws.String("prod-cluster"), Include: []types.ServiceField{types.ServiceFieldTags},
		Services: []string{
			w.service.ARN(), "legacy", "arn:aws:ecs:us-east-1:111122223333:service/legacy", "nope",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var arns []string
	for _, s := range out.Services {
		arns = append(arns, strings.TrimPrefix(*s.ServiceArn, "arn:aws:ecs:us-east-1:111122223333:service/"))
	}
	if fmt.Sprint(arns) != "[prod-cluster/checkout-api legacy legacy]" {
		t.Errorf("services %v", arns)
	}
	if len(out.Failures) != 1 || *out.Failures[0].Arn != "arn:aws:ecs:us-east-1:111122223333:service/prod-cluster/nope" || *out.Failures[0].Reason != "MISSING" {
		t.Errorf("failures %+v", out.Failures)
	}
}

func TestDescribeServicesRefuses(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{})
	tests := []struct {
		name, cluster string
		services      []string
		code          string
	}{
		{"none", "prod-cluster", []string{}, "InvalidParameterException"},
		{"eleven", "prod-cluster", make([]string, 11), "InvalidParameterException"},
		{"no cluster", "", []string{"x"}, "ClusterNotFoundException"},
		{"an unknown cluster", "nope", []string{"x"}, "ClusterNotFoundException"},
		{"a foreign cluster", "arn:aws:ecs:us-east-1:444455556666:cluster/prod-cluster", []string{"x"}, "ClusterNotFoundException"},
		{"a malformed cluster", "arn:aws:ecs:us-east-1:111122223333:service/prod-cluster", []string{"x"}, "InvalidParameterException"},
		{"a service of another cluster", "prod-cluster", []string{"arn:aws:ecs:us-east-1:111122223333:service/other/x"}, "InvalidParameterException"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := w.client.DescribeServices(t.Context(), &awsecs.DescribeServicesInput{Cluster: &test.cluster, Services: test.services})
			wantCode(t, err, test.code, "")
		})
	}
}

func TestListServicesAndClusters(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{})
	cluster := w.ECS.Cluster(wire.Scope{}, "prod-cluster")
	for i := range 23 {
		cluster.CreateService(fmt.Sprintf("s%02d", i), ecs.ServiceOptions{LaunchType: "EC2"})
		w.ECS.Cluster(wire.Scope{}, fmt.Sprintf("c%02d", i))
	}
	services := 0
	pages := awsecs.NewListServicesPaginator(w.client, &awsecs.ListServicesInput{Cluster: aws.String("prod-cluster")})
	for pages.HasMorePages() {
		out, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(out.ServiceArns) > 10 {
			t.Errorf("a page of %d without maxResults", len(out.ServiceArns))
		}
		services += len(out.ServiceArns)
	}
	if services != 24 {
		t.Errorf("%d services, want 24", services)
	}
	fargate, err := w.client.ListServices(t.Context(), &awsecs.ListServicesInput{Cluster: aws.String("prod-cluster"), LaunchType: types.LaunchTypeFargate})
	if err != nil || len(fargate.ServiceArns) != 1 {
		t.Errorf("on Fargate: %v: %v", fargate, err)
	}
	clusters := 0
	list := awsecs.NewListClustersPaginator(w.client, &awsecs.ListClustersInput{MaxResults: aws.Int32(7)})
	for list.HasMorePages() {
		out, err := list.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		clusters += len(out.ClusterArns)
	}
	if clusters != 24 {
		t.Errorf("%d clusters, want 24", clusters)
	}
}

func TestDeletedService(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{})
	w.push("v1")
	d := w.deploy("v1")
	w.complete(d)
	w.service.Delete(w.tick())
	if got := w.describe(); *got.Status != "INACTIVE" || got.RunningCount != 0 || len(w.tasksOf(d)) != 0 {
		t.Errorf("service %+v", got)
	}
	list, err := w.client.ListServices(t.Context(), &awsecs.ListServicesInput{Cluster: aws.String("prod-cluster")})
	if err != nil || len(list.ServiceArns) != 0 {
		t.Errorf("%v: %v", list, err)
	}
	_, err = w.client.ListServiceDeployments(t.Context(), &awsecs.ListServiceDeploymentsInput{Cluster: aws.String("prod-cluster"), Service: aws.String("checkout-api")})
	wantCode(t, err, "ServiceNotFoundException", "")
	w.service.Forget()
	out, err := w.client.DescribeServices(t.Context(), &awsecs.DescribeServicesInput{Cluster: aws.String("prod-cluster"), Services: []string{"checkout-api"}})
	if err != nil || len(out.Failures) != 1 {
		t.Errorf("%+v: %v", out, err)
	}
}

func TestListServiceDeployments(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{})
	w.push("v1")
	var times []time.Time
	for range 25 {
		w.complete(w.deploy("v1"))
		times = append(times, w.clock)
	}
	list := func(in awsecs.ListServiceDeploymentsInput) ([]types.ServiceDeploymentBrief, error) {
		in.Cluster, in.Service = aws.String("prod-cluster"), aws.String(w.service.ARN())
		var found []types.ServiceDeploymentBrief
		for {
			out, err := w.client.ListServiceDeployments(t.Context(), &in)
			if err != nil {
				return nil, err
			}
			if found = append(found, out.ServiceDeployments...); out.NextToken == nil {
				return found, nil
			}
			in.NextToken = out.NextToken
		}
	}
	found, err := list(awsecs.ListServiceDeploymentsInput{})
	if err != nil || len(found) != 25 {
		t.Fatalf("%d deployments, want 25: %v", len(found), err)
	}
	for i := range found[1:] {
		if !found[i].CreatedAt.After(*found[i+1].CreatedAt) {
			t.Fatal("not the newest first")
		}
	}
	some, err := list(awsecs.ListServiceDeploymentsInput{CreatedAt: &types.CreatedAt{After: &times[4], Before: &times[9]}})
	if err != nil || len(some) != 5 {
		t.Errorf("%d deployments between, want 5: %v", len(some), err)
	}
	none, err := list(awsecs.ListServiceDeploymentsInput{Status: []types.ServiceDeploymentStatus{types.ServiceDeploymentStatusInProgress}})
	if err != nil || len(none) != 0 {
		t.Errorf("%d in progress: %v", len(none), err)
	}
	_, err = list(awsecs.ListServiceDeploymentsInput{Status: []types.ServiceDeploymentStatus{"DONE"}})
	wantCode(t, err, "InvalidParameterException", "DONE")
	_, err = list(awsecs.ListServiceDeploymentsInput{MaxResults: aws.Int32(101)})
	wantCode(t, err, "InvalidParameterException", "")
	_, err = w.client.ListServiceDeployments(t.Context(), &awsecs.ListServiceDeploymentsInput{Cluster: aws.String("prod-cluster"), Service: aws.String("nope")})
	wantCode(t, err, "ServiceNotFoundException", "")
	_, err = w.client.DescribeServiceDeployments(t.Context(), &awsecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: make([]string, 21)})
	wantCode(t, err, "InvalidParameterException", "")
	out, err := w.client.DescribeServiceDeployments(t.Context(), &awsecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: []string{*found[0].ServiceDeploymentArn + "x"}})
	if err != nil || len(out.Failures) != 1 {
		t.Errorf("%+v: %v", out, err)
	}
}

func TestFaults(t *testing.T) {
	w := newWorld(t, ecs.ServiceOptions{})
	list := func() error {
		_, err := w.client.ListClusters(t.Context(), &awsecs.ListClustersInput{})
		return err
	}
	w.ECS.Throttle("ListClusters", 1)
	wantCode(t, list(), "ThrottlingException", "Rate exceeded")
	wantCode(t, list(), "", "")
	w.ECS.Deny("ListClusters")
	wantCode(t, list(), "AccessDeniedException", "ecs:ListClusters")
	w.ECS.Permit("ListClusters")
	wantCode(t, list(), "", "")
	if calls := w.Calls(); len(calls) != 4 || calls[0].Err != "ThrottlingException" || calls[2].Err != "AccessDeniedException" ||
		calls[3] != (calls[1]) || !calls[0].Time.Equal(sandboxtest.Epoch) {
		t.Errorf("calls %+v", calls)
	}
}
