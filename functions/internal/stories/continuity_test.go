package stories_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// drawAlike makes a story of one service's facts whose deployments are much
// alike: of few images, which are known in every way, or not.
func drawAlike(t *rapid.T, facts []tagalong.Fact) story {
	s := story{deployments: map[deploymentOf]tagalongtest.Deployment{}}
	for _, f := range facts {
		s.happenings = append(s.happenings, happening{Service: prodAPI, Fact: f})
		of := deploymentOf{prodAPI, f.Deployment}
		if _, ok := s.deployments[of]; !ok {
			s.deployments[of] = drawAlikeDeployment(t)
		}
	}
	return s
}

func drawAlikeDeployment(t *rapid.T) (d tagalongtest.Deployment) {
	for _, name := range rapid.SampledFrom([][]string{{"app"}, {"app"}, {"app", "log"}, {"log"}}).Draw(t, "containers") {
		repo := rapid.SampledFrom([]tagalong.Repository{shopAPI, shopAPI, shopAPI, shopWeb}).Draw(t, "repository")
		ran := ran(name, repo, 0)
		switch rapid.SampledFrom([]string{"image", "platform", "platform", "platform without index", "index", "nowhere", "unknown"}).Draw(t, "kind") {
		case "platform":
			ran = tagalong.Ran{Name: name, Image: repo.String() + ":" + versionTag(versions), Digest: platformOf(repo, versions).Digest}
		case "platform without index":
			ran.Digest = platformOf(repo, versions).Digest
		case "index":
			ran = tagalong.Ran{Name: name, Image: repo.String() + "@" + imageOf(repo, versions).Digest.String()}
		case "nowhere":
			ran.Image = ""
		case "unknown":
			ran = tagalong.Ran{Name: name, Image: nginx.String() + ":1"}
		}
		written := ran
		written.Digest = ""
		d.Defined, d.Revised = append(d.Defined, written), append(d.Revised, ran)
	}
	return d
}

// tellThroughHaze tells happenings while what they are about is seen well only at
// times: ECS shows no digest, or ECR shows nothing at all.
func (w *world) tellThroughHaze(t *rapid.T, s story, happenings []happening) {
	for _, h := range happenings {
		of := deploymentOf{h.Service, h.Fact.Deployment}
		seen := s.deployments[of]
		w.registry.OnRead = nil
		switch rapid.SampledFrom([]string{"clear", "clear", "clear", "no revision", "no registry", "other rules"}).Draw(t, "haze") {
		case "no revision":
			seen.Revised = nil
		case "no registry":
			w.registry.OnRead = failingRead
		case "other rules":
			w.Rules = rapid.SampledFrom([]tagalong.Rules{{{Environment: "blue"}}, {{Environment: "green"}}}).Draw(t, "rules")
		}
		w.workload.Deploy(of.service, of.deployment, seen)
		if _, err := w.Observe(t.Context(), h.Service, h.Fact); err != nil && !errors.Is(err, errDied) {
			t.Fatalf("observing %s %s: %v", h.Fact.Deployment, h.Fact.Name, err)
		}
		w.checkContinuity(t)
	}
}

// checkContinuity compares each place with all others.
func (w *world) checkContinuity(t failer) {
	t.Helper()
	places, replaced := w.ledger.Placements(), w.replaced(t)
	for _, p := range places {
		continues := slices.ContainsFunc(places, func(o ledger.Placement) bool { return adjoin(o, p) && replaced[endOf(o)] })
		continued := slices.ContainsFunc(places, func(o ledger.Placement) bool { return adjoin(p, o) && replaced[endOf(p)] })
		if p.Continues != continues || p.Continued != continued {
			t.Fatalf("continues another one: %t, is continued: %t: place %+v, among %+v", continues, continued, p, places)
		}
	}
}

// end is when a deployment of a service was replaced.
type end struct {
	deploymentOf
	at time.Time
}

func endOf(p ledger.Placement) end { return end{deploymentOf{p.Service, p.Deployment}, p.Until} }

