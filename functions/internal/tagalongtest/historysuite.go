package tagalongtest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// DeploymentHistoryWorld sets up what DeploymentHistorySuite asks of a deployment history. Its methods
// fail the test where they cannot.
type DeploymentHistoryWorld interface {
	// Deploy deploys to a service, which it makes where there is none, and returns the
	// deployment's id.
	Deploy(t *testing.T, s tagalong.Service, at time.Time) (deployment string)
	// Complete completes the deployment that is in progress, or the rollback to it.
	Complete(t *testing.T, s tagalong.Service, deployment string, at time.Time)
	// RollBack lets a deployment fail and rolls it back to the newest one that had
	// completed before, whose id it returns.
	RollBack(t *testing.T, s tagalong.Service, deployment string, at time.Time) (to string)
	// ServeByCodeDeploy makes a service that CodeDeploy deploys, with a task set.
	ServeByCodeDeploy(t *testing.T, s tagalong.Service)
	// DenyRecords lets our role list no service deployments.
	DenyRecords(t *testing.T)
	// Elsewhere returns an account that is neither ours nor configured.
	Elsewhere(t *testing.T) string
}

// DeploymentHistorySuite checks that an implementation keeps the contract of
// pipeline.DeploymentHistory. open returns a new one and the world behind it.
func DeploymentHistorySuite(t *testing.T, open func(t *testing.T) (pipeline.DeploymentHistory, DeploymentHistoryWorld)) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, w suiteHistory)
	}{
		{"a record follows its deployment", recordCourse},
		{"a record says what it rolls back to, and since when", recordRollback},
		{"a rollback that a newer deployment overtakes is stopped, and says so", recordOvertaken},
		{"there are records of more than a page, and of more rollbacks than one answer has", recordsOfMany},
		{"the records are those created at a time or later", recordsSince},
		{"the records are those of one service", recordsOfOne},
		{"a service that CodeDeploy deploys has none", recordsOfCodeDeploy},
		{"a service that is nowhere is not found", recordsAbsent},
		{"records that may not be read are denied", recordsDenied},
		{"an account that is not covered is elsewhere", recordsElsewhere},
	} {
		t.Run(test.name, func(t *testing.T) {
			history, world := open(t)
			test.run(t, suiteHistory{DeploymentHistory: history, DeploymentHistoryWorld: world, t: t})
		})
	}
}

type suiteHistory struct {
	pipeline.DeploymentHistory
	DeploymentHistoryWorld
	t *testing.T
}

// records returns a service's, oldest first and without the reasons, which are
// ECS's to word.
func (w suiteHistory) records(s tagalong.Service, since time.Time) []pipeline.ServiceDeployment {
	w.t.Helper()
	records, err := w.ServiceDeployments(w.t.Context(), s, since)
	if err != nil {
		w.t.Fatal(err)
	}
	slices.SortFunc(records, func(a, b pipeline.ServiceDeployment) int { return a.CreatedAt.Compare(b.CreatedAt) })
	for i := range records {
		records[i].Reason = ""
	}
	return records
}

func recordCourse(t *testing.T, w suiteHistory) {
	s := suiteService("api")
	first := w.Deploy(t, s, later(0))
	want := []pipeline.ServiceDeployment{{Deployment: first, Status: "IN_PROGRESS", CreatedAt: later(0)}}
	same(t, "in progress", want, w.records(s, time.Time{}))
	w.Complete(t, s, first, later(1))
	want[0].Status, want[0].FinishedAt = "SUCCESSFUL", later(1)
	same(t, "completed", want, w.records(s, later(0)))
}

func recordRollback(t *testing.T, w suiteHistory) {
	s := suiteService("api")
	good := w.Deploy(t, s, later(0))
	w.Complete(t, s, good, later(1))
	bad := w.Deploy(t, s, later(2))
	same(t, "rolled back to", good, w.RollBack(t, s, bad, later(3)))
	want := []pipeline.ServiceDeployment{
		{Deployment: good, Status: "SUCCESSFUL", CreatedAt: later(0), FinishedAt: later(1)},
		{Deployment: bad, Status: "ROLLBACK_IN_PROGRESS", CreatedAt: later(2), RolledBackTo: good, RolledBackAt: later(3)},
	}
	same(t, "rolling back", want, w.records(s, later(0)))
	w.Complete(t, s, good, later(4))
	want[1].Status, want[1].FinishedAt = "ROLLBACK_SUCCESSFUL", later(4)
	same(t, "rolled back", want, w.records(s, later(0)))
	all, err := w.ServiceDeployments(t.Context(), s, later(2))
	if err != nil || len(all) != 1 || all[0].Reason == "" {
		t.Errorf("a rollback without a reason: %+v, error %v", all, err)
	}
}

