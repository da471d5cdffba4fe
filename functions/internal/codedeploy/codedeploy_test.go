package codedeploy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

var (
	group   = tagalongtest.Group{Account: "111122223333", Region: "us-east-1", Application: "AppECS-prod-cluster-checkout-api", Name: "DgpECS-prod-cluster-checkout-api"}
	service = tagalong.Service{Account: group.Account, Region: group.Region, Cluster: "prod-cluster", Name: "checkout-api"}
	now     = sandboxtest.Epoch
)

// answering returns a CodeDeploy that answers each operation with a body.
func answering(t *testing.T, status int, bodies map[string]string) *CodeDeploy {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(bodies[operation]))
	}))
	t.Cleanup(server.Close)
	return New(func(_ context.Context, _, region string) (aws.Config, error) {
		return aws.Config{
			Region: region, BaseEndpoint: aws.String(server.URL),
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret"}, nil
			}),
			Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		}, nil
	})
}

func wantCalls(t *testing.T, s *sandboxtest.Sandbox, want ...string) {
	t.Helper()
	var names []string
	for _, c := range s.Calls() {
		names = append(names, c.Operation)
	}
	s.ResetCalls()
	if fmt.Sprint(names) != fmt.Sprint(want) {
		t.Errorf("calls %v instead of %v", names, want)
	}
}

func TestADeploymentAsksNoMoreThanItMust(t *testing.T) {
	s := sandboxtest.Start(t)
	w, c := worldOn(s), on(s)
	deployment := func(id string) {
		t.Helper()
		if _, err := c.Deployment(t.Context(), group.Account, group.Region, id); err != nil {
			t.Fatal(err)
		}
	}
	w.Serve(t, group, service)
	id := w.Create(t, group, now)
	deployment(id)
	wantCalls(t, s, "GetDeployment", "ListDeploymentTargets", "GetDeploymentGroup")
	w.Start(t, id, now)
	deployment(id)
	wantCalls(t, s, "GetDeployment", "ListDeploymentTargets", "BatchGetDeploymentTargets")
	servers := group
	servers.Name = "servers"
	w.Servers(t, servers)
	id = w.Create(t, servers, now)
	deployment(id)
	wantCalls(t, s, "GetDeployment")
}

func TestADeploymentAsksForTargetsInBatches(t *testing.T) {
	var ids []string
	for n := range 30 {
		ids = append(ids, fmt.Sprintf("%q", fmt.Sprintf("prod-cluster:api-%d", n)))
	}
	c := answering(t, 200, map[string]string{
		"GetDeployment":         `{"deploymentInfo":{"computePlatform":"ECS","status":"InProgress"}}`,
		"ListDeploymentTargets": `{"targetIds":[` + strings.Join(ids, ",") + `]}`,
		"BatchGetDeploymentTargets": `{"deploymentTargets":[{"deploymentTargetType":"ECSTarget","ecsTarget":{"targetId":"prod-cluster:api"}},
			{"deploymentTargetType":"CloudFormationTarget","cloudFormationTarget":{"targetId":"stack"}}]}`,
	})
	deployment, err := c.Deployment(t.Context(), group.Account, group.Region, "d-8QZK4T2LF")
	if err != nil || len(deployment.Targets) != 2 {
		t.Errorf("targets %+v, error %v", deployment.Targets, err)
	}
}

func TestADeploymentRefusesATargetThatNamesNoService(t *testing.T) {
	for _, id := range []string{"prod-cluster", ":checkout-api", "prod-cluster:", ""} {
		c := answering(t, 200, map[string]string{
			"GetDeployment":             `{"deploymentInfo":{"computePlatform":"ECS","status":"InProgress"}}`,
			"ListDeploymentTargets":     `{"targetIds":["x"]}`,
			"BatchGetDeploymentTargets": `{"deploymentTargets":[{"ecsTarget":{"targetId":"` + id + `"}}]}`,
		})
		if _, err := c.Deployment(t.Context(), group.Account, group.Region, "d-8QZK4T2LF"); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q: want CLUSTER:SERVICE", id)) {
			t.Errorf("target %q: %v", id, err)
		}
	}
}

func TestADeploymentReadsEveryStatus(t *testing.T) {
	for status, want := range map[string]pipeline.CodeDeployState{
		"Created": pipeline.CodeDeployInProgress, "Queued": pipeline.CodeDeployInProgress, "InProgress": pipeline.CodeDeployInProgress,
		"Baking": pipeline.CodeDeployInProgress, "Ready": pipeline.CodeDeployInProgress, "Succeeded": pipeline.CodeDeploySucceeded,
		"Failed": pipeline.CodeDeployFailed, "Stopped": pipeline.CodeDeployStopped,
	} {
		c := answering(t, 200, map[string]string{"GetDeployment": `{"deploymentInfo":{"computePlatform":"Lambda","status":"` + status + `",
			"createTime":1772615702.3184,"completeTime":1772615762.5}}`})
		deployment, err := c.Deployment(t.Context(), group.Account, group.Region, "d-8QZK4T2LF")
		over := want != pipeline.CodeDeployInProgress
		if err != nil || deployment.State != want || deployment.EndedAt.IsZero() == over || !deployment.CreatedAt.Equal(time.UnixMilli(1772615702318)) {
			t.Errorf("%s: %+v, error %v", status, deployment, err)
		}
	}
}

