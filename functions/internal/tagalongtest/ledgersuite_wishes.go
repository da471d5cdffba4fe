package tagalongtest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

func tagWrite(mode ledger.TagMode, wish ledger.Claim) ledger.TagWrite {
	return ledger.TagWrite{Mode: mode, Wish: wish, Version: unique("w"), Claims: unique("c"), At: second(1000)}
}

func claimAt(name string, at time.Time, by ledger.Claimant) ledger.Claim {
	return ledger.Claim{Tag: suiteTag(name), Digest: suiteDigest, At: at, By: by, Environment: "prod"}
}

// wished sets a wish and returns the write that did.
func (l suiteLedger) wished(wish ledger.Claim) ledger.TagWrite {
	l.t.Helper()
	w := tagWrite(ledger.Advance, wish)
	l.mustWrite(func(c *ledger.Change) { c.Tags = []ledger.TagWrite{w} })
	return w
}

func (l suiteLedger) writeTag(w ledger.TagWrite) error {
	l.t.Helper()
	return l.write(func(c *ledger.Change) { c.Tags = []ledger.TagWrite{w} })
}

// refuses checks that a tag is refused, and stays as it is.
func (l suiteLedger) refuses(what string, w ledger.TagWrite) {
	l.t.Helper()
	before, _ := l.tag(w.Wish.Tag)
	err := l.writeTag(w)
	var refused *ledger.RefusedError
	if !errors.As(err, &refused) {
		l.t.Errorf("%s: error %v, want a refusal", what, err)
		return
	}
	same(l.t, what+": refused tags", []tagalong.TagID{w.Wish.Tag}, refused.Tags)
	after, _ := l.tag(w.Wish.Tag)
	same(l.t, what+": the tag", before, after)
}

func tagRoundTrip(t *testing.T, l suiteLedger) {
	for _, once := range []bool{false, true} {
		wish := claimAt("prod", second(1), "a/b/c/d#app")
		wish.Tag.Tag, wish.PutOnce = fmt.Sprintf("prod-%t", once), once
		w := l.wished(wish)
		same(t, "tag", ledger.Tag{
			ID: wish.Tag, Wish: wish, Version: w.Version, Claims: w.Claims, State: ledger.TagPending, Since: w.At,
		}, l.wantTag(wish.Tag))
	}
}

func advanceOlder(t *testing.T, l suiteLedger) {
	for _, test := range []struct {
		name string
		at   time.Time
		by   ledger.Claimant
	}{
		{"of a later time", second(1), "m"},
		{"of the same time by one who sorts before", second(1), "c"},
		{"of its own", second(1), "c"},
		{"of a later time by one who sorts behind", second(2), "z"},
		{"of a millisecond later", second(2).Add(time.Millisecond), "z"},
	} {
		wish := claimAt("prod", test.at, test.by)
		wish.Digest = Image(test.name).Digest
		w := l.wished(wish)
		got := l.wantTag(wish.Tag)
		if got.Wish != wish || got.Version != w.Version || got.Claims != w.Claims || got.State != ledger.TagPending {
			t.Errorf("%s: the tag is %+v", test.name, got)
		}
	}
	settled := l.wantTag(suiteTag("prod"))
	l.settle(settled, ledger.Verdict{State: ledger.TagBlocked, Reason: "immutable", Actual: suiteNext, CheckedAt: second(2000)})
	w := l.wished(claimAt("prod", second(3), "a"))
	got := l.wantTag(suiteTag("prod"))
	if got.State != ledger.TagPending || got.Reason != "" || got.Since != w.At {
		t.Errorf("a new wish of a blocked tag is %q since %v because of %q", got.State, got.Since, got.Reason)
	}
}

func advanceNewer(_ *testing.T, l suiteLedger) {
	l.wished(claimAt("prod", second(5), "m"))
	l.refuses("an older time", tagWrite(ledger.Advance, claimAt("prod", second(4), "a")))
	l.refuses("a millisecond older", tagWrite(ledger.Advance, claimAt("prod", second(5).Add(-time.Millisecond), "a")))
	l.refuses("the same time by one who sorts behind", tagWrite(ledger.Advance, claimAt("prod", second(5), "n")))
}

func yield(t *testing.T, l suiteLedger) {
	l.wished(claimAt("prod", second(5), "m"))
	for _, ours := range []ledger.Claim{claimAt("prod", second(4), "a"), claimAt("prod", second(5), "n")} {
		before := l.wantTag(ours.Tag)
		w := tagWrite(ledger.Yield, ours)
		if err := l.writeTag(w); err != nil {
			t.Fatal(err)
		}
		before.Claims = w.Claims
		same(t, "the tag that was yielded", before, l.wantTag(ours.Tag))
	}
}

