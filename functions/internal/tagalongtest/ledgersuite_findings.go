package tagalongtest

import (
	"slices"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/report"
)

func suiteFinding(id, name string, aliases ...string) ledger.Finding {
	return ledger.Finding{
		Finding:   report.Finding{ID: id, Aliases: aliases, Severity: "critical", Package: name, Installed: "1.0 # β"},
		FirstSeen: second(1),
	}
}

// findingsRoundTrip writes findings of two images, and those of one again.
func findingsRoundTrip(t *testing.T, l suiteLedger) {
	exploited, likely := true, 0.25
	full := suiteFinding("CVE-2026-0001", "openssl", "GHSA-aaaa")
	full.FixedIn, full.KnownExploited, full.EPSS, full.Gone = "1.1", &exploited, &likely, second(3)
	full.Expires = time.Unix(4102444800, 0).UTC()
	first, other := ledger.Scan{Digest: suiteDigest, Scanned: true, Since: second(1), Critical: []string{"CVE-2026-0001"}, Sum: "a"}, suiteFinding("CVE-2026-0001", "libssl")
	beside := suiteFinding("ghsa-aaaa", "openssl", "CVE-2026-0002")
	l.must(l.SetScan(t.Context(), first, []ledger.Finding{suiteFinding("CVE-2026-0001", "openssl"), other, beside}))
	again := ledger.Scan{Digest: suiteDigest, Scanned: true, Reason: "no more", Since: second(2), High: []string{"CVE-2026-0001", "GHSA-AAAA"}, Sum: "b", Expires: full.Expires}
	l.must(l.SetScan(t.Context(), again, []ledger.Finding{full}))
	l.must(l.SetScan(t.Context(), ledger.Scan{Digest: suiteNext, Scanned: true, Since: second(2)}, []ledger.Finding{suiteFinding("CVE-2026-0001", "openssl")}))
	index := ledger.Scan{Digest: Image("index").Digest, Platforms: []digest.Digest{suiteDigest, suiteNext}, Since: second(4)}
	l.must(l.SetScan(t.Context(), index, nil))

	held := []ledger.Child{{Digest: suiteDigest, Index: index.Digest, Repository: suiteRepo, Platform: "linux/amd64"}}
	l.must(l.RecordChildren(t.Context(), held))
	l.must(l.RecordChildren(t.Context(), held))
	indexes, err := l.Indexes(t.Context(), suiteDigest)
	l.must(err)
	same(t, "indexes", held, indexes)

	scans, err := l.Scans(t.Context(), []digest.Digest{suiteDigest, index.Digest, Image("unknown").Digest, suiteDigest})
	l.must(err)
	same(t, "scans", map[digest.Digest]ledger.Scan{suiteDigest: again, index.Digest: index}, scans)
	for id, want := range map[string][]ledger.Finding{"": {other, full, beside}, "cve-2026-0001": {other, full}, "GHSA-AAAA": {beside}, "CVE-2026-000": nil, "CVE-2026-0002": nil} {
		got := read(t, l.Findings(t.Context(), suiteDigest, id))
		slices.SortFunc(got, func(a, b ledger.Finding) int { return keyOfFinding("", a).compare(keyOfFinding("", b)) })
		same(t, "findings of "+id, want, got)
	}
	first1, first2 := ledger.Affected{Digest: suiteDigest, ID: "CVE-2026-0001"}, ledger.Affected{Digest: suiteNext, ID: "CVE-2026-0001"}
	if first2.Digest < first1.Digest {
		first1, first2 = first2, first1
	}
	for name, want := range map[string][]ledger.Affected{
		"cve-2026-0001": {first1, first2},
		"CVE-2026-0002": {{Digest: suiteDigest, ID: "GHSA-AAAA"}},
		"ghsa-AAAA":     {{Digest: suiteDigest, ID: "CVE-2026-0001"}, {Digest: suiteDigest, ID: "GHSA-AAAA"}},
		"CVE-2026":      nil,
	} {
		same(t, "images with "+name, want, read(t, l.Affected(t.Context(), name)))
	}
}

func exposuresRoundTrip(t *testing.T, l suiteLedger) {
	prod, staging := ledger.Exposure{Environment: "prod", ID: "CVE-2026-0001", Since: second(1)}, ledger.Exposure{Environment: "staging", ID: "CVE-2026-0001", Since: second(2)}
	for _, e := range []ledger.Exposure{staging, prod, prod} {
		l.must(l.SetExposure(t.Context(), e))
	}
	same(t, "exposures", []ledger.Exposure{prod, staging}, read(t, l.Exposures(t.Context())))
	for range 2 {
		l.must(l.DropExposure(t.Context(), prod))
	}
	same(t, "what is left", []ledger.Exposure{staging}, read(t, l.Exposures(t.Context())))
}
