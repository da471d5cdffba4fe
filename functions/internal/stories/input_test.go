package stories_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// deployedFrom is a container whose task definition names a tag that is not a build's own.
func deployedFrom(name string, repo tagalong.Repository, tag string, version int) tagalong.Ran {
	return tagalong.Ran{Name: name, Image: repo.String() + ":" + tag, Digest: imageOf(repo, version).Digest}
}

// pushes lets somebody else move a tag.
func (w *inventoryWorld) pushes(repo tagalong.Repository, tag string, version int) {
	w.registry.Push(repo, imageOf(repo, version), tag)
}

func (w *inventoryWorld) wantState(t failer, repo tagalong.Repository, tag string, sits int, state ledger.TagState) {
	t.Helper()
	if got, want := w.registry.Tags(repo)[tag], imageOf(repo, sits).Digest; got != want {
		t.Fatalf("%s:%s sits on %q, want %q", repo, tag, got, want)
	}
	tags, err := w.ledger.Tags(t.Context(), []tagalong.TagID{{Repository: repo, Tag: tag}})
	if err != nil {
		t.Fatalf("tags: %v", err)
	}
	if got := tags[tagalong.TagID{Repository: repo, Tag: tag}].State; got != state {
		t.Fatalf("%s:%s is %q, want %q", repo, tag, got, state)
	}
}

// CI pushes shop/api:prod and forces a deployment: the tag is what ECS resolves as a
// deployment starts, so that whoever puts it back decides what is deployed.
func TestATagThatTheServiceDeploysFromIsNeverPutBack(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.pushes(shopAPI, "prod", 1)
	w.rolls(prodAPI, deployedFrom("app", shopAPI, "prod", 1))
	events := w.unheard()
	for _, sent := range events {
		w.hear(t, sent)
	}
	w.wantState(t, shopAPI, "prod", 1, ledger.TagInput)
	w.pushes(shopAPI, "prod", 2)
	for _, sent := range events { // EventBridge repeats it
		w.hear(t, sent)
	}
	w.wantState(t, shopAPI, "prod", 2, ledger.TagInput)
	report := w.sweeps(t, sweep.Options{})
	w.wantDrift(t, report, "input shop/api:prod")
	if report.Left() || report.Moved != 0 || !strings.Contains(report.Drift[0].Reason, "container app of prod-a/api is deployed from this tag") {
		t.Errorf("report %+v", report)
	}
	w.wantState(t, shopAPI, "prod", 2, ledger.TagInput)
	w.rolls(prodAPI, deployedFrom("app", shopAPI, "prod", 2))
	w.hears(t)
	w.wantState(t, shopAPI, "prod", 2, ledger.TagInput)
	w.wantQuiet(t, sweep.Options{})
}

func TestATagThatAnotherServiceDeploysFromIsLeftAloneUntilItDoesNoMore(t *testing.T) {
	for name, reads := range map[string]func(w *inventoryWorld){
		"and runs": func(w *inventoryWorld) { w.rolls(prodWeb, deployedFrom("sidecar", shopAPI, "prod", 3)) },
		"and rolls out": func(w *inventoryWorld) {
			w.rolls(prodWeb, ran("sidecar", shopWeb, 1))
			w.deploys(prodWeb, deployedFrom("sidecar", shopAPI, "prod", 3))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newInventoryWorld(tagalong.Rules{{Environment: "prod", Services: []string{"api"}}, {Environment: "other"}})
			w.PendingAfter = 0
			w.rolls(prodAPI, ran("app", shopAPI, 1))
			w.hears(t)
			w.wantState(t, shopAPI, "prod", 1, ledger.TagConfirmed)
			w.pushes(shopAPI, "prod", 3)
			w.pass(time.Minute)
			reads(w)
			w.hears(t)
			w.pass(time.Minute)
			w.rolls(prodAPI, ran("app", shopAPI, 2))
			w.hears(t)
			w.wantState(t, shopAPI, "prod", 3, ledger.TagInput)
			w.wantDrift(t, w.sweeps(t, sweep.Options{}), "input shop/api:prod")
			w.wantState(t, shopAPI, "prod", 3, ledger.TagInput)
			w.rolls(prodWeb, ran("sidecar", shopAPI, 0))
			w.hears(t)
			dry := w.sweeps(t, sweep.Options{DryRun: true})
			w.wantDrift(t, dry, "tag shop/api:prod")
			w.wantDrift(t, w.sweeps(t, sweep.Options{}), "tag healed shop/api:prod")
			w.wantState(t, shopAPI, "prod", 2, ledger.TagConfirmed)
		})
	}
}

