package tagalongtest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

func suitePlacement(s tagalong.Service, container string, repo tagalong.Repository, phase ledger.Phase, tags ...string) ledger.Placement {
	p := ledger.Placement{
		Phase: phase, Service: s, Environment: "prod", Deployment: "ecs-svc/1", Since: second(1), Tags: tags,
		Container: tagalong.Container{Name: container, Image: repo, Digest: suiteDigest, Evidence: tagalong.Revision},
	}
	if phase == ledger.PhaseEnded {
		p.Until = second(2)
	}
	return p
}

// claims reads a repository's claims. An implementation may give those of other
// registries' repositories of that name too: they are left out here.
func (l suiteLedger) claims(r tagalong.Repository) []ledger.Claim {
	l.t.Helper()
	all, err := l.Claims(l.t.Context(), r)
	if err != nil {
		l.t.Fatalf("claims: %v", err)
	}
	claims := slices.DeleteFunc(slices.Clone(all.Claims), func(c ledger.Claim) bool { return c.Tag.Repository != r })
	slices.SortFunc(claims, compareClaims)
	return claims
}

func claimOf(p ledger.Placement, tag string) ledger.Claim {
	return ledger.Claim{
		Tag: tagalong.TagID{Repository: p.Container.Image, Tag: tag}, Digest: p.Container.Target(), At: p.Since,
		By: ledger.ContainerClaimant(p.Service, p.Container.Name), Environment: p.Environment,
	}
}

func claimsOfPlacements(t *testing.T, l suiteLedger) {
	s := suiteService("api")
	elsewhere := tagalong.Repository{Registry: "444455556666.dkr.ecr.eu-west-1.amazonaws.com", Name: suiteRepo.Name}
	longer := tagalong.Repository{Registry: suiteHost, Name: suiteRepo.Name + "2"}
	app := suitePlacement(s, "app", suiteRepo, ledger.PhaseRunning, "prod", "live")
	indexed := suitePlacement(s, "multi", suiteRepo, ledger.PhaseRunning, "prod")
	indexed.Container.Index = suiteNext
	same := func(what string, want, got []ledger.Claim) {
		t.Helper()
		slices.SortFunc(want, compareClaims)
		same(t, what, want, got)
	}
	c := change(s, "")
	c.Placements = []ledger.Placement{
		app, indexed,
		suitePlacement(s, "untagged", suiteRepo, ledger.PhaseRunning),
		suitePlacement(s, "next", suiteRepo, ledger.PhaseRollingOut),
		suitePlacement(s, "old", suiteRepo, ledger.PhaseEnded),
		suitePlacement(s, "web", suiteOther, ledger.PhaseRunning, "prod"),
		suitePlacement(s, "far", elsewhere, ledger.PhaseRunning, "prod"),
		suitePlacement(s, "long", longer, ledger.PhaseRunning, "prod"),
	}
	l.commit(c)
	same("claims", []ledger.Claim{claimOf(app, "prod"), claimOf(app, "live"), claimOf(indexed, "prod")}, l.claims(suiteRepo))
	same("claims in another registry", []ledger.Claim{claimOf(c.Placements[6], "prod")}, l.claims(elsewhere))
	same("claims of nobody", nil, l.claims(tagalong.Repository{Registry: suiteHost, Name: "shop"}))
	other := change(suiteService("worker"), "")
	other.Placements = []ledger.Placement{suitePlacement(other.Service, "app", suiteRepo, ledger.PhaseRunning, "prod")}
	l.commit(other)
	if got := l.claims(suiteRepo); len(got) != 4 {
		t.Errorf("claims of two services: %+v", got)
	}
}

