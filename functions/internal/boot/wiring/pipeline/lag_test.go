package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// asked counts the calls of an operation.
func asked(calls []sandbox.Call, operation string) (n int) {
	for _, c := range calls {
		if c.Operation == operation {
			n++
		}
	}
	return n
}

func TestTheAPIMayLag(t *testing.T) {
	for _, test := range []struct {
		name  string
		calls int                                            // that do not see it
		from  func(begun, acted, staged time.Time) time.Time // what they do not see
		fails bool
		lists int // calls of ListActionExecutions
	}{
		{"it does not", 0, nil, false, 1},
		{"once: of the action's end", 1, func(_, acted, _ time.Time) time.Time { return acted }, false, 2},
		{"twice: of the action's end", 2, func(_, acted, _ time.Time) time.Time { return acted }, false, 3},
		{"twice: of the execution", 2, func(begun, _, _ time.Time) time.Time { return begun }, false, 3},
		{"thrice: of the action's end", 3, func(_, acted, _ time.Time) time.Time { return acted }, true, 3},
		{"for ever: of the execution", 99, func(begun, _, _ time.Time) time.Time { return begun }, true, 3},
	} {
		for _, kind := range []string{"stage", "action"} {
			t.Run(kind+": "+test.name, func(t *testing.T) {
				w := newWorld(t, nil)
				begun := w.clock
				x := w.begin()
				s := w.release(x, "DeployProd", w.service, "v1")
				event, staged := s.staged, w.clock
				if kind == "action" {
					event = s.acted
				}
				if test.from != nil {
					w.CodePipeline.LagNext(test.calls, test.from(begun, staged.Add(-21*time.Second), staged))
				}
				w.ResetCalls()
				_, err := w.follower.Handle(t.Context(), event)
				if failed := err != nil; failed != test.fails || asked(w.Calls(), "ListActionExecutions") != test.lists {
					t.Errorf("error %v after %d calls", err, asked(w.Calls(), "ListActionExecutions"))
				}
				if test.fails {
					if !strings.Contains(err.Error(), "checkout-release/"+x.ID()) {
						t.Errorf("error %v does not name the execution", err)
					}
					want(t, "rows", w.rows(w.service))
					w.CodePipeline.LagNext(0, time.Time{})
					w.hear(event) // Lambda's own retry
				}
				want(t, "rows", w.rows(w.service), released)
			})
		}
	}
}

// blank is a CodePipeline that shows no sources at first.
type blank struct {
	pipeline.Pipelines
	times int
}

func (b *blank) Execution(ctx context.Context, p tagalong.Pipeline, id string) (tagalong.Execution, error) {
	x, err := b.Pipelines.Execution(ctx, p, id)
	if b.times > 0 {
		b.times--
		x.Revisions = nil
	}
	return x, err
}

// What is recorded of an action's start is recorded once, with its commit.
func TestTheSourcesAreAwaited(t *testing.T) {
	for times, row := range map[int]string{2: released, 3: "completed v1 revision by checkout-release/DeployProd"} {
		w := newWorld(t, nil)
		w.follower.Pipelines = &blank{w.follower.Pipelines, times}
		w.hear(w.release(w.begin(), "DeployProd", w.service, "v1").staged)
		if rows := w.rows(w.service); len(rows) != 1 || strings.TrimSpace(rows[0]) != row {
			t.Errorf("%d times without: rows %q", times, rows)
		}
	}
}

// failing lets a stage begin and fail by its action of ECS's.
func (w *world) failing(x *codepipeline.Execution) (begun time.Time, a *codepipeline.Action, staged []byte) {
	st := w.stage(x, "DeployProd")
	begun = w.clock
	a, _ = w.act(st, "Deploy", toECS(w.service))
	w.run(a.Fail(codepipeline.Result{}, w.tick()))
	return begun, a, w.run(st.Finish(codepipeline.Failed, w.tick()))
}

func TestAStageThatFailedIsAwaited(t *testing.T) {
	w := newWorld(t, nil)
	w.follower.Reactor.Now = func() time.Time { return w.clock }
	x := w.begin()
	begun, _, failed := w.failing(x)
	w.CodePipeline.LagNext(2, begun.Add(time.Millisecond)) // that there is a run of it
	w.hear(failed)
	want(t, "stages", w.stages(x), "DeployProd FAILED 1")
}

func TestAStageThatWasCanceledIsAwaited(t *testing.T) {
	w := newWorld(t, nil)
	w.follower.Reactor.Now = func() time.Time { return w.clock }
	x := w.begin()
	st := w.stage(x, "DeployProd")
	begun := w.clock
	a, _ := w.act(st, "Deploy", toECS(w.service))
	w.run(a.Fail(codepipeline.Result{}, w.tick()))
	canceled := w.run(st.Finish(codepipeline.Canceled, w.tick()))
	w.CodePipeline.LagNext(2, begun.Add(time.Millisecond)) // that there is a run of it
	w.hear(canceled)
	want(t, "stages", w.stages(x), "DeployProd CANCELED 1")
}

