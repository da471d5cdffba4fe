package costs_test

import (
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/meter"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
)

// A sweep that has nothing to do reads each service's head and each tag once, whatever
// they share.
func TestASweepReadsInLineWithTheServices(t *testing.T) {
	const most = 2.4 // read capacity units for each further service
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
		if before > 0 && further > most {
			t.Errorf("%d services: %.2f read capacity units for each further one, want at most %.1f", n, further, most)
		}
		last, before = used, n
	}
}
