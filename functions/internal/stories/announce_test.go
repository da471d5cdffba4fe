package stories_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

var errDown = errors.New("the bus is down")

// heard returns a world an event bus.
func (w *world) heard() (*world, *tagalongtest.Bus) {
	bus := &tagalongtest.Bus{}
	w.Announcer = bus
	return w, bus
}

// recorded returns the rollouts that a bus has been told of since the last time.
func recorded(t failer, bus *tagalongtest.Bus) (all []reactor.RolloutRecorded) {
	t.Helper()
	for _, e := range bus.Take() {
		if e.DetailType != reactor.RolloutRecordedType {
			continue
		}
		var r reactor.RolloutRecorded
		if err := json.Unmarshal(e.Detail, &r); err != nil {
			t.Fatalf("%s: %v", e.Detail, err)
		}
		service := tagalong.Service{Account: r.Account, Region: r.Region, Cluster: r.Cluster, Name: r.Service}
		if !e.Time.Equal(*r.FinishedAt) || !slices.Equal(e.Resources, []string{service.ARN()}) {
			t.Fatalf("event %+v of %+v", e, r)
		}
		all = append(all, r)
	}
	return all
}

// line says of an announcement what tests look at.
func line(r reactor.RolloutRecorded) string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Deployment, r.State, r.RolledBack))
}

func lines(all []reactor.RolloutRecorded) (text []string) {
	for _, r := range all {
		text = append(text, line(r))
	}
	return text
}

func unannounced(t failer, w *world) []ledger.FinishedRollout {
	t.Helper()
	left, err := stream.Collect(w.ledger.Unannounced(t.Context(), at(1e6)))
	if err != nil {
		t.Fatalf("outbox: %v", err)
	}
	return left
}

// drain lets a sweep come an hour later.
func (w *world) drain(t failer) sweep.Report {
	t.Helper()
	now := w.Now()
	w.Now = func() time.Time { return now.Add(time.Hour) }
	report, err := (&sweep.Sweeper{Reactor: w.Reactor, Records: w.ledger}).Sweep(t.Context(), sweep.Options{})
	if err != nil {
		t.Fatalf("sweeping: %v", err)
	}
	return report
}

