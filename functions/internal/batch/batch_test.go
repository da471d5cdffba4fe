package batch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/lambdatest"
)

// planned is a message as a test has it: what it is about, and what becomes of it.
type planned struct {
	about string // a body is written for it
	at    int    // second of the event's own time
	takes int    // seconds
	fate  string
}

const (
	done   = "done"
	fails  = "fails"
	panics = "panics"
)

// subjects of planned messages; alone is what goes beside everything.
var (
	subjects = []string{"service prod/a", "service prod/b", "service staging/a", "pipeline", "group"}
	alone    = []string{"malformed", "other"}
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// body is the event of a message. ECS sends it when it pleases: the time of what it tells
// of is another.
func (p planned) body(id string) string {
	at := noon.Add(time.Duration(p.at) * time.Second).Format(time.RFC3339)
	event := func(source, detailType, sent, resource, detail string) string {
		return fmt.Sprintf(`{"version":"0","id":%q,"source":%q,"detail-type":%q,"account":"111122223333","region":"us-east-1","time":%q,"resources":[%q],"detail":%s}`,
			id, source, detailType, sent, resource, detail)
	}
	switch kind, name, _ := strings.Cut(p.about, " "); kind {
	case "service":
		return event("aws.ecs", "ECS Deployment State Change", "2026-03-04T13:00:00Z", "arn:aws:ecs:us-east-1:111122223333:service/"+name,
			`{"eventName":"SERVICE_DEPLOYMENT_COMPLETED","deploymentId":"ecs-svc/1","updatedAt":"`+at+`"}`)
	case "pipeline":
		return event("aws.codepipeline", "CodePipeline Stage Execution State Change", at, "arn:aws:codepipeline:us-east-1:111122223333:release",
			`{"pipeline":"release","execution-id":"3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38","stage":"Deploy","state":"SUCCEEDED"}`)
	case "group":
		return event("aws.codedeploy", "CodeDeploy Deployment State-change Notification", at, "arn:aws:codedeploy:us-east-1:111122223333:application:shop",
			`{"application":"shop","deploymentGroup":"web","deploymentId":"d-8QZK4T2LF","state":"SUCCESS","region":"us-east-1"}`)
	case "other":
		return event("aws.events", "Scheduled Event", at, "", "{}")
	}
	return `{"id":"` + id + `"`
}

func drawPlan(t *rapid.T) (plan []planned) {
	for range rapid.IntRange(1, Size).Draw(t, "messages") {
		plan = append(plan, planned{
			about: rapid.SampledFrom(slices.Concat(subjects, alone)).Draw(t, "about"),
			at:    rapid.IntRange(0, 5).Draw(t, "at"),
			takes: rapid.IntRange(1, 5).Draw(t, "takes"),
			fate:  rapid.SampledFrom([]string{done, done, fails, panics}).Draw(t, "fate"),
		})
	}
	return plan
}

// lasts is how long a message takes if it is let: never as long as a share of the time.
func (p planned) lasts() time.Duration {
	return time.Duration(p.takes)*time.Second + 7*time.Millisecond
}

// course is when a message was at work, from the batch's begin on.
type course struct{ from, to time.Duration }

// clockOf is what a message of a plan waits for: its subject's others, or nobody.
func clockOf(plan []planned, i int) string {
	if slices.Contains(alone, plan[i].about) {
		return fmt.Sprint(i)
	}
	return plan[i].about
}

// expectedOf is what has to become of a plan, by itself: each subject has a clock, and of
// it the next message is the one with the least time among those that are left. It has as
// much of the time as each of those that are left.
func expectedOf(plan []planned, deadline time.Duration) (courses map[int]course, failed []int) {
	courses = map[int]course{}
	clocks := map[string]time.Duration{}
	left := make([]int, len(plan))
	for i := range plan {
		left[i] = i
	}
	for len(left) > 0 {
		next := 0
		for k := range left {
			if plan[left[k]].at < plan[left[next]].at {
				next = k
			}
		}
		i := left[next]
		p, clock, sharing := plan[i], clockOf(plan, i), time.Duration(0)
		for _, j := range left {
			if clockOf(plan, j) == clock {
				sharing++
			}
		}
		left = append(left[:next:next], left[next+1:]...)
		from := clocks[clock]
		end := from + (deadline-from)/sharing
		to := min(from+p.lasts(), end)
		clocks[clock] = to
		if from < deadline {
			courses[i] = course{from, to}
		}
		if p.fate != done || to == end {
			failed = append(failed, i)
		}
	}
	slices.Sort(failed)
	return courses, failed
}

// played is what does become of it, on virtual time.
func played(t *testing.T, plan []planned, deadline time.Duration) (courses map[int]course, failed []int, lasted time.Duration) {
	courses = map[int]course{}
	var mu sync.Mutex
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), deadline)
		defer cancel()
		begun := time.Now()
		said, err := answer(ctx, quiet, batchOf(plan), func(ctx context.Context, event json.RawMessage) error {
			i := numberOf(event)
			from := time.Since(begun)
			select {
			case <-time.After(plan[i].lasts()):
			case <-ctx.Done():
			}
			mu.Lock()
			courses[i] = course{from, time.Since(begun)}
			mu.Unlock()
			switch plan[i].fate {
			case fails:
				return errors.New("broken")
			case panics:
				panic("out of paper")
			}
			return ctx.Err()
		})
		if err != nil {
			t.Error(err)
		}
		failed = lambdatest.GivenBack(t, []byte(said))
		lasted = time.Since(begun)
	})
	return courses, failed, lasted
}

