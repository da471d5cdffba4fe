package stories_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

var errDied = errors.New("the handler died")

// heldPuts holds back puts that a test names, until it lets them go.
type heldPuts struct {
	mu   sync.Mutex
	hold func(tag string, m tagalong.Manifest) (heldPut, bool)
	puts []func() error
}

// heldPut says what the handler sees of a put that is held back.
type heldPut struct {
	answer error         // if not nil, the handler goes on with it at once
	gate   chan struct{} // else it waits for the put, which waits for this
}

func (h *heldPuts) onTag(_ context.Context, _ tagalong.Repository, m tagalong.Manifest, tag string, put func() error) error {
	h.mu.Lock()
	held, ok := h.hold(tag, m)
	if !ok {
		h.mu.Unlock()
		return put()
	}
	if held.answer != nil {
		h.puts = append(h.puts, put)
		h.mu.Unlock()
		return held.answer
	}
	h.mu.Unlock()
	<-held.gate
	return put()
}

// release lets the held puts arrive.
func (h *heldPuts) release() {
	h.mu.Lock()
	puts := h.puts
	h.puts = nil
	h.mu.Unlock()
	for _, put := range puts {
		_ = put()
	}
}

// holdOnce holds the first put of a digest.
func holdOnce(d tagalong.Manifest, answer error, gate chan struct{}) func(string, tagalong.Manifest) (heldPut, bool) {
	held := false
	return func(_ string, m tagalong.Manifest) (heldPut, bool) {
		if held || m.Digest != d.Digest {
			return heldPut{}, false
		}
		held = true
		return heldPut{answer, gate}, true
	}
}

func TestAPutHeldBackBehindANewerOneIsUndoneByItsLivingHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := clocked(prodRules())
		w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
		w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
		gate := make(chan struct{})
		held := heldPuts{hold: holdOnce(imageOf(shopAPI, 1), nil, gate)}
		w.registry.OnTag = held.onTag
		older := make(chan error)
		go func() {
			_, err := w.observe(t, completed(prodAPI, "ecs-svc/1", 0))
			older <- err
		}()
		synctest.Wait()
		w.tell(t, completed(prodAPI, "ecs-svc/2", 10))
		w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 2).Digest, ledger.TagConfirmed)
		close(gate)
		if err := <-older; err != nil {
			t.Fatal(err)
		}
		w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 2).Digest, ledger.TagConfirmed)
	})
}

func TestAPutHeldBackBehindANewerOneIsUndoneByTheRetryOfItsDeadHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := clocked(prodRules())
		w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
		w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
		held := heldPuts{hold: holdOnce(imageOf(shopAPI, 1), errDied, nil)}
		w.registry.OnTag = held.onTag
		if _, err := w.observe(t, completed(prodAPI, "ecs-svc/1", 0)); !errors.Is(err, errDied) {
			t.Fatalf("error %v", err)
		}
		w.tell(t, completed(prodAPI, "ecs-svc/2", 10))
		held.release()
		if got := w.registry.Tags(shopAPI)["prod"]; got != imageOf(shopAPI, 1).Digest {
			t.Fatalf("the held put has not arrived: %s", got)
		}
		time.Sleep(3 * time.Minute) // Lambda's second retry
		w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
		w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 2).Digest, ledger.TagConfirmed)
	})
}

func TestAWishThatGoesThereAndBackEndsThere(t *testing.T) {
	w := newWorld(prodRules())
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0), completed(prodAPI, "ecs-svc/2", 10), completed(prodAPI, "ecs-svc/1", 20))
	w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 1).Digest, ledger.TagConfirmed)
	if diff := len(w.registry.History(shopAPI, "prod")); diff != 3 {
		t.Errorf("history %v", w.registry.History(shopAPI, "prod"))
	}
}

// The tag is back on D1 when the handler of D2 looks, but its wish has passed too.
func TestAHandlerThatSleptThroughThereAndBackFollowsTheLastWish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := clocked(prodRules())
		for i := range 3 {
			w.runs(prodAPI, fmt.Sprintf("ecs-svc/%d", i+1), ran("app", shopAPI, 1+i%2))
		}
		gate := make(chan struct{})
		held := heldPuts{hold: holdOnce(imageOf(shopAPI, 2), nil, gate)}
		w.registry.OnTag = held.onTag
		w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
		middle := make(chan error)
		go func() {
			_, err := w.observe(t, completed(prodAPI, "ecs-svc/2", 10))
			middle <- err
		}()
		synctest.Wait()
		w.tell(t, completed(prodAPI, "ecs-svc/3", 20))
		close(gate)
		if err := <-middle; err != nil {
			t.Fatal(err)
		}
		w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 1).Digest, ledger.TagConfirmed)
	})
}