func readersOfPlacements(t *testing.T, l suiteLedger) {
	api, web := suiteService("api"), suiteService("web")
	reads := func(s tagalong.Service, container string, phase ledger.Phase, evidence tagalong.Evidence, tag string) ledger.Placement {
		p := suitePlacement(s, container, suiteRepo, phase)
		p.Container.ImageTag, p.Container.Evidence = tag, evidence
		return p
	}
	want := func(what string, except tagalong.Service, names ...string) {
		t.Helper()
		var ids, found []tagalong.TagID
		for _, name := range []string{"running", "next", "ended", "pinned", "nobody", "both"} {
			ids = append(ids, suiteTag(name))
		}
		readers, err := l.Readers(t.Context(), ids, except)
		l.must(err)
		for _, id := range ids {
			if len(readers[id]) > 0 && readers[id][0].Service != except {
				found = append(found, id)
			}
		}
		var all []tagalong.TagID
		for _, name := range names {
			all = append(all, suiteTag(name))
		}
		same(t, what, all, found)
	}
	c := change(api, "")
	c.Placements = []ledger.Placement{
		reads(api, "app", ledger.PhaseRunning, tagalong.Revision, "running"),
		reads(api, "app", ledger.PhaseRollingOut, tagalong.Unknown, "next"),
		reads(api, "old", ledger.PhaseEnded, tagalong.Revision, "ended"),
		reads(api, "old", ledger.PhaseDraining, tagalong.Revision, "drains"),
		reads(api, "pin", ledger.PhaseRunning, tagalong.Pinned, "pinned"),
		reads(api, "log", ledger.PhaseRunning, tagalong.Task, "both"),
	}
	l.commit(c)
	want("readers", tagalong.Service{}, "running", "next", "both")
	want("readers but for the only one", api)
	other := change(web, "")
	other.Placements = []ledger.Placement{reads(web, "log", ledger.PhaseRunning, tagalong.Task, "both")}
	l.commit(other)
	want("readers but for one", api, "both")
	want("readers but for the other one", web, "running", "next", "both")
	claims, err := l.Claims(t.Context(), suiteRepo)
	l.must(err)
	same(t, "readers of the repository", ledger.Readers{
		suiteTag("running"): {{Service: api, Container: "app"}},
		suiteTag("next"):    {{Service: api, Container: "app"}},
		suiteTag("both"):    {{Service: api, Container: "log"}, {Service: web, Container: "log"}},
	}, claims.Readers)
	gone := change(api, c.Head.Version)
	gone.DropPlacements = c.Placements[:2]
	l.commit(gone)
	want("readers that are left", tagalong.Service{}, "both")
}

func claimsChange(t *testing.T, l suiteLedger) {
	s := suiteService("api")
	first := suitePlacement(s, "app", suiteRepo, ledger.PhaseRunning, "prod")
	c := change(s, "")
	c.Placements = []ledger.Placement{first, suitePlacement(s, "app", suiteRepo, ledger.PhaseRollingOut)}
	l.commit(c)
	ended := first
	ended.Phase, ended.Until, ended.Tags = ledger.PhaseEnded, second(9), nil
	second := suitePlacement(s, "app", suiteRepo, ledger.PhaseRunning, "live")
	second.Since, second.Container.Digest = ended.Until, suiteNext
	next := change(s, c.Head.Version)
	next.Placements = []ledger.Placement{second, ended}
	next.DropPlacements = []ledger.Placement{suitePlacement(s, "app", suiteRepo, ledger.PhaseRollingOut)}
	l.commit(next)
	same(t, "claims after a replacement", []ledger.Claim{claimOf(second, "live")}, l.claims(suiteRepo))
	last := change(s, next.Head.Version)
	last.DropPlacements = []ledger.Placement{second}
	l.commit(last)
	same(t, "claims after the placement has gone", []ledger.Claim(nil), l.claims(suiteRepo))
}

func claimsOfPrevious(t *testing.T, l suiteLedger) {
	s := suiteService("api")
	previous := ledger.PreviousRecord{
		Service: s, Environment: "prod", Since: second(1), Tags: []string{"prod-previous", "last"},
		Previous: ledger.Previous{Container: "app", Image: suiteOther, Digest: suiteNext},
	}
	running := suitePlacement(s, "app", suiteRepo, ledger.PhaseRunning, "prod")
	c := change(s, "")
	c.Placements, c.Previous = []ledger.Placement{running}, []ledger.PreviousRecord{previous}
	l.commit(c)
	same(t, "claims on what runs", []ledger.Claim{claimOf(running, "prod")}, l.claims(suiteRepo))
	var want []ledger.Claim
	for _, tag := range []string{"last", "prod-previous"} {
		want = append(want, ledger.Claim{
			Tag: tagalong.TagID{Repository: suiteOther, Tag: tag}, Digest: suiteNext, At: second(1), By: ledger.ContainerClaimant(s, "app"), Environment: "prod",
		})
	}
	same(t, "claims on what ran", want, l.claims(suiteOther))
	again := previous
	again.Since, again.Digest, again.Tags = second(5), suiteDigest, []string{"last"}
	next := change(s, c.Head.Version)
	next.Previous = []ledger.PreviousRecord{again}
	l.commit(next)
	same(t, "claims after the next one", again.Claims(), l.claims(suiteOther))
	for open, err := range l.OpenPlacements(t.Context(), suiteOther.Name) {
		t.Errorf("a previous placement is open: %+v, error %v", open, err)
	}
	last := change(s, next.Head.Version)
	last.DropPrevious = []ledger.PreviousRecord{again}
	l.commit(last)
	same(t, "claims after it has gone", []ledger.Claim(nil), l.claims(suiteOther))
}

