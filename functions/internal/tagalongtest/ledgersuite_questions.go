package tagalongtest

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// suiteHints are those of a page's size, less, more, and all.
var suiteHints = []int{0, 1, 2, 5, 1000}

// suiteServices have names that begin like others', and clusters, too, in the
// order of their names in full.
func suiteServices() (services []tagalong.Service) {
	for _, cluster := range []string{"prod", "prod-a", "prod2"} {
		for _, name := range []string{"api", "api-2", "api2", "web"} {
			services = append(services, tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: cluster, Name: name})
		}
	}
	services = append(services, tagalong.Service{Account: "111122223333", Region: "us-east-2", Cluster: "a", Name: "a"})
	slices.SortFunc(services, byService)
	return services
}

// walks reads a sequence whole, whatever the hint, a second time, and ends the
// third walk early.
func walks[T any](t *testing.T, what string, want []T, seq func(hint int) iter.Seq2[T, error]) {
	t.Helper()
	for _, hint := range suiteHints {
		s := seq(hint)
		for _, time := range []string{"first", "second"} {
			got, err := stream.Collect(s)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			same(t, fmt.Sprintf("%s, hint %d, the %s time", what, hint, time), want, got)
		}
		var begun []T
		for v, err := range s {
			if err != nil || len(begun) == len(want)/2 {
				break
			}
			begun = append(begun, v)
		}
		same(t, fmt.Sprintf("%s, hint %d, as far as the middle", what, hint), want[:len(want)/2], begun)
	}
}

func runningFrom(t *testing.T, l suiteLedger) {
	var all []ledger.RunningRecord
	for _, s := range suiteServices() {
		for _, environment := range []string{"prod", "pro", "prod-a"} {
			m := suiteRunning(s, environment)
			c := change(s, l.load(s).Head.Version)
			c.Running = &m
			c.Past = []ledger.PastRecord{{RunningRecord: m, Until: second(50)}}
			l.commit(c)
			if environment == "prod" {
				all = append(all, m)
			}
		}
	}
	between := tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod-a", Name: "api-1"}
	behind := tagalong.Service{Account: "2", Region: "a", Cluster: "a", Name: "a"}
	for _, from := range append(suiteServices(), tagalong.Service{}, between, behind) {
		want := slices.DeleteFunc(slices.Clone(all), func(m ledger.RunningRecord) bool {
			return from != (tagalong.Service{}) && byService(m.Service, from) < 0
		})
		walks(t, "members from "+from.String(), want, func(hint int) iter.Seq2[ledger.RunningRecord, error] {
			return l.RunningRecords(t.Context(), "prod", from, hint)
		})
	}
	for environment, want := range map[string]int{"prod": len(all), "prod-a": len(all), "nowhere": 0} {
		got, err := l.CountRunning(t.Context(), environment)
		l.must(err)
		same(t, "population of "+environment, want, got[tagalong.KindService])
	}
}

// populationOfPages has more rows than one answer of a store takes.
func populationOfPages(t *testing.T, l suiteLedger) {
	const running = 45
	for i := range running {
		m := suiteRunning(suiteService(fmt.Sprint("api-", i)), "prod")
		m.TaskDefinition = strings.Repeat("x", 30_000)
		c := change(m.Service, "")
		c.Running = &m
		l.commit(c)
	}
	same(t, "members", running, len(l.runningRecords("prod")))
}

func departed(t *testing.T, l suiteLedger) {
	var all []ledger.PastRecord
	for i, s := range suiteServices()[:4] {
		for _, until := range []time.Time{second(1), second(2).Add(time.Duration(i) * time.Millisecond), second(3)} {
			g := ledger.PastRecord{RunningRecord: suiteRunning(s, "prod"), Until: until}
			other := ledger.PastRecord{RunningRecord: suiteRunning(s, "prod-a"), Until: until}
			for _, gone := range []ledger.PastRecord{g, other} {
				c := change(s, l.load(s).Head.Version)
				c.Past = []ledger.PastRecord{gone}
				l.commit(c)
			}
			all = append(all, g)
		}
	}
	for _, until := range []time.Time{second(0), second(1), second(2), second(2).Add(2 * time.Millisecond), second(3)} {
		for _, beside := range []time.Duration{-time.Millisecond, -time.Microsecond, 0, time.Microsecond, time.Millisecond} {
			after := until.Add(beside)
			want := slices.DeleteFunc(slices.Clone(all), func(g ledger.PastRecord) bool { return !g.Until.After(after) })
			got := read(t, l.PastRecords(t.Context(), "prod", after))
			for _, gone := range [][]ledger.PastRecord{want, got} {
				slices.SortFunc(gone, func(a, b ledger.PastRecord) int {
					return cmp.Or(byService(a.Service, b.Service), a.Until.Compare(b.Until))
				})
			}
			same(t, fmt.Sprint("departed after ", after), want, got)
		}
	}
	same(t, "nobody runs there", []ledger.RunningRecord(nil), l.runningRecords("prod"))
}

