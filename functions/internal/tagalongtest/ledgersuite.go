package tagalongtest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Store is what LedgerSuite checks.
type Store interface {
	ledger.Ledger
	ledger.Records
}

// LedgerSuite checks that an implementation keeps the contract of
// ledger.Ledger and ledger.Records. open returns a new, empty one.
func LedgerSuite(t *testing.T, open func(t *testing.T) Store) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, l suiteLedger)
	}{
		{"a service never seen has a zero head and no facts", neverSeen},
		{"a head comes back field by field", headRoundTrip},
		{"a zero head keeps its zero times", zeroHead},
		{"a commit on another version is a conflict and writes nothing", versionConflict},
		{"a first commit is a conflict where a head is", firstCommitConflict},
		{"a fact that is there is a conflict and writes nothing", factConflict},
		{"facts differ by deployment, name and time", factKeys},
		{"a fact comes back field by field", factRoundTrip},
		{"the window has all facts since its start, however many and of one time", window},
		{"the whole has all facts, over many pages", wholePaging},
		{"services do not see one another", servicesApart},
		{"exactly one of many commits on one version wins", racingCommits},
		{"rollouts come back field by field", rowRoundTrip},
		{"rollouts come newest first, within their bounds, whatever the hint", rolloutBounds},
		{"dropped rollouts are gone", dropRollouts},
		{"details of rows that are not there are left out", detailsAbsent},
		{"a running row comes back field by field", runningRoundTrip},
		{"what left an environment comes back field by field", pastRoundTrip},
		{"that a service left several times is recorded and taken back at once", pastSeveral},
		{"placements come back field by field", placementRoundTrip},
		{"a placement's successor is the same container's with the same image", successors},
		{"running rows are sorted by service, replaced and dropped", runningRecords},
		{"environments and services are listed once, sorted", directory},
		{"names are found by how they begin, and repositories are listed once", namesByBeginning},
		{"a new tag comes back field by field", tagRoundTrip},
		{"advance takes an older claim's tag, and its own", advanceOlder},
		{"advance is refused by a newer claim", advanceNewer},
		{"yield changes only the claims, below a newer claim", yield},
		{"yield is refused without an item and by an older claim", yieldRefused},
		{"renew, touch and drop hold only while no claim has changed", sinceSeen},
		{"renew makes an item where none is", renewAbsent},
		{"drop where nothing is changes nothing", dropAbsent},
		{"a shared tag is in no transaction", sharedTags},
		{"others run an image of the repository, or roll it out", othersOfARepository},
		{"all refused tags are named, and nothing is written", refusedAll},
		{"a conflict goes before a refusal", conflictBeforeRefusal},
		{"the newest of racing claims has the tag", racingAdvance},
		{"exactly one of many racing renewals wins", racingRenew},
		{"claims are the tags of the open placements that run", claimsOfPlacements},
		{"claims change with their placements", claimsChange},
		{"claims are the tags of previous placements, in their images' repositories", claimsOfPrevious},
		{"claims list the tags of the repository", claimsTags},
		{"open placements say which tags deployments read", readersOfPlacements},
		{"how far a rollout has come is what was seen last", progressIsTheLatest},
		{"what unmanaged services read comes back field by field, and goes with them", unmanagedRoundTrip},
		{"what the tasks of a family run comes back field by field, and lies among the placements", taskFamilyRoundTrip},
		{"settling records the verdict of the wish's version", settle},
		{"settling another version or no item is a conflict", settleConflict},
		{"settling is once for racing wishes", settleRacing},
		{"a time tag that was put has no item any more", settleDone},
		{"how often a tag was put back is kept until its next wish", returned},
		{"a tag is rewished under the conditions of a change", rewish},
		{"a sweep's cursor is kept until it is forgotten", sweepCursors},
		{"what a sweep looked at comes back field by field", sweptRoundTrip},
		{"a tag in doubt stays pending until it may be settled", doubt},
		{"a doubt outlives a new wish", doubtOutlives},
		{"a doubt about a tag without an item makes none", doubtAbsent},
		{"children are adopted, and adopted again", recordChildren},
		{"a tag settles on an index of many children", settleManyChildren},
		{"tags of an environment are sorted, confirmed ones apart", environmentTags},
		{"tags that are not there are left out", tagsAbsent},
		{"running rows come from a service on, whatever the hint", runningFrom},
		{"running rows are counted over many pages", populationOfPages},
		{"what left an environment is found by when", departed},
		{"rollouts are found by spans of time", rolloutSpans},
		{"rollouts are found behind any other", rolloutsBehind},
		{"rollouts can be walked again, and in part", rolloutWalks},
		{"placements are found behind any other", placementsBehind},
		{"placements can be walked again, and in part", placementWalks},
		{"indexes are found by their platforms", indexesOfPlatforms},
		{"tags of an environment are found behind any other", environmentTagsBehind},
		{"a walk ends with its first error", walksThatFail},
		{"a job stays what it was at its first sight", jobsDate},
		{"the newest promotion of a tag is a claim", promotionsAreClaims},
		{"an older promotion is overtaken", overtakenPromotion},
		{"a promotion below a newer claim yields", refusedPromotion},
		{"a promotion of a time tag is no claim", promotedOnce},
		{"a release comes back field by field", releaseRoundTrip},
		{"a release keeps its promotions", releaseKeepsPromotions},
		{"rollouts are found by their release", releaseRollouts},
		{"stale tags come back field by field, and go with the last of them", pendingUntagRoundTrip},
		{"the removal of tags is one sweep's until its time is over", untagLock},
		{"the end of a rollout comes back field by field", finishedRoundTrip},
		{"a rollout that ends otherwise has another end", finishedOnce},
		{"ends are there until they were announced", finishedTaken},
		{"ends can be taken away while they are walked over", finishedWhileWalking},
		{"ends are put with their rollouts or not at all", finishedNotPut},
		{"what a change has left to come comes back field by field, and is written", restRoundTrip},
		{"what scanners found comes back field by field, by image and by name", findingsRoundTrip},
		{"exposures come back field by field, and go", exposuresRoundTrip},
		{"a transaction of a hundred items is written", hundredItems},
		{"one of more is refused and writes nothing", moreThanAHundredItems},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.run(t, suiteLedger{Store: open(t), t: t})
		})
	}
}