func claimsTags(t *testing.T, l suiteLedger) {
	for _, name := range []string{"live", "prod"} {
		l.wished(claimAt(name, second(1), "m"))
	}
	wish := claimAt("prod", second(1), "m")
	wish.Tag.Repository = suiteOther
	l.wished(wish)
	all, err := l.Claims(t.Context(), suiteRepo)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "tags", map[tagalong.TagID]ledger.Tag{
		suiteTag("live"): l.wantTag(suiteTag("live")), suiteTag("prod"): l.wantTag(suiteTag("prod")),
	}, all.Tags)
	states, err := l.ClaimStates(t.Context(), suiteRepo)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "the claims of a moment ago, at rest", all, states)
}

func (l suiteLedger) settle(tag ledger.Tag, v ledger.Verdict) {
	l.t.Helper()
	if err := l.Settle(l.t.Context(), tag.ID, tag.Version, v); err != nil {
		l.t.Fatalf("settling: %v", err)
	}
}

func settle(t *testing.T, l suiteLedger) {
	l.wished(claimAt("prod", second(1), "m"))
	for i, v := range []ledger.Verdict{
		{State: ledger.TagBlocked, Since: second(2001), Reason: "immutable", Actual: suiteNext, CheckedAt: second(2001)},
		{State: ledger.TagBlocked, Since: second(2001), Reason: "immutable", Actual: suiteNext, CheckedAt: second(9001)},
		{State: ledger.TagMissing, Since: second(9002), Reason: "gone", CheckedAt: second(9002)},
		{State: ledger.TagConfirmed, Since: second(9003), Actual: suiteDigest, CheckedAt: second(9003), Children: []ledger.Child{
			{Digest: Image("amd").Digest, Index: suiteDigest, Repository: suiteRepo, Platform: "linux/amd64"},
			{Digest: Image("arm").Digest, Index: suiteDigest, Repository: suiteRepo, Platform: "linux/arm64/v8"},
		}},
	} {
		want := l.wantTag(suiteTag("prod"))
		l.settle(want, v)
		want.State, want.Reason, want.Actual, want.CheckedAt, want.Since = v.State, v.Reason, v.Actual, v.CheckedAt, v.Since
		same(t, fmt.Sprintf("tag after verdict %d", i), want, l.wantTag(want.ID))
	}
}

func settleConflict(t *testing.T, l suiteLedger) {
	v := ledger.Verdict{State: ledger.TagConfirmed, Actual: suiteDigest, CheckedAt: second(2000)}
	if err := l.Settle(t.Context(), suiteTag("none"), "w", v); !isConflict(err) {
		t.Errorf("no item: error %v, want a conflict", err)
	}
	if _, ok := l.tag(suiteTag("none")); ok {
		t.Error("settling made an item")
	}
	old := l.wished(claimAt("prod", second(1), "m"))
	l.wished(claimAt("prod", second(2), "m"))
	before := l.wantTag(suiteTag("prod"))
	for _, done := range []bool{false, true} {
		v.Done = done
		if err := l.Settle(t.Context(), suiteTag("prod"), old.Version, v); !isConflict(err) {
			t.Errorf("the old version: error %v, want a conflict", err)
		}
		same(t, "the tag", before, l.wantTag(suiteTag("prod")))
	}
}

func settleRacing(t *testing.T, l suiteLedger) {
	first := l.wished(claimAt("prod", second(0), "m"))
	l.race(8, func(i int) error {
		if i%2 == 0 {
			return l.writeTag(tagWrite(ledger.Advance, claimAt("prod", second(i+1), "m")))
		}
		return l.Settle(t.Context(), suiteTag("prod"), first.Version, ledger.Verdict{State: ledger.TagConfirmed, Actual: suiteDigest, CheckedAt: second(2000)})
	}, func(err error) bool { return isConflict(err) || isRefused(err) })
	if got := l.wantTag(suiteTag("prod")); got.State != ledger.TagPending {
		t.Errorf("the newest wish is %q by a verdict on the first", got.State)
	}
}

func settleDone(t *testing.T, l suiteLedger) {
	wish := claimAt("prod-2026", second(1), "m")
	wish.PutOnce = true
	l.wished(wish)
	l.settle(l.wantTag(wish.Tag), ledger.Verdict{State: ledger.TagConfirmed, Actual: suiteDigest, CheckedAt: second(2000), Done: true})
	if tag, ok := l.tag(wish.Tag); ok {
		t.Errorf("the item is still there: %+v", tag)
	}
}

// wantDoubt settles and checks that the tag stays pending with what was seen.
func (l suiteLedger) wantDoubt(id tagalong.TagID, v ledger.Verdict) {
	l.t.Helper()
	before := l.wantTag(id)
	if err := l.Settle(l.t.Context(), id, before.Version, v); !errors.Is(err, ledger.ErrInDoubt) {
		l.t.Errorf("error %v, want a doubt", err)
	}
	got := l.wantTag(id)
	if got.State != ledger.TagPending || got.Since != before.Since || got.Actual != v.Actual || got.CheckedAt != v.CheckedAt {
		l.t.Errorf("in doubt the tag is %q since %v on %q at %v", got.State, got.Since, got.Actual, got.CheckedAt)
	}
}

