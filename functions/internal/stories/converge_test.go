package stories_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
	"github.com/tagalong-aws/tagalong/functions/internal/wait"
)

var prodAPI, prodWeb = allServices[0], allServices[1]

// prodRules returns every service the environment prod and the tags. They name both
// accounts, so that each may tag what lies in the other's registry.
func prodRules(tags ...string) tagalong.Rules {
	return tagalong.Rules{{Environment: "prod", Accounts: bothAccounts, Tags: tags}}
}

// runs makes a deployment known, with digests that its revision resolved.
func (w *world) runs(s tagalong.Service, deployment string, containers ...tagalong.Ran) {
	w.workload.Deploy(s, deployment, tagalongtest.Deployment{TaskDefinition: "td-" + deployment, Revised: containers, Defined: containers})
}

func ran(name string, repo tagalong.Repository, version int) tagalong.Ran {
	return tagalong.Ran{Name: name, Image: repo.String() + ":" + versionTag(version), Digest: imageOf(repo, version).Digest}
}

func completed(s tagalong.Service, deployment string, second int) happening {
	return happening{Service: s, Fact: tagalong.Fact{Deployment: deployment, Name: tagalong.Completed, Time: at(second), Source: tagalong.FromEvent}}
}

func started(s tagalong.Service, deployment string, second int) happening {
	return happening{Service: s, Fact: tagalong.Fact{Deployment: deployment, Name: tagalong.InProgress, Time: at(second), Source: tagalong.FromEvent}}
}

func failed(s tagalong.Service, deployment string, second int) happening {
	return happening{Service: s, Fact: tagalong.Fact{Deployment: deployment, Name: tagalong.Failed, Time: at(second), Source: tagalong.FromEvent}}
}

func (w *world) observe(t *testing.T, h happening) (reactor.Outcome, error) {
	t.Helper()
	if h.Promotion != nil {
		_, err := w.Promote(t.Context(), *h.Promotion)
		return reactor.Outcome{}, err
	}
	return w.Observe(t.Context(), h.Service, h.Fact)
}

// tag reads a tag's item; the zero Tag if there is none.
func (w *world) tag(t *testing.T, repo tagalong.Repository, name string) ledger.Tag {
	t.Helper()
	id := tagalong.TagID{Repository: repo, Tag: name}
	tags, err := w.ledger.Tags(t.Context(), []tagalong.TagID{id})
	if err != nil {
		t.Fatal(err)
	}
	return tags[id]
}

// wantTag checks where a tag sits, and how its item stands.
func (w *world) wantTag(t *testing.T, repo tagalong.Repository, name string, sits digest.Digest, state ledger.TagState) {
	t.Helper()
	if got := w.registry.Tags(repo)[name]; got != sits {
		t.Errorf("tag %s sits on %q, want %q", name, got, sits)
	}
	if got := w.tag(t, repo, name).State; got != state {
		t.Errorf("tag %s is %q, want %q", name, got, state)
	}
}

func TestAnImmutableTagOnAnotherDigestIsBlockedAndSaysWhatToSet(t *testing.T) {
	w := newWorld(prodRules())
	w.registry.Push(shopAPI, imageOf(shopAPI, 0), "prod")
	w.registry.Immutable(shopAPI)
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	o, err := w.observe(t, completed(prodAPI, "ecs-svc/1", 0))
	if err != nil || o.Blocked != 1 {
		t.Errorf("outcome %+v, error %v; want one blocked tag and no error", o, err)
	}
	w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 0).Digest, ledger.TagBlocked)
	tag := w.tag(t, shopAPI, "prod")
	if !strings.Contains(tag.Reason, "IMMUTABLE_WITH_EXCLUSION") || !strings.Contains(tag.Reason, `"prod"`) {
		t.Errorf("reason %q does not name the exclusion filter", tag.Reason)
	}
	if tag.Actual != imageOf(shopAPI, 0).Digest {
		t.Errorf("actual is %q", tag.Actual)
	}
	w.repeatsWriteNothing(t, completed(prodAPI, "ecs-svc/1", 0))
}

// repeatsWriteNothing checks that the event again changes nothing.
func (w *world) repeatsWriteNothing(t *testing.T, happenings ...happening) {
	t.Helper()
	writes, puts := w.ledger.Writes(), w.registry.Puts()
	w.tell(t, happenings...)
	if w.ledger.Writes() != writes || w.registry.Puts() != puts {
		t.Errorf("the repeat wrote %d times and put %d tags", w.ledger.Writes()-writes, w.registry.Puts()-puts)
	}
}