var eventNumber = regexp.MustCompile(`"id":"event-(\d+)"`)

// numberOf is the number of the message that an event came in.
func numberOf(event []byte) int {
	n, _ := strconv.Atoi(string(eventNumber.FindSubmatch(event)[1]))
	return n
}

// batchOf is a plan as SQS has it: in message i is the event event-i.
func batchOf(plan []planned) json.RawMessage {
	bodies := make([][]byte, len(plan))
	for i, p := range plan {
		bodies[i] = []byte(p.body(fmt.Sprintf("event-%d", i)))
	}
	return lambdatest.Batch(bodies...)
}

// answer is what a function says to an event, as Lambda gets it.
func answer(ctx context.Context, log *slog.Logger, event []byte, handle Handle) (text string, err error) {
	said, err := Handler(log, handle)(ctx, event)
	raw, problem := json.Marshal(said)
	return string(raw), errors.Join(err, problem)
}

var quiet = slog.New(slog.DiscardHandler)

func TestServicesGoSideBySideAndTheirEventsInOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		plan := drawPlan(rt)
		// Half a second: nothing ends together with the time.
		deadline := time.Duration(rapid.IntRange(0, 20).Draw(rt, "deadline"))*time.Second + time.Second/2
		wantCourses, wantFailed := expectedOf(plan, deadline)
		courses, failed, lasted := played(t, plan, deadline)
		if !slices.Equal(failed, wantFailed) {
			rt.Errorf("given back: %v, want %v", failed, wantFailed)
		}
		for i := range plan {
			if courses[i] != wantCourses[i] {
				rt.Errorf("message %d (%s): at work %v, want %v", i, plan[i].about, courses[i], wantCourses[i])
			}
		}
		if lasted > deadline {
			rt.Errorf("lasted %v of %v", lasted, deadline)
		}
	})
}

func TestABatchOfManyServicesGoesTenAtATime(t *testing.T) {
	plan := slices.Repeat([]planned{{about: "other", takes: 1, fate: done}}, 2*Size+1)
	courses, failed, lasted := played(t, plan, time.Minute)
	if len(courses) != len(plan) || len(failed) != 0 || lasted != 3*plan[0].lasts() {
		t.Errorf("%d done, failed %v, in %v", len(courses), failed, lasted)
	}
}