func doubt(t *testing.T, l suiteLedger) {
	id := suiteTag("prod")
	l.wished(claimAt("prod", second(1), "m"))
	before := l.wantTag(id)
	l.must(l.Doubt(t.Context(), id, second(2500), second(3000)))
	want := before
	want.DoubtUntil, want.Since = second(3000), second(2500)
	same(t, "the tag in doubt", want, l.wantTag(id))
	confirmed := ledger.Verdict{State: ledger.TagConfirmed, Actual: suiteDigest, CheckedAt: second(2999)}
	l.wantDoubt(id, confirmed)
	confirmed.Done = true
	l.wantDoubt(id, confirmed)
	l.wantDoubt(id, ledger.Verdict{State: ledger.TagBlocked, Reason: "immutable", CheckedAt: second(2999)})
	if err := l.Settle(t.Context(), id, "w-of-nobody", confirmed); !isConflict(err) {
		t.Errorf("another version in doubt: error %v, want a conflict", err)
	}
	confirmed.CheckedAt, confirmed.Done = second(3000), false
	l.settle(l.wantTag(id), confirmed)
	if got := l.wantTag(id); got.State != ledger.TagConfirmed {
		t.Errorf("after the doubt the tag is %q", got.State)
	}
	l.must(l.Doubt(t.Context(), id, second(3500), second(4000)))
	if got := l.wantTag(id); got.State != ledger.TagPending || got.Since != second(3500) {
		t.Errorf("a confirmed tag in doubt is %q since %v", got.State, got.Since)
	}
}

func doubtOutlives(t *testing.T, l suiteLedger) {
	id := suiteTag("prod")
	l.wished(claimAt("prod", second(1), "m"))
	l.must(l.Doubt(t.Context(), id, second(2500), second(3000)))
	verdict := ledger.Verdict{State: ledger.TagConfirmed, Actual: suiteDigest, CheckedAt: second(2000)}
	l.wished(claimAt("prod", second(2), "m"))
	l.wantDoubt(id, verdict)
	l.must(l.writeTag(seenWrite(ledger.Renew, claimAt("prod", second(1), "m"), l.wantTag(id).Claims)))
	l.wantDoubt(id, verdict)
	l.must(l.writeTag(tagWrite(ledger.Yield, claimAt("prod", second(0), "m"))))
	l.wantDoubt(id, verdict)
	l.must(l.writeTag(seenWrite(ledger.Touch, claimAt("prod", second(1), "m"), l.wantTag(id).Claims)))
	l.wantDoubt(id, verdict)
}

func doubtAbsent(t *testing.T, l suiteLedger) {
	l.must(l.Doubt(t.Context(), suiteTag("none"), second(2500), second(3000)))
	if tag, ok := l.tag(suiteTag("none")); ok {
		t.Errorf("the doubt made an item: %+v", tag)
	}
}

// manyChildren returns more children than one transaction takes.
func manyChildren() (children []ledger.Child) {
	for i := range 120 {
		platform := fmt.Sprint("linux/arm64/v", i)
		children = append(children, ledger.Child{Digest: Image(platform).Digest, Index: suiteDigest, Repository: suiteRepo, Platform: platform})
	}
	return children
}

func recordChildren(t *testing.T, l suiteLedger) {
	for range 2 {
		l.recordChildren(manyChildren())
	}
	l.wantChildren(manyChildren())
}

// recordChildren records children with a change of the service.
func (l suiteLedger) recordChildren(children []ledger.Child) {
	l.t.Helper()
	l.mustWrite(func(c *ledger.Change) { c.Children = children })
}

func settleManyChildren(t *testing.T, l suiteLedger) {
	l.wished(claimAt("prod", second(1), "m"))
	tag := l.wantTag(suiteTag("prod"))
	l.settle(tag, ledger.Verdict{State: ledger.TagConfirmed, Since: second(2000), Actual: suiteDigest, CheckedAt: second(2000), Children: manyChildren()})
	l.wantChildren(manyChildren())
	same(t, "the tag", ledger.TagConfirmed, l.wantTag(tag.ID).State)
}

func (l suiteLedger) wantChildren(children []ledger.Child) {
	l.t.Helper()
	for _, child := range children {
		indexes, err := l.Indexes(l.t.Context(), child.Digest)
		l.must(err)
		same(l.t, "indexes of "+child.Platform, []ledger.Child{child}, indexes)
	}
}
