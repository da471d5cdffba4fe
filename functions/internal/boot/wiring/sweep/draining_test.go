package sweep

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// where says in a line each where an image is and was, in hours from the first sweep.
func (w world) where(d digest.Digest) (lines []string) {
	w.t.Helper()
	records := dynamo.New(dynamodb.NewFromConfig(w.Config()), "ledger")
	page, err := query.Queries{Records: records}.Where(w.t.Context(), tagalong.ImageQuery{Digest: d}, query.Paging{})
	if err != nil {
		w.t.Fatal(err)
	}
	hours := func(at *time.Time) string {
		if at == nil {
			return "-"
		}
		return fmt.Sprint(at.Sub(sandboxtest.Epoch).Round(time.Hour).Hours())
	}
	for _, row := range page.Items {
		lines = append(lines, fmt.Sprintf("%s %s..%s", row.Phase, hours(row.Since), hours(row.Until)))
	}
	return lines
}

// sweepsTwice sweeps so many hours later: of two sweeps the second finds nothing to write.
func (w world) sweepsTwice(hours int) sweep.Report {
	w.t.Helper()
	at := sandboxtest.Epoch.Add(time.Duration(hours) * time.Hour)
	report, err := w.sweepAt(w.t.Context(), at, sweep.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	if again, err := w.sweepAt(w.t.Context(), at, sweep.Options{}); err != nil || again.Recorded != 0 || w.writes() != 0 {
		w.t.Errorf("the second sweep: %+v, error %v, %d writes", again, err, w.writes())
	}
	return report
}

// begins starts a deployment of a new build, hours ago.
func (w world) begins(service *ecs.Service, build string, hours int) (*ecs.Deployment, digest.Digest) {
	w.t.Helper()
	repository := w.ECR.Repository(wire.Scope{}, "shop")
	pushed, err := repository.Push(ecr.Image{Seed: build, Tags: []string{build}})
	if err != nil {
		w.t.Fatal(err)
	}
	d, _, err := service.Release(sandboxtest.Epoch.Add(-time.Duration(hours)*time.Hour), ecs.Container{Name: "app", Image: repository.URI() + ":" + build})
	if err != nil {
		w.t.Fatal(err)
	}
	return d, pushed
}

// By early success criteria a deployment completes, and the tasks before it run on for
// weeks. What shows them AWS's documents leave open.
func TestWhatIsCleanedUpLaterDrainsUntilItsTasksAreGone(t *testing.T) {
	for _, inRevisions := range []bool{false, true} {
		t.Run(fmt.Sprintf("among the revisions alone: %t", inRevisions), func(t *testing.T) {
			w := start(t, nil)
			w.rollOut(wire.Scope{}, "prod", "shop", "build-1", 5)
			service := w.ECS.Cluster(wire.Scope{}, "prod").Service("shop")
			service.Update(func(o *ecs.ServiceOptions) { o.CleanupInRevisions = inRevisions })
			repository := w.ECR.Repository(wire.Scope{}, "shop")
			first := repository.Tag("build-1")
			d, second := w.begins(service, "build-2", 3)
			if _, err := d.CompleteEarly(sandboxtest.Epoch.Add(-3 * time.Hour)); err != nil {
				t.Fatal(err)
			}
			w.sweepsTwice(0)
			if diff := cmp.Diff([]string{"draining -5..-"}, w.where(first)); diff != "" {
				t.Errorf("while its tasks run (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"running -3..-"}, w.where(second)); diff != "" {
				t.Errorf("what runs (-want +got):\n%s", diff)
			}
			if repository.Tag("prod") != second {
				t.Errorf("prod is on %s, want what completed", repository.Tag("prod"))
			}
			service.CleanUp(sandboxtest.Epoch.Add(30 * time.Minute))
			if report := w.sweepsTwice(1); len(report.Drift) != 0 {
				t.Errorf("that tasks are gone is no drift: %+v", report.Drift)
			}
			if diff := cmp.Diff([]string{"ended -5..1"}, w.where(first)); diff != "" {
				t.Errorf("when its tasks were seen gone (-want +got):\n%s", diff)
			}
		})
	}
}

// A circuit breaker without rollback starts no more tasks: those that run may run on.
func TestTasksThatACircuitBreakerLeavesDrain(t *testing.T) {
	for _, runOn := range []bool{false, true} {
		t.Run(fmt.Sprintf("they run on: %t", runOn), func(t *testing.T) {
			w := start(t, nil)
			w.rollOut(wire.Scope{}, "prod", "shop", "build-1", 5)
			service := w.ECS.Cluster(wire.Scope{}, "prod").Service("shop")
			service.Update(func(o *ecs.ServiceOptions) { o.NoRollback, o.FailedTasksRunOn = true, runOn })
			d, second := w.begins(service, "build-2", 3)
			if _, err := d.Fail(sandboxtest.Epoch.Add(-2*time.Hour), ""); err != nil {
				t.Fatal(err)
			}
			w.sweepsTwice(0)
			want := map[bool]string{false: "ended -3..-2", true: "draining -3..-"}[runOn]
			if diff := cmp.Diff([]string{want}, w.where(second)); diff != "" {
				t.Errorf("what failed (-want +got):\n%s", diff)
			}
			service.Delete(sandboxtest.Epoch.Add(time.Minute))
			w.sweepsTwice(1)
			want = map[bool]string{false: "ended -3..-2", true: "ended -3..1"}[runOn]
			if diff := cmp.Diff([]string{want}, w.where(second)); diff != "" {
				t.Errorf("what failed, and went with its service (-want +got):\n%s", diff)
			}
		})
	}
}
