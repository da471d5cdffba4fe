package stories_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// wantPlatforms checks that the platforms of an index are recorded in a repository.
func (w *world) wantPlatforms(t failer, repo tagalong.Repository, index tagalong.Manifest) {
	t.Helper()
	for _, child := range index.Children() {
		want := ledger.Child{Digest: child.Digest, Index: index.Digest, Repository: repo, Platform: tagalong.Platform(*child.Platform)}
		if !slices.Contains(w.ledger.Children(), want) {
			t.Fatalf("children %+v, want %+v among them", w.ledger.Children(), want)
		}
	}
}

// readings counts how often the registry is asked.
func (w *world) readings() *int {
	reads := 0
	w.registry.OnRead = func(_ context.Context, _ tagalong.Repository, read func() (tagalong.Images, error)) (tagalong.Images, error) {
		reads++
		return read()
	}
	return &reads
}

// An image runs from the start of its rollout on, wherever that ends, and whether or not
// anything is tagged for it.
func TestThePlatformsOfAnIndexAreRecordedAtFirstSight(t *testing.T) {
	untagged := tagalong.Rules{{Environment: "prod", Accounts: bothAccounts, Repositories: []string{"none/*"}}}
	index := func(repo tagalong.Repository) tagalong.Ran { return ran("app", repo, versions) }
	undigested := index(shopAPI)
	undigested.Digest = ""
	for name, test := range map[string]struct {
		rules tagalong.Rules
		runs  tagalong.Ran
		tell  []happening
	}{
		"a rollout in progress":        {prodRules(), index(shopAPI), []happening{started(prodAPI, "ecs-svc/1", 1)}},
		"one that failed":              {prodRules(), index(shopAPI), []happening{failed(prodAPI, "ecs-svc/1", 1)}},
		"one that was superseded":      {prodRules(), index(shopAPI), []happening{started(prodAPI, "ecs-svc/2", 2), started(prodAPI, "ecs-svc/1", 1)}},
		"a service without tags":       {untagged, index(shopAPI), []happening{started(prodAPI, "ecs-svc/1", 1)}},
		"one that completes unheard":   {untagged, index(shopAPI), []happening{completed(prodAPI, "ecs-svc/1", 1)}},
		"a digest that is a guess":     {prodRules(), undigested, []happening{started(prodAPI, "ecs-svc/1", 1)}},
		"the image of another account": {prodRules(), index(awayAPI), []happening{started(prodAPI, "ecs-svc/1", 1)}},
		"the loser of a shared tag":    {prodRules(), index(shopAPI), []happening{completed(prodWeb, "ecs-svc/9", 9), completed(prodAPI, "ecs-svc/1", 1)}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(test.rules)
			w.runs(prodAPI, "ecs-svc/1", test.runs)
			w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
			w.runs(prodWeb, "ecs-svc/9", ran("app", shopAPI, 3))
			w.tell(t, test.tell...)
			image, err := tagalong.ParseImage(test.runs.Image)
			if err != nil {
				t.Fatal(err)
			}
			w.wantPlatforms(t, image.Repository, imageOf(image.Repository, versions))
		})
	}
}

// Whoever asks for an index finds a rollout that failed, of which ECS reported a platform's
// image; and whoever asks for a platform's image finds one of which it reported the index.
func TestARolloutThatFailedIsFoundByItsIndexAndByItsPlatforms(t *testing.T) {
	index, platform := imageOf(shopAPI, versions), platformOf(shopAPI, versions)
	for name, reported := range map[string]digest.Digest{"the platform's image is reported": platform.Digest, "the index is reported": index.Digest} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(prodRules())
			w.runs(prodAPI, "ecs-svc/1", tagalong.Ran{Name: "app", Image: shopAPI.String() + ":" + versionTag(versions), Digest: reported})
			w.tell(t, started(prodAPI, "ecs-svc/1", 1), failed(prodAPI, "ecs-svc/1", 5))
			rows, err := stream.Collect(w.ledger.Rollouts(t.Context(), prodAPI, ledger.Span{Since: at(-1), Until: at(100)}, 0))
			if err != nil || len(rows) != 1 || rows[0].Containers[0].Target() != index.Digest {
				t.Fatalf("rows %+v, error %v", rows, err)
			}
			w.wantPlatforms(t, shopAPI, index)
		})
	}
}

func TestAnImageIsReadOnceHoweverManyRolloutsOfItThereAre(t *testing.T) {
	w := newWorld(tagalong.Rules{{Environment: "prod", Accounts: bothAccounts, Repositories: []string{"none/*"}}})
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, versions))
	w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, versions))
	reads := w.readings()
	for _, h := range []happening{
		started(prodAPI, "ecs-svc/1", 1), started(prodAPI, "ecs-svc/1", 1), completed(prodAPI, "ecs-svc/1", 2), completed(prodAPI, "ecs-svc/1", 2),
		started(prodAPI, "ecs-svc/2", 3), failed(prodAPI, "ecs-svc/2", 4), started(prodAPI, "ecs-svc/1", 4), completed(prodAPI, "ecs-svc/1", 5),
	} {
		if w.tell(t, h); *reads != 1 {
			t.Fatalf("%s: the registry was read %d times", describe([]happening{h}), *reads)
		}
	}
}

