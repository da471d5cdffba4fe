package stories_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// sharing is a story of services that claim one tag, each by its own sidecar.
type sharing struct {
	random     *rand.Rand
	happenings []happening
	// newest is what each service runs in the end, and since when; retired ones run nothing.
	newest map[tagalong.Service]sidecar
}

type sidecar struct {
	at     int
	digest digest.Digest
}

// drawSharing draws up to five services with up to three completions each, of three images
// at most, in which one is the usual one; now and then a service is retired.
func drawSharing(seed uint64, w *world) sharing {
	s := sharing{random: rand.New(rand.NewPCG(seed, 3)), newest: map[tagalong.Service]sidecar{}}
	for i := range 2 + s.random.IntN(4) {
		service := tagalong.Service{Account: prodAPI.Account, Region: prodAPI.Region, Cluster: prodAPI.Cluster, Name: fmt.Sprintf("shop-%d", i)}
		last, seconds := -1, s.random.Perm(20)
		for j := range 1 + s.random.IntN(3) {
			version := max(0, s.random.IntN(6)-3)
			deployment, second := fmt.Sprintf("ecs-svc/%d", j), seconds[j]*5+i // no two at once
			w.runs(service, deployment, ran("log", shopWeb, version))
			s.happenings = append(s.happenings, completed(service, deployment, second))
			if s.random.IntN(2) == 0 {
				s.happenings = append(s.happenings, started(service, deployment, second-3))
			}
			if second > last {
				last, s.newest[service] = second, sidecar{second, imageOf(shopWeb, version).Digest}
			}
		}
		if s.random.IntN(4) == 0 {
			s.happenings = append(s.happenings, retired(service, last+1))
			delete(s.newest, service)
		}
	}
	return s
}

// want is where the tag belongs, by nothing but who runs what since when.
func (s sharing) want() (want digest.Digest) {
	newest := -1
	for _, runs := range s.newest {
		if runs.at > newest {
			newest, want = runs.at, runs.digest
		}
	}
	return want
}

// Each call takes some time, so that the handlers come between each other's calls at any
// point; now and then one dies there, before the call or behind it, and its event comes
// again, as from a queue. Whatever the order: the tag is wished for the newest claim, also
// where an older one of another digest came in between, and where the newest has gone. Once
// all tags are compared, as the sweep does, it sits there.
func TestASharedTagIsTheNewestClaimsInAnyInterleaving(t *testing.T) {
	for seed := range uint64(150) {
		synctest.Test(t, func(t *testing.T) {
			w := clocked(prodRules())
			s := drawSharing(seed, w)
			w.interleave(rand.New(rand.NewPCG(seed, 4)))
			s.random.Shuffle(len(s.happenings), func(i, j int) { s.happenings[i], s.happenings[j] = s.happenings[j], s.happenings[i] })
			var handlers sync.WaitGroup
			for _, h := range slices.Repeat(s.happenings, 1+int(seed%2)) { // heard once, or twice
				begins := time.Duration(s.random.IntN(500)) * time.Millisecond
				handlers.Go(func() { time.Sleep(begins); w.retried(t, h, 100) })
			}
			handlers.Wait()
			w.stopFailing()
			want := s.want()
			if tag := w.tag(t, shopWeb, "prod"); tag.Wish.Digest != want {
				t.Errorf("seed %d: the tag is wished on %q, want %q", seed, tag.Wish.Digest, want)
			}
			// Who finished what another one had left, and died, comes back with news of his own.
			w.Recheck = true
			w.tell(t, s.happenings...)
			if want != "" {
				w.wantTag(t, shopWeb, "prod", want, ledger.TagConfirmed)
			}
		})
		if t.Failed() {
			return
		}
	}
}

// interleave has each call take up to 20 ms, and one in forty be the last of its handler.
func (w *world) interleave(random *rand.Rand) {
	var mu sync.Mutex
	dice := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(n)
	}
	hook := func(_ context.Context, operation string) error {
		time.Sleep(time.Duration(dice(20_000)) * time.Microsecond)
		if dice(40) == 0 {
			return fmt.Errorf("%s: %w", operation, errDied)
		}
		return nil
	}
	w.ledger.Hook = hook
	w.Reactor.Ledger = lossy{w.ledger, func() bool { return dice(40) == 0 }}
	w.registry.OnRead = func(_ context.Context, _ tagalong.Repository, read func() (tagalong.Images, error)) (tagalong.Images, error) {
		images, err := read()
		time.Sleep(time.Duration(dice(20_000)) * time.Microsecond)
		return images, err
	}
	w.registry.OnTag = func(_ context.Context, _ tagalong.Repository, _ tagalong.Manifest, _ string, put func() error) error {
		time.Sleep(time.Duration(dice(20_000)) * time.Microsecond)
		return put()
	}
}

// The reading of a commit asks for the tags that it writes. Of another tag of the repository
// it says nothing: one that stands would be put again, as if somebody had moved it away.
func TestASharedTagThatStandsIsNotPutAgainBesideAnother(t *testing.T) {
	w, web := newWorld(prodRules("{environment}", "{environment}-{container}")), prodAPI
	web.Name = "web"
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1), ran("log", shopAPI, 2))
	w.runs(web, "ecs-svc/2", ran("app", shopAPI, 1))
	w.runs(prodAPI, "ecs-svc/3", ran("app", shopAPI, 1), ran("log", shopAPI, 3))
	w.runs(prodAPI, "ecs-svc/4", ran("app", shopAPI, 1), ran("log", shopAPI, 1))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 1), completed(web, "ecs-svc/2", 2), completed(prodAPI, "ecs-svc/3", 3))
	puts := w.registry.Puts()
	w.tell(t, completed(prodAPI, "ecs-svc/4", 4))
	if got := w.registry.Puts() - puts; got != 1 {
		t.Errorf("%d tags were put, want prod-log alone", got)
	}
	if tag := w.tag(t, shopAPI, "prod"); tag.Returned != 0 || tag.State != ledger.TagConfirmed {
		t.Errorf("the tag was put back %d times, and is %s: nobody has moved it away", tag.Returned, tag.State)
	}
}
