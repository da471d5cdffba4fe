package tagalongtest

import (
	"errors"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

func sweepCursors(t *testing.T, l suiteLedger) {
	if got, err := l.Cursor(t.Context()); err != nil || got != "" {
		t.Errorf("cursor of an empty ledger: %q, %v", got, err)
	}
	for _, want := range []string{`{"phase":"tags"}`, `{"phase":"services","cluster":"prod-a"}`} {
		if err := l.SetCursor(t.Context(), want); err != nil {
			t.Fatalf("setting the cursor %q: %v", want, err)
		}
		if got, err := l.Cursor(t.Context()); err != nil || got != want {
			t.Errorf("cursor %q, %v; want %q", got, err, want)
		}
	}
}

func sweptRoundTrip(t *testing.T, l suiteLedger) {
	for _, want := range []ledger.Swept{
		{},
		{Begun: second(1), Scopes: []tagalong.Scope{{Account: "111122223333", Region: "us-east-1"}, {Account: "444455556666", Region: "eu-west-1"}}, Closed: []string{"444455556666/eu-west-1/prod"}},
		{Begun: second(2), Scopes: []tagalong.Scope{{Account: "111122223333", Region: "us-east-1"}}, Named: true, Tasks: true, FindingsAt: second(3), Unscanned: []string{"444455556666/eu-west-1: AccessDenied"}},
	} {
		if !want.Begun.IsZero() {
			l.must(l.SetSwept(t.Context(), want))
		}
		got, err := l.Swept(t.Context())
		l.must(err)
		same(t, "what was swept", want, got)
	}
}

// rewish writes a tag on its own, under the conditions of a change.
func rewish(t *testing.T, l suiteLedger) {
	l.wished(claimAt("prod", second(1), "m"))
	before := l.wantTag(suiteTag("prod"))
	renewed := claimAt("prod", second(0), "a")
	write := ledger.TagWrite{Mode: ledger.Renew, Wish: renewed, Version: unique("w"), Claims: unique("c"), Seen: "another", At: second(9)}
	var refused *ledger.RefusedError
	if err := l.WriteTag(t.Context(), write); !errors.As(err, &refused) || len(refused.Tags) != 1 || refused.Tags[0] != before.ID {
		t.Errorf("claims have changed: error %v, want a refusal of %s", err, before.ID)
	}
	same(t, "the tag", before, l.wantTag(before.ID))
	write.Seen = before.Claims
	if err := l.WriteTag(t.Context(), write); err != nil {
		t.Fatalf("rewishing: %v", err)
	}
	after := l.wantTag(before.ID)
	same(t, "the wish", renewed, after.Wish)
	if after.Version != write.Version || after.Claims != write.Claims || after.State != ledger.TagPending {
		t.Errorf("tag %+v", after)
	}
	drop := ledger.TagWrite{Mode: ledger.Drop, Wish: ledger.Claim{Tag: before.ID}, Seen: before.Claims}
	if err := l.WriteTag(t.Context(), drop); !errors.As(err, &refused) {
		t.Errorf("dropping what has changed: error %v, want a refusal", err)
	}
	drop.Seen = after.Claims
	if err := l.WriteTag(t.Context(), drop); err != nil {
		t.Fatalf("dropping: %v", err)
	}
	if _, there := l.tag(before.ID); there {
		t.Error("the tag still has an item")
	}
}

func returned(t *testing.T, l suiteLedger) {
	l.wished(claimAt("prod", second(1), "m"))
	for _, step := range []struct{ settled, want int }{{0, 0}, {1, 1}, {0, 1}, {2, 2}, {2, 2}} {
		tag := l.wantTag(suiteTag("prod"))
		l.settle(tag, ledger.Verdict{State: ledger.TagConfirmed, Actual: suiteDigest, CheckedAt: second(2000), Returned: step.settled})
		if got := l.wantTag(tag.ID).Returned; got != step.want {
			t.Errorf("settled with %d: returned %d times, want %d", step.settled, got, step.want)
		}
	}
	l.wished(claimAt("prod", second(2), "m"))
	if got := l.wantTag(suiteTag("prod")).Returned; got != 0 {
		t.Errorf("a new wish was returned %d times", got)
	}
}