// Neither a registry that fails nor a handler that dies at the commit leaves platforms out:
// the event comes again.
func TestAStartThatFailsRecordsThePlatformsWhenItIsRepeated(t *testing.T) {
	for _, dies := range []string{"the registry", "Commit"} {
		t.Run(dies, func(t *testing.T) {
			w := newWorld(prodRules())
			w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, versions))
			w.registry.OnRead = func(_ context.Context, _ tagalong.Repository, read func() (tagalong.Images, error)) (tagalong.Images, error) {
				if dies == "the registry" {
					return tagalong.Images{}, errDied
				}
				return read()
			}
			w.ledger.Hook = func(_ context.Context, operation string) error {
				if operation == dies {
					return errDied
				}
				return nil
			}
			if _, err := w.observe(t, started(prodAPI, "ecs-svc/1", 1)); !errors.Is(err, errDied) {
				t.Fatalf("error %v", err)
			}
			rows, err := stream.Collect(w.ledger.Rollouts(t.Context(), prodAPI, ledger.Span{Since: at(-1), Until: at(100)}, 0))
			if recorded := len(rows) == 1; err != nil || recorded != (dies == "the registry") {
				t.Errorf("rows %+v, error %v: a rollout is recorded though its image cannot be read, and not before its platforms are", rows, err)
			}
			dies = ""
			w.tell(t, started(prodAPI, "ecs-svc/1", 1))
			w.wantPlatforms(t, shopAPI, imageOf(shopAPI, versions))
		})
	}
}

// An index may list one image for two variants: DynamoDB takes a key once a batch.
func TestAnImageThatAnIndexListsTwiceIsRecordedOnce(t *testing.T) {
	w := newWorld(prodRules())
	child := imageOf(shopAPI, 1)
	variant := func(name string) ocispec.Descriptor {
		return ocispec.Descriptor{MediaType: child.MediaType, Digest: child.Digest, Size: int64(len(child.Bytes)), Platform: &ocispec.Platform{OS: "linux", Architecture: "arm", Variant: name}}
	}
	raw, err := json.Marshal(ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{variant("v6"), variant("v7")}})
	if err != nil {
		t.Fatal(err)
	}
	index := tagalong.Manifest{Digest: digest.FromBytes(raw), MediaType: ocispec.MediaTypeImageIndex, Bytes: raw}
	w.registry.Push(shopAPI, index, "twice")
	w.runs(prodAPI, "ecs-svc/1", tagalong.Ran{Name: "app", Image: shopAPI.String() + ":twice", Digest: index.Digest})
	w.tell(t, started(prodAPI, "ecs-svc/1", 1))
	want := []ledger.Child{{Digest: child.Digest, Index: index.Digest, Repository: shopAPI, Platform: "linux/arm/v6"}}
	if diff := cmp.Diff(want, w.ledger.Children()); diff != "" {
		t.Errorf("children (-want +got):\n%s", diff)
	}
}

// In any order and however often events come, every rollout's index is known, and its
// platforms: whether it completed or not, and whether it has a tag or not.
func TestInAnyOrderThePlatformsOfAllThatRolledOutAreRecorded(t *testing.T) {
	tagalongtest.CheckTimes(t, 100, func(t *rapid.T) {
		s := drawPlatformStory(t)
		w := s.world()
		w.tell(t, drawShuffled(t, s.happenings)...)
		for service := range byService(s.managed(s.happenings)) {
			for row, err := range w.ledger.Rollouts(t.Context(), service, ledger.Span{}, 0) {
				if err != nil {
					t.Fatalf("rollouts of %s: %v", service, err)
				}
				for _, c := range row.Containers {
					w.wantIndexKnown(t, c)
				}
			}
		}
	})
}

// wantIndexKnown checks what is recorded of a container whose image is one of the indexes
// that a world begins with, or a platform's image that was deployed by an index's tag.
func (w *world) wantIndexKnown(t failer, c tagalong.Container) {
	t.Helper()
	if !slices.Contains([]tagalong.Repository{shopAPI, shopWeb, awayAPI}, c.Image) {
		return
	}
	for version := versions; version < versions+indexes; version++ {
		index, platform := imageOf(c.Image, version), platformOf(c.Image, version)
		deployedBy := c.Proven() && !c.Added && c.Digest == platform.Digest && c.ImageTag == versionTag(version)
		if c.Digest != index.Digest && !deployedBy {
			continue
		}
		if c.Target() != index.Digest && deployedBy {
			t.Fatalf("container %+v: want the index %s", c, index.Digest)
		}
		w.wantPlatforms(t, c.Image, index)
	}
}

// Of a guess nothing is taken but the platforms: once it is proven its image is read again.
func TestAGuessThatIsProvenSaysWhatItsImageSaysOfItself(t *testing.T) {
	w := newWorld(prodRules())
	built := tagalongtest.Annotated(tagalongtest.Image("built"), "4f2a9c1be07d5836a1c4e9f20b7d6658c3a1f0e2", "1.0")
	w.registry.Push(shopAPI, built, "v1")
	for _, step := range []struct {
		digest digest.Digest
		commit string
	}{{"", ""}, {built.Digest, "4f2a9c1be07d5836a1c4e9f20b7d6658c3a1f0e2"}} {
		w.runs(prodAPI, "ecs-svc/1", tagalong.Ran{Name: "app", Image: shopAPI.String() + ":v1", Digest: step.digest})
		w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
		if got := w.runningContainer(t, "prod"); got.Digest != built.Digest || got.Commit != step.commit {
			t.Errorf("reported %q: %s %s of commit %q, want %q", step.digest, got.Evidence, got.Digest, got.Commit, step.commit)
		}
	}
}
