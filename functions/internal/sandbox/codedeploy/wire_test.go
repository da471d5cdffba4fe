package codedeploy_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscodedeploy "github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// shape gives an event without what differs from one to the next.
func shape(t *testing.T, raw []byte) map[string]any {
	t.Helper()
	var event map[string]any
	if err := json.Unmarshal(raw, &event); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"id", "time"} {
		delete(event, field)
	}
	for _, field := range []string{"deploymentId", "instanceGroupId"} {
		delete(event["detail"].(map[string]any), field)
	}
	return event
}

func (w *world) list(in awscodedeploy.ListDeploymentsInput) (ids []string, err error) {
	w.t.Helper()
	pager := awscodedeploy.NewListDeploymentsPaginator(w.client, &in)
	for pager.HasMorePages() {
		page, err := pager.NextPage(w.t.Context())
		if err != nil {
			return nil, err
		}
		ids = append(ids, page.Deployments...)
	}
	return ids, nil
}

func TestListDeployments(t *testing.T) {
	w := newWorld(t)
	servers := w.CodeDeploy.Application(wire.Scope{}, "servers").Group("all", nil)
	var times []time.Time
	for range 205 {
		times = append(times, w.tick())
		d, _ := servers.Create("", w.clock)
		if _, err := d.Start(w.clock); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Succeed(w.clock); err != nil {
			t.Fatal(err)
		}
	}
	other := w.deploy("v2")
	named := awscodedeploy.ListDeploymentsInput{ApplicationName: aws.String("servers"), DeploymentGroupName: aws.String("all")}
	all, err := w.list(named)
	if err != nil || len(all) != 205 || slices.Contains(all, other.ID()) {
		t.Errorf("%d deployments of the group, error %v", len(all), err)
	}
	named.CreateTimeRange = &types.TimeRange{Start: &times[4], End: &times[9]}
	if some, err := w.list(named); err != nil || len(some) != 4 {
		t.Errorf("in a range: %v, error %v", some, err)
	}
	named.CreateTimeRange = &types.TimeRange{Start: &times[200]}
	named.IncludeOnlyStatuses = []types.DeploymentStatus{types.DeploymentStatusSucceeded, types.DeploymentStatusFailed}
	if some, err := w.list(named); err != nil || len(some) != 4 {
		t.Errorf("with a status: %v, error %v", some, err)
	}
	if running, err := w.list(awscodedeploy.ListDeploymentsInput{IncludeOnlyStatuses: []types.DeploymentStatus{types.DeploymentStatusInProgress}}); err != nil || len(running) != 1 || running[0] != other.ID() {
		t.Errorf("running in all groups: %v, error %v", running, err)
	}
}

