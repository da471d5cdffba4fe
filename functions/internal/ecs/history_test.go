package ecs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

func TestTheDeploymentHistorysContractOnTheSandbox(t *testing.T) {
	tagalongtest.DeploymentHistorySuite(t, func(t *testing.T) (pipeline.DeploymentHistory, tagalongtest.DeploymentHistoryWorld) {
		s := sandboxtest.Start(t)
		w := on(s)
		return w, historyWorld{sandboxWorld{s, w, map[string]*ecs.Deployment{}}}
	})
}

// historyWorld sets up the records of the sandbox's ECS.
type historyWorld struct{ sandboxWorld }

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w historyWorld) Deploy(t *testing.T, s tagalong.Service, at time.Time) string {
	t.Helper()
	d, _, err := w.serviceOf(s, ecs.ServiceOptions{}).Release(at, ecs.Container{Name: "app", Image: "public.ecr.aws/shop/api:v1"})
	ok(t, err)
	w.deployments[d.ID()] = d
	return d.ID()
}

func (w historyWorld) Complete(t *testing.T, _ tagalong.Service, deployment string, at time.Time) {
	t.Helper()
	_, err := w.deployments[deployment].Complete(at)
	ok(t, err)
}

func (w historyWorld) RollBack(t *testing.T, _ tagalong.Service, deployment string, at time.Time) string {
	t.Helper()
	_, err := w.deployments[deployment].Fail(at, "")
	ok(t, err)
	to, _, err := w.deployments[deployment].RollBack(at)
	ok(t, err)
	return to.ID()
}

func (w historyWorld) ServeByCodeDeploy(t *testing.T, s tagalong.Service) {
	t.Helper()
	definition, err := w.ECS.Register(wire.Scope{Account: s.Account, Region: s.Region}, s.Name, ecs.Container{Name: "app", Image: "public.ecr.aws/shop/api:v1"})
	ok(t, err)
	_, err = w.serviceOf(s, ecs.ServiceOptions{Controller: "CODE_DEPLOY"}).CreateTaskSet(definition, ecs.TaskSetOptions{}, now)
	ok(t, err)
}

func (w historyWorld) DenyRecords(*testing.T) { w.ECS.Deny("ListServiceDeployments") }

func TestServiceDeploymentsAsksNoMoreThanItMust(t *testing.T) {
	w := start(t, ecs.ServiceOptions{})
	first := w.deploy(t)
	complete := func() {
		t.Helper()
		_, err := first.Complete(now)
		ok(t, err)
	}
	list := func(count int) {
		t.Helper()
		records, err := w.ServiceDeployments(t.Context(), service, now)
		if err != nil || len(records) != count {
			t.Errorf("%d records, error %v; want %d", len(records), err, count)
		}
	}
	complete()
	w.ResetCalls()
	list(1)
	wantCalls(t, w, "ListServiceDeployments")
	for range 21 {
		bad := w.deploy(t)
		_, err := bad.Fail(now, "")
		ok(t, err)
		_, _, err = bad.RollBack(now)
		ok(t, err)
		complete()
	}
	w.ResetCalls()
	list(22)
	wantCalls(t, w, "ListServiceDeployments", "DescribeServiceDeployments", "DescribeServiceDeployments")
	for range 80 {
		w.deploy(t)
	}
	w.ResetCalls()
	list(102)
	if calls := w.calls(); !slices.Equal(calls[:2], []string{"ListServiceDeployments", "ListServiceDeployments"}) {
		t.Errorf("calls %v", calls)
	}
}

func TestServiceDeploymentsRequestedToRollBackHaveNoneYet(t *testing.T) {
	w := start(t, ecs.ServiceOptions{})
	_, err := w.deploy(t).Complete(now)
	ok(t, err)
	_, err = w.deploy(t).Fail(now, "")
	ok(t, err)
	records, err := w.ServiceDeployments(t.Context(), service, now)
	ok(t, err)
	i := slices.IndexFunc(records, func(d pipeline.ServiceDeployment) bool { return d.Status == "ROLLBACK_REQUESTED" })
	if i < 0 || records[i].RolledBackTo != "" || !records[i].RolledBackAt.IsZero() || !strings.Contains(records[i].Reason, "failed to start") {
		t.Errorf("records %+v", records)
	}
}

// ECS keeps its times finer than it is asked for them.
func TestServiceDeploymentsAtExactlyTheTime(t *testing.T) {
	const arn = "arn:aws:ecs:us-east-1:111122223333:service-revision/prod-cluster/checkout-api/7330915268420174663"
	at := time.UnixMilli(1772615702318).UTC()
	for seconds, want := range map[string]int{"1772615702.317": 0, "1772615702.3179": 0, "1772615702.318": 1, "1772615702.318456": 1} {
		w := answering(t, 200, `{"serviceDeployments":[{"targetServiceRevisionArn":"`+arn+`","status":"IN_PROGRESS","createdAt":`+seconds+`}]}`)
		records, err := w.ServiceDeployments(t.Context(), service, at)
		if err != nil || len(records) != want || want == 1 && records[0].CreatedAt != at {
			t.Errorf("created at %s: %+v, error %v", seconds, records, err)
		}
	}
}

