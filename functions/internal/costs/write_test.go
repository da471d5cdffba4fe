package costs_test

import (
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/meter"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// What the events of a rollout write: NUMBERS.md adds it up. The service has rolled out more
// often than its head remembers.
func TestWhatARolloutWrites(t *testing.T) {
	const rollouts = 15
	own := func(f *fleet, name string, version int) tagalong.Ran {
		return f.ran(name, tagalong.Repository{Registry: host, Name: "shop/" + name}, version)
	}
	for _, test := range []struct {
		name                string
		containers          func(f *fleet, version int) []tagalong.Ran
		tags                []string
		starting, completed float64 // at most
	}{
		{"one container", func(f *fleet, v int) []tagalong.Ran { return []tagalong.Ran{own(f, "app", v)} }, []string{"{environment}"}, 17, 34},
		{"an image of its own and one that stays", func(f *fleet, v int) []tagalong.Ran {
			return []tagalong.Ran{own(f, "app", v), own(f, "log", 1)}
		}, []string{"{environment}"}, 23, 55},
		{"an image of its own and a sidecar that others run", func(f *fleet, v int) []tagalong.Ran {
			return []tagalong.Ran{own(f, "app", v), f.ran("envoy", sidecar, 1)}
		}, []string{"{environment}"}, 23, 48},
		{"the same, and three tags", func(f *fleet, v int) []tagalong.Ran {
			return []tagalong.Ran{own(f, "app", v), f.ran("envoy", sidecar, 1)}
		}, []string{"{environment}", "{environment}-{service}"}, 25, 64},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, told := newFleet(t), 0
			f.Reactor.Rules = tagalong.Rules{{Environment: "prod", Tags: test.tags}}
			var starting, completed meter.Usage
			observe := func() {
				for _, e := range f.inventory.Events(told) {
					told++
					f.meter.Take()
					if _, err := f.Observe(t.Context(), e.Service, e.Fact); err != nil {
						t.Fatal(err)
					}
					used := &starting
					if e.Fact.Name == tagalong.Completed {
						used = &completed
					}
					*used = f.meter.Take()
				}
			}
			for other := range 2 { // who run the sidecar
				f.rollOut(serviceNamed(1+other), f.ran("envoy", sidecar, 1))
			}
			observe()
			for version := range rollouts {
				f.now = f.now.Add(time.Hour)
				f.rollOut(serviceNamed(0), test.containers(f, version)...)
				observe()
			}
			t.Logf("starting %+v, completed %+v", starting, completed)
			if starting.WCU > test.starting || completed.WCU > test.completed {
				t.Errorf("%.0f write capacity units as it starts and %.0f as it completes, want at most %.0f and %.0f", starting.WCU, completed.WCU, test.starting, test.completed)
			}
		})
	}
}