// A digest beside the tag is what is deployed, wherever the tag sits.
func TestATagBesideADigestIsNotRead(t *testing.T) {
	w := newWorld(prodRules())
	pinned := tagalong.Ran{Name: "app", Image: shopAPI.String() + ":prod@" + imageOf(shopAPI, 1).Digest.String(), Digest: imageOf(shopAPI, 1).Digest}
	w.runs(prodAPI, "ecs-svc/1", pinned)
	w.registry.Push(shopAPI, imageOf(shopAPI, 2), "prod")
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 1).Digest, ledger.TagConfirmed)
}

// A pipeline that asks for the tag gets it, once: what somebody pushes afterwards stays.
func TestAPromotionPutsATagThatDeploymentsReadAndNothingPutsItBack(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.pushes(shopAPI, "candidate", 1)
	w.rolls(prodAPI, deployedFrom("app", shopAPI, "candidate", 1))
	w.hears(t)
	job := reactor.Promotion{Job: uuid(9), Repository: shopAPI, Digest: imageOf(shopAPI, 2).Digest, Tags: []string{"candidate"}, At: w.now}
	if _, err := w.Promote(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	w.wantState(t, shopAPI, "candidate", 2, ledger.TagConfirmed)
	w.pushes(shopAPI, "candidate", 3)
	w.wantDrift(t, w.sweeps(t, sweep.Options{}), "input shop/api:candidate")
	w.wantState(t, shopAPI, "candidate", 3, ledger.TagInput)
}

// Whatever services deploy from which tags, whoever pushes them and however often
// events come: a tag that an open place reads is not put, and the others sit where the
// ledger wishes them after a sweep.
func TestNoTagMovesThatADeploymentReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := []tagalong.Rules{prodRules(), prodRules("{environment}", "{service}"), nil, {{Environment: "prod", Services: []string{"api"}}}, {{Environment: "prod", Clusters: []string{"prod-b"}}}}
		w := newInventoryWorld(rapid.SampledFrom(rules).Draw(t, "rules"))
		w.registry.OnTag = func(_ context.Context, r tagalong.Repository, m tagalong.Manifest, tag string, put func() error) error {
			if by, reads := w.read(t)[tagalong.TagID{Repository: r, Tag: tag}]; reads {
				t.Fatalf("%s:%s is put on %s, though %s is deployed from it", r, tag, m.Digest, by)
			}
			return put()
		}
		names := []string{"prod", "api", "prod-a", "web"}
		var repeats []func()
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			w.pass(time.Duration(rapid.IntRange(1, 90).Draw(t, "seconds")) * time.Second)
			service := rapid.SampledFrom(allServices).Draw(t, "service")
			tag := rapid.SampledFrom(names).Draw(t, "tag")
			version := rapid.IntRange(0, versions-1).Draw(t, "version")
			switch rapid.SampledFrom([]string{"push", "deploy from a tag", "deploy a build", "complete", "fail", "delete", "other rules", "repeat", "sweep", "dry run"}).Draw(t, "step") {
			case "push":
				w.pushes(shopAPI, tag, version)
			case "deploy from a tag":
				if sits := w.registry.Tags(shopAPI)[tag]; sits != "" {
					w.deploys(service, tagalong.Ran{Name: "app", Image: shopAPI.String() + ":" + tag, Digest: sits})
				}
			case "deploy a build":
				w.deploys(service, ran("app", shopAPI, version))
			case "complete":
				w.does("complete", service, tagalong.Ran{})
			case "fail":
				w.does("fail", service, tagalong.Ran{})
			case "delete":
				w.does("delete", service, tagalong.Ran{})
			case "other rules":
				w.Reactor.Rules = rapid.SampledFrom(rules).Draw(t, "other rules")
			case "repeat":
				if len(repeats) > 0 {
					rapid.SampledFrom(repeats).Draw(t, "event")()
				}
			case "sweep", "dry run":
				if _, err := w.Sweep(t.Context(), sweep.Options{DryRun: version == 0}); err != nil {
					t.Fatalf("sweep: %v", err)
				}
			}
			for _, sent := range w.unheard() {
				w.hear(t, sent)
				repeats = append(repeats, func() { w.hear(t, sent) })
			}
		}
		w.sweeps(t, sweep.Options{Whole: true})
		w.wantTagsButInputs(t)
		w.wantQuiet(t, sweep.Options{})
	})
}