func recordOvertaken(t *testing.T, w suiteHistory) {
	s := suiteService("api")
	good := w.Deploy(t, s, later(0))
	w.Complete(t, s, good, later(1))
	bad := w.Deploy(t, s, later(2))
	w.RollBack(t, s, bad, later(3))
	next := w.Deploy(t, s, later(4))
	want := []pipeline.ServiceDeployment{
		{Deployment: good, Status: "SUCCESSFUL", CreatedAt: later(0), FinishedAt: later(1)},
		{Deployment: bad, Status: "STOPPED", CreatedAt: later(2), FinishedAt: later(4), RolledBackTo: good, RolledBackAt: later(3)},
		{Deployment: next, Status: "IN_PROGRESS", CreatedAt: later(4)},
	}
	same(t, "overtaken", want, w.records(s, time.Time{}))
}

func recordsOfMany(t *testing.T, w suiteHistory) {
	s := suiteService("api")
	first := w.Deploy(t, s, later(0))
	w.Complete(t, s, first, later(1))
	want := []pipeline.ServiceDeployment{{Deployment: first, Status: "SUCCESSFUL", CreatedAt: later(0), FinishedAt: later(1)}}
	for n := range 105 {
		at := later(10 * (n + 1))
		bad := w.Deploy(t, s, at)
		w.RollBack(t, s, bad, at.Add(time.Second))
		w.Complete(t, s, first, at.Add(time.Minute))
		want = append(want, pipeline.ServiceDeployment{
			Deployment: bad, Status: "ROLLBACK_SUCCESSFUL", CreatedAt: at, FinishedAt: at.Add(time.Minute),
			RolledBackTo: first, RolledBackAt: at.Add(time.Second),
		})
	}
	same(t, "records", want, w.records(s, later(0)))
}

func recordsSince(t *testing.T, w suiteHistory) {
	s := suiteService("api")
	for n := range 4 {
		w.Complete(t, s, w.Deploy(t, s, later(2*n)), later(2*n+1))
	}
	all := w.records(s, later(0))
	same(t, "all", 4, len(all))
	same(t, "from the second on", all[1:], w.records(s, later(2)))
	same(t, "a millisecond after it", all[2:], w.records(s, later(2).Add(time.Millisecond)))
	same(t, "later", 0, len(w.records(s, later(7))))
}

func recordsOfOne(t *testing.T, w suiteHistory) {
	s, other, namesake := suiteService("api"), suiteService("web"), suiteService("api")
	namesake.Cluster = "another-cluster"
	for _, each := range []tagalong.Service{s, other, namesake} {
		w.Deploy(t, each, later(0))
	}
	own := w.Deploy(t, s, later(1))
	records := w.records(s, later(1))
	if len(records) != 1 || records[0].Deployment != own {
		t.Errorf("records %+v, want one of %s", records, own)
	}
	same(t, "the other's", 1, len(w.records(other, later(0))))
}

func recordsOfCodeDeploy(t *testing.T, w suiteHistory) {
	s := suiteService("api")
	w.ServeByCodeDeploy(t, s)
	same(t, "records", 0, len(w.records(s, later(0))))
}

func (w suiteHistory) wantError(what string, s tagalong.Service, want error) {
	w.t.Helper()
	if records, err := w.ServiceDeployments(w.t.Context(), s, later(0)); !errors.Is(err, want) {
		w.t.Errorf("%s: %+v, error %v, want %v", what, records, err, want)
	}
}

func recordsAbsent(t *testing.T, w suiteHistory) {
	s := suiteService("api")
	w.Deploy(t, s, later(0))
	w.wantError("service", suiteService("nope"), tagalong.ErrNotFound)
	s.Cluster = "nope"
	w.wantError("cluster", s, tagalong.ErrNotFound)
}

func recordsDenied(t *testing.T, w suiteHistory) {
	s := suiteService("api")
	w.Deploy(t, s, later(0))
	w.DenyRecords(t)
	w.wantError("denied", s, tagalong.ErrDenied)
}

func recordsElsewhere(t *testing.T, w suiteHistory) {
	s := suiteService("api")
	s.Account = w.Elsewhere(t)
	w.wantError("elsewhere", s, tagalong.ErrElsewhere)
}
