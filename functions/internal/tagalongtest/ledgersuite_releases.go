package tagalongtest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

var (
	suiteBuild   = tagalong.Build{Commit: "4f2a9c1be07d5836a1c4e9f20b7d6658c3a1f0e2", Images: "build-42@" + suiteDigest.String()}
	suiteRelease = tagalong.Release{Pipeline: "checkout-release", Execution: "3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38", Stage: "DeployProd", Commit: suiteBuild.Commit, Images: suiteBuild.Images}
)

func promotionOf(name string, at int, job string) ledger.PromotionWrite {
	claim := claimAt(name, second(at), ledger.JobClaimant(job))
	w := tagWrite(ledger.Advance, claim)
	return ledger.PromotionWrite{Tag: &w, Promoting: ledger.Promoting{Claim: claim, Job: job, Stage: "Promote"}, Release: suiteRelease}
}

func (l suiteLedger) promote(p ledger.PromotionWrite) {
	l.t.Helper()
	if err := l.Promote(l.t.Context(), p); err != nil {
		l.t.Fatalf("promoting %s at %v: %v", p.Claim.Tag, p.Claim.At, err)
	}
}

func (l suiteLedger) release(r tagalong.Release) ledger.ReleaseRecord {
	l.t.Helper()
	record, ok, err := l.Release(l.t.Context(), r.Pipeline, r.Execution)
	if err != nil || !ok {
		l.t.Fatalf("release %s/%s: known %t, error %v", r.Pipeline, r.Execution, ok, err)
	}
	return record
}

func jobsDate(t *testing.T, l suiteLedger) {
	seen := func(i int) ledger.FirstSeen {
		return ledger.FirstSeen{Digest: Image(fmt.Sprint(i)).Digest, At: second(i)}
	}
	if got, seen, err := l.FirstSeen(t.Context(), "job"); err != nil || seen {
		t.Errorf("the job is %v before its sight, error %v", got, err)
	}
	for i := range 3 {
		got, err := l.RecordFirstSeen(t.Context(), "job", seen(5-i), time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC))
		if err != nil || got != seen(5) {
			t.Errorf("the job is %v when it is seen the %d. time, error %v; want %v", got, i, err, seen(5))
		}
	}
	if got, ok, err := l.FirstSeen(t.Context(), "job"); err != nil || !ok || got != seen(5) {
		t.Errorf("the job is %v after all, seen %t, error %v; want %v", got, ok, err, seen(5))
	}
	if got, err := l.RecordFirstSeen(t.Context(), "another", seen(1), time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)); err != nil || got != seen(1) {
		t.Errorf("another job is %v, error %v", got, err)
	}
}

func promotionsAreClaims(t *testing.T, l suiteLedger) {
	p := promotionOf("prod", 3, "job-b")
	l.promote(p)
	same(t, "claims", []ledger.Claim{p.Claim}, l.claims(suiteRepo))
	same(t, "wish", p.Claim, l.wantTag(suiteTag("prod")).Wish)
	l.promote(p) // again
	same(t, "claims after a repeat", []ledger.Claim{p.Claim}, l.claims(suiteRepo))
	next := promotionOf("prod", 4, "job-c")
	l.promote(next)
	same(t, "claims after a newer one", []ledger.Claim{next.Claim}, l.claims(suiteRepo))
}

func overtakenPromotion(t *testing.T, l suiteLedger) {
	l.promote(promotionOf("prod", 4, "job-b"))
	before := l.wantTag(suiteTag("prod"))
	for what, p := range map[string]ledger.PromotionWrite{
		"older":                       promotionOf("prod", 3, "job-a"),
		"as old, and its job is last": promotionOf("prod", 4, "job-c"),
	} {
		if err := l.Promote(t.Context(), p); !errors.Is(err, ledger.ErrOvertaken) {
			t.Errorf("%s: error %v", what, err)
		}
	}
	same(t, "tag", before, l.wantTag(suiteTag("prod")))
	l.promote(promotionOf("prod", 4, "job-a"))
	same(t, "of two at one time", ledger.JobClaimant("job-a"), l.wantTag(suiteTag("prod")).Wish.By)
}

func refusedPromotion(t *testing.T, l suiteLedger) {
	l.wished(claimAt("prod", second(9), "a/b/c/d#app"))
	p := promotionOf("prod", 3, "job")
	var refused *ledger.RefusedError
	if err := l.Promote(t.Context(), p); !errors.As(err, &refused) {
		t.Fatalf("error %v, want a refusal", err)
	}
	same(t, "claims after the refusal", []ledger.Claim(nil), l.claims(suiteRepo))
	p.Tag.Mode = ledger.Yield
	l.promote(p)
	same(t, "claims", []ledger.Claim{p.Claim}, l.claims(suiteRepo))
	tag := l.wantTag(suiteTag("prod"))
	same(t, "wish", ledger.Claimant("a/b/c/d#app"), tag.Wish.By)
	same(t, "token of the claims", p.Tag.Claims, tag.Claims)
}

