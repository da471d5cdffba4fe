package dynamo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/report"
)

func findingsPK(d digest.Digest) string { return "FIND#" + d.String() }

func scanKey(d digest.Digest) key { return key{findingsPK(d), "SCAN"} }

// scanItem says how an image was scanned:
//
//	{
//	  "critical": [
//	    "CVE-2026-31337"
//	  ],
//	  "high": [
//	    "CVE-2026-0002"
//	  ],
//	  "pk": "FIND#sha256:70fe98c6c65a5a28a6b69f9c7c7a01f7994c77a942706f9941abc292305376a5",
//	  "scanned": true,
//	  "since": "2026-03-04T09:20:01.312Z",
//	  "sk": "SCAN",
//	  "sum": "…"
//	}
type scanItem struct {
	key
	Platforms []string `dynamodbav:"platforms,omitempty"`
	Scanned   bool     `dynamodbav:"scanned,omitempty"`
	Reason    string   `dynamodbav:"reason,omitempty"`
	Since     string   `dynamodbav:"since"`
	Critical  []string `dynamodbav:"critical,omitempty"`
	High      []string `dynamodbav:"high,omitempty"`
	Sum       string   `dynamodbav:"sum,omitempty"`
	Expires   int64    `dynamodbav:"expires,omitempty"`
}

func toScan(s ledger.Scan) scanItem {
	return scanItem{
		key: scanKey(s.Digest), Platforms: all(s.Platforms, digest.Digest.String), Scanned: s.Scanned, Reason: s.Reason,
		Since: formatTime(s.Since), Critical: s.Critical, High: s.High, Sum: s.Sum, Expires: epoch(s.Expires),
	}
}

func (i scanItem) scan() (ledger.Scan, error) {
	return ledger.Scan{
		Digest:    digest.Digest(strings.TrimPrefix(i.PK, findingsPK(""))),
		Platforms: all(i.Platforms, func(text string) digest.Digest { return digest.Digest(text) }),
		Scanned:   i.Scanned, Reason: i.Reason, Since: parseTime(i.Since), Critical: i.Critical, High: i.High, Sum: i.Sum, Expires: fromEpoch(i.Expires),
	}, nil
}

// prefixFinding begins the sort keys of an image's findings, or of those of one id.
func prefixFinding(id string) string {
	if id == "" {
		return "V#"
	}
	return "V#" + strings.ToUpper(id) + "#"
}

// findingKey has the package and its version as a sum: they may hold any characters.
func findingKey(d digest.Digest, f ledger.Finding) key {
	sum := sha256.Sum256([]byte(f.Package + "\x00" + f.Installed))
	return key{findingsPK(d), prefixFinding(f.ID) + hex.EncodeToString(sum[:8])}
}

// findingItem is what a scanner found in a package of an image:
//
//	{
//	  "epss": 0.87,
//	  "firstSeen": "2026-03-04T09:20:01.312Z",
//	  "fixedIn": "3.0.14-1",
//	  "id": "CVE-2026-31337",
//	  "installed": "3.0.11-1",
//	  "knownExploited": true,
//	  "package": "openssl",
//	  "pk": "FIND#sha256:70fe98c6c65a5a28a6b69f9c7c7a01f7994c77a942706f9941abc292305376a5",
//	  "severity": "critical",
//	  "sk": "V#CVE-2026-31337#75da2dac7290fa77"
//	}
type findingItem struct {
	key
	ID             string   `dynamodbav:"id"`
	Aliases        []string `dynamodbav:"aliases,omitempty"`
	Severity       string   `dynamodbav:"severity"`
	Package        string   `dynamodbav:"package,omitempty"`
	Installed      string   `dynamodbav:"installed,omitempty"`
	FixedIn        string   `dynamodbav:"fixedIn,omitempty"`
	KnownExploited *bool    `dynamodbav:"knownExploited,omitempty"`
	EPSS           *float64 `dynamodbav:"epss,omitempty"`
	FirstSeen      string   `dynamodbav:"firstSeen"`
	Gone           string   `dynamodbav:"gone,omitempty"`
	Expires        int64    `dynamodbav:"expires,omitempty"`
}

func toFinding(d digest.Digest, f ledger.Finding) findingItem {
	return findingItem{
		key: findingKey(d, f), ID: f.ID, Aliases: f.Aliases, Severity: string(f.Severity),
		Package: f.Package, Installed: f.Installed, FixedIn: f.FixedIn, KnownExploited: f.KnownExploited, EPSS: f.EPSS,
		FirstSeen: formatTime(f.FirstSeen), Gone: formatTime(f.Gone), Expires: epoch(f.Expires),
	}
}