// read returns the tags that deployments read, and by whom: as open places tell and, of
// services that no rule matches, as ECS shows what they run.
func (w *inventoryWorld) read(t failer) map[tagalong.TagID]tagalong.Service {
	t.Helper()
	read := map[tagalong.TagID]tagalong.Service{}
	for _, placement := range w.ledger.Placements() {
		if id, reads := placement.Reads(); reads {
			read[id] = placement.Service
		}
	}
	for _, s := range allServices {
		if _, managed := w.Reactor.Rules.For(s); managed {
			continue
		}
		states, err := w.inventory.Describe(t.Context(), tagalong.Scope{Account: s.Account, Region: s.Region}, s.Cluster, []string{s.Name})
		if err != nil && !errors.Is(err, tagalong.ErrNotFound) {
			t.Fatalf("describing %s: %v", s, err)
		}
		for _, state := range states {
			for _, d := range state.Current {
				image, err := tagalong.ParseImage(w.images[deploymentOf{s, d.ID}].Image)
				if err == nil && image.Tag != "" {
					read[tagalong.TagID{Repository: image.Repository, Tag: image.Tag}] = s
				}
			}
		}
	}
	return read
}

// wantTagsButInputs checks every tag of the ledger: one that is read is an input, any
// other sits where it is desired.
func (w *inventoryWorld) wantTagsButInputs(t failer) {
	t.Helper()
	read := w.read(t)
	environments, err := w.ledger.Environments(t.Context())
	if err != nil {
		t.Fatalf("environments: %v", err)
	}
	for _, environment := range environments {
		for _, settled := range []bool{false, true} {
			tags, err := stream.Collect(w.ledger.EnvironmentTags(t.Context(), environment, settled, tagalong.TagID{}, 0))
			if err != nil {
				t.Fatalf("tags: %v", err)
			}
			for _, tag := range tags {
				sits := w.registry.Tags(tag.ID.Repository)[tag.ID.Tag]
				_, reads := read[tag.ID]
				if want := map[bool]ledger.TagState{true: ledger.TagInput, false: ledger.TagConfirmed}[reads]; tag.State != want || sits != tag.Actual {
					t.Fatalf("tag %s is %s, want %s; sits on %q, the ledger saw %q", tag.ID, tag.State, want, sits, tag.Actual)
				}
				if !reads && sits != tag.Wish.Digest {
					t.Fatalf("tag %s sits on %q, wished on %q", tag.ID, sits, tag.Wish.Digest)
				}
			}
		}
	}
}

// The image cannot be read at first. The tag is confirmed and in place, so that its readers
// are not asked for; then the deployed tag turns out to sit on the index, and the wish changes.
func TestARepeatThatProvesAnIndexLeavesATagThatIsReadMeanwhileAlone(t *testing.T) {
	w := newWorld(tagalong.Rules{{Environment: "prod", Services: []string{"api"}}, {Environment: "other"}})
	index, platform := imageOf(shopAPI, versions), platformOf(shopAPI, versions)
	w.runs(prodAPI, "ecs-svc/1", tagalong.Ran{Name: "app", Image: shopAPI.String() + ":" + versionTag(versions), Digest: platform.Digest})
	reads := 0
	w.registry.OnRead = func(_ context.Context, _ tagalong.Repository, read func() (tagalong.Images, error)) (tagalong.Images, error) {
		if reads++; reads == 1 {
			return tagalong.Images{}, errDied
		}
		return read()
	}
	if _, err := w.observe(t, completed(prodAPI, "ecs-svc/1", 0)); !errors.Is(err, errDied) {
		t.Fatalf("error %v", err)
	}
	w.wantTag(t, shopAPI, "prod", platform.Digest, ledger.TagConfirmed)
	w.runs(prodWeb, "ecs-svc/2", tagalong.Ran{Name: "app", Image: shopAPI.String() + ":prod", Digest: platform.Digest})
	w.tell(t, completed(prodWeb, "ecs-svc/2", 1))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	w.wantTag(t, shopAPI, "prod", platform.Digest, ledger.TagInput)
	if wish := w.tag(t, shopAPI, "prod").Wish.Digest; wish != index.Digest {
		t.Errorf("the wish is %s, want the index", wish)
	}
}