func TestListDeploymentsRefuses(t *testing.T) {
	w := newWorld(t)
	now, before := sandboxtest.Epoch, sandboxtest.Epoch.Add(-time.Second)
	for want, in := range map[string]awscodedeploy.ListDeploymentsInput{
		"ApplicationNameRequiredException":     {DeploymentGroupName: aws.String(groupName)},
		"DeploymentGroupNameRequiredException": {ApplicationName: aws.String(application)},
		"ApplicationDoesNotExistException":     {ApplicationName: aws.String("nope"), DeploymentGroupName: aws.String(groupName)},
		"DeploymentGroupDoesNotExistException": {ApplicationName: aws.String(application), DeploymentGroupName: aws.String("nope")},
		"InvalidDeploymentStatusException":     {IncludeOnlyStatuses: []types.DeploymentStatus{"Done"}},
		"InvalidTimeRangeException":            {CreateTimeRange: &types.TimeRange{Start: &now, End: &before}},
		"InvalidNextTokenException":            {NextToken: aws.String("x")},
		"ValidationException":                  {ExternalId: aws.String("x")}, // not known to the sandbox
	} {
		if _, err := w.list(in); sandboxtest.Code(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestTargets(t *testing.T) {
	w := newWorld(t)
	d, err := w.group.Create(w.push("v2"), w.tick())
	if err != nil {
		t.Fatal(err)
	}
	list := func(id string) ([]string, error) {
		out, err := w.client.ListDeploymentTargets(t.Context(), &awscodedeploy.ListDeploymentTargetsInput{DeploymentId: &id})
		if err != nil {
			return nil, err
		}
		return out.TargetIds, nil
	}
	batch := func(ids ...string) error {
		_, err := w.client.BatchGetDeploymentTargets(t.Context(), &awscodedeploy.BatchGetDeploymentTargetsInput{DeploymentId: aws.String(d.ID()), TargetIds: ids})
		return err
	}
	if _, err := list(d.ID()); sandboxtest.Code(err) != "DeploymentNotStartedException" {
		t.Errorf("not started: %v", err)
	}
	if _, err := d.Start(w.tick()); err != nil {
		t.Fatal(err)
	}
	if ids, err := list(d.ID()); err != nil || len(ids) != 1 || ids[0] != target {
		t.Errorf("targets %v, error %v", ids, err)
	}
	w.wantSets("started", d, set(w.blue, "Blue", "PRIMARY", 2))
	for want, err := range map[string]error{
		"DeploymentTargetIdRequiredException":       batch([]string{}...),
		"DeploymentTargetListSizeExceededException": batch(slices.Repeat([]string{target}, 26)...),
		"InvalidDeploymentTargetIdException":        batch("prod-cluster"),
		"DeploymentTargetDoesNotExistException":     batch("prod-cluster:other"),
	} {
		if sandboxtest.Code(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	for id, want := range map[string]string{
		"": "DeploymentIdRequiredException", "7": "InvalidDeploymentIdException", "d-000000000": "DeploymentDoesNotExistException",
	} {
		_, listing := list(id)
		_, getting := w.client.GetDeployment(t.Context(), &awscodedeploy.GetDeploymentInput{DeploymentId: &id})
		if sandboxtest.Code(listing) != want || sandboxtest.Code(getting) != want {
			t.Errorf("deployment %q: %v; %v", id, listing, getting)
		}
	}
}

func TestWhereADeploymentIs(t *testing.T) {
	w := newWorld(t)
	d := w.deploy("v2")
	config := w.Config()
	config.Region = "eu-central-1"
	for name, client := range map[string]*awscodedeploy.Client{
		"another account": awscodedeploy.NewFromConfig(w.As("444455556666")), "another Region": awscodedeploy.NewFromConfig(config),
	} {
		_, err := client.GetDeployment(t.Context(), &awscodedeploy.GetDeploymentInput{DeploymentId: aws.String(d.ID())})
		if sandboxtest.Code(err) != "DeploymentDoesNotExistException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.CodeDeploy.Deny("GetDeployment")
	_, err := w.client.GetDeployment(t.Context(), &awscodedeploy.GetDeploymentInput{DeploymentId: aws.String(d.ID())})
	if sandboxtest.Code(err) != "AccessDeniedException" {
		t.Errorf("denied: %v", err)
	}
}

func TestGroups(t *testing.T) {
	w := newWorld(t)
	out, err := w.client.GetDeploymentGroup(t.Context(), &awscodedeploy.GetDeploymentGroupInput{ApplicationName: aws.String(application), DeploymentGroupName: aws.String(groupName)})
	if err != nil {
		t.Fatal(err)
	}
	if info := out.DeploymentGroupInfo; info.ComputePlatform != types.ComputePlatformEcs || len(info.EcsServices) != 1 ||
		*info.EcsServices[0].ClusterName != "prod-cluster" || *info.EcsServices[0].ServiceName != "checkout-api" {
		t.Errorf("group %+v", info)
	}
	servers := w.CodeDeploy.Application(wire.Scope{}, "servers").Group("all", nil)
	d, _, err := servers.Deploy("", w.tick())
	if err == nil {
		t.Errorf("servers got a task set: %+v", d)
	}
	d, err = servers.Create("", w.tick())
	if err == nil {
		t.Errorf("a second deployment was created: %+v", d)
	}
	_, err = w.client.GetDeploymentGroup(t.Context(), &awscodedeploy.GetDeploymentGroupInput{ApplicationName: aws.String("nope"), DeploymentGroupName: aws.String("nope")})
	if sandboxtest.Code(err) != "ApplicationDoesNotExistException" {
		t.Errorf("no such application: %v", err)
	}
}
