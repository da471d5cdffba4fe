package costs_test

import (
	"fmt"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/report"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/meter"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
)

// find keeps so many findings of each service's own image, of which one is everybody's.
func (f *fleet) find(t *testing.T, from, to, findings int) {
	t.Helper()
	problems := make([]error, to-from)
	parallel.ForEach(to-from, parallel.Limit, func(n int) {
		image := imageOf(repositoryNamed(from+n), 1)
		var found []ledger.Finding
		for i := range findings {
			id := fmt.Sprintf("CVE-2026-%d", i)
			if i > 0 {
				id = fmt.Sprintf("CVE-2026-%d-%d", from+n, i)
			}
			found = append(found, ledger.Finding{FirstSeen: noon, Finding: report.Finding{ID: id, Severity: report.Critical, Package: "openssl", Installed: "3.0.11-1", FixedIn: "3.0.14-1"}})
		}
		problems[n] = f.ledger.SetScan(t.Context(), ledger.Scan{Digest: image, Scanned: true, Since: noon}, found)
	})
	for _, err := range problems {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// asked returns how many rows have a finding, and what that took.
func (f *fleet) asked(t *testing.T, wanted query.ExposureQuery) (found int, used meter.Usage) {
	t.Helper()
	f.meter.Take()
	page, _, err := f.Exposure(t.Context(), wanted, query.Paging{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range page.Items {
		if r.Scanned {
			found++
		}
	}
	return found, f.meter.Take()
}

// Who asks for one finding reads what has it, and whether the ledger may lack something: that
// is one query for each repository of what is in use, as every answer of its kind takes. What
// else was found in the images is not read.
func TestExposureCostsWhatItAnswers(t *testing.T) {
	const findings = 50
	f, before := newFleet(t), 0
	last := map[string]meter.Usage{}
	for _, n := range []int{20, 40} {
		f.deploy(before, n)
		f.sweeps(t, sweep.Options{Whole: true})
		f.find(t, before, n, findings)
		before = n
		for name, wanted := range map[string]struct {
			query.ExposureQuery
			rows       int
			rcu, calls float64 // for each further service
		}{
			"everything":          {query.ExposureQuery{}, n * findings, 4.8, 4.2},
			"everybody's":         {query.ExposureQuery{ID: "CVE-2026-0"}, n, 4.3, 4.2},
			"one service's":       {query.ExposureQuery{ID: "cve-2026-7-7"}, 1, 2.1, 1.1},
			"one service's, ever": {query.ExposureQuery{ID: "cve-2026-7-7", Ever: true}, 1, 0.8, 1.1},
		} {
			rows, used := f.asked(t, wanted.ExposureQuery)
			if rows != wanted.rows {
				t.Errorf("%s of %d services: %d rows, want %d", name, n, rows, wanted.rows)
			}
			if was, there := last[name]; there {
				rcu, calls := (used.RCU-was.RCU)/float64(n/2), float64(used.Calls-was.Calls)/float64(n/2)
				if rcu > wanted.rcu || calls > wanted.calls {
					t.Errorf("%s: each further service costs %.2f RCU and %.2f calls, want at most %.2f and %.2f", name, rcu, calls, wanted.rcu, wanted.calls)
				}
			}
			last[name] = used
		}
	}
}
