package tagalongtest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/events"
	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// watched is an inventory with one service, whose time passes a minute with each step.
type watched struct {
	*tagalongtest.Inventory
	now     time.Time
	service tagalong.Service
}

func newWatched() *watched {
	w := &watched{
		now:     time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC),
		service: tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod", Name: "api"},
	}
	w.Inventory = &tagalongtest.Inventory{Now: func() time.Time { return w.now }}
	return w
}

// do lets things happen, a minute after one another.
func (w *watched) do(steps string) {
	for step := range strings.FieldsSeq(steps) {
		switch step {
		case "deploy":
			w.Deploy(w.service, tagalongtest.Deployment{Revised: []tagalong.Ran{{Name: "app"}}})
		case "complete":
			w.Complete(w.service)
		case "fail":
			w.Fail(w.service, true)
		case "fail-for-good":
			w.Fail(w.service, false)
		case "roll-back":
			w.RollBack(w.service)
		case "shift":
			w.Deployment(w.service, tagalongtest.Deployment{})
		case "shifted":
			w.ShiftTraffic(w.service, last(w.shown()))
		}
		w.now = w.now.Add(time.Minute)
	}
}

func last(states []sweep.DeploymentState) string {
	id := ""
	for _, d := range states {
		id = max(id, d.ID)
	}
	return id
}

func (w *watched) shown() []sweep.DeploymentState {
	states, err := w.Describe(context.Background(), tagalong.Scope{Account: w.service.Account, Region: w.service.Region}, w.service.Cluster, []string{w.service.Name})
	if err != nil || len(states) != 1 {
		return nil
	}
	return states[0].Current
}

func short(id string) string { return id[len(id)-1:] }

