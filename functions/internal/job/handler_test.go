package job

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/aws/smithy-go"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const id = "0b9d54e7-2c68-4f13-9a70-e8c1d36b25fa"

// The marker stands in for credentials: no text may show it.
const marker = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

// codePipeline keeps the answers of jobs, as CodePipeline does: the first counts.
type codePipeline struct {
	mu      sync.Mutex
	known   tagalong.Job
	unknown bool
	lagging int   // how many calls are yet to find no job
	unasked error // of asking for a job
	asked   int
	answers []string // that were taken
	tries   int
	// faults are what the next calls come to: an error before anything happens, or
	// with lost the answer to a call that did happen.
	faults []fault
	always error
}

type fault struct {
	err  error
	lost bool
}

func (c *codePipeline) Job(_ context.Context, id string) (tagalong.Job, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	c.lagging--
	switch {
	case c.unasked != nil:
		return tagalong.Job{}, c.unasked
	case c.unknown || c.lagging >= 0 || id != c.known.ID:
		return tagalong.Job{}, tagalong.ErrNoJob
	}
	return c.known, nil
}

func (c *codePipeline) Succeed(ctx context.Context, job string, s tagalong.Success) error {
	return c.put(ctx, job, "Succeeded", s.Summary)
}

func (c *codePipeline) Fail(ctx context.Context, job string, f tagalong.Failure) error {
	return c.put(ctx, job, string(f.Type), f.Message)
}

func (c *codePipeline) put(ctx context.Context, job, kind, text string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tries++
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.always != nil {
		return c.always
	}
	var f fault
	if len(c.faults) > 0 {
		f, c.faults = c.faults[0], c.faults[1:]
	}
	switch {
	case f.err != nil && !f.lost:
		return f.err
	case c.unknown:
		return tagalong.ErrNoJob
	case len(c.answers) > 0:
		return tagalong.ErrJobOver
	}
	c.answers = append(c.answers, job+" "+kind+": "+text)
	return f.err
}

// world is a handler with CodePipeline's side and a log.
type world struct {
	codePipeline
	Handler
	log bytes.Buffer
}

func start(t *testing.T, work Work) *world {
	t.Helper()
	w := &world{codePipeline: codePipeline{known: knownOf(t, "job-artifacts-kms")}}
	w.Handler = Handler{Action: "test", Work: work, Jobs: &w.codePipeline, Log: slog.New(slog.NewJSONHandler(&w.log, nil))}
	return w
}

// knownOf returns what CodePipeline says of the job of a sample.
func knownOf(t testing.TB, name string) tagalong.Job {
	t.Helper()
	var sample struct {
		Job struct {
			Data struct{ EncryptionKey struct{ ID string } }
		} `json:"CodePipeline.job"`
	}
	raw := read(t, name)
	if err := json.Unmarshal(raw, &sample); err != nil {
		t.Fatal(err)
	}
	e, err := parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return tagalong.Job{
		ID: e.ID, Account: e.AccountID, UserParameters: e.Data.ActionConfiguration.Configuration.UserParameters,
		Store: tagalong.ArtifactStore{
			Inputs: e.Data.InputArtifacts.artifacts(), Outputs: e.Data.OutputArtifacts.artifacts(),
			Credentials: tagalong.Hide(e.Data.ArtifactCredentials), Key: sample.Job.Data.EncryptionKey.ID,
		},
	}
}

