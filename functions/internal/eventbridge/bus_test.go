package eventbridge

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const home = "111122223333"

// event returns one whose detail has a number and so many bytes of padding.
func event(n, padding int) tagalong.Event {
	return tagalong.Event{
		DetailType: reactor.RolloutRecordedType, Time: sandboxtest.Epoch.Add(915 * time.Millisecond),
		Resources: []string{fmt.Sprintf("arn:aws:ecs:us-east-1:111122223333:service/prod/s%d", n)},
		Detail:    json.RawMessage(fmt.Sprintf(`{"n":%d,"padding":%q}`, n, strings.Repeat("x", padding))),
	}
}

func events(n, padding int) (all []tagalong.Event) {
	for i := range n {
		all = append(all, event(i, padding))
	}
	return all
}

// numbers returns those of the events that a bus has accepted.
func numbers(t *testing.T, accepted [][]byte) (all []int) {
	t.Helper()
	for _, raw := range accepted {
		all = append(all, number(t, raw))
	}
	return all
}

func number(t *testing.T, raw []byte) int {
	t.Helper()
	var e struct{ Detail struct{ N int } }
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	return e.Detail.N
}

func TestAnEventArrivesAsEventBridgeDeliversIt(t *testing.T) {
	s := sandboxtest.Start(t)
	if problems := New(s.Config(), "tagalong-events").Announce(t.Context(), events(1, 0)); problems[0] != nil {
		t.Fatal(problems[0])
	}
	var got map[string]any
	if err := json.Unmarshal(s.EventBridge.Events(wire.Scope{}, "tagalong-events")[0], &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "id")
	want := map[string]any{
		"version": "0", "source": "tagalong", "detail-type": "Tagalong Rollout Recorded", "account": home, "region": "us-east-1",
		"time": "2026-03-04T09:00:00Z", "resources": []any{"arn:aws:ecs:us-east-1:111122223333:service/prod/s0"}, "detail": map[string]any{"n": 0., "padding": ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestEventsGoInBatches(t *testing.T) {
	const kilo = 1 << 10
	for _, test := range []struct {
		name   string
		events []tagalong.Event
		calls  int
		large  []int // are refused before they are sent
	}{
		{"none", nil, 0, nil},
		{"ten", events(10, 0), 1, nil},
		{"eleven", events(11, 0), 2, nil},
		{"by size", events(10, 60*kilo), 3, nil}, // four are less than 256 KB
		{"one that is too large", []tagalong.Event{event(0, 1), event(1, 256*kilo), event(2, 1)}, 1, []int{1}},
		{"only one, too large", events(1, 300*kilo), 0, []int{0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := sandboxtest.Start(t)
			var want []int
			problems := New(s.Config(), "default").Announce(t.Context(), test.events)
			for i, problem := range problems {
				large := slices.Contains(test.large, i)
				if large != (problem != nil) {
					t.Errorf("event %d: %v", i, problem)
				}
				if !large {
					want = append(want, i)
				}
			}
			if diff := cmp.Diff(want, numbers(t, s.EventBridge.Events(wire.Scope{}, "default"))); diff != "" {
				t.Errorf("accepted (-want +got):\n%s", diff)
			}
			if calls := len(s.Calls()); calls != test.calls {
				t.Errorf("%d calls, want %d", calls, test.calls)
			}
		})
	}
}

// TestTheLargestBatchIsTaken sends as much as there may be in a request, to the byte.
func TestTheLargestBatchIsTaken(t *testing.T) {
	s := sandboxtest.Start(t)
	whole := event(0, 0)
	whole = event(0, batchBytes-1-size(whole))
	if problems := New(s.Config(), "default").Announce(t.Context(), []tagalong.Event{whole}); problems[0] != nil || size(whole) != batchBytes-1 {
		t.Errorf("%d bytes: %v", size(whole), problems)
	}
}

func TestARegionIsThatOfTheBus(t *testing.T) {
	for bus, where := range map[string]wire.Scope{
		"releases": {Account: home, Region: "us-east-1"},
		"arn:aws:events:eu-west-1:111122223333:event-bus/releases": {Account: home, Region: "eu-west-1"},
		"arn:aws:events:us-east-1:444455556666:event-bus/releases": {Account: "444455556666", Region: "us-east-1"},
	} {
		s := sandboxtest.Start(t)
		problems := New(s.Config(), bus).Announce(t.Context(), events(1, 0))
		if problems[0] != nil || len(s.EventBridge.Events(where, "releases")) != 1 {
			t.Errorf("%s: %v, not in %s", bus, problems, where)
		}
	}
}

func TestSingleEventsAreTriedAgain(t *testing.T) {
	for _, test := range []struct {
		code     string
		refusals int // of each odd event
		accepted bool
		calls    int
	}{
		{"InternalFailure", 1, true, 2},
		{"ThrottlingException", 2, true, 3},
		{"ThrottlingException", 99, false, 3},
		{"NotAuthorizedForDetailTypeException", 99, false, 1},
	} {
		t.Run(fmt.Sprint(test.code, test.refusals), func(t *testing.T) {
			s, refused := sandboxtest.Start(t), map[int]int{}
			s.EventBridge.Refuse(func(raw []byte) string {
				n := number(t, raw)
				if refused[n]++; n%2 == 1 && refused[n] <= test.refusals {
					return test.code
				}
				return ""
			})
			problems := New(s.Config(), "default").Announce(t.Context(), events(4, 0))
			for i, problem := range problems {
				if want := i%2 == 1 && !test.accepted; want != (problem != nil) || want && !strings.Contains(problem.Error(), "event bus default: "+test.code+": ") {
					t.Errorf("event %d: %v", i, problem)
				}
			}
			want := []int{0, 2}
			if test.accepted {
				want = []int{0, 2, 1, 3}
			}
			if diff := cmp.Diff(want, numbers(t, s.EventBridge.Events(wire.Scope{}, "default"))); diff != "" {
				t.Errorf("accepted (-want +got):\n%s", diff)
			}
			if calls := len(s.Calls()); calls != test.calls {
				t.Errorf("%d calls, want %d", calls, test.calls)
			}
		})
	}
}

func TestARequestThatFailsIsTheLastOne(t *testing.T) {
	s := sandboxtest.Start(t)
	s.EventBridge.Deny("PutEvents")
	problems := New(s.Config(), "default").Announce(t.Context(), events(25, 0))
	for i, problem := range problems {
		if problem == nil || !strings.Contains(problem.Error(), "is not authorized to perform: events:PutEvents") {
			t.Errorf("event %d: %v", i, problem)
		}
	}
	if calls := len(s.Calls()); len(problems) != 25 || calls != 1 {
		t.Errorf("%d problems, %d calls", len(problems), calls)
	}
}

func TestWhatWasAcceptedStaysSoWhenTheSecondAttemptFails(t *testing.T) {
	s := sandboxtest.Start(t)
	s.EventBridge.Refuse(func(raw []byte) string {
		if number(t, raw) != 1 {
			return ""
		}
		s.EventBridge.Deny("PutEvents")
		return "InternalFailure"
	})
	problems := New(s.Config(), "default").Announce(t.Context(), events(12, 0))
	for i, problem := range problems {
		if accepted := i != 1 && i < 10; accepted != (problem == nil) {
			t.Errorf("event %d: %v", i, problem)
		}
	}
	if got := s.EventBridge.Events(wire.Scope{}, "default"); len(got) != 9 {
		t.Errorf("accepted %d", len(got))
	}
}

func TestAThrottledRequestIsTriedAgain(t *testing.T) {
	s := sandboxtest.Start(t)
	s.EventBridge.Throttle("PutEvents", 1)
	cfg := s.Config()
	cfg.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
	}
	if problems := New(cfg, "default").Announce(t.Context(), events(1, 0)); problems[0] != nil {
		t.Error(problems[0])
	}
}

// TestNobodyWaitsWithoutTime cancels while an event waits for its second attempt.
func TestNobodyWaitsWithoutTime(t *testing.T) {
	s := sandboxtest.Start(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.EventBridge.Refuse(func([]byte) string { cancel(); return "InternalFailure" })
	problems := New(s.Config(), "default").Announce(ctx, events(25, 0))
	for i, problem := range problems {
		if problem == nil {
			t.Errorf("event %d is accepted", i)
		}
	}
	if calls := len(s.Calls()); calls != 1 {
		t.Errorf("%d calls", calls)
	}
}
