package sweep

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/report"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// rescan is what the ledger knows of an image, and what a scanner says of it now.
type rescan struct {
	was    ledger.Scan // the zero Scan of one that is new
	result ScanResult
	inUse  bool
	at     time.Time
	keep   time.Duration // the retention; zero: for ever
}

// What an image has is kept at least as long as what says where it ran. So it is written
// anew, whole, renewBefore that is over, and then for renewFor.
const (
	renewBefore = 30 * 24 * time.Hour
	renewFor    = 60 * 24 * time.Hour
)

func (r rescan) renews() bool {
	return r.keep > 0 && r.was.Expires.Before(r.at.Add(r.keep+renewBefore))
}

// ends reports whether what the scanner does not list is there no more. It closes what it
// has found in images that are idle or that it stopped to scan: that says nothing.
func (r rescan) ends() bool { return r.result.Scanned && r.result.Reason == "" && r.inUse }

// same reports whether there is nothing to write.
func (r rescan) same() bool {
	is := r.scan()
	return !r.renews() && !r.was.Since.IsZero() && is.Scanned == r.was.Scanned && is.Reason == r.was.Reason && is.Sum == r.was.Sum
}

// scan returns how the image is scanned now; its findings, and when they expire, are not in it yet.
func (r rescan) scan() ledger.Scan {
	is := r.was
	is.Scanned, is.Reason = r.result.Scanned || r.was.Scanned, r.result.Reason
	if r.result.Scanned && (r.result.Reason == "" || len(r.result.Findings) > 0) {
		is.Sum = sumOf(r.result.Findings, r.ends())
	}
	return is
}

// sumOf tells sets of findings apart, what it means where one is missing, and what is kept
// of them: scans that were written before that was so are written anew.
func sumOf(found []report.Finding, ends bool) string {
	raw, _ := json.Marshal(found) // texts and numbers: no error
	sum := sha256.Sum256(raw)
	return fmt.Sprintf("%s %t with high", hex.EncodeToString(sum[:12]), ends)
}

// compared returns the scan and the findings to write, given those that are known.
func (r rescan) compared(known []ledger.Finding) (is ledger.Scan, changed []ledger.Finding) {
	is = r.scan()
	if is.Scanned != r.was.Scanned || is.Reason != r.was.Reason || r.was.Since.IsZero() {
		is.Since = r.at
	}
	all, listed := map[string]ledger.Finding{}, map[string]bool{}
	for _, f := range known {
		all[keyOf(f.Finding)] = f
	}
	for _, f := range r.result.Findings {
		key := keyOf(f)
		was, there := all[key]
		now := ledger.Finding{Finding: f, FirstSeen: was.FirstSeen, Expires: was.Expires}
		if !there {
			now.FirstSeen = r.at
		}
		all[key], listed[key] = now, true
	}
	for key, f := range all {
		if !listed[key] && r.ends() && f.Gone.IsZero() {
			f.Gone = r.at
			all[key] = f
		}
	}
	return r.written(is, known, all)
}

// written returns of all findings those that are not as they were known.
func (r rescan) written(is ledger.Scan, known []ledger.Finding, all map[string]ledger.Finding) (ledger.Scan, []ledger.Finding) {
	if r.renews() {
		is.Expires = r.at.Add(r.keep + renewFor).Truncate(time.Second)
	}
	was := map[string]ledger.Finding{}
	for _, f := range known {
		was[keyOf(f.Finding)] = f
	}
	ids := map[report.Severity][]string{}
	var changed []ledger.Finding
	for _, key := range slices.Sorted(maps.Keys(all)) {
		f := all[key]
		f.Expires = is.Expires
		if !alike(f, was[key]) {
			changed = append(changed, f)
		}
		if f.Gone.IsZero() {
			ids[f.Severity] = append(ids[f.Severity], strings.ToUpper(f.ID))
		}
	}
	is.Critical = slices.Compact(slices.Sorted(slices.Values(ids[report.Critical])))
	is.High = slices.Compact(slices.Sorted(slices.Values(ids[report.High])))
	return is, changed
}

func keyOf(f report.Finding) string {
	return strings.Join([]string{strings.ToUpper(f.ID), f.Package, f.Installed}, "\x00")
}

func alike(a, b ledger.Finding) bool {
	one, _ := json.Marshal(a)
	other, _ := json.Marshal(b)
	return string(one) == string(other)
}

// legible returns what can be kept of findings, in order, each once, and what is wrong with
// the first that cannot. Probabilities are rounded: they change a little each day.
func legible(found []report.Finding) (kept []report.Finding, problem error) {
	once := map[string]report.Finding{}
	for _, f := range found {
		if err := checkFinding(f); err != nil {
			problem = cmp.Or(problem, err)
			continue
		}
		f.Aliases = slices.DeleteFunc(slices.Clone(f.Aliases), func(alias string) bool { return !validID(alias) })
		slices.Sort(f.Aliases)
		if f.EPSS != nil {
			rounded := math.Round(*f.EPSS*100) / 100
			f.EPSS = &rounded
		}
		key := keyOf(f)
		if was, there := once[key]; there && was.Severity.Compare(f.Severity) > 0 {
			continue
		}
		once[key] = f
	}
	for _, key := range slices.Sorted(maps.Keys(once)) {
		kept = append(kept, once[key])
	}
	return kept, problem
}

const maxFindingText = 1000

func checkFinding(f report.Finding) error {
	if !validID(f.ID) {
		return fmt.Errorf("id %.60q of a finding: want 1 to 200 printable characters of ASCII, without blanks and #", f.ID)
	}
	for _, text := range []string{f.Package, f.Installed, f.FixedIn} {
		if len(text) > maxFindingText {
			return fmt.Errorf("%.60q… of finding %s: want names and versions of at most %d bytes", text, f.ID, maxFindingText)
		}
	}
	return nil
}

func validID(id string) bool {
	return id != "" && len(id) <= 200 && tagalong.ValidKeyTexts(id) && !strings.Contains(id, "#")
}