func TestWhatIsAnnounced(t *testing.T) {
	released := tagalong.Fact{Action: "run", Name: tagalong.ActionStarted, Time: at(0), Limit: at(100), Source: tagalong.FromPipeline, Release: tagalong.Release{Pipeline: "p", Execution: "x"}}
	sent := func(f happening, by tagalong.Source) happening { f.Fact.Source = by; return f }
	for _, test := range []struct {
		name    string
		before  []happening
		last    happening
		want    []string
		nowhere bool // the service is not managed
	}{
		{"a start", nil, started(prodAPI, "ecs-svc/1", 1), nil, false},
		{"a completion", []happening{started(prodAPI, "ecs-svc/1", 1)}, completed(prodAPI, "ecs-svc/1", 2), []string{"ecs-svc/1 completed"}, false},
		{"a completion whose start nobody saw", nil, completed(prodAPI, "ecs-svc/1", 2), []string{"ecs-svc/1 completed"}, false},
		{"a repeat", []happening{completed(prodAPI, "ecs-svc/1", 2)}, completed(prodAPI, "ecs-svc/1", 2), nil, false},
		{"the same from another source", []happening{completed(prodAPI, "ecs-svc/1", 2)}, sent(completed(prodAPI, "ecs-svc/1", 2), tagalong.FromSweep), nil, false},
		{"a better time", []happening{sent(completed(prodAPI, "ecs-svc/1", 3), tagalong.FromSweep)}, completed(prodAPI, "ecs-svc/1", 2), nil, false},
		{"a start that comes to light", []happening{completed(prodAPI, "ecs-svc/1", 2)}, started(prodAPI, "ecs-svc/1", 1), nil, false},
		{"a release that comes to light", []happening{started(prodAPI, "ecs-svc/1", 1), completed(prodAPI, "ecs-svc/1", 2)}, happening{Service: prodAPI, Fact: released}, nil, false},
		{"the next one", []happening{completed(prodAPI, "ecs-svc/1", 2)}, completed(prodAPI, "ecs-svc/2", 3), []string{"ecs-svc/2 completed"}, false},
		{"a failure", []happening{completed(prodAPI, "ecs-svc/1", 1), started(prodAPI, "ecs-svc/2", 2)}, failed(prodAPI, "ecs-svc/2", 3), []string{"ecs-svc/2 failed"}, false},
		{
			"a rollback", []happening{completed(prodAPI, "ecs-svc/1", 1), started(prodAPI, "ecs-svc/2", 2), failed(prodAPI, "ecs-svc/2", 3), started(prodAPI, "ecs-svc/1", 3)},
			completed(prodAPI, "ecs-svc/1", 4), []string{"ecs-svc/1 completed ecs-svc/2"}, false,
		},
		{
			"a way back from what ran", []happening{completed(prodAPI, "ecs-svc/1", 1), completed(prodAPI, "ecs-svc/2", 2)},
			completed(prodAPI, "ecs-svc/1", 3), []string{"ecs-svc/1 completed ecs-svc/2"}, false,
		},
		{"a late one, of long ago", []happening{completed(prodAPI, "ecs-svc/1", 1), completed(prodAPI, "ecs-svc/3", 9)}, completed(prodAPI, "ecs-svc/2", 5), []string{"ecs-svc/2 completed"}, false},
		{"one that was superseded", []happening{started(prodAPI, "ecs-svc/1", 1), started(prodAPI, "ecs-svc/2", 2)}, failed(prodAPI, "ecs-svc/1", 3), []string{"ecs-svc/1 failed"}, false},
		{
			"a contrary end that was first", []happening{started(prodAPI, "ecs-svc/1", 1), failed(prodAPI, "ecs-svc/1", 3)},
			completed(prodAPI, "ecs-svc/1", 2), []string{"ecs-svc/1 completed"}, false,
		},
		{"a service that is gone", []happening{completed(prodAPI, "ecs-svc/1", 1)}, happening{Service: prodAPI, Fact: tagalong.Fact{Name: tagalong.Retired, Time: at(5), Source: tagalong.FromSweep}}, nil, false},
		{"a service that nobody manages", nil, completed(tagalong.Service{Account: "1", Region: "x", Cluster: "other", Name: "s"}, "ecs-svc/1", 2), nil, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, bus := newWorld(tagalong.Rules{{Environment: "prod", Clusters: []string{prodAPI.Cluster}}}).heard()
			for i := range 4 {
				w.runs(prodAPI, fmt.Sprintf("ecs-svc/%d", i), ran("app", shopAPI, i))
			}
			w.tell(t, test.before...)
			bus.Take()
			o, err := w.observe(t, test.last)
			if err != nil || o.Announced != len(test.want) || o.Unannounced != 0 || o.Unmanaged != test.nowhere {
				t.Errorf("outcome %+v, error %v", o, err)
			}
			if diff := cmp.Diff(test.want, lines(recorded(t, bus))); diff != "" {
				t.Errorf("announced (-want +got):\n%s", diff)
			}
			if left := unannounced(t, w); len(left) != 0 {
				t.Errorf("the outbox has %+v", left)
			}
		})
	}
}

// Where it is asked for, each container is announced beside its rollout, and a rollout stays
// in the outbox until the bus has accepted all of them.
func TestEachContainerIsAnnouncedWhereItIsAskedFor(t *testing.T) {
	w, bus := newWorld(prodRules()).heard()
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1), ran("proxy", shopAPI, 2))
	w.ContainerEvents = true
	bus.Refuse = func(e tagalong.Event) error {
		if bytes.Contains(e.Detail, []byte(`"container":"proxy"`)) && e.DetailType == reactor.ContainerRecordedType {
			return errors.New("busy")
		}
		return nil
	}
	o, err := w.observe(t, completed(prodAPI, "ecs-svc/1", 2))
	if err != nil || o.Announced != 0 || o.Unannounced != 1 || len(unannounced(t, w)) != 1 {
		t.Errorf("one is refused: outcome %+v, error %v, outbox %+v", o, err, unannounced(t, w))
	}
	bus.Take()
	bus.Refuse = nil
	w.drain(t)
	var got []string
	for _, e := range bus.Take() {
		var c reactor.ContainerRecorded
		if err := json.Unmarshal(e.Detail, &c); err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.TrimSpace(e.DetailType+" "+c.Container))
	}
	if want := []string{reactor.RolloutRecordedType, reactor.ContainerRecordedType + " app", reactor.ContainerRecordedType + " proxy"}; !slices.Equal(got, want) || len(unannounced(t, w)) != 0 {
		t.Errorf("announced %q, want %q; outbox %+v", got, want, unannounced(t, w))
	}
}

