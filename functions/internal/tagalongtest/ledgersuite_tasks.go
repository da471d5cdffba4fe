package tagalongtest

import (
	"errors"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// farOff keeps what is over: what has expired is not read.
const farOff = 250 * 365 * 24 * time.Hour

// taskFamilyRoundTrip lets a family run one image, and another one after it.
func taskFamilyRoundTrip(t *testing.T, l suiteLedger) {
	scope := tagalong.Scope{Account: suiteService("api").Account, Region: suiteService("api").Region}
	nightly, other := tagalong.TaskFamily(scope, "prod", "nightly"), tagalong.TaskFamily(scope, "beta", "nightly")
	nothing, err := l.TaskFamily(t.Context(), nightly)
	l.must(err)
	same(t, "what is kept at first", ledger.TaskFamily{Of: nightly}, nothing)

	container := tagalong.Container{Name: "app", Image: suiteRepo, ImageTag: "nightly", Digest: suiteDigest, Evidence: tagalong.Task}
	write := func(was, is ledger.TaskFamily, version string) ledger.TaskFamily {
		t.Helper()
		is.Version, is.Environment = version, "prod"
		l.must(l.SetTaskFamily(t.Context(), was, is, nil))
		kept, err := l.TaskFamily(t.Context(), is.Of)
		l.must(err)
		same(t, "what is kept", is, kept)
		return is
	}
	first := write(nothing, nothing.With(ledger.TaskRun{Task: "a", Containers: []tagalong.Container{container}, Started: second(1)}), "1")
	elsewhere := write(ledger.TaskFamily{Of: other}, ledger.TaskFamily{Of: other}, "1")
	same(t, "of the account's Region", []ledger.TaskFamily{elsewhere, first}, read(t, l.TaskFamiliesIn(t.Context(), scope)))
	same(t, "of another Region", 0, len(read(t, l.TaskFamiliesIn(t.Context(), tagalong.Scope{Account: scope.Account, Region: "eu-north-1"}))))

	placement := ledger.Placement{Phase: ledger.PhaseRunning, Service: nightly, Environment: "prod", Container: container, Since: second(1), LastRan: second(1), Runs: 1}
	same(t, "while it runs", []ledger.Placement{placement}, read(t, l.OpenPlacements(t.Context(), suiteRepo.Name)))
	inPlace := func(what string, since time.Time, containers ...ledger.Placed) {
		t.Helper()
		want := []ledger.RunningRecord{{Service: nightly, Environment: "prod", Since: since, CompleteSince: second(1), Containers: containers}}
		same(t, what, want, l.runningRecords("prod"))
	}
	inPlace("running record", second(1), ledger.Placed{Container: container, Since: second(1), LastRan: second(1)})
	listed, err := l.Services(t.Context(), "prod")
	l.must(err)
	same(t, "listed in the environment", []tagalong.Service{other, nightly}, listed)
	seen, err := l.Seen(t.Context())
	l.must(err)
	same(t, "seen", []ledger.SeenService{{Service: other}, {Service: nightly, CompleteSince: second(1)}}, seen)
	kept, err := l.PlacementsOf(t.Context(), nightly)
	l.must(err)
	same(t, "kept with it", []ledger.Placement{placement}, kept)
	if err := l.SetTaskFamily(t.Context(), nothing, first, nil); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("over no version: %v, want a conflict", err)
	}

	idle := write(first, first.With(ledger.TaskRun{Task: "a", Containers: []tagalong.Container{container}, Started: second(1), Stopped: second(5)}), "2")
	placement.Phase, placement.LastRan = ledger.PhaseIdle, second(5)
	inPlace("running record while it is idle", second(1), ledger.Placed{Container: container, Idle: true, Since: second(1), LastRan: second(5)})
	same(t, "while it is idle", []ledger.Placement{placement}, read(t, l.OpenPlacements(t.Context(), suiteRepo.Name)))
	same(t, "by its digest", []ledger.Placement{placement}, read(t, l.DigestPlacements(t.Context(), suiteDigest, ledger.PlacementCursor{}, 0)))
	claims, err := l.Claims(t.Context(), suiteRepo)
	l.must(err)
	readers := ledger.Readers{suiteTag("nightly"): {{Service: nightly, Container: "app"}}}
	same(t, "who reads the tag while it is idle", readers, claims.Readers)
	indexed, err := l.Readers(t.Context(), []tagalong.TagID{suiteTag("nightly")}, tagalong.Service{})
	l.must(err)
	same(t, "in the index", readers, indexed)

	next := container
	next.Digest = suiteNext
	both := write(idle, idle.With(ledger.TaskRun{Task: "b", Containers: []tagalong.Container{next}, Started: second(9)}).Expiring(farOff), "3")
	over := placement
	over.Phase, over.Until, over.Expires = ledger.PhaseEnded, second(5), second(5).Add(farOff).Truncate(time.Second)
	same(t, "what it ran before", []ledger.Placement{over}, read(t, l.EndedPlacements(t.Context(), suiteRepo.Name, ledger.PlacementCursor{}, 0)))
	placement = ledger.Placement{Phase: ledger.PhaseRunning, Service: nightly, Environment: "prod", Container: next, Since: second(9), LastRan: second(9), Runs: 1}
	same(t, "what it runs by then", []ledger.Placement{placement}, read(t, l.OpenPlacements(t.Context(), suiteRepo.Name)))

	inPlace("running record of what it runs by then", second(9), ledger.Placed{Container: next, Since: second(9), LastRan: second(9)})
	named, err := l.Repositories(t.Context())
	l.must(err)
	same(t, "repositories", []tagalong.Repository{suiteRepo}, named)
	for _, text := range []string{suiteDigest.Encoded(), suiteNext.Encoded(), "nightly"} {
		if names := read(t, l.NamesOf(t.Context(), text, 0)); len(names) == 0 {
			t.Errorf("nothing is found by %s", text)
		}
	}

	less := both
	less.Images = both.Images[1:] // in the order of their digests, the one that is over may be either
	if both.Images[1].Ended {
		less.Images = both.Images[:1]
	}
	less = write(both, less, "4")
	same(t, "what is over, and no more remembered", []ledger.Placement{over}, read(t, l.EndedPlacements(t.Context(), suiteRepo.Name, ledger.PlacementCursor{}, 0)))
	gone := less
	gone.Images = []ledger.TaskImage{less.Images[0]}
	gone.Images[0].Running, gone.Images[0].Ended, gone.Images[0].Last = false, true, second(12)
	write(less, gone, "5")
	same(t, "once all has ended", 0, len(l.runningRecords("prod")))
	left := read(t, l.PastRecords(t.Context(), "prod", second(11)))
	same(t, "that it has left", []ledger.PastRecord{{RunningRecord: ledger.RunningRecord{Service: nightly, Environment: "prod", Since: second(9), CompleteSince: second(9)}, Until: second(12)}}, left)
}