func done(context.Context, Job) (tagalong.Success, error) {
	return tagalong.Success{Summary: "done well", Variables: map[string]string{"ImageTag": "prod"}}, nil
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/codepipeline-lambda-" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// handle hands over a job with artifacts, for a function with so much time.
func (w *world) handle(t *testing.T, limit time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	answer, err := w.Handle(ctx, read(t, "job-artifacts-kms"))
	if answer != nil {
		t.Errorf("answer %v", answer)
	}
	if ctx.Err() != nil {
		t.Errorf("handler ends at or after the function's deadline")
	}
	if all := w.log.String() + fmt.Sprint(err, w.answers); strings.Contains(all, marker) {
		t.Errorf("credentials are shown:\n%s", all)
	}
	return err
}

func wantAnswer(t *testing.T, w *world, want string) {
	t.Helper()
	if len(w.answers) != 1 || !strings.HasPrefix(w.answers[0], id+" "+want) {
		t.Errorf("answers %q, want one of %q", w.answers, want)
	}
}

func TestJobIsAnsweredOnce(t *testing.T) {
	w := start(t, done)
	for range 2 {
		if err := w.handle(t, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	wantAnswer(t, w, "Succeeded: done well")
	for _, want := range []string{`"job":"` + id + `"`, `"action":"test"`, `"outcome":"Succeeded"`, "job had its answer before"} {
		if !strings.Contains(w.log.String(), want) {
			t.Errorf("%s is not in the log:\n%s", want, &w.log)
		}
	}
}

func TestWorkSaysHowTheJobFails(t *testing.T) {
	for want, err := range map[string]error{
		"ConfigurationError: Pin \"x\": want y": Misconfigured("Pin %q: want %s", "x", "y"),
		"RevisionUnavailable: gone":             Gone("gone"),
		"SystemUnavailable: later":              Unavailable("later"),
		"JobFailed: broken":                     errors.New("broken"),
		"ConfigurationError: a: b":              fmt.Errorf("a: %w", Misconfigured("b")),
		"JobFailed: JobFailed":                  errors.New(" "), // a message has a character at least
	} {
		w := start(t, func(context.Context, Job) (tagalong.Success, error) { return tagalong.Success{}, err })
		if err := w.handle(t, time.Minute); err != nil {
			t.Fatal(err)
		}
		wantAnswer(t, w, want)
		if kind, _, _ := strings.Cut(want, ":"); !strings.Contains(w.log.String(), `"outcome":"`+kind+`"`) {
			t.Errorf("log %s", &w.log)
		}
	}
}

func refusal(code string) error {
	return &smithy.OperationError{ServiceID: "CodePipeline", OperationName: "PutJobSuccessResult", Err: &smithy.GenericAPIError{Code: code, Message: "no"}}
}

func TestAnswerIsSentUntilItIsTaken(t *testing.T) {
	busy := refusal("ThrottlingException")
	for name, c := range map[string]struct {
		faults []fault
		want   string
		tries  int
	}{
		"refused for a while":                 {[]fault{{err: busy}, {err: busy}, {err: context.DeadlineExceeded}}, "Succeeded: done well", 4},
		"taken, and the reply lost":           {[]fault{{err: busy, lost: true}}, "Succeeded: done well", 2},
		"variables too large":                 {[]fault{{err: refusal("OutputVariablesSizeExceededException")}}, "JobFailed: the work is done, but", 2},
		"not valid":                           {[]fault{{err: refusal("ValidationException")}, {err: busy}}, "JobFailed: the work is done, but", 3},
		"successes may not be told":           {[]fault{{err: refusal("AccessDeniedException")}}, "PermissionError: the work is done, but", 2},
		"an error that nobody knows":          {[]fault{{err: errors.New("broken")}}, "Succeeded: done well", 2},
		"a failure is told instead, and lost": {[]fault{{err: refusal("ValidationException")}, {err: busy, lost: true}}, "JobFailed: the work is done, but", 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := start(t, done)
				w.faults = c.faults
				if err := w.handle(t, time.Minute); err != nil {
					t.Fatal(err)
				}
				wantAnswer(t, w, c.want)
				if w.tries != c.tries {
					t.Errorf("%d tries instead of %d", w.tries, c.tries)
				}
			})
		})
	}
}

