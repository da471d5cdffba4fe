package stories_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// untagWorld is a world whose clock a test moves, with sweeps that look at no
// cluster: the services are retired by their facts.
type untagWorld struct {
	*world
	now time.Time
}

// newUntagWorld has one service on an image with a tag of its own, retired since.
func newUntagWorld(t *testing.T, untag bool, rules tagalong.Rules) *untagWorld {
	t.Helper()
	w := &untagWorld{world: newWorld(rules), now: at(3600)}
	w.Now, w.Untag = func() time.Time { return w.now }, untag
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0), retired(prodAPI, 10))
	return w
}

func (w *untagWorld) sweeper() *sweep.Sweeper {
	return &sweep.Sweeper{Reactor: w.Reactor, Records: w.ledger, Untagger: w.registry}
}

func (w *untagWorld) sweep(t *testing.T) sweep.Report {
	t.Helper()
	report, err := w.sweeper().Sweep(t.Context(), sweep.Options{})
	if err != nil {
		t.Fatalf("sweeping: %v", err)
	}
	return report
}

// wantOn checks which tags an image has.
func (w *untagWorld) wantOn(t *testing.T, version int, want ...string) {
	t.Helper()
	tags, err := w.registry.ImageTags(t.Context(), shopAPI, d(version))
	if err != nil {
		t.Fatalf("image %d: %v", version, err)
	}
	if !slices.Equal(tags.Tags, want) {
		t.Errorf("image %d has %q, want %q", version, tags.Tags, want)
	}
}