func TestAnImmutableTagOnItsOwnDigestIsSuccess(t *testing.T) {
	w := newWorld(prodRules())
	w.registry.Push(shopAPI, imageOf(shopAPI, 1), "prod")
	w.registry.Immutable(shopAPI)
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 1).Digest, ledger.TagConfirmed)
}

func TestAnImmutableTagThatSomebodyPutMeanwhileOnItsDigestIsSuccess(t *testing.T) {
	w := newWorld(prodRules())
	w.registry.Immutable(shopAPI)
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.registry.OnTag = func(_ context.Context, r tagalong.Repository, m tagalong.Manifest, tag string, put func() error) error {
		w.registry.Push(r, m, tag) // a moment before us
		return put()
	}
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 1).Digest, ledger.TagConfirmed)
}

func TestAnImageThatIsGoneIsMissing(t *testing.T) {
	w := newWorld(prodRules())
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.registry.Delete(shopAPI, imageOf(shopAPI, 1).Digest)
	o, err := w.observe(t, completed(prodAPI, "ecs-svc/1", 0))
	if err != nil || o.Missing != 1 {
		t.Errorf("outcome %+v, error %v; want one missing image and no error", o, err)
	}
	w.wantTag(t, shopAPI, "prod", "", ledger.TagMissing)
	w.repeatsWriteNothing(t, completed(prodAPI, "ecs-svc/1", 0))
}

func TestAnImageThatGoesBetweenReadAndPutIsMissing(t *testing.T) {
	w := newWorld(prodRules())
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.registry.OnTag = func(_ context.Context, r tagalong.Repository, m tagalong.Manifest, _ string, put func() error) error {
		w.registry.Delete(r, m.Digest)
		return put()
	}
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	w.wantTag(t, shopAPI, "prod", "", ledger.TagMissing)
}

func TestARepositoryThatIsGoneIsMissing(t *testing.T) {
	w := newWorld(prodRules())
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.registry.DeleteRepository(shopAPI)
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	w.wantTag(t, shopAPI, "prod", "", ledger.TagMissing)
	if tag := w.tag(t, shopAPI, "prod"); tag.Reason == "" {
		t.Error("no reason is given")
	}
}

func TestARepositoryWithoutRoomIsBlocked(t *testing.T) {
	w := newWorld(prodRules())
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.registry.Room(shopAPI, 1) // v1 is there
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	w.wantTag(t, shopAPI, "prod", "", ledger.TagBlocked)
	w.repeatsWriteNothing(t, completed(prodAPI, "ecs-svc/1", 0))
}

func TestABlockedTagIsPutByTheRepeatOnceItIsFree(t *testing.T) {
	w := newWorld(prodRules())
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.registry.Room(shopAPI, 1)
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	w.registry.Room(shopAPI, 0)
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 1).Digest, ledger.TagConfirmed)
}

func TestATagThatALongNameMakesIllegalIsBlocked(t *testing.T) {
	w := newWorld(prodRules("{environment}-{service}"))
	long := prodAPI
	long.Name = strings.Repeat("n", 200)
	w.runs(long, "ecs-svc/1", ran("app", shopAPI, 1))
	o, err := w.observe(t, completed(long, "ecs-svc/1", 0))
	if err != nil || o.Blocked != 1 {
		t.Errorf("outcome %+v, error %v; want one blocked tag and no error", o, err)
	}
	tag := w.tag(t, shopAPI, "prod-"+long.Name)
	if tag.State != ledger.TagBlocked || !strings.Contains(tag.Reason, "no legal tag") {
		t.Errorf("state %q, reason %q", tag.State, tag.Reason)
	}
	w.repeatsWriteNothing(t, completed(long, "ecs-svc/1", 0))
}

func TestManifestBytesThatAreNotTheDigestsAreNeverPut(t *testing.T) {
	w := newWorld(prodRules())
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.registry.OnRead = func(_ context.Context, _ tagalong.Repository, read func() (tagalong.Images, error)) (tagalong.Images, error) {
		images, err := read()
		for d, m := range images.Manifests {
			m.Bytes = append([]byte(" "), m.Bytes...)
			images.Manifests[d] = m
		}
		return images, err
	}
	w.registry.OnTag = func(context.Context, tagalong.Repository, tagalong.Manifest, string, func() error) error {
		t.Error("a tag was put")
		return nil
	}
	o, err := w.observe(t, completed(prodAPI, "ecs-svc/1", 0))
	if reason := w.tag(t, shopAPI, "prod").Reason; err != nil || o.Blocked != 1 || !strings.Contains(reason, imageOf(shopAPI, 1).Digest.String()) {
		t.Errorf("outcome %+v, error %v, reason %q: want the digest named", o, err, reason)
	}
	w.wantTag(t, shopAPI, "prod", "", ledger.TagBlocked)
}

