package sweep

import (
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/report"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// gate asks whether an image of shop has high findings that prod has not.
func (w world) gate(d digest.Digest, at time.Time, reports ...report.Report) query.GateRow {
	w.t.Helper()
	q := query.Queries{Records: w.kept(), Now: func() time.Time { return at }}
	rows, err := q.Gate(w.t.Context(), query.GateQuery{
		Image: tagalong.ImageQuery{Repository: "shop", Digest: d}, NoNew: "high", Against: "prod", Reports: reports,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return rows[0]
}

func (w world) judges(name string, row query.GateRow, passed bool, reason string) {
	w.t.Helper()
	if row.Passed != passed || !strings.Contains(row.Reason, reason) {
		w.t.Errorf("%s: %+v, want passed %t and %q", name, row, passed, reason)
	}
}

// A candidate passes only if it is known today what is in it.
func TestACandidateOfWhichItIsNotKnownWhatIsInItIsRefused(t *testing.T) {
	w := startInspected(t)
	w.variables["TAGALONG_ENVIRONMENTS"] = `[{"environment":"prod","clusters":["prod"]},{"environment":"staging","clusters":["staging"]}]`
	w.rollOut(wire.Scope{}, "prod", "shop", "build-1", 9)
	w.rollOut(wire.Scope{}, "staging", "shop", "build-2", 5)
	shop := w.ECR.Repository(wire.Scope{}, "shop")
	running, candidate := shop.Tag("build-1"), shop.Tag("build-2")

	w.swept(hours(0), sweep.Options{Scheduled: true})
	w.judges("never scanned", w.gate(candidate, hours(1)), false, "whether it has findings is not known: ")
	w.judges("never scanned, and a report is empty", w.gate(candidate, hours(1), report.Report{Format: "Inspector2 ListFindings"}), false, "no report says that it was scanned")
	clean := report.Report{Format: "Trivy JSON", Images: []report.Image{{Names: []digest.Digest{candidate}}}}
	w.judges("a report says that it is clean", w.gate(candidate, hours(1), clean), true, "it has no finding")

	w.Inspector.Scan(wire.Scope{}, "shop", candidate)
	w.Inspector.Scan(wire.Scope{}, "shop", running, finding("CVE-1", "HIGH"))
	w.swept(hours(24), sweep.Options{Scheduled: true})
	w.judges("clean", w.gate(candidate, hours(25)), true, "it has no finding that is high or worse")
	w.judges("nobody has asked for two days", w.gate(candidate, hours(24+47)), false, "no sweep has fetched the findings of all that is in use since ")
	bad := report.Report{Format: "Trivy JSON", Images: []report.Image{{Names: []digest.Digest{candidate}, Findings: []report.Finding{{ID: "CVE-2", Severity: "critical"}}}}}
	w.judges("the report knows more than the sweep", w.gate(candidate, hours(25), bad), false, "new is CVE-2: what runs of shop in prod/shop has not")

	w.Inspector.Scan(wire.Scope{}, "shop", candidate, finding("cve-1", "CRITICAL"), finding("CVE-3", "MEDIUM"))
	w.swept(hours(48), sweep.Options{Scheduled: true})
	w.judges("as what runs there", w.gate(candidate, hours(49)), true, "what runs of shop in prod/shop has each of its findings")
	w.Inspector.Scan(wire.Scope{}, "shop", running)
	w.swept(hours(72), sweep.Options{Scheduled: true})
	w.judges("what runs there has it no more", w.gate(candidate, hours(73)), false, "new is cve-1: what runs of shop in prod/shop has not")
	w.Inspector.Forget(wire.Scope{}, "shop", running)

	w.Inspector.Stop(wire.Scope{}, "shop", candidate, "SCAN_ELIGIBILITY_EXPIRED")
	w.swept(hours(96), sweep.Options{Scheduled: true})
	w.judges("scanned no more", w.gate(candidate, hours(97)), false, "SCAN_ELIGIBILITY_EXPIRED")
	w.judges("scanned no more, and a report is clean", w.gate(candidate, hours(97), clean), false, "new is cve-1: ")

	w.Inspector.Scan(wire.Scope{}, "shop", candidate)
	w.swept(hours(120), sweep.Options{Scheduled: true})
	w.judges("clean again", w.gate(candidate, hours(121)), true, "it has no finding")
	w.Inspector.Deny("ListFindings")
	w.swept(hours(144), sweep.Options{Scheduled: true})
	w.judges("its registry's scanner cannot be asked", w.gate(candidate, hours(145)), false, "findings of registry 111122223333/us-east-1: ")
}

// What rolls out may be the candidate itself: it does not excuse its own findings.
func TestACandidateThatRollsOutExcusesNothing(t *testing.T) {
	w := startInspected(t)
	w.rollOut(wire.Scope{}, "prod", "shop", "build-1", 9)
	shop := w.ECR.Repository(wire.Scope{}, "shop")
	w.rollOut(wire.Scope{}, "prod", "other", "build-1", 9) // another repository's finding excuses nothing
	w.Inspector.Scan(wire.Scope{}, "other", w.ECR.Repository(wire.Scope{}, "other").Tag("build-1"), finding("CVE-2", "CRITICAL"))
	w.Inspector.Scan(wire.Scope{}, "shop", shop.Tag("build-1"))
	_, candidate := w.begins(w.ECS.Cluster(wire.Scope{}, "prod").Service("shop"), "build-2", 1)
	w.Inspector.Scan(wire.Scope{}, "shop", candidate, finding("CVE-2", "CRITICAL"))
	w.swept(hours(0), sweep.Options{Scheduled: true})
	w.judges("it rolls out", w.gate(candidate, hours(1)), false, "new is CVE-2: what runs of shop in prod/shop has not")
}
