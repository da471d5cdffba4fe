package sweep

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// history returns facts a minute apart, each as "ID NAME".
func history(t *testing.T, facts ...string) timeline.Timeline {
	t.Helper()
	var all []tagalong.Fact
	for i, text := range facts {
		id, name, _ := strings.Cut(text, " ")
		all = append(all, tagalong.Fact{Deployment: id, Name: tagalong.FactName(name), Time: noon.Add(time.Duration(i) * time.Minute), Source: tagalong.FromEvent})
	}
	folded, err := timeline.Timeline{}.Apply(all)
	if err != nil {
		t.Fatal(err)
	}
	return folded
}

// shows makes what ECS shows: deployments as "ID STATE", the first one the primary.
func shows(deployments ...string) (state ServiceState) {
	for i, text := range deployments {
		id, is, _ := strings.Cut(text, " ")
		state.Current = append(state.Current, DeploymentState{ID: id, Primary: i == 0, State: timeline.State(is), Changed: noon.Add(-time.Duration(i) * time.Minute)})
	}
	return state
}

func TestWhatTheLedgerLacksOfWhatECSShows(t *testing.T) {
	scaled := shows("1 in_progress")
	scaled.Current[0].Inferred = true
	taskSets := shows("1 completed", "2 completed")
	taskSets.TaskSets = true
	for _, test := range []struct {
		name   string
		ledger []string
		ecs    ServiceState
		want   string
	}{
		{"both know nothing", nil, ServiceState{}, ""},
		{"both have it running", []string{"1 IN_PROGRESS", "1 COMPLETED"}, shows("1 completed"), ""},
		{"both have one roll out beside it", []string{"1 COMPLETED", "2 IN_PROGRESS"}, shows("2 in_progress", "1 completed"), ""},
		{"it was never heard of", nil, shows("1 completed"), "1 COMPLETED"},
		{"its end was lost", []string{"1 COMPLETED", "2 IN_PROGRESS"}, shows("2 completed"), "2 COMPLETED"},
		{"its start was lost", []string{"1 COMPLETED"}, shows("2 in_progress", "1 completed"), "2 IN_PROGRESS"},
		{"its failure was lost", []string{"1 COMPLETED", "2 IN_PROGRESS"}, shows("2 failed", "1 completed"), "2 FAILED"},
		{"it failed, and is known to have", []string{"1 COMPLETED", "2 IN_PROGRESS", "2 FAILED"}, shows("2 failed", "1 completed"), ""},
		{"a rollout that ECS has forgotten", []string{"1 COMPLETED", "2 IN_PROGRESS"}, shows("1 completed"), "1 COMPLETED, 2 FAILED"},
		{"a rollback of which nobody told", []string{"1 COMPLETED", "2 IN_PROGRESS", "2 FAILED"}, shows("1 completed"), "1 COMPLETED"},
		{"a rollback that is known", []string{"1 COMPLETED", "2 IN_PROGRESS", "2 FAILED", "1 COMPLETED"}, shows("1 completed"), ""},
		{"a rollback whose end was lost", []string{"1 COMPLETED", "2 COMPLETED", "1 IN_PROGRESS"}, shows("1 completed"), "1 COMPLETED"},
		{"what runs and what rolls out are both unknown", nil, shows("2 in_progress", "1 completed"), "1 COMPLETED, 2 IN_PROGRESS"},
		{"what runs is scaled, which is no rollout", []string{"1 COMPLETED"}, scaled, ""},
		{"task sets: only the one with the traffic runs", []string{"2 COMPLETED"}, taskSets, "1 COMPLETED"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, f := range gapsIn(history(t, test.ledger...), test.ecs) {
				got = append(got, fmt.Sprint(f.Deployment, " ", f.Name))
			}
			slices.Sort(got)
			if text := strings.Join(got, ", "); text != test.want {
				t.Errorf("the ledger lacks %q, want %q", text, test.want)
			}
		})
	}
}

// Every service comes to its turn once a day, however often passes come and however far
// they are apart.
func TestEachServiceIsDueOnceADay(t *testing.T) {
	for _, every := range []time.Duration{20 * time.Minute, time.Hour, 5 * time.Hour, 22 * time.Hour} {
		for i := range 50 {
			name, due := fmt.Sprintf("111122223333/us-east-1/prod/service-%d", i), 0
			for begun := noon; begun.Before(noon.Add(10 * 24 * time.Hour)); begun = begun.Add(every) {
				p := pass{begun: begun, last: begun.Add(-every)}
				if p.dueForFullScan(name) {
					due++
				}
			}
			if due < 9 || due > 11 {
				t.Errorf("%s is looked at whole %d times in 10 days of a pass every %v", name, due, every)
			}
		}
	}
}