func TestAnAnnouncementSaysWhatIsKnownByThen(t *testing.T) {
	w, bus := newWorld(prodRules()).heard()
	w.runs(prodAPI, "ecs-svc/1", tagalong.Ran{Name: "app", Image: shopAPI.String() + ":" + versionTag(versions), Digest: platformOf(shopAPI, versions).Digest})
	var first ledger.FinishedRollout
	bus.Refuse = func(tagalong.Event) error { first = unannounced(t, w)[0]; return nil }
	w.tell(t, completed(prodAPI, "ecs-svc/1", 1))
	sent := recorded(t, bus)
	if len(sent) != 1 || sent[0].Containers[0].Index != imageOf(shopAPI, versions).Digest || sent[0].Environment != "prod" {
		t.Errorf("announced %+v, want the index", sent)
	}
	if first.Containers[0].Index != imageOf(shopAPI, versions).Digest || first.Containers[0].Digest != platformOf(shopAPI, versions).Digest {
		t.Errorf("the outbox had %+v", first)
	}
}

func TestWhatASweepFindsLateIsNoNews(t *testing.T) {
	for age, want := range map[time.Duration]int{time.Hour: 1, 48 * time.Hour: 1, 48*time.Hour + time.Millisecond: 0} {
		for by, want := range map[tagalong.Source]int{tagalong.FromSweep: want, tagalong.FromEvent: 1, tagalong.FromPipeline: 1} {
			w, bus := newWorld(prodRules()).heard()
			w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
			h := completed(prodAPI, "ecs-svc/1", 0)
			h.Fact.Source, h.Fact.Time = by, w.Now().Add(-age)
			w.tell(t, h)
			if got := recorded(t, bus); len(got) != want {
				t.Errorf("%s, %v ago: %d announcements", by, age, len(got))
			}
		}
	}
}

func TestABusThatIsDownHoldsUpNothing(t *testing.T) {
	w, bus := newWorld(prodRules()).heard()
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
	bus.Refuse = func(tagalong.Event) error { return errDown }
	for i, h := range []happening{completed(prodAPI, "ecs-svc/1", 0), completed(prodAPI, "ecs-svc/2", 1)} {
		o, err := w.observe(t, h)
		if err != nil || !o.Recorded || o.Moved != 1 || o.Announced != 0 || o.Unannounced != 1 {
			t.Errorf("outcome %+v, error %v", o, err)
		}
		if left := unannounced(t, w); len(left) != i+1 || !left[i].RecordedAt.Equal(w.Now()) {
			t.Errorf("the outbox has %+v", left)
		}
	}
	w.wantTag(t, shopAPI, "prod", d(2), ledger.TagConfirmed)
	bus.Refuse = nil
	if report := w.drain(t); report.Announced != 2 || len(unannounced(t, w)) != 0 {
		t.Errorf("report %+v", report)
	}
	if diff := cmp.Diff([]string{"ecs-svc/1 completed", "ecs-svc/2 completed"}, lines(recorded(t, bus))); diff != "" {
		t.Errorf("announced (-want +got):\n%s", diff)
	}
}

func TestWhatCannotBeTakenFromTheOutboxIsAnnouncedAgain(t *testing.T) {
	w, bus := newWorld(prodRules()).heard()
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.ledger.Hook = func(_ context.Context, operation string) error {
		if operation == "Announced" {
			return errDown
		}
		return nil
	}
	if o, err := w.observe(t, completed(prodAPI, "ecs-svc/1", 0)); err != nil || o.Announced != 1 || o.Unannounced != 0 {
		t.Errorf("outcome %+v, error %v", o, err)
	}
	w.ledger.Hook = nil
	w.drain(t)
	if got := lines(recorded(t, bus)); len(got) != 2 || len(unannounced(t, w)) != 0 {
		t.Errorf("announced %v", got)
	}
}

// An outbox that was filled beyond a chunk, with one event that is never accepted.
func TestOneThatIsNeverAcceptedKeepsNoOtherBack(t *testing.T) {
	w, bus := newWorld(tagalong.Rules{{Environment: "prod"}}).heard()
	bus.Refuse = func(tagalong.Event) error { return errDown }
	const all = 230
	for i := range all {
		s := tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod", Name: fmt.Sprintf("s%03d", i)}
		w.runs(s, "ecs-svc/1", tagalong.Ran{Name: "app", Image: "docker.io/library/nginx:1", Digest: d(1)})
		w.tell(t, completed(s, "ecs-svc/1", 1))
	}
	never := func(e tagalong.Event) error {
		if strings.Contains(string(e.Detail), "s007") {
			return errDown
		}
		return nil
	}
	sweep := func() (sweep.Report, error) {
		return (&sweep.Sweeper{Reactor: w.Reactor, Records: w.ledger}).Sweep(t.Context(), sweep.Options{})
	}
	w.Now = func() time.Time { return at(7200) }
	if report, err := sweep(); !errors.Is(err, errDown) || report.Announced != 0 || len(unannounced(t, w)) != all {
		t.Errorf("a bus that is down: %+v, %v", report, err)
	}
	bus.Refuse = never
	report, err := sweep()
	if !errors.Is(err, errDown) || report.Announced != all-1 || len(recorded(t, bus)) != all-1 {
		t.Errorf("report %+v, error %v", report, err)
	}
	if left := unannounced(t, w); len(left) != 1 || left[0].Service.Name != "s007" {
		t.Errorf("the outbox has %+v", left)
	}
}