func promotedOnce(t *testing.T, l suiteLedger) {
	p := promotionOf("prod-20260304T091841Z", 3, "job")
	p.PutOnce, p.Tag.Wish.PutOnce = true, true
	l.promote(p)
	same(t, "claims", []ledger.Claim(nil), l.claims(suiteRepo))
	same(t, "wish", p.Claim, l.wantTag(p.Claim.Tag).Wish)
}

func releaseRoundTrip(t *testing.T, l suiteLedger) {
	if _, ok, err := l.Release(t.Context(), "checkout-release", "never"); ok || err != nil {
		t.Errorf("a release never seen: known %t, error %v", ok, err)
	}
	home := tagalong.Pipeline{Account: "111122223333", Region: "us-east-1", Name: suiteRelease.Pipeline}
	origin := tagalong.Execution{
		Revisions: []tagalong.Revised{
			{Name: "Source", ID: suiteRelease.Commit, Summary: "Charge once", URL: "https://example.com/4f2a9c1"},
			{Name: "Image", ID: suiteDigest.String()},
		},
		Trigger: "WebhookV2", TriggeredBy: "main", Rollback: true, RollbackOf: "aa0c8a52-6d1e-4b97-a2c4-90b7e15d6f38",
	}
	changes := []ledger.StageChange{
		{Stage: "DeployProd", State: "FAILED", At: second(10), Attempt: 1},
		{Stage: "DeployProd", State: "RESUMED", At: second(11), Attempt: 2},
		{Stage: "Smoke", State: "STOPPED", At: second(12)},
	}
	for _, i := range []int{2, 0, 1, 0} {
		if err := l.NoteStage(t.Context(), home.Name, suiteRelease.Execution, changes[i], time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := l.NoteExecution(t.Context(), home, suiteRelease.Execution, origin, time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)); err != nil {
			t.Fatal(err)
		}
	}
	live, prod, again := promotionOf("live", 3, "job-1"), promotionOf("prod", 3, "job-1"), promotionOf("prod", 4, "job-2")
	for _, p := range []ledger.PromotionWrite{prod, again, live, again} {
		l.promote(p)
	}
	same(t, "release", ledger.ReleaseRecord{
		Pipeline: home, Execution: suiteRelease.Execution, Origin: origin, Stages: changes,
		Promotions: []ledger.Promoting{live.Promoting, prod.Promoting, again.Promoting},
	}, l.release(suiteRelease))
}

// A release keeps what it promoted, though others have promoted something newer since.
func releaseKeepsPromotions(t *testing.T, l suiteLedger) {
	newer := promotionOf("prod", 9, "job-2")
	newer.Release.Execution = "another"
	l.promote(newer)
	p := promotionOf("prod", 3, "job-1")
	p.Tag = nil
	l.promote(p)
	same(t, "promotions", []ledger.Promoting{p.Promoting}, l.release(suiteRelease).Promotions)
	same(t, "claims", []ledger.Claim{newer.Claim}, l.claims(suiteRepo))
	nobodys := promotionOf("live", 3, "job-3")
	nobodys.Release = tagalong.Release{}
	l.promote(nobodys)
	same(t, "claims of no release", nobodys.Claim, l.wantTag(suiteTag("live")).Wish)
}

func releaseRollouts(t *testing.T, l suiteLedger) {
	rows := l.suiteRows()
	var mine []ledger.Row
	for i := range rows {
		if i%3 == 0 {
			continue
		}
		rows[i].Release = suiteRelease
		if i%3 == 2 {
			rows[i].Release.Execution = "another"
		}
	}
	versions := map[tagalong.Service]string{}
	for _, row := range rows {
		version, seen := versions[row.Service]
		if !seen {
			version = l.load(row.Service).Head.Version
		}
		c := change(row.Service, version)
		c.Rollouts = []ledger.Row{row}
		l.commit(c)
		versions[row.Service] = c.Head.Version
		if row.Release == suiteRelease {
			mine = append(mine, row)
		}
	}
	for _, span := range suiteSpans() {
		want := inSpan(mine, span, func(ledger.Row) bool { return true })
		got := read(t, l.ReleaseRollouts(t.Context(), suiteRelease.Pipeline, suiteRelease.Execution, span, 2))
		same(t, "rollouts of the release", want, got)
	}
}