// suiteLedger is a ledger with shorthands that fail the test.
type suiteLedger struct {
	Store
	t *testing.T
}

var (
	suiteStart  = time.Date(2026, 3, 4, 9, 18, 41, 77e6, time.UTC)
	suiteHost   = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
	suiteRepo   = tagalong.Repository{Registry: suiteHost, Name: "shop/api"}
	suiteOther  = tagalong.Repository{Registry: suiteHost, Name: "shop/web"}
	suiteDigest = Image("one").Digest
	suiteNext   = Image("two").Digest
)

// second returns a time with a fraction, so that milliseconds must survive.
func second(n int) time.Time { return suiteStart.Add(time.Duration(n) * time.Second) }

func suiteService(name string) tagalong.Service {
	return tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod-cluster", Name: name}
}

func suiteTag(name string) tagalong.TagID { return tagalong.TagID{Repository: suiteRepo, Tag: name} }

// same compares values; times must be equal as Go values, so that they serve as
// map keys and in structs that are compared with ==. Empty and nil are alike.
func same(t *testing.T, what string, want, got any) {
	t.Helper()
	exactTime := cmp.Comparer(func(a, b time.Time) bool { return a == b })
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), exactTime); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func (l suiteLedger) commit(c ledger.Change) {
	l.t.Helper()
	if err := l.Commit(l.t.Context(), c); err != nil {
		l.t.Fatalf("committing: %v", err)
	}
}

func (l suiteLedger) load(s tagalong.Service) ledger.Snapshot {
	l.t.Helper()
	snapshot, err := l.Load(l.t.Context(), s)
	if err != nil {
		l.t.Fatalf("loading: %v", err)
	}
	return snapshot
}

func (l suiteLedger) whole(s tagalong.Service) ledger.Snapshot {
	l.t.Helper()
	snapshot, err := l.LoadWhole(l.t.Context(), s)
	if err != nil {
		l.t.Fatalf("loading the whole: %v", err)
	}
	return snapshot
}

// tag reads one tag; ok is false if it has no item.
func (l suiteLedger) tag(id tagalong.TagID) (ledger.Tag, bool) {
	l.t.Helper()
	tags, err := l.Tags(l.t.Context(), []tagalong.TagID{id})
	if err != nil {
		l.t.Fatalf("tags: %v", err)
	}
	tag, ok := tags[id]
	return tag, ok
}

func (l suiteLedger) wantTag(id tagalong.TagID) ledger.Tag {
	l.t.Helper()
	tag, ok := l.tag(id)
	if !ok {
		l.t.Fatalf("tag %s has no item", id)
	}
	return tag
}

var suiteVersions struct {
	sync.Mutex
	n int
}

// unique makes up a value, as writers do.
func unique(prefix string) string {
	suiteVersions.Lock()
	defer suiteVersions.Unlock()
	suiteVersions.n++
	return fmt.Sprintf("%s%d", prefix, suiteVersions.n)
}

// change returns a change that writes the head alone.
func change(s tagalong.Service, seen string) ledger.Change {
	return ledger.Change{Service: s, Seen: seen, Head: ledger.Head{Version: unique("v")}}
}

// write commits tags and placements on behalf of a service of its own.
func (l suiteLedger) write(edit func(*ledger.Change)) error {
	l.t.Helper()
	c := change(suiteService(unique("writer")), "")
	edit(&c)
	return l.Commit(l.t.Context(), c)
}

func (l suiteLedger) mustWrite(edit func(*ledger.Change)) {
	l.t.Helper()
	if err := l.write(edit); err != nil {
		l.t.Fatalf("committing: %v", err)
	}
}

// race runs attempts at once and tells how many went through; others must fail by want.
func (l suiteLedger) race(attempts int, attempt func(i int) error, want func(error) bool) (won int) {
	l.t.Helper()
	var (
		mu   sync.Mutex
		wait sync.WaitGroup
	)
	for i := range attempts {
		wait.Go(func() {
			err := attempt(i)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won++
			case !want(err):
				l.t.Errorf("racing: %v", err)
			}
		})
	}
	wait.Wait()
	return won
}

func isConflict(err error) bool { return errors.Is(err, ledger.ErrConflict) }

func isRefused(err error) bool {
	var refused *ledger.RefusedError
	return errors.As(err, &refused)
}

func (l suiteLedger) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}