// suiteRows are rollouts of many services at the same times: of one deployment,
// and of deployments whose ids begin alike.
func (l suiteLedger) suiteRows() (rows []ledger.Row) {
	l.t.Helper()
	for i, s := range suiteServices()[:6] {
		c := change(s, "")
		for _, deployment := range []string{"ecs-svc/1", "ecs-svc/10", "ecs-svc/2"} {
			for _, start := range []int{1, 2, 3} {
				row := suiteRow(s, deployment, start)
				if start == 2 {
					row.StartedAt = row.StartedAt.Add(time.Duration(i%3) * time.Millisecond)
				}
				if deployment == "ecs-svc/10" && i%2 == 0 {
					row.Environment = "prod-a"
				}
				c.Rollouts = append(c.Rollouts, row)
			}
		}
		l.commit(c)
		rows = append(rows, c.Rollouts...)
	}
	slices.SortFunc(rows, func(a, b ledger.Row) int { return b.At().Compare(a.At()) })
	return rows
}

// inSpan filters by the words of the contract.
func inSpan(rows []ledger.Row, span ledger.Span, keep func(ledger.Row) bool) (found []ledger.Row) {
	for _, row := range rows {
		switch {
		case !keep(row):
		case row.StartedAt.Before(span.Since):
		case !span.Until.IsZero() && !row.StartedAt.Before(span.Until):
		case span.Behind != ledger.RolloutCursor{} && row.At().Compare(span.Behind) >= 0:
		default:
			found = append(found, row)
		}
	}
	return found
}

// suiteSpans are bounds on the times of suiteRows, beside them by less than a
// store's times tell apart, and none.
func suiteSpans() (spans []ledger.Span) {
	bounds := []time.Time{{}}
	for _, at := range []time.Time{second(1), second(2).Add(time.Millisecond), second(3)} {
		bounds = append(bounds, at.Add(-time.Microsecond), at, at.Add(time.Microsecond), at.Add(time.Millisecond))
	}
	for _, since := range bounds {
		for _, until := range bounds {
			spans = append(spans, ledger.Span{Since: since, Until: until})
		}
	}
	return spans
}

func rolloutSpans(t *testing.T, l suiteLedger) {
	rows := l.suiteRows()
	s := rows[len(rows)/2].Service
	for i, span := range suiteSpans() {
		hint := suiteHints[i%len(suiteHints)]
		got, err := stream.Collect(l.Rollouts(t.Context(), s, span, hint))
		l.must(err)
		same(t, fmt.Sprintf("rollouts in %+v", span), inSpan(rows, span, func(r ledger.Row) bool { return r.Service == s }), got)
		got, err = stream.Collect(l.EnvironmentRollouts(t.Context(), "prod", span, hint))
		l.must(err)
		same(t, fmt.Sprintf("rollouts of prod in %+v", span), inSpan(rows, span, func(r ledger.Row) bool { return r.Environment == "prod" }), got)
	}
}

// rolloutsBehind asks for the rest behind every row, also behind one of another
// service or environment: an answer may be made of several.
func rolloutsBehind(t *testing.T, l suiteLedger) {
	rows := l.suiteRows()
	for i, row := range rows {
		hint := suiteHints[i%len(suiteHints)]
		for _, span := range []ledger.Span{{Behind: row.At()}, {Behind: row.At(), Since: second(2), Until: second(3)}} {
			for _, s := range suiteServices()[:7] {
				got, err := stream.Collect(l.Rollouts(t.Context(), s, span, hint))
				l.must(err)
				same(t, fmt.Sprintf("rollouts of %s in %+v", s, span), inSpan(rows, span, func(r ledger.Row) bool { return r.Service == s }), got)
			}
			for _, environment := range []string{"prod", "prod-a", "pro"} {
				got, err := stream.Collect(l.EnvironmentRollouts(t.Context(), environment, span, hint))
				l.must(err)
				same(t, fmt.Sprintf("rollouts of %s in %+v", environment, span), inSpan(rows, span, func(r ledger.Row) bool { return r.Environment == environment }), got)
			}
		}
	}
}