// The end of an action is not to be missed: what is rolled out later is none of its.
func TestAnActionThatStillRunsWhenItsStageFailedIsAwaited(t *testing.T) {
	w := newWorld(t, nil)
	w.follower.Reactor.Now = func() time.Time { return w.clock }
	_, _, failed := w.failing(w.begin())
	w.CodePipeline.LagNext(3, w.clock.Add(-21*time.Second)) // that it has ended
	if _, err := w.follower.Handle(t.Context(), failed); err == nil || !strings.Contains(err.Error(), "lags") {
		t.Errorf("error %v", err)
	}
	w.hear(failed) // Lambda's own retry
	d, _ := w.roll(w.service, "v2")
	w.run(d.Complete(w.tick()))
	w.hear(w.ECS.Events()...)
	for _, row := range w.rows(w.service) {
		if strings.Contains(row, "v2") && strings.Contains(row, "checkout-release") {
			t.Errorf("the action has what was rolled out by hand: %s", row)
		}
	}
}

// A stage may fail before any of its actions has begun.
func TestAStageThatFailedWithoutARunIsNoError(t *testing.T) {
	w := newWorld(t, nil)
	w.follower.Reactor.Now = func() time.Time { return w.clock }
	x := w.begin()
	w.hear(w.release(x, "DeployStaging", w.service, "v1").staged)
	st := w.stage(x, "DeployProd")
	w.ResetCalls()
	w.hear(w.run(st.Finish(codepipeline.Failed, w.tick())))
	if n := asked(w.Calls(), "ListActionExecutions"); n != 3 {
		t.Errorf("%d calls", n)
	}
	want(t, "stages", w.stages(x), "DeployStaging SUCCEEDED 1", "DeployProd FAILED 1")
}

// An earlier attempt's runs have ended, and are not what the event tells of.
func TestARetryThatTheAPIDoesNotShowYetIsAwaited(t *testing.T) {
	w := newWorld(t, nil)
	st := w.stage(w.begin(), "DeployProd")
	w.hear(w.attempt(st, "v2")...)
	retried := w.clock
	told := w.again(st, "v3")
	acted, staged := told[len(told)-2], told[len(told)-1]
	for _, event := range [][]byte{acted, staged} {
		w.CodePipeline.LagNext(3, retried.Add(time.Second))
		if _, err := w.follower.Handle(t.Context(), event); err == nil {
			t.Errorf("no error of %s", event)
		}
	}
	w.hear(staged)
	want(t, "rows", w.rows(w.service), "failed v2 revision by checkout-release/DeployProd 4f2a9c1", "completed v3 revision by checkout-release/DeployProd 4f2a9c1")
}

func TestARefusalNamesTheOperation(t *testing.T) {
	for _, operation := range []string{"ListActionExecutions", "GetPipelineExecution"} {
		t.Run(operation, func(t *testing.T) {
			w := newWorld(t, nil)
			s := w.release(w.begin(), "DeployProd", w.service, "v1")
			w.CodePipeline.Deny(operation)
			for _, event := range [][]byte{s.acting, s.acted, s.staged} {
				w.ResetCalls()
				_, err := w.follower.Handle(t.Context(), event)
				if err == nil || !strings.Contains(err.Error(), operation) || !strings.Contains(err.Error(), "AccessDenied") || !strings.Contains(err.Error(), "checkout-release/") {
					t.Errorf("error %v", err)
				}
				if n := asked(w.Calls(), operation); n != 1 {
					t.Errorf("%d calls: a refusal is not a lag", n)
				}
			}
			w.CodePipeline.Permit(operation)
			w.hear(s.staged)
			want(t, "rows", w.rows(w.service), released)
		})
	}
}

// What ECS does not tell its own events do.
func TestServiceDeploymentsMayBeRefused(t *testing.T) {
	for _, operation := range []string{"ListServiceDeployments", "DescribeServiceDeployments"} {
		t.Run(operation, func(t *testing.T) {
			w := newWorld(t, nil)
			w.hear(w.release(w.begin(), "DeployProd", w.service, "v1").staged)
			w.ECS.Deny(operation)
			st := w.stage(w.begin(), "DeployProd")
			told := w.attempt(st, "v2") // whose rollback only DescribeServiceDeployments tells
			w.hear(ofStages(told)...)
			want(t, "rows", w.rows(w.service), released)
			w.hear(told...)
			want(t, "rows", w.rows(w.service), released, "failed v2 revision by checkout-release/DeployProd 4f2a9c1", "completed back v1 revision by checkout-release/DeployProd 4f2a9c1")
		})
	}
}

func TestThrottlingIsAnError(t *testing.T) {
	w := newWorld(t, nil)
	s := w.release(w.begin(), "DeployProd", w.service, "v1")
	w.CodePipeline.Throttle("ListActionExecutions", 1) // the function's own client tries again
	if _, err := w.follower.Handle(t.Context(), s.staged); err == nil || !strings.Contains(err.Error(), "ThrottlingException") {
		t.Errorf("error %v", err)
	}
	w.hear(s.staged)
	want(t, "rows", w.rows(w.service), released)
}

// A pipeline that is gone tells nothing any more.
func TestAnUnknownPipelineIsAnError(t *testing.T) {
	w := newWorld(t, nil)
	s := w.release(w.begin(), "DeployProd", w.service, "v1")
	w.CodePipeline.CreatePipeline(w.Home(), "checkout-release", codepipeline.PipelineOptions{})
	if _, err := w.follower.Handle(t.Context(), s.staged); !errors.Is(err, pipeline.ErrNoExecution) {
		t.Errorf("error %v", err)
	}
}