func TestWhatAnEstateShowsRemembersAndTells(t *testing.T) {
	for _, test := range []struct{ steps, shown, remembered, told string }{
		{"deploy", "1 in_progress primary", "1 IN_PROGRESS", "1 IN_PROGRESS"},
		{"deploy complete", "1 completed primary", "1 SUCCESSFUL", "1 IN_PROGRESS, 1 COMPLETED"},
		{"deploy complete deploy", "2 in_progress primary, 1 completed", "1 SUCCESSFUL, 2 IN_PROGRESS", "1 IN_PROGRESS, 1 COMPLETED, 2 IN_PROGRESS"},
		{"deploy complete deploy complete", "2 completed primary, 1 completed", "1 SUCCESSFUL, 2 SUCCESSFUL", "1 IN_PROGRESS, 1 COMPLETED, 2 IN_PROGRESS, 2 COMPLETED"},
		{"deploy complete deploy complete wait", "2 completed primary", "1 SUCCESSFUL, 2 SUCCESSFUL", "1 IN_PROGRESS, 1 COMPLETED, 2 IN_PROGRESS, 2 COMPLETED"},
		{"deploy deploy", "2 in_progress primary, 1 in_progress", "1 STOPPED, 2 IN_PROGRESS", "1 IN_PROGRESS, 2 IN_PROGRESS"},
		{"deploy fail", "1 failed primary", "1 ROLLBACK_FAILED", "1 IN_PROGRESS, 1 FAILED"},
		{"deploy fail-for-good", "1 failed primary", "1 STOPPED", "1 IN_PROGRESS, 1 FAILED"},
		{"deploy complete deploy fail", "1 in_progress primary, 2 failed", "1 SUCCESSFUL, 2 ROLLBACK_IN_PROGRESS to 1", "1 IN_PROGRESS, 1 COMPLETED, 2 IN_PROGRESS, 2 FAILED, 1 IN_PROGRESS rolling back"},
		{"deploy complete deploy fail complete", "1 completed primary, 2 failed", "1 SUCCESSFUL, 2 ROLLBACK_SUCCESSFUL to 1", "1 IN_PROGRESS, 1 COMPLETED, 2 IN_PROGRESS, 2 FAILED, 1 IN_PROGRESS rolling back, 1 COMPLETED"},
		{"deploy complete deploy fail fail", "1 failed primary, 2 failed", "1 SUCCESSFUL, 2 ROLLBACK_FAILED to 1", "1 IN_PROGRESS, 1 COMPLETED, 2 IN_PROGRESS, 2 FAILED, 1 IN_PROGRESS rolling back, 1 FAILED"},
		{"deploy complete deploy roll-back", "1 in_progress primary, 2 failed", "1 SUCCESSFUL, 2 ROLLBACK_IN_PROGRESS to 1", "1 IN_PROGRESS, 1 COMPLETED, 2 IN_PROGRESS, 1 IN_PROGRESS rolling back"},
		{"deploy complete deploy fail deploy", "3 in_progress primary, 1 in_progress, 2 failed", "1 SUCCESSFUL, 2 STOPPED to 1, 3 IN_PROGRESS", "1 IN_PROGRESS, 1 COMPLETED, 2 IN_PROGRESS, 2 FAILED, 1 IN_PROGRESS rolling back, 3 IN_PROGRESS"},
		{"shift shifted shift", "1 completed primary, 2 in_progress", "", ""},
		{"shift shifted shift shifted", "2 completed primary, 1 completed", "", ""},
	} {
		t.Run(test.steps, func(t *testing.T) {
			w := newWatched()
			w.do(test.steps)
			var shown, remembered, reported []string
			for _, d := range w.shown() {
				line := short(d.ID) + " " + string(d.State)
				if d.Primary {
					line += " primary"
				}
				shown = append(shown, line)
			}
			for _, r := range w.Known(w.service) {
				line := short(r.Deployment) + " " + r.Status
				if r.RolledBackTo != "" {
					line += " to " + short(r.RolledBackTo)
				}
				remembered = append(remembered, line)
			}
			for _, event := range w.Events(0) {
				line := short(event.Deployment) + " " + string(event.Name)
				if strings.Contains(event.Reason, "rolling back") {
					line += " rolling back"
				}
				reported = append(reported, line)
			}
			want := []string{test.shown, test.remembered, test.told}
			got := []string{strings.Join(shown, ", "), strings.Join(remembered, ", "), strings.Join(reported, ", ")}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("shown, remembered, told (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnInventorysEventsAreThoseOfECS(t *testing.T) {
	w := newWatched()
	w.do("deploy complete deploy fail complete")
	for n, reported := range w.Events(0) {
		parsed, err := events.Parse(reported.JSON(fmt.Sprintf("%08d-0000-4000-8000-000000000000", n)))
		if err != nil {
			t.Fatal(err)
		}
		e, ok := parsed.(events.DeploymentStateChange)
		if !ok || e.Deployment() != reported.Deployment || !e.UpdatedAt().Equal(reported.Time) || e.Cluster() != "prod" || e.ServiceARN().Name() != "api" || e.Reason() != reported.Reason {
			t.Errorf("event %+v of %+v", parsed, reported)
		}
	}
}

func TestAnInventoryForgets(t *testing.T) {
	w := newWatched()
	w.do("deploy complete deploy complete")
	running := w.Running()[w.service]
	w.now = w.now.Add(91 * 24 * time.Hour)
	if known := w.Known(w.service); len(known) != 0 {
		t.Errorf("after 90 days it remembers %+v", known)
	}
	if _, err := w.Revision(t.Context(), w.service, running); err != nil {
		t.Errorf("what runs has no revision: %v", err)
	}
	w.Delete(w.service)
	if _, err := w.Revision(t.Context(), w.service, running); err == nil {
		t.Error("a service that is gone has a revision")
	}
	if len(w.shown()) != 0 || len(w.Running()) != 0 {
		t.Error("a service that is gone is shown")
	}
}

func TestAnInventoryCountsCallsAsAWSGetsThem(t *testing.T) {
	w := newWatched()
	scope := tagalong.Scope{Account: w.service.Account, Region: w.service.Region}
	var names []string
	var services []tagalong.Service
	var deployments []sweep.DeploymentOf
	for n := range 101 {
		s := w.service
		s.Name = fmt.Sprintf("s%03d", n)
		id := w.Deploy(s, tagalongtest.Deployment{Revised: []tagalong.Ran{{Name: "app"}}})
		w.Complete(s)
		names, services, deployments = append(names, s.Name), append(services, s), append(deployments, sweep.DeploymentOf{Service: s, Deployment: id})
	}
	for _, s := range services[:21] {
		w.Deploy(s, tagalongtest.Deployment{})
		w.Fail(s, true)
	}
	_, _ = w.Clusters(t.Context(), scope)
	_, _ = w.ServiceNames(t.Context(), scope, "prod")
	_, _ = w.Describe(t.Context(), scope, "prod", names)
	_, _ = w.DeploymentHistory(t.Context(), scope, services)
	_ = w.Prepare(t.Context(), scope, deployments[:41])
	for _, d := range deployments[:42] {
		_, _ = w.Revision(t.Context(), d.Service, d.Deployment)
	}
	want := map[string]int{
		"ListClusters": 1, "ListServices": 2, "DescribeServices": 11, "ListServiceDeployments": 101, "DescribeServiceDeployments": 2,
		"DescribeServiceRevisions": 4, // three for 41 that were prepared, and one that was not
	}
	if diff := cmp.Diff(want, w.Calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestAnInventoryKeepsTheDeploymentHistorysContract(t *testing.T) {
	tagalongtest.DeploymentHistorySuite(t, func(*testing.T) (pipeline.DeploymentHistory, tagalongtest.DeploymentHistoryWorld) {
		w := newWatched()
		return w.Inventory, &inventoryRecords{w}
	})
}

// inventoryRecords sets up an inventory as a deployment history; its clock goes where it is told.
type inventoryRecords struct{ *watched }

func (w *inventoryRecords) Deploy(_ *testing.T, s tagalong.Service, at time.Time) string {
	w.now = at
	return w.Inventory.Deploy(s, tagalongtest.Deployment{})
}

func (w *inventoryRecords) Complete(_ *testing.T, s tagalong.Service, _ string, at time.Time) {
	w.now = at
	w.Inventory.Complete(s)
}

func (w *inventoryRecords) RollBack(_ *testing.T, s tagalong.Service, _ string, at time.Time) string {
	w.now = at
	w.Fail(s, true)
	return w.Known(s)[len(w.Known(s))-1].RolledBackTo
}

func (w *inventoryRecords) ServeByCodeDeploy(_ *testing.T, s tagalong.Service) {
	w.Inventory.Deployment(s, tagalongtest.Deployment{})
}

func (w *inventoryRecords) DenyRecords(*testing.T) {
	w.Hook = func(context.Context, tagalongtest.Call) error { return tagalong.ErrDenied }
}

func (w *inventoryRecords) Elsewhere(*testing.T) string {
	w.Inventory.Elsewhere("999999999999")
	return "999999999999"
}