func rolloutWalks(t *testing.T, l suiteLedger) {
	rows := l.suiteRows()
	s := rows[0].Service
	walks(t, "rollouts", inSpan(rows, ledger.Span{}, func(r ledger.Row) bool { return r.Service == s }), func(hint int) iter.Seq2[ledger.Row, error] {
		return l.Rollouts(t.Context(), s, ledger.Span{}, hint)
	})
	walks(t, "rollouts of an environment", inSpan(rows, ledger.Span{}, func(r ledger.Row) bool { return r.Environment == "prod" }), func(hint int) iter.Seq2[ledger.Row, error] {
		return l.EnvironmentRollouts(t.Context(), "prod", ledger.Span{}, hint)
	})
}

// suitePlaces are placements of one repository name in two registries, in several
// services and containers, in every phase since the same times, newest first.
func (l suiteLedger) suitePlacements() (places []ledger.Placement) {
	l.t.Helper()
	elsewhere := tagalong.Repository{Registry: "444455556666.dkr.ecr.us-east-1.amazonaws.com", Name: suiteRepo.Name}
	for _, s := range suiteServices()[:3] {
		for _, repo := range []tagalong.Repository{suiteRepo, elsewhere} {
			for i, name := range []string{"app", "app-2"} {
				for _, phase := range []ledger.Phase{ledger.PhaseRunning, ledger.PhaseRollingOut, ledger.PhaseDraining, ledger.PhaseEnded} {
					p := suitePlacement(s, name, repo, phase)
					p.Since, p.Container.Digest = second(2), []digest.Digest{suiteDigest, suiteNext}[i]
					places = append(places, p)
				}
				for _, deployment := range []string{"ecs-svc/1", "ecs-svc/2"} {
					p := suitePlacement(s, name, repo, ledger.PhaseEnded)
					p.Since, p.Until, p.Deployment, p.Unfinished = second(2), second(3), deployment, true
					drains := p
					drains.Phase, drains.Until = ledger.PhaseDraining, time.Time{}
					places = append(places, p, drains)
				}
				for _, since := range []time.Time{second(1), second(1).Add(time.Millisecond), second(3)} {
					p := suitePlacement(s, name, repo, ledger.PhaseEnded)
					p.Since, p.Until = since, second(4)
					if i == 1 && since.Equal(second(1)) {
						p.Container.Digest, p.Container.Evidence = "", tagalong.Unknown
					}
					places = append(places, p)
				}
			}
		}
	}
	beside := suitePlacement(suiteService("api"), "app", tagalong.Repository{Registry: suiteHost, Name: suiteRepo.Name + "-2"}, ledger.PhaseRunning)
	beside.Container.Digest = Image("beside").Digest
	for chunk := range slices.Chunk(append(slices.Clone(places), beside), 50) {
		l.mustWrite(func(c *ledger.Change) { c.Placements = chunk })
	}
	slices.SortFunc(places, func(a, b ledger.Placement) int { return b.At().Compare(a.At()) })
	return places
}

func behind(places []ledger.Placement, at ledger.PlacementCursor, keep func(ledger.Placement) bool) (found []ledger.Placement) {
	for _, p := range places {
		if keep(p) && (at == ledger.PlacementCursor{} || p.At().Compare(at) < 0) {
			found = append(found, p)
		}
	}
	return found
}