func TestAnswerThatCannotBeGivenIsTheOnlyError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, done)
		w.always = fmt.Errorf("no way: %s", marker)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, err := w.Handle(ctx, read(t, "job-artifacts-kms"))
		if err == nil || !strings.Contains(err.Error(), "answer of job "+id) || strings.Contains(err.Error()+w.log.String(), marker) {
			t.Errorf("error %v, log %s", err, &w.log)
		}
		if w.tries < 10 {
			t.Errorf("%d tries in 20 s", w.tries)
		}
		w.always = nil
		if err := w.handle(t, time.Minute); err != nil { // Lambda tries again
			t.Fatal(err)
		}
		wantAnswer(t, w, "Succeeded: done well")
	})
}

func TestJobThatNobodyKnowsIsDropped(t *testing.T) {
	w := start(t, done)
	w.codePipeline.unknown = true
	if err := w.handle(t, time.Minute); err != nil || len(w.answers) != 0 || !strings.Contains(w.log.String(), "not known to CodePipeline") {
		t.Errorf("error %v, log %s", err, &w.log)
	}
}

// A function that is killed before its answer is run again by Lambda: the work is
// done twice, the answer is given once.
func TestKilledBeforeTheAnswer(t *testing.T) {
	works := 0
	work := func(ctx context.Context, j Job) (tagalong.Success, error) {
		works++
		return done(ctx, j)
	}
	w := start(t, work)
	killed, kill := context.WithCancel(t.Context())
	w.Work = func(ctx context.Context, j Job) (tagalong.Success, error) {
		defer kill()
		return work(ctx, j)
	}
	if _, err := w.Handle(killed, read(t, "job-artifacts-kms")); err == nil {
		t.Error("no error, and no answer")
	}
	w.Work = work
	if err := w.handle(t, time.Minute); err != nil {
		t.Fatal(err)
	}
	if wantAnswer(t, w, "Succeeded: done well"); works != 2 {
		t.Errorf("works %d", works)
	}
}

func TestPanicFailsTheJob(t *testing.T) {
	w := start(t, func(context.Context, Job) (tagalong.Success, error) { panic("oh " + marker + "\nstack") })
	if err := w.handle(t, time.Minute); err != nil {
		t.Fatal(err)
	}
	if wantAnswer(t, w, "JobFailed: panic: oh (credentials): this is a mistake"); !strings.Contains(w.log.String(), "handler_test.go") {
		t.Errorf("no stack in the log: %s", &w.log)
	}
}

func TestJobIsAnsweredBeforeTheTimeIsUp(t *testing.T) {
	heeding := func(ctx context.Context, _ Job) (tagalong.Success, error) {
		<-ctx.Done()
		return tagalong.Success{}, fmt.Errorf("reading images: %w", ctx.Err())
	}
	late := func(ctx context.Context, j Job) (tagalong.Success, error) {
		<-ctx.Done()
		return done(ctx, j) // it came to its end all the same
	}
	wrong := func(ctx context.Context, _ Job) (tagalong.Success, error) {
		<-ctx.Done()
		return tagalong.Success{}, Misconfigured("wrong")
	}
	for name, c := range map[string]struct {
		work Work
		want string
	}{
		"work that heeds it":         {heeding, "SystemUnavailable: not done in the function's time: retry the action"},
		"work that ends well":        {late, "Succeeded: done well"},
		"work that ends with a word": {wrong, "ConfigurationError: wrong"},
	} {
		for _, limit := range []time.Duration{time.Second, 3 * time.Second, time.Minute, 15 * time.Minute} {
			t.Run(fmt.Sprint(name, " ", limit), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := start(t, c.work)
					begun := time.Now()
					if err := w.handle(t, limit); err != nil {
						t.Fatal(err)
					}
					wantAnswer(t, w, c.want)
					if left := limit - time.Since(begun); left < min(limit/6, 5*time.Second) || left > 10*time.Second {
						t.Errorf("answered %v before the end", left)
					}
				})
			})
		}
	}
}

func TestWorkThatNeverEndsIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		w := start(t, func(ctx context.Context, j Job) (tagalong.Success, error) {
			<-end
			return done(ctx, j)
		})
		if err := w.handle(t, time.Minute); err != nil {
			t.Fatal(err)
		}
		wantAnswer(t, w, "SystemUnavailable: not done in the function's time")
		close(end)
		synctest.Wait()
		wantAnswer(t, w, "SystemUnavailable: not done in the function's time")
	})
}

func TestTextsFitTheirLimits(t *testing.T) {
	long := strings.Repeat("ä", 4000) + "\xff"
	for _, c := range []struct {
		success tagalong.Success
		err     error
		size    int
	}{
		{tagalong.Success{Summary: long}, nil, maxSummary},
		{tagalong.Success{}, errors.New(long), maxMessage},
	} {
		w := start(t, func(context.Context, Job) (tagalong.Success, error) { return c.success, c.err })
		if err := w.handle(t, time.Minute); err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(w.answers[0], ": ")
		if len(text) > c.size || len(text) < c.size-5 || !utf8.ValidString(text) || !strings.HasSuffix(text, "ä…") {
			t.Errorf("%d bytes, end %q", len(text), text[len(text)-10:])
		}
	}
}

func TestVariablesThatCodePipelineRefusesFailTheJob(t *testing.T) {
	w := start(t, func(context.Context, Job) (tagalong.Success, error) {
		return tagalong.Success{Variables: map[string]string{"a.b": ""}}, nil
	})
	if err := w.handle(t, time.Minute); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, w, `JobFailed: output variable "a.b"`)
}

func TestEventsThatCannotBeAnsweredAreErrors(t *testing.T) {
	good := string(read(t, "job"))
	for event, want := range map[string]string{
		``:                                 "event: want JSON",
		`[]`:                               "event: want JSON",
		`{}`:                               "event: want JSON",
		`{"CodePipeline.job":7}`:           `"CodePipeline.job".id ""`,
		`{"CodePipeline.job":{}}`:          `"CodePipeline.job".id ""`,
		strings.ToUpper(good):              `"CodePipeline.job".id`,
		strings.Replace(good, "6f", "", 1): `"CodePipeline.job".id "1c7b0e`,
	} {
		w := start(t, done)
		if _, err := w.Handle(t.Context(), json.RawMessage(event)); err == nil || !strings.Contains(err.Error(), want) || len(w.answers) != 0 || w.tries != 0 {
			t.Errorf("event %.80q: error %v, answers %q", event, err, w.answers)
		}
		if strings.Contains(strings.ToLower(w.log.String()), "wjalr") {
			t.Errorf("log %s", &w.log)
		}
	}
}

// Whoever may invoke the function can write an event: what it says beside a job's id
// has to be what CodePipeline says, or nothing is done, and nobody is answered.
func TestForgedEventsDoNothing(t *testing.T) {
	good := string(read(t, "job-artifacts-kms"))
	for _, c := range []struct{ old, new, differs string }{
		{id, "00000000-0000-4000-8000-000000000000", ""},
		{`build-42`, `build-1`, "UserParameters"},
		{`"UserParameters": "`, `"UserParameters": {"a": 1}, "x": "`, "JSON UserParameters"},
		{`"UserParameters": "`, `"x": "`, "UserParameters"},
		{`"accountId": "111122223333"`, `"accountId": "444455556666"`, "accountId"},
		{`"accountId": "111122223333"`, `"accountId": 1`, "JSON accountId"},
		{`Zt7Pq1M`, `Another`, "inputArtifacts"},
		{`9YcWv3K`, `Another`, "outputArtifacts"},
		{`"bucketName": "codepipeline-us-east-1-518273640912"`, `"bucketName": "somebody-elses"`, "inputArtifacts outputArtifacts"},
		{`"data": {`, `"data": 7, "x": {`, "JSON UserParameters inputArtifacts outputArtifacts"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := start(t, func(context.Context, Job) (tagalong.Success, error) {
				t.Errorf("%s in place of %s: work is done", c.new, c.old)
				return tagalong.Success{}, nil
			})
			forged := strings.ReplaceAll(good, c.old, c.new)
			if forged == good {
				t.Fatalf("%s is not in the sample", c.old)
			}
			if _, err := w.Handle(t.Context(), json.RawMessage(forged)); err != nil || w.tries != 0 {
				t.Errorf("%s in place of %s: error %v, %d answers", c.new, c.old, err, w.tries)
			}
			want := `"differs":["` + strings.ReplaceAll(c.differs, " ", `","`) + `"]`
			if c.differs == "" {
				want = "job is not known to CodePipeline: nothing is done"
			}
			if !strings.Contains(w.log.String(), want) || strings.Contains(w.log.String(), marker) {
				t.Errorf("%s in place of %s: log %s", c.new, c.old, &w.log)
			}
		})
	}
}

