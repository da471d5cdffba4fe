package stories_test

import (
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// What a record says of a rollback, before it begins and if it never does.
func TestARollbackThatWasOnlyAskedForIsNone(t *testing.T) {
	asked, stopped := noon.Add(3*time.Minute), noon.Add(4*time.Minute)
	for _, test := range []struct {
		name   string
		record pipeline.ServiceDeployment // of the second deployment
		want   string                     // of its rollout, and what comes after it
	}{
		{"asked for, with all that a rollback has", pipeline.ServiceDeployment{Status: "ROLLBACK_REQUESTED", RolledBackAt: asked}, "2 in_progress 2m0s..-"},
		{"asked for", pipeline.ServiceDeployment{Status: "ROLLBACK_REQUESTED"}, "2 in_progress 2m0s..-"},
		{"asked for, and it is successful all the same", pipeline.ServiceDeployment{Status: "SUCCESSFUL", FinishedAt: stopped, RolledBackAt: asked}, "2 completed 2m0s..4m0s"},
		{"asked for, and it is stopped before", pipeline.ServiceDeployment{Status: "STOPPED", FinishedAt: stopped}, "2 failed 2m0s..4m0s"},
		{"asked to stop", pipeline.ServiceDeployment{Status: "STOP_REQUESTED"}, "2 in_progress 2m0s..-"},
		{"being stopped", pipeline.ServiceDeployment{Status: "STOP_IN_PROGRESS"}, "2 in_progress 2m0s..-"},
		{"begun", pipeline.ServiceDeployment{Status: "ROLLBACK_IN_PROGRESS", RolledBackAt: asked}, "2 failed 2m0s..3m0s, 1 in_progress 3m0s..- rollback"},
		{"begun, and it is stopped", pipeline.ServiceDeployment{Status: "STOPPED", FinishedAt: stopped, RolledBackAt: asked}, "2 failed 2m0s..3m0s, 1 failed 3m0s..4m0s rollback"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newInventoryWorld(prodRules())
			first := w.rolls(prodAPI, ran("app", shopAPI, 1))
			w.pass(time.Minute)
			second := w.deploys(prodAPI, ran("app", shopAPI, 2))
			records := asBefore(t, w).records[prodAPI]
			test.record.Deployment, test.record.RolledBackTo, test.record.CreatedAt = second, first, records[1].CreatedAt
			w.misses()
			w.pass(time.Hour)
			w.Inventory = behind{w.inventory, []sweep.ServiceState{{Service: prodAPI}}, map[tagalong.Service][]pipeline.ServiceDeployment{prodAPI: {records[0], test.record}}}
			if _, err := w.Sweep(t.Context(), sweep.Options{Whole: true}); err != nil {
				t.Fatal(err)
			}
			if got := w.course(t, prodAPI); got != "1 completed 0s..1m0s, "+test.want {
				t.Errorf("rollouts %s\nwant     1 completed 0s..1m0s, %s", got, test.want)
			}
		})
	}
}