func TestTheAnswerNamesWhatFailedAndNothingElse(t *testing.T) {
	plan := []planned{{about: "service prod/a"}, {about: "malformed"}, {about: "service prod/a", at: 1}}
	for want, broken := range map[string]string{
		`{"batchItemFailures":[]}`:                               "none",
		`{"batchItemFailures":[{"itemIdentifier":"message-0"}]}`: "event-0",
		`{"batchItemFailures":[{"itemIdentifier":"message-1"}]}`: "event-1",
	} {
		got, err := answer(t.Context(), quiet, batchOf(plan), func(_ context.Context, event json.RawMessage) error {
			if bytes.Contains(event, []byte(broken)) {
				return errors.New("broken")
			}
			return nil
		})
		if got != want || err != nil {
			t.Errorf("answer %s, error %v; want %s", got, err, want)
		}
	}
}

func TestAMessageIsHandledAsItCame(t *testing.T) {
	const body = ` not JSON, "or" so `
	raw := `{"Records":[{"messageId":"1","eventSource":"aws:sqs","body":" not JSON, \"or\" so "}]}`
	got, err := answer(t.Context(), quiet, []byte(raw), func(_ context.Context, event json.RawMessage) error {
		if string(event) != body {
			t.Errorf("event %q", event)
		}
		return nil
	})
	if got != `{"batchItemFailures":[]}` || err != nil {
		t.Errorf("answer %s, error %v", got, err)
	}
}

func TestAnEventAloneIsHandledAsItCame(t *testing.T) {
	broken := errors.New("broken")
	for _, raw := range []string{planned{about: "service prod/a"}.body("1"), `{"source":"aws.ecs"`, ``, `{}`, `{"Records":[]}`, `{"Records":7}`} {
		for _, want := range []error{nil, broken} {
			got, err := answer(t.Context(), quiet, []byte(raw), func(_ context.Context, event json.RawMessage) error {
				if string(event) != raw {
					t.Errorf("event %s instead of %s", event, raw)
				}
				return want
			})
			if got != "null" || !errors.Is(err, want) {
				t.Errorf("event %s: answer %s, error %v", raw, got, err)
			}
		}
	}
}

func TestRecordsThatCannotBeGivenBackAreAnError(t *testing.T) {
	for name, record := range map[string]string{
		"of S3":      `{"messageId":"1","eventSource":"aws:s3","body":"{}"}`,
		"without id": `{"eventSource":"aws:sqs","body":"{}"}`,
	} {
		good := `{"messageId":"0","eventSource":"aws:sqs","body":"{}"}`
		_, err := answer(t.Context(), quiet, []byte(`{"Records":[`+good+`,`+record+`]}`), func(context.Context, json.RawMessage) error {
			t.Errorf("%s: handled", name)
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), "Records[1]") || !strings.Contains(err.Error(), "aws:sqs and the id") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// The log is where the cause of what was given back stands.
func TestWhatIsGivenBackIsLoggedWithItsCause(t *testing.T) {
	var out bytes.Buffer
	ctx, end := context.WithCancelCause(t.Context())
	plan := []planned{{about: "service prod/a", fate: panics}, {about: "service prod/a", at: 1, fate: fails}, {about: "service prod/a", at: 2}}
	said, err := answer(ctx, slog.New(slog.NewJSONHandler(&out, nil)), batchOf(plan), func(_ context.Context, event json.RawMessage) error {
		if bytes.Contains(event, []byte("event-0")) {
			panic("out of paper")
		}
		end(errors.New("ended by Lambda"))
		return errors.New("broken")
	})
	if failed := lambdatest.GivenBack(t, []byte(said)); err != nil || !slices.Equal(failed, []int{0, 1, 2}) {
		t.Fatalf("given back %v, error %v", failed, err)
	}
	var lines []string
	for line := range strings.Lines(out.String()) {
		var l struct{ Message, Received, Error string }
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.Received != "1" {
			t.Fatalf("line %s: %v", line, err)
		}
		first, stack, _ := strings.Cut(l.Error, "\n")
		if strings.Contains(first, "panic") != strings.Contains(stack, "batch_test.go") {
			t.Errorf("error %s", l.Error)
		}
		lines = append(lines, l.Message+": "+first)
	}
	if want := []string{"message-0: panic: out of paper", "message-1: ended by Lambda: broken", "message-2: not begun: ended by Lambda"}; !slices.Equal(lines, want) {
		t.Errorf("log %q, want %q", lines, want)
	}
}