// What a job asks, and what it is reached by, is CodePipeline's.
func TestTheJobIsCodePipelines(t *testing.T) {
	var got Job
	w := start(t, func(ctx context.Context, j Job) (tagalong.Success, error) {
		got = j
		return done(ctx, j)
	})
	w.codePipeline.known.Store.Key, w.codePipeline.known.Context = "alias/pipelines", tagalong.JobContext{Execution: "x"}
	w.codePipeline.known.Store.Credentials = tagalong.Hide(tagalong.Keys{AccessKeyID: "A", SecretAccessKey: "B"})
	if err := w.handle(t, time.Minute); err != nil {
		t.Fatal(err)
	}
	if got.Store.Key != "alias/pipelines" || got.Context.Execution != "x" || got.Store.Credentials.Reveal().AccessKeyID != "A" || w.asked != 1 {
		t.Errorf("job %+v, asked %d times", got, w.asked)
	}
	w.answers, w.codePipeline.known.Store.Credentials = nil, tagalong.Credentials{} // if CodePipeline gives none, the event's
	if err := w.handle(t, time.Minute); err != nil || got.Store.Credentials.Reveal().SecretAccessKey != marker {
		t.Errorf("job %+v, error %v", got, err)
	}
}

func TestCodePipelineMayLagBehindItsEvent(t *testing.T) {
	for lagging, answers := range []int{1, 1, 1, 0, 0} {
		synctest.Test(t, func(t *testing.T) {
			w := start(t, done)
			w.lagging = lagging
			if err := w.handle(t, time.Minute); err != nil || len(w.answers) != answers || w.asked != min(lagging+1, 3) {
				t.Errorf("%d: error %v, answers %q, asked %d times", lagging, err, w.answers, w.asked)
			}
		})
	}
}

// Without CodePipeline's word nothing is done: Lambda tries again, unless it is a
// permission that is missing, which the action says.
func TestNothingIsDoneWithoutCodePipelinesWord(t *testing.T) {
	for code, want := range map[string]string{
		"ThrottlingException":   "",
		"InternalFailure":       "",
		"AccessDeniedException": "PermissionError: operation error CodePipeline: GetJobDetails, api error AccessDeniedException: no: allow the function's role codepipeline:GetJobDetails",
	} {
		works := 0
		w := start(t, func(ctx context.Context, j Job) (tagalong.Success, error) {
			works++
			return done(ctx, j)
		})
		w.unasked = &smithy.OperationError{ServiceID: "CodePipeline", OperationName: "GetJobDetails", Err: &smithy.GenericAPIError{Code: code, Message: "no"}}
		err := w.handle(t, time.Minute)
		if works != 0 || (err != nil) != (want == "") || err != nil && !strings.Contains(err.Error(), "GetJobDetails") {
			t.Errorf("%s: %d works, error %v", code, works, err)
		}
		if want != "" {
			wantAnswer(t, w, want)
			continue
		}
		w.unasked = nil
		if err := w.handle(t, time.Minute); err != nil || works != 1 {
			t.Errorf("%s: %d works, error %v", code, works, err)
		}
		wantAnswer(t, w, "Succeeded: done well")
	}
}