// left counts the tags that are still to be removed.
func (w *untagWorld) left(t *testing.T) (n int) {
	t.Helper()
	all, err := stream.Collect(w.ledger.PendingUntags(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	for _, pending := range all {
		n += len(pending.Tags)
	}
	return n
}

func TestTagsOfRetiredServicesAreLeftAloneByDefault(t *testing.T) {
	w := newUntagWorld(t, false, prodRules())
	writes := w.ledger.Writes()
	if report := w.sweep(t); report.Removed != 0 || w.left(t) != 0 || w.ledger.Writes() != writes {
		t.Errorf("report %+v, %d left, %d writes", report, w.left(t), w.ledger.Writes()-writes)
	}
	w.wantOn(t, 1, "prod", "v1")
}

func TestASweepRemovesTheTagsOfRetiredServicesOnce(t *testing.T) {
	w := newUntagWorld(t, true, prodRules("{environment}", "{environment}-{service}"))
	w.wantOn(t, 1, "prod", "prod-api", "v1")
	report := w.sweep(t)
	if report.Removed != 2 || len(report.Drift) != 2 || report.Left() || report.Drift[0].Kind != sweep.DriftStale || report.Drift[0].Environment != "prod" {
		t.Errorf("report %+v", report)
	}
	w.wantOn(t, 1, "v1")
	writes := w.ledger.Writes()
	if again := w.sweep(t); again.Removed != 0 || len(again.Drift) != 0 || w.ledger.Writes() != writes {
		t.Errorf("the second sweep: %+v, %d writes", again, w.ledger.Writes()-writes)
	}
}

// The retirement was written in part, and its tags look as if they were still desired: what
// is to be removed is not forgotten.
func TestTagsOfARetirementThatWasWrittenInPartAreRemovedOnceItIsWhole(t *testing.T) {
	w := &untagWorld{world: newWorld(prodRules("{environment}", "{environment}-{service}", "live")), now: at(3600)}
	w.Now, w.Untag, w.TransactionItems = func() time.Time { return w.now }, true, 6
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	commits := 0
	w.ledger.Hook = func(_ context.Context, operation string) error {
		if operation == "Commit" {
			if commits++; commits > 1 {
				return errDied
			}
		}
		return nil
	}
	if _, err := w.observe(t, retired(prodAPI, 10)); !errors.Is(err, errDied) {
		t.Fatalf("error %v", err)
	}
	if _, err := w.sweeper().Sweep(t.Context(), sweep.Options{}); err != nil && !errors.Is(err, errDied) {
		t.Fatalf("error %v", err)
	}
	if left := w.left(t); left != 3 {
		t.Errorf("%d tags are to be removed, want 3", left)
	}
	w.ledger.Hook = nil
	w.tell(t, retired(prodAPI, 10))
	if report := w.sweep(t); report.Removed != 3 {
		t.Errorf("report %+v", report)
	}
	w.wantOn(t, 1, "v1")
}

func TestADrySweepRemovesNothingAndSaysWhatItWould(t *testing.T) {
	w := newUntagWorld(t, true, prodRules())
	writes := w.ledger.Writes()
	report, err := w.sweeper().Sweep(t.Context(), sweep.Options{DryRun: true})
	if err != nil || !report.Left() || len(report.Drift) != 1 || w.ledger.Writes() != writes {
		t.Errorf("report %+v, error %v", report, err)
	}
	w.wantOn(t, 1, "prod", "v1")
}

// What may not be removed is left alone: for good, if it is no tag of ours any
// more, else until it may be.
func TestATagThatMayNotBeRemovedIsLeftAlone(t *testing.T) {
	for _, test := range []struct {
		name string
		then func(t *testing.T, w *untagWorld) // after the retirement
		left int
		sits int // the image that the tag stays on, -1 for none
	}{
		{"the image's last tag", func(_ *testing.T, w *untagWorld) { w.registry.Untag(shopAPI, "v1") }, 1, 1},
		{"where removals are replicated", func(_ *testing.T, w *untagWorld) { w.registry.ReplicateDeletes(home) }, 1, 1},
		{"in a repository that was left out", func(_ *testing.T, w *untagWorld) {
			w.Coverage = func(context.Context) (tagalong.Coverage, error) {
				return tagalong.Coverage{Own: "111122223333", Listed: map[string]tagalong.Given{"111122223333": {Repositories: []string{"shop/web"}}}}, nil
			}
		}, 1, 1},
		{"moved by somebody", func(_ *testing.T, w *untagWorld) { w.registry.Push(shopAPI, imageOf(shopAPI, 2), "prod") }, 0, 2},
		{"removed by somebody", func(_ *testing.T, w *untagWorld) { w.registry.Untag(shopAPI, "prod") }, 0, -1},
		{"the image is gone", func(_ *testing.T, w *untagWorld) { w.registry.Delete(shopAPI, d(1)) }, 0, -1},
		{"claimed again, for the same image", func(t *testing.T, w *untagWorld) { w.tell(t, completed(prodAPI, "ecs-svc/1", 20)) }, 0, 1},
		{"another service is deployed from it", func(t *testing.T, w *untagWorld) {
			w.Rules = append(tagalong.Rules{{Environment: "other", Services: []string{"other"}}}, w.Rules...)
			other := prodAPI
			other.Name = "other"
			w.runs(other, "ecs-svc/1", deployedFrom("app", shopAPI, "prod", 1))
			w.tell(t, started(other, "ecs-svc/1", 20))
		}, 0, 1},
		{"claimed by another service", func(t *testing.T, w *untagWorld) {
			other := prodAPI
			other.Name = "other"
			w.runs(other, "ecs-svc/1", ran("app", shopAPI, 1))
			w.tell(t, completed(other, "ecs-svc/1", -5)) // longer ago than the claim that ended
		}, 0, 1},
		{"promoted", func(t *testing.T, w *untagWorld) {
			w.tell(t, happening{Promotion: &reactor.Promotion{Job: "job", Repository: shopAPI, Digest: d(1), Tags: []string{"prod"}, At: at(-5)}})
		}, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newUntagWorld(t, true, prodRules())
			test.then(t, w)
			if report := w.sweep(t); report.Removed != 0 || report.Left() || w.left(t) != test.left {
				t.Errorf("report %+v, %d left, want %d", report, w.left(t), test.left)
			}
			want := d(max(test.sits, 0))
			if test.sits < 0 {
				want = ""
			}
			if sits := w.registry.Tags(shopAPI)["prod"]; sits != want {
				t.Errorf("the tag sits on %q, want %q", sits, want)
			}
			writes := w.ledger.Writes()
			if w.sweep(t); w.ledger.Writes() != writes {
				t.Errorf("%d writes of the second sweep", w.ledger.Writes()-writes)
			}
		})
	}
}

func TestAnImagesLastTagGoesOnceItHasAnotherOne(t *testing.T) {
	w := newUntagWorld(t, true, prodRules())
	w.registry.Untag(shopAPI, "v1")
	w.sweep(t)
	w.registry.Push(shopAPI, imageOf(shopAPI, 1), "v1.1")
	w.sweep(t)
	w.wantOn(t, 1, "v1.1")
}

// Only the tags of what is gone: not of what runs on under no environment, nor
// those that a rule does not name any more, nor those that stood nowhere.
func TestOnlyTheTagsOfWhatHasGoneAreRemoved(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(t *testing.T, w *untagWorld)
	}{
		{"no rule matches any more", func(t *testing.T, w *untagWorld) {
			w.Rules = tagalong.Rules{{Environment: "other", Clusters: []string{"other"}}}
			w.tell(t, retired(prodAPI, 10))
		}},
		{"the rule names another tag", func(t *testing.T, w *untagWorld) {
			w.Rules = prodRules("live")
			w.tell(t, started(prodAPI, "ecs-svc/2", 10))
		}},
		{"the tag was never confirmed", func(t *testing.T, w *untagWorld) {
			w.registry.OnTag = func(context.Context, tagalong.Repository, tagalong.Manifest, string, func() error) error {
				return tagalong.ErrFull
			}
			w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
			w.tell(t, completed(prodAPI, "ecs-svc/2", 10), retired(prodAPI, 20))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &untagWorld{world: newWorld(prodRules()), now: at(3600)}
			w.Now, w.Untag = func() time.Time { return w.now }, true
			w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
			w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
			test.end(t, w)
			w.sweep(t)
			if w.left(t) != 0 || w.registry.Tags(shopAPI)["prod"] != d(1) {
				t.Errorf("%d left, the tag sits on %q", w.left(t), w.registry.Tags(shopAPI)["prod"])
			}
		})
	}
}