// successors are looked for in a chain of three placements, the last of which runs,
// beside others that begin as one of them ends.
func successors(t *testing.T, l suiteLedger) {
	var chain []ledger.Placement
	for i, phase := range []ledger.Phase{ledger.PhaseEnded, ledger.PhaseEnded, ledger.PhaseRunning} {
		p := suitePlacement(suiteService("api"), "app", suiteRepo, phase)
		p.Since, p.Until = second(i), second(i+1)
		if phase == ledger.PhaseRunning {
			p.Until = time.Time{}
		}
		chain = append(chain, p)
	}
	otherService, otherContainer, otherRepo, otherImage, rollingOut := chain[0], chain[0], chain[0], chain[0], chain[0]
	otherService.Service = suiteService("web")
	otherContainer.Container.Name = "app-2"
	otherRepo.Container.Image = suiteOther
	otherImage.Container.Digest, otherImage.Since, otherImage.Until = suiteNext, second(7), second(8)
	rollingOut.Phase, rollingOut.Since, rollingOut.Until = ledger.PhaseRollingOut, second(9), time.Time{}
	unfinished := chain[1]
	unfinished.Unfinished, unfinished.Deployment = true, "ecs-svc/2"
	afterThat := otherImage
	afterThat.Container.Digest, afterThat.Since, afterThat.Until = suiteDigest, second(8), second(9)
	l.mustWrite(func(c *ledger.Change) {
		c.Placements = append(slices.Clone(chain), otherService, otherContainer, otherRepo, otherImage, afterThat, rollingOut, unfinished)
	})
	draining := suitePlacement(suiteService("worker"), "app", suiteRepo, ledger.PhaseDraining)
	draining.Since = second(1)
	before := draining
	before.Phase, before.Since, before.Until = ledger.PhaseEnded, second(0), second(1)
	l.mustWrite(func(c *ledger.Change) { c.Placements = []ledger.Placement{before, draining} })
	next, ok, err := l.Successor(t.Context(), before)
	l.must(err)
	same(t, "a successor that drains", []any{draining, true}, []any{next, ok})
	for i, p := range append(slices.Clone(chain), otherService, otherContainer, otherRepo, otherImage, afterThat) {
		next, ok, err := l.Successor(t.Context(), p)
		l.must(err)
		if wantOne := i < 2; ok != wantOne {
			t.Errorf("successor of %+v: %+v, %v", p, next, ok)
		} else if ok {
			same(t, "successor", chain[i+1], next)
		}
	}
}

func ended(p ledger.Placement) bool { return p.Phase == ledger.PhaseEnded }

func placementsBehind(t *testing.T, l suiteLedger) {
	places := l.suitePlacements()
	for i, p := range places {
		hint, at := suiteHints[i%len(suiteHints)], p.At()
		got, err := stream.Collect(l.EndedPlacements(t.Context(), suiteRepo.Name, at, hint))
		l.must(err)
		same(t, fmt.Sprintf("ended behind %+v", at), behind(places, at, ended), got)
		for _, d := range []digest.Digest{suiteDigest, suiteNext} {
			got, err := stream.Collect(l.DigestPlacements(t.Context(), d, at, hint))
			l.must(err)
			same(t, fmt.Sprintf("placements of %s behind %+v", d, at), behind(places, at, func(p ledger.Placement) bool { return p.Container.Digest == d }), got)
		}
	}
}

func placementWalks(t *testing.T, l suiteLedger) {
	places := l.suitePlacements()
	walks(t, "ended placements", behind(places, ledger.PlacementCursor{}, ended), func(hint int) iter.Seq2[ledger.Placement, error] {
		return l.EndedPlacements(t.Context(), suiteRepo.Name, ledger.PlacementCursor{}, hint)
	})
	walks(t, "placements of a digest", behind(places, ledger.PlacementCursor{}, func(p ledger.Placement) bool { return p.Container.Digest == suiteNext }), func(hint int) iter.Seq2[ledger.Placement, error] {
		return l.DigestPlacements(t.Context(), suiteNext, ledger.PlacementCursor{}, hint)
	})
	open := read(t, l.OpenPlacements(t.Context(), suiteRepo.Name))
	slices.SortFunc(open, func(a, b ledger.Placement) int { return b.At().Compare(a.At()) })
	same(t, "open placements", behind(places, ledger.PlacementCursor{}, func(p ledger.Placement) bool { return !ended(p) }), open)
}

