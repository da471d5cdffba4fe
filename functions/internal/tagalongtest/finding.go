package tagalongtest

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
)

// findingKey is what a store has one finding of.
type findingKey struct {
	digest              digest.Digest
	id, name, installed string
}

func (a findingKey) compare(b findingKey) int {
	return cmp.Or(strings.Compare(a.id, b.id), strings.Compare(a.name, b.name), strings.Compare(a.installed, b.installed))
}

// Scans implements ledger.FindingReader.
func (l *Ledger) Scans(ctx context.Context, digests []digest.Digest) (map[digest.Digest]ledger.Scan, error) {
	done, err := l.begin(ctx, "Scans")
	if err != nil {
		return nil, err
	}
	defer done()
	scans := maps.Clone(l.scans)
	maps.DeleteFunc(scans, func(d digest.Digest, _ ledger.Scan) bool { return !slices.Contains(digests, d) })
	return scans, nil
}

// Findings implements ledger.FindingReader.
func (l *Ledger) Findings(ctx context.Context, d digest.Digest, id string) iter.Seq2[ledger.Finding, error] {
	return sorted(ctx, l, "Findings", func() (found []ledger.Finding) {
		for key, f := range l.findings {
			if key.digest == d && (id == "" || strings.EqualFold(f.ID, id)) {
				found = append(found, f)
			}
		}
		return found
	}, func(a, b ledger.Finding) int { return keyOfFinding("", a).compare(keyOfFinding("", b)) })
}

func keyOfFinding(d digest.Digest, f ledger.Finding) findingKey {
	return findingKey{d, strings.ToUpper(f.ID), f.Package, f.Installed}
}

// Affected implements ledger.FindingReader.
func (l *Ledger) Affected(ctx context.Context, name string) iter.Seq2[ledger.Affected, error] {
	return sorted(ctx, l, "Affected", func() []ledger.Affected {
		found := map[ledger.Affected]bool{}
		for key, f := range l.findings {
			if slices.ContainsFunc(append([]string{f.ID}, f.Aliases...), func(alias string) bool { return strings.EqualFold(alias, name) }) {
				found[ledger.Affected{Digest: key.digest, ID: key.id}] = true
			}
		}
		return slices.Collect(maps.Keys(found))
	}, func(a, b ledger.Affected) int {
		return cmp.Or(cmp.Compare(a.Digest, b.Digest), cmp.Compare(a.ID, b.ID))
	})
}

// SetScan implements ledger.Findings.
func (l *Ledger) SetScan(ctx context.Context, s ledger.Scan, changed []ledger.Finding) error {
	done, err := l.begin(ctx, "SetScan")
	if err != nil {
		return err
	}
	defer done()
	for _, f := range changed {
		l.findings[keyOfFinding(s.Digest, f)] = f
	}
	l.scans[s.Digest] = s
	l.writes++
	return nil
}

// RecordChildren implements ledger.Findings.
func (l *Ledger) RecordChildren(ctx context.Context, children []ledger.Child) error {
	return l.change(ctx, "RecordChildren", func() { l.adopt(children) })
}

// Exposures implements ledger.Findings.
func (l *Ledger) Exposures(ctx context.Context) iter.Seq2[ledger.Exposure, error] {
	return sorted(ctx, l, "Exposures", func() []ledger.Exposure { return slices.Collect(maps.Values(l.exposures)) },
		func(a, b ledger.Exposure) int { return strings.Compare(nameOfExposure(a), nameOfExposure(b)) })
}

func nameOfExposure(e ledger.Exposure) string { return e.Environment + "#" + e.ID }

// SetExposure implements ledger.Findings.
func (l *Ledger) SetExposure(ctx context.Context, e ledger.Exposure) error {
	return l.change(ctx, "SetExposure", func() { l.exposures[nameOfExposure(e)] = e })
}

// DropExposure implements ledger.Findings.
func (l *Ledger) DropExposure(ctx context.Context, e ledger.Exposure) error {
	return l.change(ctx, "DropExposure", func() { delete(l.exposures, nameOfExposure(e)) })
}

// change writes something under the lock.
func (l *Ledger) change(ctx context.Context, operation string, write func()) error {
	done, err := l.begin(ctx, operation)
	if err != nil {
		return err
	}
	defer done()
	write()
	l.writes++
	return nil
}