func TestTheTaskSetOfADeployment(t *testing.T) {
	set := func(id, status string, label types.TargetLabel) types.ECSTaskSet {
		return types.ECSTaskSet{Identifer: &id, Status: &status, TaskSetLabel: label}
	}
	for name, test := range map[string]struct {
		status types.DeploymentStatus
		sets   []types.ECSTaskSet
		want   string
		by     types.DeploymentCreator
	}{
		"in progress, none":                {"InProgress", nil, "", ""},
		"in progress, the original only":   {"InProgress", []types.ECSTaskSet{set("b", "PRIMARY", "Blue")}, "", ""},
		"in progress, both":                {"InProgress", []types.ECSTaskSet{set("b", "PRIMARY", "Blue"), set("g", "ACTIVE", "Green")}, "g", ""},
		"in progress, traffic has shifted": {"InProgress", []types.ECSTaskSet{set("g", "PRIMARY", "Green"), set("b", "ACTIVE", "Blue")}, "g", ""},
		"in progress, its own unlabelled":  {"InProgress", []types.ECSTaskSet{set("g", "ACTIVE", ""), set("b", "PRIMARY", "Blue")}, "g", ""},
		"in progress, all unlabelled":      {"InProgress", []types.ECSTaskSet{set("b", "PRIMARY", ""), set("g", "ACTIVE", "")}, "", ""},
		"in progress, one unlabelled":      {"InProgress", []types.ECSTaskSet{set("b", "PRIMARY", "")}, "", ""},
		"failed":                           {"Failed", []types.ECSTaskSet{set("b", "PRIMARY", "Blue"), set("g", "DRAINING", "Green")}, "g", ""},
		"succeeded":                        {"Succeeded", []types.ECSTaskSet{set("b", "DRAINING", "Blue"), set("g", "PRIMARY", "Green")}, "g", ""},
		"succeeded, rolled back":           {"Succeeded", []types.ECSTaskSet{set("g", "DRAINING", "Green"), set("b", "PRIMARY", "Blue")}, "b", "codeDeployRollback"},
		"succeeded, before a newer one":    {"Succeeded", []types.ECSTaskSet{set("g", "DRAINING", "Green")}, "g", "user"},
		"succeeded, two before a newer":    {"Succeeded", []types.ECSTaskSet{set("b", "DRAINING", "Blue"), set("g", "DRAINING", "Green")}, "g", "user"},
		"succeeded, rolled back before it": {"Succeeded", []types.ECSTaskSet{set("b", "DRAINING", "Blue"), set("g", "DRAINING", "Green")}, "", "codeDeployRollback"},
		"succeeded, the original alone":    {"Succeeded", []types.ECSTaskSet{set("b", "DRAINING", "Blue")}, "", "user"},
	} {
		target, err := targeting{home: home{group.Account, group.Region}, deployment: types.DeploymentInfo{Status: test.status, Creator: test.by}}.
			target(types.ECSTarget{TargetId: aws.String("prod-cluster:checkout-api"), TaskSetsInfo: test.sets})
		if err != nil || target != (pipeline.CodeDeployTarget{Service: service, TaskSet: test.want}) {
			t.Errorf("%s: %+v, error %v", name, target, err)
		}
	}
}

func TestErrorsAreTranslated(t *testing.T) {
	for code, want := range map[string]bool{
		"DeploymentDoesNotExistException": true, "InvalidDeploymentIdException": true,
		"ApplicationDoesNotExistException": true, "DeploymentGroupDoesNotExistException": true,
		"AccessDeniedException": false, "ThrottlingException": false, "InvalidTimeRangeException": false,
	} {
		body := `{"__type":"` + code + `","message":"words"}`
		c := answering(t, 400, map[string]string{"GetDeployment": body, "ListDeployments": body})
		_, deployment := c.Deployment(t.Context(), group.Account, group.Region, "d-8QZK4T2LF")
		_, deployments := c.Deployments(t.Context(), group.Account, group.Region, group.Application, group.Name, now, now)
		if errors.Is(deployment, pipeline.ErrNoCodeDeployDeployment) != want || !strings.Contains(deployment.Error(), code) || !strings.Contains(deployment.Error(), "deployment d-8QZK4T2LF: ") {
			t.Errorf("%s of a deployment: %v", code, deployment)
		}
		if errors.Is(deployments, pipeline.ErrNoCodeDeployDeployment) != want || !strings.Contains(deployments.Error(), code) || !strings.Contains(deployments.Error(), group.Name) {
			t.Errorf("%s of a group: %v", code, deployments)
		}
	}
	if _, err := answering(t, 200, map[string]string{"GetDeployment": "{}"}).Deployment(t.Context(), group.Account, group.Region, "d-8QZK4T2LF"); !errors.Is(err, pipeline.ErrNoCodeDeployDeployment) {
		t.Errorf("an empty answer: %v", err)
	}
}
