package costs_test

import (
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/meter"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const (
	mostUnits   = 2.4 // read capacity units of a sweep for each further service
	mostQueries = 1.2 // and its queries: heads and tags are read a hundred at a time
)

// A sweep that has nothing to do reads each service's head and each tag once, whatever
// they share.
func TestASweepReadsInLineWithTheServices(t *testing.T) {
	f := newFleet(t)
	var last meter.Usage
	before := 0
	for _, n := range []int{10, 50, 150} {
		f.deploy(before, n)
		f.sweeps(t, sweep.Options{Scheduled: true})
		report, used := f.sweeps(t, sweep.Options{Scheduled: true})
		if report.Services != n || report.Left() || report.Recorded > 0 || used.WCU > 2 {
			t.Fatalf("%d services: %+v, %+v", n, report, used)
		}
		further := (used.RCU - last.RCU) / float64(n-before)
		t.Logf("%d services, %d tags: %+v, %.2f RCU for each further one", n, report.Tags, used, further)
		if queries := float64(used.By["Query"]-last.By["Query"]) / float64(n-before); before > 0 && (further > mostUnits || queries > mostQueries) {
			t.Errorf("%d services: %.2f read capacity units and %.2f queries for each further one, want at most %.1f and %.1f", n, further, queries, mostUnits, mostQueries)
		}
		last, before = used, n
	}
}

// rollsOutOften lets services roll out many versions, event by event.
func (f *fleet) rollsOutOften(t *testing.T, from, to, rollouts int) {
	t.Helper()
	told := len(f.inventory.Events(0))
	for version := range rollouts {
		f.now = f.now.Add(time.Hour)
		for i := from; i < to; i++ {
			f.rollOut(serviceNamed(i), f.ran("app", repositoryNamed(i), version), f.ran("envoy", sidecar, version/10))
		}
		for _, e := range f.inventory.Events(told) {
			told++
			if _, err := f.Observe(t.Context(), e.Service, e.Fact); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Of a service that has run for years the sweep reads no more than of a new one, the daily
// looks included.
func TestASweepReadsNoHistories(t *testing.T) {
	const (
		rollouts = 15 // more than a head leaves unfolded
		aDay     = 24 // sweeps
	)
	f, last, before := newFleet(t), 0.0, 0
	for _, n := range []int{5, 15} {
		f.rollsOutOften(t, before, n, rollouts)
		f.sweeps(t, sweep.Options{Scheduled: true})
		units := 0.0
		for range aDay {
			report, used := f.sweeps(t, sweep.Options{Scheduled: true})
			if report.Services != n || report.Left() || report.Recorded > 0 || used.WCU > 2 {
				t.Fatalf("%d services: %+v, %+v", n, report, used)
			}
			units += used.RCU / aDay
		}
		further := (units - last) / float64(n-before)
		t.Logf("%d services with %d rollouts: %.2f RCU for each further one", n, rollouts, further)
		if before > 0 && further > mostUnits {
			t.Errorf("%d services: %.2f read capacity units for each further one, want at most %.1f", n, further, mostUnits)
		}
		last, before = units, n
	}
}

// However long the history of a service is, DynamoDB reads its head at once.
func TestAHeadStaysSmall(t *testing.T) {
	f := newFleet(t)
	f.rollsOutOften(t, 0, 1, 80) // more than a head remembers
	f.meter.Take()
	heads, err := f.ledger.HeadStates(t.Context(), []tagalong.Service{serviceNamed(0)})
	if used := f.meter.Take(); err != nil || len(heads) != 1 || used.RCU != 0.5 {
		t.Errorf("%d heads, %v: %+v, want half a read capacity unit", len(heads), err, used)
	}
}