func indexesOfPlatforms(t *testing.T, l suiteLedger) {
	platform, other := Image("arm64").Digest, Image("amd64").Digest
	children := []ledger.Child{
		{Digest: platform, Index: suiteDigest, Repository: suiteRepo, Platform: "linux/arm64/v8"},
		{Digest: platform, Index: suiteDigest, Repository: suiteOther, Platform: "linux/arm64/v8"},
		{Digest: platform, Index: suiteNext, Repository: suiteRepo, Platform: "linux/arm64"},
	}
	l.recordChildren(append(children, ledger.Child{Digest: other, Index: suiteDigest, Repository: suiteRepo, Platform: "linux/amd64"}))
	l.suitePlacements() // the indexes run, too
	got, err := l.Indexes(t.Context(), platform)
	l.must(err)
	slices.SortFunc(children, compareChildren)
	slices.SortFunc(got, compareChildren)
	same(t, "indexes", children, got)
	for _, d := range []digest.Digest{suiteDigest, Image("nobody's").Digest} {
		got, err := l.Indexes(t.Context(), d)
		l.must(err)
		same(t, "indexes of what is no platform's image", []ledger.Child(nil), got)
	}
}

// environmentTagsBehind reads the rest behind each tag, also behind one that is
// on the other side: a tag may change sides between two pages.
func environmentTagsBehind(t *testing.T, l suiteLedger) {
	sides := map[bool][]tagalong.TagID{}
	confirmed := false
	for _, registry := range []string{suiteHost, "444455556666.dkr.ecr.us-east-1.amazonaws.com"} {
		for _, name := range []string{"shop", "shop/api", "shop/api-2", "shop/api2"} {
			for _, tag := range []string{"live", "live-1", "live1"} {
				id := tagalong.TagID{Repository: tagalong.Repository{Registry: registry, Name: name}, Tag: tag}
				l.wished(ledger.Claim{Tag: id, Digest: suiteDigest, At: second(1), By: "m", Environment: "prod"})
				if confirmed = !confirmed; confirmed {
					l.settle(l.wantTag(id), ledger.Verdict{State: ledger.TagConfirmed, Actual: suiteDigest, CheckedAt: second(2000)})
				}
				sides[confirmed] = append(sides[confirmed], id)
			}
		}
	}
	l.wished(ledger.Claim{Tag: suiteTag("else"), Digest: suiteDigest, At: second(1), By: "m", Environment: "prod-a"})
	for _, at := range slices.Concat(sides[true], sides[false], []tagalong.TagID{{}}) {
		for side, ids := range sides {
			want := slices.DeleteFunc(slices.Clone(ids), func(id tagalong.TagID) bool {
				return at != (tagalong.TagID{}) && byRepository(id, at) <= 0
			})
			slices.SortFunc(want, byRepository)
			for _, hint := range []int{0, 1, 3} {
				var got []tagalong.TagID
				for _, tag := range read(t, l.EnvironmentTags(t.Context(), "prod", side, at, hint)) {
					got = append(got, tag.ID)
				}
				same(t, fmt.Sprintf("tags behind %s, confirmed %t, hint %d", at, side, hint), want, got)
			}
		}
	}
}

// walksThatFail have to say so once, and end.
func walksThatFail(t *testing.T, l suiteLedger) {
	l.suiteRows()
	l.suitePlacements()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	fails(t, "members", l.RunningRecords(ctx, "prod", tagalong.Service{}, 1))
	fails(t, "departed", l.PastRecords(ctx, "prod", second(0)))
	fails(t, "rollouts", l.Rollouts(ctx, suiteServices()[0], ledger.Span{}, 1))
	fails(t, "rollouts of an environment", l.EnvironmentRollouts(ctx, "prod", ledger.Span{}, 1))
	fails(t, "open placements", l.OpenPlacements(ctx, suiteRepo.Name))
	fails(t, "ended placements", l.EndedPlacements(ctx, suiteRepo.Name, ledger.PlacementCursor{}, 1))
	fails(t, "placements of a digest", l.DigestPlacements(ctx, suiteDigest, ledger.PlacementCursor{}, 1))
	fails(t, "tags of an environment", l.EnvironmentTags(ctx, "prod", true, tagalong.TagID{}, 1))
}

func fails[T any](t *testing.T, what string, seq iter.Seq2[T, error]) {
	t.Helper()
	var results []error
	for _, err := range seq {
		results = append(results, err)
	}
	if len(results) != 1 || results[0] == nil {
		t.Errorf("%s: %v, want one error", what, results)
	}
}