func TestTwoServicesThatCommitInTheOppositeOrderOfTheirCompletionsLeaveTheNewerOnTop(t *testing.T) {
	for _, order := range []string{"older first", "newer first"} {
		t.Run(order, func(t *testing.T) {
			w := newWorld(prodRules())
			w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
			w.runs(prodWeb, "ecs-svc/2", ran("app", shopAPI, 2))
			happenings := []happening{completed(prodAPI, "ecs-svc/1", 0), completed(prodWeb, "ecs-svc/2", 10)}
			if order == "newer first" {
				slices.Reverse(happenings)
			}
			w.tell(t, happenings...)
			w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 2).Digest, ledger.TagConfirmed)
		})
	}
}

func TestAtEqualTimesTheClaimantThatSortsFirstWinsWhicheverCommitsFirst(t *testing.T) {
	for _, order := range []string{"winner first", "loser first"} {
		t.Run(order, func(t *testing.T) {
			w := newWorld(prodRules())
			w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1)) // …/prod-a/api#app
			w.runs(prodWeb, "ecs-svc/2", ran("app", shopAPI, 2)) // …/prod-b/web#app
			happenings := []happening{completed(prodAPI, "ecs-svc/1", 0), completed(prodWeb, "ecs-svc/2", 0)}
			if order == "loser first" {
				slices.Reverse(happenings)
			}
			w.tell(t, happenings...)
			w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 1).Digest, ledger.TagConfirmed)
		})
	}
}

func TestTwoContainersOfOneRolloutThatClaimATagGiveItToTheNameThatSortsFirst(t *testing.T) {
	w := newWorld(prodRules())
	w.runs(prodAPI, "ecs-svc/1", ran("zebra", shopAPI, 1), ran("ant", shopAPI, 2))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 2).Digest, ledger.TagConfirmed)
}

func TestWhenTheWinnerLetsGoTheTagGoesToTheOtherClaim(t *testing.T) {
	w := newWorld(prodRules())
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.runs(prodWeb, "ecs-svc/2", ran("app", shopAPI, 2))
	w.runs(prodWeb, "ecs-svc/3", ran("app", shopWeb, 3))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0), completed(prodWeb, "ecs-svc/2", 10), completed(prodWeb, "ecs-svc/3", 20))
	w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 1).Digest, ledger.TagConfirmed)
}

// The winner lets go while another service commits a claim of its own: between
// the reading of the claims and the commit.
func TestTheWinnerThatLetsGoWhileAnotherClaimsLeavesTheTagToTheNewest(t *testing.T) {
	w := newWorld(prodRules())
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.runs(prodAPI, "ecs-svc/4", ran("app", shopAPI, 0))
	w.runs(prodWeb, "ecs-svc/2", ran("app", shopAPI, 2))
	w.runs(prodWeb, "ecs-svc/3", ran("app", shopWeb, 3))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0), completed(prodWeb, "ecs-svc/2", 20))
	between := true
	w.ledger.Hook = func(_ context.Context, operation string) error {
		if operation == "Commit" && between {
			between = false
			w.tell(t, completed(prodAPI, "ecs-svc/4", 10)) // older than the winner's: it yields
		}
		return nil
	}
	w.tell(t, completed(prodWeb, "ecs-svc/3", 30))
	w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 0).Digest, ledger.TagConfirmed)
}

func TestAnAttemptThatTimesOutAndArrivesAfterItsRepetitionIsSettledAfterTheDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := clocked(prodRules())
		w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
		w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
		held := heldPuts{hold: holdOnce(imageOf(shopAPI, 1), tagalong.ErrUnanswered, nil)}
		w.registry.OnTag = held.onTag
		w.tell(t, completed(prodAPI, "ecs-svc/1", 0))  // its repetition succeeds
		w.tell(t, completed(prodAPI, "ecs-svc/2", 10)) // and a newer one moves the tag on
		w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 2).Digest, ledger.TagPending)
		held.release() // the first attempt arrives last
		time.Sleep(16 * time.Minute)
		w.Recheck = true
		w.tell(t, completed(prodAPI, "ecs-svc/2", 10))
		w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 2).Digest, ledger.TagConfirmed)
	})
}

// Several handlers at once, as Lambda runs them, each retried until it is content.
func TestHandlersAtOnceEndLikeOneAfterTheOther(t *testing.T) {
	stories := rapid.Custom(drawStory)
	for seed := range 200 {
		synctest.Test(t, func(t *testing.T) {
			s := stories.Example(seed)
			w := s.world()
			random := rand.New(rand.NewPCG(uint64(seed), 1))
			arrivals := slices.Concat(s.happenings, s.happenings)
			random.Shuffle(len(arrivals), func(i, j int) { arrivals[i], arrivals[j] = arrivals[j], arrivals[i] })
			var wait sync.WaitGroup
			for _, h := range arrivals {
				wait.Go(func() { w.retried(t, h, 20) })
			}
			wait.Wait()
			w.check(t, s, s.happenings)
		})
	}
}