func (i findingItem) finding() (ledger.Finding, error) {
	return ledger.Finding{
		Finding: report.Finding{
			ID: i.ID, Aliases: i.Aliases, Severity: report.Severity(i.Severity),
			Package: i.Package, Installed: i.Installed, FixedIn: i.FixedIn, KnownExploited: i.KnownExploited, EPSS: i.EPSS,
		},
		FirstSeen: parseTime(i.FirstSeen), Gone: parseTime(i.Gone), Expires: fromEpoch(i.Expires),
	}, nil
}

func affectedPK(name string) string { return "CVE#" + strings.ToUpper(name) }

// affectedItem says of a name of a finding which image has it, or had it:
//
//	{
//	  "pk": "CVE#CVE-2026-31337",
//	  "sk": "sha256:70fe98c6c65a5a28a6b69f9c7c7a01f7994c77a942706f9941abc292305376a5#CVE-2026-31337"
//	}
type affectedItem struct {
	key
	Expires int64 `dynamodbav:"expires,omitempty"`
}

// toAffected returns those of all names of a finding.
func toAffected(d digest.Digest, f ledger.Finding) (items []affectedItem) {
	for _, name := range append([]string{f.ID}, f.Aliases...) {
		items = append(items, affectedItem{key{affectedPK(name), d.String() + "#" + strings.ToUpper(f.ID)}, epoch(f.Expires)})
	}
	return items
}

func (i affectedItem) affected() (ledger.Affected, error) {
	d, id, ok := strings.Cut(i.SK, "#")
	if !ok {
		return ledger.Affected{}, fmt.Errorf("sort key %q: want digest#finding", i.SK)
	}
	return ledger.Affected{Digest: digest.Digest(d), ID: id}, nil
}

// Scans reads them by their digests.
func (l *Ledger) Scans(ctx context.Context, digests []digest.Digest) (map[digest.Digest]ledger.Scan, error) {
	scans := map[digest.Digest]ledger.Scan{}
	for s, err := range decoded(l.getEventually(ctx, all(digests, scanKey)...), scanItem.scan) {
		if err != nil {
			return nil, err
		}
		scans[s.Digest] = s
	}
	return scans, nil
}

// Findings reads those of an image.
func (l *Ledger) Findings(ctx context.Context, d digest.Digest, id string) iter.Seq2[ledger.Finding, error] {
	q := under(findingsPK(d), prefixFinding(id))
	q.eventual = true
	return decoded(l.query(ctx, q), findingItem.finding)
}

// Affected reads the images of a name.
func (l *Ledger) Affected(ctx context.Context, name string) iter.Seq2[ledger.Affected, error] {
	q := under(affectedPK(name), "")
	q.eventual = true
	return decoded(l.query(ctx, q), affectedItem.affected)
}

// SetScan needs no condition: whoever asks a scanner writes what it says.
func (l *Ledger) SetScan(ctx context.Context, s ledger.Scan, changed []ledger.Finding) error {
	var writes []write
	for _, f := range changed {
		writes = append(writes, put(toFinding(s.Digest, f)))
		writes = slices.Concat(writes, all(toAffected(s.Digest, f), func(i affectedItem) write { return put(i) }))
	}
	if err := l.putAll(ctx, writes); err != nil {
		return err
	}
	return l.put(ctx, put(toScan(s)))
}

const exposed = "EXPOSED"

func exposureKey(e ledger.Exposure) key { return key{exposed, e.Environment + "#" + e.ID} }

// exposureItem says that a critical finding of what an environment uses was announced:
//
//	{
//	  "pk": "EXPOSED",
//	  "since": "2026-03-04T09:20:01.312Z",
//	  "sk": "prod#CVE-2026-31337"
//	}
type exposureItem struct {
	key
	Since string `dynamodbav:"since"`
}

func (i exposureItem) exposure() (ledger.Exposure, error) {
	environment, id, ok := strings.Cut(i.SK, "#")
	if !ok {
		return ledger.Exposure{}, fmt.Errorf("sort key %q: want environment#finding", i.SK)
	}
	return ledger.Exposure{Environment: environment, ID: id, Since: parseTime(i.Since)}, nil
}

// Exposures reads all of them: they lie side by side.
func (l *Ledger) Exposures(ctx context.Context) iter.Seq2[ledger.Exposure, error] {
	return decoded(l.query(ctx, under(exposed, "")), exposureItem.exposure)
}

// SetExposure needs no condition: it says the same whoever writes it.
func (l *Ledger) SetExposure(ctx context.Context, e ledger.Exposure) error {
	return l.put(ctx, put(exposureItem{exposureKey(e), formatTime(e.Since)}))
}

// DropExposure deletes it.
func (l *Ledger) DropExposure(ctx context.Context, e ledger.Exposure) error {
	return l.delete(ctx, exposureKey(e))
}