func TestServiceDeploymentsOfOtherRevisionsAreLeftOut(t *testing.T) {
	const own = "arn:aws:ecs:us-east-1:111122223333:service-revision/prod-cluster/checkout-api/"
	for revision, want := range map[string]string{
		own + "7330915268420174663": "ecs-svc/7330915268420174663",
		own + "x":                   "",
		own:                         "",
		"":                          "",
		strings.Replace(own, "checkout-api", "other", 1) + "7330915268420174663": "",
		strings.Replace(own, "prod-cluster", "other", 1) + "7330915268420174663": "",
		strings.Replace(own, "1111", "4444", 1) + "7330915268420174663":          "",
	} {
		w := answering(t, 200, fmt.Sprintf(`{"serviceDeployments":[{"serviceDeploymentArn":"a","targetServiceRevisionArn":%q,"status":"ROLLBACK_FAILED",
			"createdAt":1772615702.318,"rollback":{"serviceRevisionArn":%q,"startedAt":1772615762.5}}]}`, revision, revision))
		records, err := w.ServiceDeployments(t.Context(), service, now)
		if err != nil || (len(records) == 0) != (want == "") {
			t.Errorf("%s: %+v, error %v", revision, records, err)
		}
		if want != "" && (records[0].Deployment != want || records[0].RolledBackTo != want || records[0].RolledBackAt != time.UnixMilli(1772615762500).UTC()) {
			t.Errorf("%s: %+v", revision, records)
		}
	}
	foreign := record(service, "ecs-svc/1", types.ServiceDeploymentBrief{}, types.ServiceDeployment{Rollback: &types.Rollback{ServiceRevisionArn: aws.String(own + "x"), StartedAt: &now}})
	if foreign.RolledBackTo != "" || !foreign.RolledBackAt.IsZero() {
		t.Errorf("rolled back to what is no deployment: %+v", foreign)
	}
}

func TestServiceDeploymentsTranslatesErrors(t *testing.T) {
	for code, want := range map[string]error{
		"AccessDeniedException": tagalong.ErrDenied, "ServiceNotFoundException": tagalong.ErrNotFound,
		"ClusterNotFoundException": tagalong.ErrNotFound, "InvalidParameterException": nil, "ThrottlingException": nil,
	} {
		_, err := answering(t, 400, `{"__type":"`+code+`","message":"words"}`).ServiceDeployments(t.Context(), service, now)
		known := errors.Is(err, tagalong.ErrDenied) || errors.Is(err, tagalong.ErrNotFound)
		if err == nil || want != nil && !errors.Is(err, want) || want == nil && known || !strings.Contains(err.Error(), "ListServiceDeployments") {
			t.Errorf("%s: %v", code, err)
		}
	}
	if records, err := answering(t, 400, `{"__type":"UnsupportedFeatureException","message":"words"}`).ServiceDeployments(t.Context(), service, now); err != nil || len(records) != 0 {
		t.Errorf("unsupported: %+v, error %v", records, err)
	}
	w := start(t, ecs.ServiceOptions{})
	_, err := w.deploy(t).Complete(now)
	ok(t, err)
	_, err = w.deploy(t).Fail(now, "")
	ok(t, err)
	w.ECS.Deny("DescribeServiceDeployments")
	if _, err := w.ServiceDeployments(t.Context(), service, now); !errors.Is(err, tagalong.ErrDenied) || !strings.Contains(err.Error(), "DescribeServiceDeployments") {
		t.Errorf("denied to describe: %v", err)
	}
}

// AWS does not say which times a service deployment has that was stopped.
func TestAStoppedServiceDeploymentHasEndedWhicheverTimesItHas(t *testing.T) {
	for name, times := range map[string]ecs.StopTimes{"finishedAt and stoppedAt": ecs.Finished, "stoppedAt": ecs.StoppedOnly, "updatedAt": ecs.UpdatedOnly} {
		t.Run(name, func(t *testing.T) {
			w := start(t, ecs.ServiceOptions{StopTimes: times})
			first := w.deploy(t)
			_, _, err := w.service.Release(now.Add(time.Minute), ecs.Container{Name: "app", Image: w.image})
			ok(t, err)
			w.ResetCalls()
			records, err := w.ServiceDeployments(t.Context(), service, now)
			ok(t, err)
			i := slices.IndexFunc(records, func(d pipeline.ServiceDeployment) bool { return d.Deployment == first.ID() })
			if i < 0 || records[i].Status != "STOPPED" || !records[i].FinishedAt.Equal(now.Add(time.Minute)) {
				t.Errorf("records %+v", records)
			}
			wantCalls(t, w, "ListServiceDeployments", "DescribeServiceDeployments")
		})
	}
}

// What is asked to end has not ended, and may be successful all the same.
func TestAServiceDeploymentThatIsAskedToEndHasNot(t *testing.T) {
	for _, status := range []string{"STOP_REQUESTED", "STOP_IN_PROGRESS", "ROLLBACK_REQUESTED"} {
		t.Run(status, func(t *testing.T) {
			w := start(t, ecs.ServiceOptions{})
			d := w.deploy(t)
			ok(t, d.Request(status, now.Add(time.Minute)))
			records, err := w.ServiceDeployments(t.Context(), service, now)
			ok(t, err)
			if len(records) != 1 || records[0].Status != status || !records[0].FinishedAt.IsZero() {
				t.Errorf("records %+v", records)
			}
			_, err = d.Complete(now.Add(2 * time.Minute))
			ok(t, err)
			records, err = w.ServiceDeployments(t.Context(), service, now)
			ok(t, err)
			if len(records) != 1 || records[0].Status != "SUCCESSFUL" || !records[0].FinishedAt.Equal(now.Add(2*time.Minute)) {
				t.Errorf("records %+v", records)
			}
		})
	}
}