func TestOneBadContainerOfTenLeavesNineTaggedAndTheRetryDoesOnlyTheTenth(t *testing.T) {
	w := newWorld(prodRules())
	var containers []tagalong.Ran
	for i := range 10 {
		repo := tagalong.Repository{Registry: home, Name: fmt.Sprintf("shop/part%d", i)}
		w.registry.Push(repo, imageOf(repo, 0), "v0")
		containers = append(containers, ran(fmt.Sprintf("part%d", i), repo, 0))
	}
	w.runs(prodAPI, "ecs-svc/1", containers...)
	refused := errors.New("AccessDeniedException: ecr:PutImage")
	var attempts []string
	broken := true
	w.registry.OnTag = func(_ context.Context, r tagalong.Repository, _ tagalong.Manifest, _ string, put func() error) error {
		if broken && r.Name == "shop/part7" {
			return refused
		}
		if !broken {
			attempts = append(attempts, r.Name)
		}
		return put()
	}
	o, err := w.observe(t, completed(prodAPI, "ecs-svc/1", 0))
	if !errors.Is(err, refused) || !strings.Contains(err.Error(), "shop/part7") || strings.Contains(err.Error(), "shop/part6") {
		t.Errorf("error %v, want that of shop/part7 alone", err)
	}
	if o.Moved != 9 || !o.Recorded {
		t.Errorf("outcome %+v, want nine moved tags", o)
	}
	broken = false
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	if diff := cmp.Diff([]string{"shop/part7"}, attempts); diff != "" {
		t.Errorf("the retry put (-want +got):\n%s", diff)
	}
	for _, c := range containers {
		image, _ := tagalong.ParseImage(c.Image)
		w.wantTag(t, image.Repository, "prod", c.Digest, ledger.TagConfirmed)
	}
}

func TestATimeTagIsPutOnceAndThenIsNoWishAnyMore(t *testing.T) {
	w := newWorld(prodRules("{environment}-{time}", "{environment}"))
	w.registry.Immutable(shopAPI, "prod")
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	if got := w.registry.Tags(shopAPI)["prod-20260304T120000Z"]; got != imageOf(shopAPI, 1).Digest {
		t.Errorf("the time tag sits on %q", got)
	}
	if tag := w.tag(t, shopAPI, "prod-20260304T120000Z"); tag.State != "" {
		t.Errorf("its item is still there: %+v", tag)
	}
	w.registry.Untag(shopAPI, "prod-20260304T120000Z")
	w.repeatsWriteNothing(t, completed(prodAPI, "ecs-svc/1", 0))
	w.tell(t, completed(prodAPI, "ecs-svc/2", 60))
	if got := w.registry.Tags(shopAPI)["prod-20260304T120100Z"]; got != imageOf(shopAPI, 2).Digest {
		t.Errorf("the second time tag sits on %q", got)
	}
	w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 2).Digest, ledger.TagConfirmed)
	running, err := stream.Collect(w.ledger.RunningRecords(t.Context(), "prod", tagalong.Service{}, 0))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"prod-20260304T120100Z"}, running[0].Containers[0].PutOnce); diff != "" {
		t.Errorf("time tags of the running row (-want +got):\n%s", diff)
	}
}

// clocked returns a world whose time passes, for use inside synctest.
func clocked(rules tagalong.Rules) *world {
	w := newWorld(rules)
	start := time.Now()
	w.Now = func() time.Time { return at(3600).Add(time.Since(start)) }
	return w
}

func TestAnUnansweredPutLeavesTheTagPendingUntilItCanNoLongerArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := clocked(prodRules())
		w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
		answers := 0
		w.registry.OnTag = func(_ context.Context, _ tagalong.Repository, _ tagalong.Manifest, _ string, put func() error) error {
			if answers++; answers == 1 {
				return tagalong.ErrUnanswered
			}
			return put()
		}
		o, err := w.observe(t, completed(prodAPI, "ecs-svc/1", 0))
		if err != nil || o.InDoubt != 1 {
			t.Errorf("outcome %+v, error %v; want one tag in doubt and no error", o, err)
		}
		w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 1).Digest, ledger.TagPending)
		time.Sleep(14 * time.Minute)
		w.Recheck = true
		w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
		w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 1).Digest, ledger.TagPending)
		time.Sleep(2 * time.Minute)
		w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
		w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 1).Digest, ledger.TagConfirmed)
	})
}