// replaced returns when which deployment was. One whose tasks went on for longer is
// continued by nothing, though its deployment may be what completes as they end.
func (w *world) replaced(t failer) map[end]bool {
	t.Helper()
	all := map[end]bool{}
	for _, p := range w.ledger.Placements() {
		rows, err := stream.Collect(w.ledger.Rollouts(t.Context(), p.Service, ledger.Span{}, 0))
		if err != nil {
			t.Fatalf("reading rollouts: %v", err)
		}
		for _, r := range rows {
			all[end{deploymentOf{r.Service, r.Deployment}, r.Until}] = true
		}
	}
	return all
}

// adjoin reports whether the later place begins, with the same image, where the earlier one ends.
func adjoin(earlier, later ledger.Placement) bool {
	one, other := earlier.Container, later.Container
	return !earlier.Unfinished && !later.Unfinished && earlier.Phase == ledger.PhaseEnded && later.Phase != ledger.PhaseRollingOut && earlier.Until.Equal(later.Since) &&
		earlier.Service == later.Service && one.Name == other.Name && one.Image == other.Image &&
		one.Digest == other.Digest && one.Index == other.Index && one.Digest != ""
}

func TestAPlaceKnowsWhatItContinuesAndWhatContinuesItWhateverArrivesWhen(t *testing.T) {
	tagalongtest.CheckTimes(t, 400, func(t *rapid.T) {
		s := drawAlike(t, drawHistory(t))
		w := s.world()
		w.tellThroughHaze(t, s, drawShuffled(t, slices.Concat(s.happenings, s.happenings)))
	})
}

func TestAPlaceKnowsWhatItContinuesBeyondTheWindow(t *testing.T) {
	tagalongtest.CheckTimes(t, 30, func(t *rapid.T) {
		s := drawAlike(t, drawLongHistory(t))
		w := s.world()
		w.tellThroughHaze(t, s, drawLate(t, s.happenings))
	})
}

// The head has long forgotten what ran before the place whose end is dated anew.
func TestAPlaceKeepsWhatItContinuesThoughThatWasCutOff(t *testing.T) {
	w := newWorld(prodRules())
	tell := func(name tagalong.FactName, number, second int, source tagalong.Source) {
		deployment := fmt.Sprintf("ecs-svc/%d", number)
		w.runs(prodAPI, deployment, ran("app", shopAPI, 1))
		w.tell(t, happening{Service: prodAPI, Fact: tagalong.Fact{Deployment: deployment, Name: name, Time: at(second), Source: source}})
		w.checkContinuity(t)
	}
	for i := range 4 {
		tell(tagalong.InProgress, i, 10*i, tagalong.FromEvent)
		tell(tagalong.Completed, i, 10*i+5, tagalong.FromSweep)
	}
	for i := range 2 * 16 {
		tell(tagalong.InProgress, 10+i, 100+i, tagalong.FromEvent)
	}
	if places := w.ledger.Placements(); len(places) != 4+2*16 {
		t.Errorf("places %+v: want four that completed, one that rolls out, and those that it and others overtook", places)
	}
	tell(tagalong.Completed, 3, 200, tagalong.FromEvent)
	for _, p := range w.ledger.Placements() {
		if p.Deployment == "ecs-svc/2" && (!p.Until.Equal(at(200)) || !p.Continues || !p.Continued) {
			t.Errorf("the place before is %+v", p)
		}
	}
}

func TestPlacesOfAnyStoryKnowWhatTheyContinue(t *testing.T) {
	for name, draw := range map[string]func(*rapid.T) story{"images": drawStory, "platforms": drawPlatformStory} {
		t.Run(name, func(t *testing.T) {
			tagalongtest.CheckTimes(t, 100, func(t *rapid.T) {
				s := draw(t)
				w := s.world()
				for _, h := range drawShuffled(t, s.happenings) {
					w.tell(t, h)
					w.checkContinuity(t)
				}
			})
		})
	}
}