func yieldRefused(_ *testing.T, l suiteLedger) {
	l.refuses("no item", tagWrite(ledger.Yield, claimAt("prod", second(5), "m")))
	l.wished(claimAt("prod", second(5), "m"))
	l.refuses("an older claim", tagWrite(ledger.Yield, claimAt("prod", second(6), "z")))
	l.refuses("the same time by one who sorts behind", tagWrite(ledger.Yield, claimAt("prod", second(5), "a")))
	l.refuses("our own claim", tagWrite(ledger.Yield, claimAt("prod", second(5), "m")))
}

func seenWrite(mode ledger.TagMode, wish ledger.Claim, seen string) ledger.TagWrite {
	w := tagWrite(mode, wish)
	w.Seen = seen
	return w
}

func sinceSeen(t *testing.T, l suiteLedger) {
	first := l.wished(claimAt("prod", second(5), "m"))
	older := claimAt("prod", second(1), "a")
	older.Digest = suiteNext
	for _, mode := range []ledger.TagMode{ledger.Renew, ledger.Touch, ledger.Drop} {
		l.refuses(fmt.Sprintf("mode %d that saw nothing", mode), seenWrite(mode, older, ""))
		l.refuses(fmt.Sprintf("mode %d that saw something else", mode), seenWrite(mode, older, "c-of-nobody"))
	}
	renew := seenWrite(ledger.Renew, older, first.Claims)
	l.must(l.writeTag(renew))
	got := l.wantTag(older.Tag)
	if got.Wish != older || got.Version != renew.Version || got.Claims != renew.Claims || got.State != ledger.TagPending {
		t.Errorf("the renewed tag is %+v", got)
	}
	l.refuses("a renewal of what has changed", seenWrite(ledger.Renew, older, first.Claims))
	touch := seenWrite(ledger.Touch, older, renew.Claims)
	l.must(l.writeTag(touch))
	got.Claims = touch.Claims
	same(t, "the touched tag", got, l.wantTag(older.Tag))
	l.refuses("dropping what was touched", seenWrite(ledger.Drop, ledger.Claim{Tag: older.Tag}, renew.Claims))
	l.must(l.writeTag(seenWrite(ledger.Drop, ledger.Claim{Tag: older.Tag}, touch.Claims)))
	if _, ok := l.tag(older.Tag); ok {
		t.Error("the dropped tag has an item")
	}
	l.refuses("touching what is not there", seenWrite(ledger.Touch, older, touch.Claims))
}

func renewAbsent(t *testing.T, l suiteLedger) {
	wish := claimAt("prod", second(5), "m")
	l.refuses("seen claims of no item", seenWrite(ledger.Renew, wish, "c-of-nobody"))
	l.must(l.writeTag(seenWrite(ledger.Renew, wish, "")))
	if got := l.wantTag(wish.Tag); got.Wish != wish {
		t.Errorf("the tag is %+v", got)
	}
}

func dropAbsent(t *testing.T, l suiteLedger) {
	l.must(l.writeTag(seenWrite(ledger.Drop, ledger.Claim{Tag: suiteTag("prod")}, "")))
	if _, ok := l.tag(suiteTag("prod")); ok {
		t.Error("dropping made an item")
	}
}

// A shared tag is in no transaction: whoever writes it has read the wish that he replaces.
func sharedTags(t *testing.T, l suiteLedger) {
	id := suiteTag("prod")
	if _, there, err := l.Share(t.Context(), id); err != nil || there {
		t.Errorf("sharing what is not there: there %t, error %v", there, err)
	}
	first := l.wished(claimAt("prod", second(5), "m"))
	tag, there, err := l.Share(t.Context(), id)
	l.must(err)
	if !there || !tag.Shared || tag.Version != first.Version || tag.Claims != first.Claims {
		t.Errorf("the shared tag is there: %t, %+v", there, tag)
	}
	same(t, "the shared tag", tag, l.wantTag(id))
	l.refuses("a newer claim", tagWrite(ledger.Advance, claimAt("prod", second(6), "a")))
	l.refuses("an older claim", tagWrite(ledger.Yield, claimAt("prod", second(4), "a")))
	for _, mode := range []ledger.TagMode{ledger.Renew, ledger.Touch, ledger.Drop} {
		l.refuses(fmt.Sprintf("mode %d of what was seen", mode), seenWrite(mode, claimAt("prod", second(6), "a"), first.Claims))
	}
	older := seenWrite(ledger.Replace, claimAt("prod", second(1), "z"), "w-of-nobody")
	if err := l.WriteTag(t.Context(), older); !isRefused(err) {
		t.Errorf("replacing another wish: error %v", err)
	}
	older.Seen = first.Version
	l.must(l.WriteTag(t.Context(), older))
	if got := l.wantTag(id); !got.Shared || got.Wish != older.Wish || got.Version != older.Version || got.State != ledger.TagPending {
		t.Errorf("the replaced wish is %+v", got)
	}
	if err := l.WriteTag(t.Context(), seenWrite(ledger.Remove, ledger.Claim{Tag: id}, first.Version)); !isRefused(err) {
		t.Errorf("removing another wish: error %v", err)
	}
	l.must(l.WriteTag(t.Context(), seenWrite(ledger.Remove, ledger.Claim{Tag: id}, older.Version)))
	if _, ok := l.tag(id); ok {
		t.Error("the removed tag has an item")
	}
	again := seenWrite(ledger.Replace, claimAt("prod", second(9), "m"), "")
	l.must(l.WriteTag(t.Context(), again))
	if got := l.wantTag(id); got.Shared || got.Wish != again.Wish {
		t.Errorf("the new wish is %+v", got)
	}
	if err := l.WriteTag(t.Context(), again); !isRefused(err) {
		t.Errorf("a new wish where one is: error %v", err)
	}
}