// retried delivers an event as often as its handler fails.
func (w *world) retried(t *testing.T, h happening, most int) {
	for n := 1; ; n++ {
		_, err := w.observe(t, h)
		if err == nil {
			return
		}
		if n == most {
			t.Errorf("after %d attempts: %v", n, err)
			return
		}
		time.Sleep(time.Second)
	}
}

// Everything fails now and then: calls to the ledger, to ECS and to ECR, before
// they happen and after; puts arrive minutes after their handler has died. Each
// event is delivered until its handler is content, and when no put can arrive any
// more all tags are compared once, as the sweep does.
func TestWhateverFailsIsRepairedByRetriesAndOneSweep(t *testing.T) {
	stories := rapid.Custom(drawStory)
	for seed := range 200 {
		synctest.Test(t, func(t *testing.T) {
			s := stories.Example(seed)
			w := s.world()
			start := time.Now()
			w.Now = func() time.Time { return at(3600).Add(time.Since(start)) }
			random := rand.New(rand.NewPCG(uint64(seed), 2))
			held := w.failNowAndThen(random)
			arrivals := slices.Clone(s.happenings)
			random.Shuffle(len(arrivals), func(i, j int) { arrivals[i], arrivals[j] = arrivals[j], arrivals[i] })
			for _, h := range arrivals {
				w.retried(t, h, 200)
				if random.IntN(3) == 0 {
					held.release()
				}
			}
			held.release()
			w.checkFacts(t, s)
			w.stopFailing()
			time.Sleep(20 * time.Minute)
			w.Recheck = true
			w.tell(t, s.happenings...)
			w.check(t, s, s.happenings)
		})
	}
}

// failNowAndThen lets one call in five fail.
func (w *world) failNowAndThen(random *rand.Rand) *heldPuts {
	var mu sync.Mutex
	dice := func(n int) bool {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(n) == 0
	}
	hook := func(_ context.Context, operation string) error {
		if dice(12) {
			return fmt.Errorf("%s: %w", operation, errDied)
		}
		return nil
	}
	w.ledger.Hook, w.workload.Hook = hook, hook
	loses := lossy{w.ledger, func() bool { return dice(12) }}
	w.Reactor.Ledger, w.Reactor.Promotions = loses, loses
	w.registry.OnRead = func(_ context.Context, _ tagalong.Repository, read func() (tagalong.Images, error)) (tagalong.Images, error) {
		if dice(8) {
			return tagalong.Images{}, errDied
		}
		return read()
	}
	held := &heldPuts{hold: func(string, tagalong.Manifest) (heldPut, bool) {
		switch {
		case dice(4):
			return heldPut{answer: tagalong.ErrUnanswered}, true
		case dice(4):
			return heldPut{answer: errDied}, true
		}
		return heldPut{}, false
	}}
	w.registry.OnTag = func(ctx context.Context, r tagalong.Repository, m tagalong.Manifest, tag string, put func() error) error {
		switch {
		case dice(8):
			_ = put()
			return tagalong.ErrUnanswered
		case dice(8):
			return tagalong.ErrBusy
		}
		return held.onTag(ctx, r, m, tag, put)
	}
	return held
}

// lossy is a ledger that takes a write and whose answer is lost.
type lossy struct {
	ledger.Ledger
	lose func() bool
}

func (l lossy) Commit(ctx context.Context, c ledger.Change) error {
	return l.answer(l.Ledger.Commit(ctx, c))
}

func (l lossy) Settle(ctx context.Context, id tagalong.TagID, version string, v ledger.Verdict) error {
	return l.answer(l.Ledger.Settle(ctx, id, version, v))
}

func (l lossy) Promote(ctx context.Context, p ledger.PromotionWrite) error {
	return l.answer(l.Ledger.Promote(ctx, p))
}

func (l lossy) answer(err error) error {
	if err == nil && l.lose() {
		return errDied
	}
	return err
}

func (w *world) stopFailing() {
	w.Reactor.Ledger, w.Reactor.Promotions = w.ledger, w.ledger
	w.ledger.Hook, w.workload.Hook = nil, nil
	w.registry.OnRead, w.registry.OnTag = nil, nil
}

// checkFacts checks that no tag ever sat on what had not completed.
func (w *world) checkFacts(t *testing.T, s story) {
	t.Helper()
	w.ledger.Hook = nil
	for _, tag := range w.allTags(t) {
		for _, d := range w.registry.History(tag.ID.Repository, tag.ID.Tag) {
			if !s.completedWith(tag.ID.Repository, d) {
				t.Errorf("tag %s sat on %s, which never completed", tag.ID, d)
			}
		}
	}
}

