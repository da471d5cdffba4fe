package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/wait"
)

// Jobs reads and answers the jobs that CodePipeline hands to functions of ours.
type Jobs interface {
	// Job returns a job as CodePipeline knows it. tagalong.ErrNoJob is an answer.
	Job(ctx context.Context, id string) (tagalong.Job, error)
	// Succeed and Fail give a job its one answer, in a single attempt each.
	// tagalong.ErrJobOver and tagalong.ErrNoJob say that it needs none.
	Succeed(ctx context.Context, id string, s tagalong.Success) error
	Fail(ctx context.Context, id string, f tagalong.Failure) error
}

// Work does what a job asks for. It may be done again, as often as Lambda repeats
// the job. Its error says by its type, an *Error or AWS's own, how the job fails.
type Work func(ctx context.Context, j Job) (tagalong.Success, error)

// Handler takes jobs and answers them.
type Handler struct {
	Action string // as the log calls it
	Work   Work
	Jobs   Jobs
	Log    *slog.Logger
}

// Handle takes one event of CodePipeline's. Whatever becomes of the job is its
// answer; the error is of a job that CodePipeline could not be asked for, or of an
// answer that could not be given, so that Lambda tries again. A job that is answered
// already stays as it is.
func (h Handler) Handle(ctx context.Context, raw json.RawMessage) (any, error) {
	e, err := parse(raw)
	if err != nil {
		h.Log.ErrorContext(ctx, "event is no job", "action", h.Action, "error", err.Error())
		return nil, err
	}
	known, err := h.known(ctx, e.ID)
	if err != nil {
		return nil, h.unknown(ctx, e.ID, err)
	}
	if fields := e.differs(known); len(fields) > 0 {
		h.Log.WarnContext(ctx, "event is not the job that CodePipeline knows: nothing is done", "job", e.ID, "action", h.Action, "differs", fields)
		return nil, nil
	}
	j := e.job(known)
	return nil, h.deliver(ctx, j, h.decide(ctx, j))
}

// known returns the job as CodePipeline knows it.
func (h Handler) known(ctx context.Context, id string) (known tagalong.Job, err error) {
	err = RetryLag(ctx, func() (err error) {
		known, err = h.Jobs.Job(ctx, id)
		return err
	}, tagalong.ErrNoJob)
	return known, err
}

// unknown ends an event whose job is not to be had. What CodePipeline does not know
// nobody waits for. A permission that lacks is the job's failure, since no retry
// finds it; what else is in the way another try may find gone.
func (h Handler) unknown(ctx context.Context, id string, err error) error {
	log := h.Log.With("job", id, "action", h.Action)
	switch {
	case errors.Is(err, tagalong.ErrNoJob):
		log.WarnContext(ctx, "job is not known to CodePipeline: nothing is done")
		return nil
	case classify(err).Type == tagalong.PermissionError:
		j := Job{ID: id}
		return h.deliver(ctx, j, verdictOf(j, tagalong.Success{}, err))
	}
	log.ErrorContext(ctx, "job cannot be asked for", "error", err.Error())
	return fmt.Errorf("asking CodePipeline for the job: %w", err)
}

// The reserve is the part of the function's time that is kept for the answer; a
// function with little time gives a third of it.
const maxReserve = 10 * time.Second

// deadlines returns until when the work may go on, and until when it is waited for
// after that: work that ends cleanly is worth a part of the reserve.
func deadlines(now, deadline time.Time) (work, grace time.Time) {
	reserve := min(maxReserve, deadline.Sub(now)/3)
	return deadline.Add(-reserve), deadline.Add(-reserve / 2)
}

// decide does the work and returns its verdict before the function's time is up.
func (h Handler) decide(ctx context.Context, j Job) verdict {
	late := context.WithoutCancel(ctx) // never ends, where there is no deadline
	if deadline, ok := ctx.Deadline(); ok {
		end, grace := deadlines(time.Now(), deadline)
		var cancel, give context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end)
		defer cancel()
		late, give = context.WithDeadline(late, grace)
		defer give()
	}
	done := make(chan verdict, 1)
	var beside parallel.Group // work tells its own panics
	beside.Go(func() { done <- h.work(ctx, j) })
	select {
	case v := <-done:
		return v
	case <-late.Done(): // it does not even heed the end of its context
		return verdictOf(j, tagalong.Success{}, overdue(context.DeadlineExceeded))
	}
}

// work does the work; a panic is a failure of the job like any other.
func (h Handler) work(ctx context.Context, j Job) (v verdict) {
	defer func() {
		if cause := recover(); cause != nil {
			text := j.Store.Credentials.Redact(fmt.Sprint(cause))
			h.Log.ErrorContext(ctx, "job panicked", "job", j.ID, "action", h.Action, "panic", text, "stack", string(debug.Stack()))
			line, _, _ := strings.Cut(text, "\n") // one of another goroutine has its stack behind
			v = verdictOf(j, tagalong.Success{}, Failed("panic: %s: this is a mistake in Tagalong; the function's log has more", line))
		}
	}()
	s, err := h.Work(ctx, j)
	if err != nil && ctx.Err() != nil && classify(err).Type == tagalong.SystemUnavailable {
		err = overdue(err)
	}
	return verdictOf(j, s, err)
}

func overdue(err error) error {
	return Unavailable("not done in the function's time: %s; a longer timeout of the function helps if that repeats: %v", retryAction, err)
}

// answerBackoff has no last attempt: a job that nobody answers holds its pipeline up.
var answerBackoff = wait.Backoff{Base: 100 * time.Millisecond, Max: time.Second}

// deliver sends the verdict until it is accepted or the time is up.
func (h Handler) deliver(ctx context.Context, j Job, v verdict) error {
	for attempt := 1; ; attempt++ {
		err := h.send(ctx, j.ID, v)
		if delivered(err) {
			h.report(ctx, j, v, err)
			return nil
		}
		if other, ok := v.instead(j, err); ok {
			v = other
			continue
		}
		if !answerBackoff.Next(ctx, attempt) {
			err = errors.New(j.Store.Credentials.Redact(fmt.Sprintf("answer of job %s: %v", j.ID, err)))
			h.report(ctx, j, v, err)
			return err
		}
	}
}

func (h Handler) send(ctx context.Context, id string, v verdict) error {
	if v.failure != nil {
		return h.Jobs.Fail(ctx, id, *v.failure)
	}
	return h.Jobs.Succeed(ctx, id, v.success)
}

// report logs how the job ended: its id, the action, the verdict, and what
// became of it.
func (h Handler) report(ctx context.Context, j Job, v verdict, err error) {
	log, level := h.Log.With("job", j.ID, "action", h.Action), slog.LevelInfo
	if v.failure != nil {
		log, level = log.With("outcome", v.failure.Type, "message", v.failure.Message), slog.LevelWarn
	} else {
		log = log.With("outcome", "Succeeded", "summary", v.success.Summary)
	}
	switch {
	case err == nil:
		log.Log(ctx, level, "job is answered")
	case errors.Is(err, tagalong.ErrJobOver):
		log.Log(ctx, level, "job had its answer before")
	case errors.Is(err, tagalong.ErrNoJob):
		log.WarnContext(ctx, "job is not known to CodePipeline: nobody waits for the answer")
	default:
		log.ErrorContext(ctx, "job has no answer", "error", err.Error())
	}
}
