package tagalongtest

import (
	"errors"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

func (l suiteLedger) pendingUntags() map[string]ledger.PendingUntag {
	l.t.Helper()
	all := map[string]ledger.PendingUntag{}
	for _, pending := range read(l.t, l.PendingUntags(l.t.Context())) {
		all[pending.ID] = pending
	}
	return all
}

func (l suiteLedger) setPendingUntag(s ledger.PendingUntag) {
	l.t.Helper()
	if err := l.SetPendingUntag(l.t.Context(), s); err != nil {
		l.t.Fatalf("setting stale tags: %v", err)
	}
}

func pendingUntagRoundTrip(t *testing.T, l suiteLedger) {
	same(t, "stale tags at first", map[string]ledger.PendingUntag{}, l.pendingUntags())
	one := ledger.PendingUntag{ID: "one", Service: suiteService("api"), Tags: []ledger.UntagTarget{
		{ID: suiteTag("prod"), Digest: suiteDigest, Environment: "prod"},
		{ID: tagalong.TagID{Repository: suiteOther, Tag: "live"}, Digest: suiteNext},
	}}
	two := ledger.PendingUntag{ID: "two", Service: suiteService("api"), Tags: one.Tags[:1]}
	version := ""
	for _, pending := range []ledger.PendingUntag{one, two} {
		c := change(pending.Service, version)
		c.Untag, version = &pending, c.Head.Version
		l.commit(c)
	}
	same(t, "stale tags", map[string]ledger.PendingUntag{"one": one, "two": two}, l.pendingUntags())
	one.Tags = one.Tags[1:]
	l.setPendingUntag(one)
	same(t, "what is left", map[string]ledger.PendingUntag{"one": one, "two": two}, l.pendingUntags())
	one.Tags = nil
	l.setPendingUntag(one)
	l.setPendingUntag(one)
	same(t, "what is left at last", map[string]ledger.PendingUntag{"two": two}, l.pendingUntags())
}

func untagLock(t *testing.T, l suiteLedger) {
	for _, step := range []struct {
		by         string
		now, until int
		held       bool
	}{
		{"one", 0, 10, false},
		{"two", 5, 15, true},
		{"one", 6, 20, false},
		{"two", 19, 30, true},
		{"two", 20, 30, false},
		{"one", 21, 40, true},
		{"two", 22, 22, false}, // given back
		{"one", 22, 40, false},
	} {
		err := l.LockUntag(t.Context(), step.by, second(step.now), second(step.until))
		if held := errors.Is(err, ledger.ErrConflict); held != step.held || err != nil && !held {
			t.Errorf("%+v: %v", step, err)
		}
	}
}