func othersOfARepository(t *testing.T, l suiteLedger) {
	api, web := suiteService("api"), suiteService("web")
	want := func(what string, r tagalong.Repository, than tagalong.Service, want bool) {
		t.Helper()
		if has, err := l.HasOthers(t.Context(), r, than); err != nil || has != want {
			t.Errorf("%s: others %t, error %v", what, has, err)
		}
	}
	want("nobody", suiteRepo, api, false)
	c := change(api, "")
	c.Placements = []ledger.Placement{suitePlacement(api, "app", suiteRepo, ledger.PhaseRunning), suitePlacement(api, "old", suiteOther, ledger.PhaseEnded)}
	l.commit(c)
	want("the service itself", suiteRepo, api, false)
	want("another service", suiteRepo, web, true)
	want("what has ended", suiteOther, web, false)
	other := change(web, "")
	other.Placements = []ledger.Placement{suitePlacement(web, "app", suiteRepo, ledger.PhaseRollingOut)}
	l.commit(other)
	want("what rolls out", suiteRepo, api, true)
}

func refusedAll(t *testing.T, l suiteLedger) {
	for _, name := range []string{"b", "d"} {
		l.wished(claimAt(name, second(5), "m"))
	}
	s := suiteService("api")
	c := change(s, "")
	c.Fact = &tagalong.Fact{Deployment: "ecs-svc/1", Name: tagalong.Completed, Time: second(1)}
	m := suiteRunning(s, "prod")
	c.Running = &m
	for _, name := range []string{"a", "b", "c", "d"} {
		c.Tags = append(c.Tags, tagWrite(ledger.Advance, claimAt(name, second(4), "m")))
	}
	var refused *ledger.RefusedError
	if err := l.Commit(t.Context(), c); !errors.As(err, &refused) {
		t.Fatalf("error %v, want a refusal", err)
	}
	slices.SortFunc(refused.Tags, compareTags)
	same(t, "refused tags", []tagalong.TagID{suiteTag("b"), suiteTag("d")}, refused.Tags)
	same(t, "the service", ledger.Snapshot{}, l.load(s))
	same(t, "running rows", []ledger.RunningRecord(nil), l.runningRecords("prod"))
	if _, ok := l.tag(suiteTag("a")); ok {
		t.Error("a tag of the refused change was written")
	}
}

func conflictBeforeRefusal(_ *testing.T, l suiteLedger) {
	l.wished(claimAt("prod", second(5), "m"))
	c := change(suiteService("api"), "v-of-nobody")
	c.Tags = []ledger.TagWrite{tagWrite(ledger.Advance, claimAt("prod", second(4), "m"))}
	l.wantConflict(c)
}

func racingAdvance(t *testing.T, l suiteLedger) {
	l.race(12, func(i int) error {
		return l.writeTag(tagWrite(ledger.Advance, claimAt("prod", second(i/2), ledger.Claimant(fmt.Sprintf("by-%d", i%2)))))
	}, isRefused)
	got := l.wantTag(suiteTag("prod")).Wish
	if got.At != second(5) || got.By != "by-0" {
		t.Errorf("the wish is by %q at %v", got.By, got.At.Sub(suiteStart))
	}
}

func racingRenew(t *testing.T, l suiteLedger) {
	seen := l.wished(claimAt("prod", second(5), "m")).Claims
	won := l.race(8, func(i int) error {
		return l.writeTag(seenWrite(ledger.Renew, claimAt("prod", second(i), "m"), seen))
	}, isRefused)
	if won != 1 {
		t.Errorf("%d renewals won", won)
	}
}