func TestAPutThatIsNeverAnsweredIsAnErrorAndInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := clocked(prodRules())
		w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
		w.registry.OnTag = func(context.Context, tagalong.Repository, tagalong.Manifest, string, func() error) error {
			return tagalong.ErrUnanswered
		}
		_, err := w.observe(t, completed(prodAPI, "ecs-svc/1", 0))
		if !errors.Is(err, tagalong.ErrUnanswered) {
			t.Errorf("error %v", err)
		}
		if tag := w.tag(t, shopAPI, "prod"); !tag.DoubtUntil.After(w.Now()) {
			t.Errorf("in doubt until %v", tag.DoubtUntil)
		}
	})
}

// A queue brings back for a day what has failed: also when no put can be in flight any
// more the retry puts what is still pending.
func TestARetryThatComesLatePutsATagThatIsStillPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := clocked(prodRules())
		w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
		w.registry.OnTag = func(context.Context, tagalong.Repository, tagalong.Manifest, string, func() error) error {
			return tagalong.ErrBusy
		}
		for range 4 { // the last one after 18 minutes
			begun := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			_, err := w.Observe(ctx, prodAPI, completed(prodAPI, "ecs-svc/1", 0).Fact)
			cancel()
			if !errors.Is(err, tagalong.ErrBusy) || !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != time.Minute {
				t.Errorf("error %v after %v: want a busy registry waited for as long as there is time", err, time.Since(begun))
			}
			time.Sleep(5 * time.Minute)
		}
		w.registry.OnTag = nil
		w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
		w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 1).Digest, ledger.TagConfirmed)
		w.repeatsWriteNothing(t, completed(prodAPI, "ecs-svc/1", 0))
	})
}

// A put that the end of the function's time cuts off may still arrive, and leaves the tag in
// doubt for a quarter of an hour: it is better not begun.
func TestNoPutIsBegunThatHasNoTimeForItsAnswer(t *testing.T) {
	for range 20 { // the waiting is random
		synctest.Test(t, func(t *testing.T) {
			w := clocked(prodRules())
			w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
			w.registry.OnTag = func(ctx context.Context, _ tagalong.Repository, _ tagalong.Manifest, _ string, _ func() error) error {
				if wait.For(ctx, 900*time.Millisecond) != nil {
					return tagalong.ErrUnanswered
				}
				return tagalong.ErrBusy
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if _, err := w.Observe(ctx, prodAPI, completed(prodAPI, "ecs-svc/1", 0).Fact); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			if tag := w.tag(t, shopAPI, "prod"); !tag.DoubtUntil.IsZero() {
				t.Errorf("in doubt until %v", tag.DoubtUntil)
			}
		})
	}
}

func TestABusyRegistryIsAskedAgainAndLeavesNoDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := clocked(prodRules())
		w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
		answers := 0
		w.registry.OnTag = func(_ context.Context, _ tagalong.Repository, _ tagalong.Manifest, _ string, put func() error) error {
			if answers++; answers < 4 {
				return tagalong.ErrBusy
			}
			return put()
		}
		w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
		w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 1).Digest, ledger.TagConfirmed)
	})
}

// While the registry is busy a service comes to be deployed from the tag.
func TestATagThatIsReadByNowIsNotPutAfterABusyRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := clocked(tagalong.Rules{{Environment: "prod", Clusters: []string{"prod-a"}, Services: []string{"api"}}})
		w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
		w.registry.Push(shopAPI, imageOf(shopAPI, 3), "prod")
		before := w.registry.Tags(shopAPI)["prod"]
		answers := 0
		w.registry.OnTag = func(_ context.Context, _ tagalong.Repository, _ tagalong.Manifest, _ string, put func() error) error {
			if answers++; answers == 4 {
				w.reads(t, reader, "main", tagalong.TagID{Repository: shopAPI, Tag: "prod"})
			}
			if answers <= 4 {
				return tagalong.ErrBusy
			}
			return put()
		}
		w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
		w.wantTag(t, shopAPI, "prod", before, ledger.TagInput)
	})
}

// While the registry is busy the service goes on to another image, whose own put is done.
func TestAWishThatHasPassedIsNotPutAfterABusyRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := clocked(prodRules())
		w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
		w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
		old, answers := imageOf(shopAPI, 1).Digest, 0
		w.registry.OnTag = func(_ context.Context, _ tagalong.Repository, m tagalong.Manifest, _ string, put func() error) error {
			if m.Digest != old {
				return put()
			}
			if answers++; answers == 1 {
				w.tell(t, completed(prodAPI, "ecs-svc/2", 10))
			}
			if answers <= 4 {
				return tagalong.ErrBusy
			}
			return put()
		}
		w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
		w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 2).Digest, ledger.TagConfirmed)
		if answers != 1 {
			t.Errorf("the wish that had passed was put %d times more", answers-1)
		}
	})
}