func TestWhatASweepLeavesInTheOutbox(t *testing.T) {
	for name, test := range map[string]struct {
		options sweep.Options
		later   time.Duration
		alone   bool // without a bus
		left    int
	}{
		"what was recorded just now":  {later: time.Minute, left: 1},
		"what was recorded before":    {later: time.Minute + time.Millisecond, left: 0},
		"everything, in a dry run":    {options: sweep.Options{DryRun: true}, later: time.Hour, left: 1},
		"everything, of some service": {options: sweep.Options{Cluster: "prod-*"}, later: time.Hour, left: 1},
		"everything, without a bus":   {later: time.Hour, alone: true, left: 1},
	} {
		t.Run(name, func(t *testing.T) {
			w, bus := newWorld(prodRules()).heard()
			w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
			bus.Refuse = func(tagalong.Event) error { return errDown }
			w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
			bus.Refuse = nil
			if test.alone {
				w.Announcer = nil
			}
			now := w.Now()
			w.Now = func() time.Time { return now.Add(test.later) }
			if _, err := (&sweep.Sweeper{Reactor: w.Reactor, Records: w.ledger}).Sweep(t.Context(), test.options); err != nil {
				t.Fatal(err)
			}
			if left := unannounced(t, w); len(left) != test.left {
				t.Errorf("the outbox has %+v", left)
			}
		})
	}
}

// A rollout that no event told is announced by the sweep that records it, as it is
// known then; what the bus does not take the next sweep sends.
func TestASweepAnnouncesWhatItRecords(t *testing.T) {
	for _, options := range []sweep.Options{{Whole: true}, {Cluster: prodAPI.Cluster, Whole: true}} {
		for _, down := range []bool{false, true} {
			w := newInventoryWorld(prodRules())
			bus := &tagalongtest.Bus{}
			w.Announcer = bus
			first := w.rolls(prodAPI, ran("app", shopAPI, 1))
			w.pass(time.Minute)
			second := w.deploys(prodAPI, ran("app", shopAPI, 2))
			w.pass(time.Minute)
			w.inventory.Fail(prodAPI, true)
			w.pass(time.Minute)
			w.inventory.Complete(prodAPI)
			want := []string{first + " completed", second + " failed", first + " completed " + second}
			if down {
				bus.Refuse = func(tagalong.Event) error { return errDown }
				if report, err := w.Sweep(t.Context(), options); !errors.Is(err, errDown) || report.Recorded == 0 || report.Announced != 0 {
					t.Errorf("a bus that is down: %+v, %v", report, err)
				}
				bus.Refuse = nil
				options = sweep.Options{}
			}
			if report := w.sweeps(t, options); report.Announced != len(want) {
				t.Errorf("report %+v", report)
			}
			if diff := cmp.Diff(want, lines(recorded(t, bus))); diff != "" {
				t.Errorf("announced (-want +got):\n%s", diff)
			}
			w.sweeps(t, sweep.Options{Whole: true})
			if again := recorded(t, bus); len(again) != 0 {
				t.Errorf("announced again: %v", lines(again))
			}
		}
	}
}

// counted counts rollouts that have ended, by service, deployment and state.
func (s story) counted(happenings []happening) map[string]int {
	counts := map[string]int{}
	for service, facts := range byService(s.managed(happenings)) {
		for _, r := range tagalongtest.NaiveFold(facts) {
			if r.State == timeline.StateCompleted || r.State == timeline.StateFailed {
				counts[fmt.Sprint(service, r.Deployment, r.State)]++
			}
		}
	}
	return counts
}

func tally(all []reactor.RolloutRecorded) map[string]int {
	counts := map[string]int{}
	for _, r := range all {
		counts[fmt.Sprint(tagalong.Service{Account: r.Account, Region: r.Region, Cluster: r.Cluster, Name: r.Service}, r.Deployment, r.State)]++
	}
	return counts
}