// The repeat has read the wish D1, confirmed; a newer handler wishes, puts and
// confirms D2; the repeat sees D2 in ECR and puts D1. It must notice.
func TestARepeatThatPutsAPassedWishNoticesThatItHasPassed(t *testing.T) {
	w := newWorld(prodRules())
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	between := true
	w.registry.OnRead = func(_ context.Context, _ tagalong.Repository, read func() (tagalong.Images, error)) (tagalong.Images, error) {
		if between {
			between = false
			w.tell(t, completed(prodAPI, "ecs-svc/2", 10))
		}
		return read()
	}
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 2).Digest, ledger.TagConfirmed)
}

// failingRead is a registry that cannot be read.
func failingRead(context.Context, tagalong.Repository, func() (tagalong.Images, error)) (tagalong.Images, error) {
	return tagalong.Images{}, errDied
}

// One event lets go of a tag in two repositories that have one name in two
// registries: each goes back to the other claim on it.
func TestTagsOfRepositoriesOfOneNameInTwoRegistriesAreKeptApart(t *testing.T) {
	w := newWorld(prodRules())
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1), ran("log", awayAPI, 1))
	w.runs(prodWeb, "ecs-svc/2", ran("app", shopAPI, 2), ran("log", awayAPI, 2))
	w.runs(prodWeb, "ecs-svc/3", ran("app", shopWeb, 3))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0), completed(prodWeb, "ecs-svc/2", 10), completed(prodWeb, "ecs-svc/3", 20))
	w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 1).Digest, ledger.TagConfirmed)
	w.wantTag(t, awayAPI, "prod", imageOf(awayAPI, 1).Digest, ledger.TagConfirmed)
}

// Of two completions in one millisecond the first one's place lasted no time,
// and would have the key of the second one's.
func TestCompletionsInOneMillisecondEndAlikeInEitherOrder(t *testing.T) {
	story := func(happenings ...happening) string {
		w := newWorld(prodRules())
		for i := range 3 {
			w.runs(prodAPI, fmt.Sprintf("ecs-svc/%d", i), ran("app", shopAPI, i))
		}
		w.tell(t, happenings...)
		return w.ledger.Dump()
	}
	one, same, last := completed(prodAPI, "ecs-svc/0", 0), completed(prodAPI, "ecs-svc/1", 0), completed(prodAPI, "ecs-svc/2", 10)
	if diff := cmp.Diff(story(one, same, last), story(last, same, one)); diff != "" {
		t.Errorf("(-in order +reversed):\n%s", diff)
	}
}

// dies lets the handler of an event die between its commit and its first look at the registry.
func (w *world) dies(t *testing.T, h happening) {
	t.Helper()
	w.registry.OnRead = failingRead
	defer func() { w.registry.OnRead = nil }()
	if o, err := w.observe(t, h); !errors.Is(err, errDied) || !o.Recorded {
		t.Fatalf("outcome %+v, error %v", o, err)
	}
}

func TestTheRetryOfAHandlerThatDiedLettingGoOfATagGivesItToTheOtherClaim(t *testing.T) {
	w := newWorld(prodRules())
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.runs(prodWeb, "ecs-svc/2", ran("app", shopAPI, 2))
	w.runs(prodWeb, "ecs-svc/3", ran("app", shopWeb, 3))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0), completed(prodWeb, "ecs-svc/2", 10))
	w.dies(t, completed(prodWeb, "ecs-svc/3", 20))
	w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 2).Digest, ledger.TagPending)
	w.tell(t, completed(prodWeb, "ecs-svc/3", 20))
	w.wantTag(t, shopAPI, "prod", imageOf(shopAPI, 1).Digest, ledger.TagConfirmed)
	w.wantTag(t, shopWeb, "prod", imageOf(shopWeb, 3).Digest, ledger.TagConfirmed)
}

// A late completion of A makes a second rollout of what seemed to be B's repeat,
// and so gives B's claim another time: the retry is about A, the tag B's.
func TestTheRetryOfALateFactSettlesTheTagsOfWhatRuns(t *testing.T) {
	w := newWorld(prodRules("{environment}-{container}"))
	w.runs(prodAPI, "ecs-svc/A", ran("a", shopAPI, 1))
	w.runs(prodAPI, "ecs-svc/B", ran("b", shopAPI, 2))
	w.tell(t, completed(prodAPI, "ecs-svc/B", 5), completed(prodAPI, "ecs-svc/B", 9))
	w.dies(t, completed(prodAPI, "ecs-svc/A", 7))
	w.wantTag(t, shopAPI, "prod-b", imageOf(shopAPI, 2).Digest, ledger.TagPending)
	w.tell(t, completed(prodAPI, "ecs-svc/A", 7))
	w.wantTag(t, shopAPI, "prod-b", imageOf(shopAPI, 2).Digest, ledger.TagConfirmed)
}
