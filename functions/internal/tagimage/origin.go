package tagimage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Origins says where a job comes from: the core's Jobs and Pipelines do.
type Origins interface {
	// Job says for which action of which execution a job is.
	Job(ctx context.Context, id string) (tagalong.JobContext, error)
	// Actions reads the runs of an execution's actions.
	Actions(ctx context.Context, p tagalong.Pipeline, execution string) ([]tagalong.Action, error)
}

const (
	originAttempts = 3 // the API may lag behind the job
	originPause    = time.Second
)

// origin gives a job's release, and when the action's run began: the job itself
// says neither. What is not to be had is empty; the promotion then counts from
// when the ledger first sees the job.
func (a Action) origin(ctx context.Context, id string) (release tagalong.Release, at time.Time) {
	var of tagalong.JobContext
	err := patiently(ctx, func() (err error) {
		of, err = a.Origins.Job(ctx, id)
		return err
	})
	if err == nil {
		release = tagalong.Release{Pipeline: of.Pipeline.Name, Execution: of.Execution, Stage: of.Stage}
		err = patiently(ctx, func() (err error) {
			at, err = a.began(ctx, of)
			return err
		})
	}
	if err != nil {
		a.Log.WarnContext(ctx, "promotion cannot be dated by its action: it counts from when the job was first seen", "job", id, "error", err.Error())
	}
	return release, at
}

var errUnlisted = errors.New("the action's run is not listed")

// began gives when the run of a job's action began.
func (a Action) began(ctx context.Context, of tagalong.JobContext) (time.Time, error) {
	runs, err := a.Origins.Actions(ctx, of.Pipeline, of.Execution)
	if err != nil {
		return time.Time{}, err
	}
	i := slices.IndexFunc(runs, func(run tagalong.Action) bool { return run.ID == of.ActionID })
	if i < 0 || of.ActionID == "" {
		return time.Time{}, fmt.Errorf("pipeline %s, execution %s, action %s: %w", of.Pipeline.Name, of.Execution, of.Action, errUnlisted)
	}
	return runs[i].StartedAt, nil
}

// patiently asks up to three times, as long as the answer may still come.
func patiently(ctx context.Context, ask func() error) error {
	for attempt := 1; ; attempt++ {
		err := ask()
		lags := errors.Is(err, tagalong.ErrNoExecution) || errors.Is(err, tagalong.ErrNoJob) || errors.Is(err, errUnlisted)
		if !lags || attempt == originAttempts {
			return err
		}
		timer := time.NewTimer(originPause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}