// A registry that is out of order stays so for longer than one is waited for.
func TestARegistryThatIsOutOfOrderIsAskedAFewTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := clocked(prodRules())
		w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
		puts := 0
		w.registry.OnTag = func(context.Context, tagalong.Repository, tagalong.Manifest, string, func() error) error {
			puts++
			return tagalong.ErrOutOfOrder
		}
		if _, err := w.observe(t, completed(prodAPI, "ecs-svc/1", 0)); !errors.Is(err, tagalong.ErrOutOfOrder) || puts != 4 {
			t.Errorf("error %v after %d puts", err, puts)
		}
	})
}

// A reading that began before the commit must not confirm: what it saw may be
// about to be overwritten by a handler whose wish ours replaced.
func TestATagSeenRightBeforeTheCommitIsReadAgain(t *testing.T) {
	w := newWorld(prodRules())
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.registry.Push(shopAPI, imageOf(shopAPI, 1), "prod")
	reads := 0
	w.registry.OnRead = func(_ context.Context, r tagalong.Repository, read func() (tagalong.Images, error)) (tagalong.Images, error) {
		images, err := read()
		if reads++; reads == 1 {
			w.registry.Push(r, imageOf(r, 0), "prod") // somebody's older put arrives now
		}
		return images, err
	}
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 1).Digest, ledger.TagConfirmed)
}

func TestARepeatedEventCostsThreeCallsAtMost(t *testing.T) {
	w := newWorld(prodRules())
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	var calls []string
	w.ledger.Hook = func(_ context.Context, operation string) error {
		calls = append(calls, operation)
		return nil
	}
	w.registry.OnRead = func(_ context.Context, _ tagalong.Repository, read func() (tagalong.Images, error)) (tagalong.Images, error) {
		calls = append(calls, "Read")
		return read()
	}
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	if len(calls) > 3 {
		t.Errorf("the repeat called %v, and the workload beside it", calls)
	}
}

// The newest claim's service renames its container and so lets go of a tag, and
// the same event proves an index in the same repository: the tag goes back to the
// next claim, whose image is there.
func TestATagThatIsLetGoWhileAnIndexIsProvenGoesToTheNextClaim(t *testing.T) {
	w := newWorld(prodRules("{environment}-{container}"))
	index, children := tagalongtest.Index("multi")
	for _, child := range children {
		w.registry.Push(shopAPI, child)
	}
	w.registry.Push(shopAPI, index, "multi")
	w.runs(prodWeb, "ecs-svc/9", ran("app", shopAPI, 3))
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.runs(prodAPI, "ecs-svc/2", tagalong.Ran{Name: "new", Image: shopAPI.String() + ":multi", Digest: children[0].Digest})
	w.tell(t, completed(prodWeb, "ecs-svc/9", 0), completed(prodAPI, "ecs-svc/1", 10))
	w.wantTag(t, shopAPI, "prod-app", imageOf(shopAPI, 1).Digest, ledger.TagConfirmed)
	w.tell(t, completed(prodAPI, "ecs-svc/2", 20))
	w.wantTag(t, shopAPI, "prod-new", index.Digest, ledger.TagConfirmed)
	w.wantTag(t, shopAPI, "prod-app", imageOf(shopAPI, 3).Digest, ledger.TagConfirmed)
}

func TestATagThatNobodyClaimsAnyMoreStaysInTheRegistryAndLeavesTheLedger(t *testing.T) {
	w := newWorld(prodRules())
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.runs(prodAPI, "ecs-svc/2", ran("app", shopWeb, 2))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0), completed(prodAPI, "ecs-svc/2", 10))
	w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 1).Digest, "")
	w.wantTag(t, shopWeb, "prod", imageOf(shopWeb, 2).Digest, ledger.TagConfirmed)
}

func TestAClaimWithoutEvidenceMovesNoTag(t *testing.T) {
	w := newWorld(prodRules())
	w.workload.Deploy(prodAPI, "ecs-svc/1", tagalongtest.Deployment{Defined: []tagalong.Ran{{Name: "app", Image: shopAPI.String() + ":v1"}}})
	o, err := w.observe(t, completed(prodAPI, "ecs-svc/1", 0))
	if err != nil || o.Unproven != 1 || o.Moved != 0 {
		t.Errorf("outcome %+v, error %v", o, err)
	}
	w.wantTag(t, shopAPI, "prod", "", "")
}