func TestInAnyOrderEachChangeOfStateIsAnnouncedOnce(t *testing.T) {
	tagalongtest.CheckTimes(t, 200, func(t *rapid.T) {
		s := drawStory(t)
		w, bus := s.world().heard()
		arrivals := drawShuffled(t, s.happenings)
		before := map[string]int{}
		for i, h := range arrivals {
			w.tell(t, h)
			after, want := s.counted(arrivals[:i+1]), map[string]int{}
			for rollout, n := range after {
				if more := n - before[rollout]; more > 0 {
					want[rollout] = more
				}
			}
			if diff := cmp.Diff(want, tally(recorded(t, bus))); diff != "" {
				t.Fatalf("announced by arrival %d (-want +got):\n%s\narrivals:\n%s", i, diff, describe(arrivals[:i+1]))
			}
			before = after
		}
		if left := unannounced(t, w); len(left) != 0 {
			t.Fatalf("the outbox has %+v", left)
		}
	})
}

func TestInAnyOrderAndWithABusThatFailsEachRolloutIsAnnounced(t *testing.T) {
	tagalongtest.CheckTimes(t, 200, func(t *rapid.T) {
		s := drawPlatformStory(t)
		w, bus := s.world().heard()
		fails, next := rapid.SliceOfN(rapid.Bool(), 1, 40).Draw(t, "fails"), 0
		failing := func() error { // what announces is alone in asking
			next++
			if fails[next%len(fails)] {
				return errDown
			}
			return nil
		}
		bus.Refuse = func(tagalong.Event) error { return failing() }
		w.ledger.Hook = func(_ context.Context, operation string) error {
			if operation == "Announced" {
				return failing()
			}
			return nil
		}
		for i, h := range drawShuffled(t, s.happenings) {
			w.Now = func() time.Time { return at(3600 + i) }
			w.tell(t, h)
		}
		bus.Refuse, w.ledger.Hook = nil, nil
		w.drain(t)
		sent := tally(recorded(t, bus))
		for rollout, n := range s.counted(s.happenings) {
			if sent[rollout] < n {
				t.Fatalf("%s has ended %d times, and was announced %d times: %v", rollout, n, sent[rollout], slices.Sorted(maps.Keys(sent)))
			}
		}
		if left := unannounced(t, w); len(left) != 0 {
			t.Fatalf("the outbox has %+v", left)
		}
		writes := w.ledger.Writes()
		w.tell(t, s.managed(s.happenings)...)
		w.drain(t)
		if again := recorded(t, bus); len(again) != 0 || w.ledger.Writes() != writes {
			t.Fatalf("a replay announces %v, and writes %d times", lines(again), w.ledger.Writes()-writes)
		}
	})
}

// TestAHandlerThatDiesAnywhereOwesItsAnnouncement lets everything fail from some call
// on: of the ledger, or to the bus.
func TestAHandlerThatDiesAnywhereOwesItsAnnouncement(t *testing.T) {
	for calls := range 12 {
		w, bus := newWorld(prodRules()).heard()
		w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
		var made atomic.Int64
		call := func() error {
			if made.Add(1) > int64(calls) {
				return errDown
			}
			return nil
		}
		w.ledger.Hook = func(context.Context, string) error { return call() }
		bus.Refuse = func(tagalong.Event) error { return call() }
		_, _ = w.observe(t, completed(prodAPI, "ecs-svc/1", 1))
		w.ledger.Hook, bus.Refuse = nil, nil
		w.tell(t, completed(prodAPI, "ecs-svc/1", 1)) // as Lambda tries it again
		w.drain(t)
		if got := lines(recorded(t, bus)); len(got) < 1 || len(got) > 2 || got[0] != "ecs-svc/1 completed" {
			t.Errorf("died after %d calls: announced %v", calls, got)
		}
		if left := unannounced(t, w); len(left) != 0 {
			t.Errorf("died after %d calls: the outbox has %+v", calls, left)
		}
	}
}

func TestWhatAnAnnouncementWrites(t *testing.T) {
	w, bus := newWorld(prodRules()).heard()
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	ledger := weigh(w)
	w.tell(t, started(prodAPI, "ecs-svc/2", 1))
	ledger.want(t, "Load", 5) // as without a bus
	writes := w.ledger.Writes()
	w.tell(t, completed(prodAPI, "ecs-svc/2", 2))
	ledger.want(t, "Load", 10) // one more than without
	if got := w.ledger.Writes() - writes; got != 3 {
		t.Errorf("%d writes, want the commit, the tag's and the outbox's", got)
	}
	if got := len(recorded(t, bus)); got != 2 {
		t.Errorf("%d announcements", got)
	}
}
