package questions_test

import (
	"errors"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// gates asks whether a digest ran in an environment for long enough, and compares with all
// the intervals in which completed rollouts had it, known by more than a guess.
func (i inquiry) gates() {
	d := digest.Digest(i.digest())
	environment := rapid.SampledFrom([]string{"prod", "prod-a", "one", "test", "nowhere"}).Draw(i.T, "gate's environment")
	least := time.Duration(rapid.SampledFrom([]int{0, 1, 500, 2000, 20000}).Draw(i.T, "milliseconds")) * time.Millisecond
	rows, err := i.Gate(i.Context(), query.GateQuery{Image: tagalong.ImageQuery{Digest: d}, RanIn: environment, For: least})
	if unknown := i.unknown(environment, ""); unknown != nil {
		if !errors.As(err, new(*tagalong.UnknownNameError)) {
			i.Fatalf("gate of %s: %v, want %v\n%s", environment, err, unknown, i.story)
		}
		return
	}
	want := slices.ContainsFunc(i.intervals(), func(v interval) bool {
		proven := slices.Contains([]tagalong.Evidence{tagalong.Pinned, tagalong.Revision, tagalong.Task}, v.evidence) && !v.disputed
		long := v.until.IsZero() || v.until.Sub(v.since) >= least
		return i.means(looked{digest: d}, v.made) && v.environment == environment && v.unfinished == "" && v.phase != "rolling_out" && proven && long
	})
	if err != nil || len(rows) != 1 || rows[0].Passed != want || rows[0].Reason == "" {
		i.Fatalf("gate of %s in %s for %s: %+v, %v, want passed %t\n%s", d, environment, least, rows, err, want, i.story)
	}
	_, err = i.Gate(i.Context(), query.GateQuery{Image: tagalong.ImageQuery{Digest: d}, NotRunning: environment})
	if !errors.As(err, new(*query.IncompleteError)) {
		i.Fatalf("a ledger that nobody swept says that %s does not run: %v\n%s", d, err, i.story)
	}
}