// twoRetired has two services on one image that has no tag but theirs.
func twoRetired(t *testing.T) *untagWorld {
	t.Helper()
	w := newUntagWorld(t, true, prodRules("{service}"))
	other := prodAPI
	other.Name = "other"
	w.runs(other, "ecs-svc/1", ran("app", shopAPI, 1))
	w.tell(t, completed(other, "ecs-svc/1", 0), retired(other, 10))
	w.registry.Untag(shopAPI, "v1")
	w.wantOn(t, 1, "api", "other")
	return w
}

// Two tags are not each the other one: not within a sweep, not between two.
func TestSweepsAtOnceNeverRemoveAnImagesLastTag(t *testing.T) {
	w := twoRetired(t)
	removals := 0
	w.registry.OnRemove = func(_ context.Context, _ tagalong.Repository, _ string, remove func() error) error {
		removals++
		if removals == 1 {
			w.sweep(t)
		}
		return remove()
	}
	w.sweep(t)
	if tags := w.registry.Tags(shopAPI); removals != 1 || len(tagsOn(tags, 1)) != 1 {
		t.Errorf("%d removals, tags %v", removals, tags)
	}
	w.now = w.now.Add(time.Hour)
	w.sweep(t)
	if len(tagsOn(w.registry.Tags(shopAPI), 1)) != 1 || w.left(t) != 1 {
		t.Errorf("tags %v, %d left", w.registry.Tags(shopAPI), w.left(t))
	}
}

func tagsOn(tags map[string]digest.Digest, version int) (on []string) {
	for name, at := range tags {
		if at == d(version) {
			on = append(on, name)
		}
	}
	return on
}

// A removal without an answer may still arrive: till then nothing else is removed,
// or it might be an image's last one.
func TestAfterARemovalWithoutAnswerNothingIsRemovedWhileItMayArrive(t *testing.T) {
	w := twoRetired(t)
	var held func() error
	w.registry.OnRemove = func(_ context.Context, _ tagalong.Repository, _ string, remove func() error) error {
		held = remove
		return fmt.Errorf("hung up: %w", tagalong.ErrUnanswered)
	}
	if _, err := w.sweeper().Sweep(t.Context(), sweep.Options{}); !errors.Is(err, tagalong.ErrUnanswered) {
		t.Errorf("error %v", err)
	}
	w.registry.OnRemove = nil
	w.now = w.now.Add(14 * time.Minute)
	if report := w.sweep(t); report.Removed != 0 {
		t.Errorf("report %+v", report)
	}
	if err := held(); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(time.Hour)
	w.sweep(t)
	if on := tagsOn(w.registry.Tags(shopAPI), 1); len(on) != 1 || w.left(t) != 1 {
		t.Errorf("tags %v, %d left", on, w.left(t))
	}
}

// A handler that claims the tag while it is removed finds it put again.
func TestATagThatIsClaimedWhileItIsRemovedIsPutAgain(t *testing.T) {
	w := newUntagWorld(t, true, prodRules())
	w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
	w.registry.OnRemove = func(_ context.Context, _ tagalong.Repository, _ string, remove func() error) error {
		w.tell(t, completed(prodAPI, "ecs-svc/2", 20))
		return remove()
	}
	w.sweep(t)
	w.wantTag(t, shopAPI, "prod", d(2), ledger.TagConfirmed)
	if w.left(t) != 0 {
		t.Errorf("%d left", w.left(t))
	}
}

// Wherever a sweep dies, the next one finishes; and no image ever goes.
func TestASweepThatDiesRemovingTagsIsFinishedByTheNext(t *testing.T) {
	died := errors.New("the sweep died")
	for point := 0; ; point++ {
		w := newUntagWorld(t, true, prodRules("{environment}", "{environment}-{service}"))
		var calls atomic.Int64
		hook := func(context.Context, string) error {
			if calls.Add(1) > int64(point) {
				return died
			}
			return nil
		}
		w.ledger.Hook = hook
		w.registry.OnRemove = func(ctx context.Context, _ tagalong.Repository, _ string, remove func() error) error {
			if err := hook(ctx, ""); err != nil {
				return err
			}
			if err := remove(); err != nil {
				return err
			}
			return hook(ctx, "")
		}
		_, err := w.sweeper().Sweep(t.Context(), sweep.Options{})
		w.ledger.Hook, w.registry.OnRemove = nil, nil
		w.wantOn(t, 1, append(slices.DeleteFunc([]string{"prod", "prod-api"}, func(tag string) bool {
			_, there := w.registry.Tags(shopAPI)[tag]
			return !there
		}), "v1")...)
		w.now = w.now.Add(time.Hour)
		w.sweep(t)
		w.wantOn(t, 1, "v1")
		if w.left(t) != 0 {
			t.Errorf("dead after %d calls: %d left", point, w.left(t))
		}
		if err == nil {
			if point < 10 {
				t.Errorf("a sweep of %d calls", point)
			}
			return
		}
	}
}
