package tagimage

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/job"
	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Runs reads the runs of an execution's actions: the core's Pipelines do.
type Runs interface {
	Actions(ctx context.Context, p tagalong.Pipeline, execution string) ([]pipeline.Action, error)
}

var errUnlisted = errors.New("the action's run is not listed")

// run returns the run of a job's action, which says when it began and whether it is
// over; the job itself says neither. Where it is not to be had it is zero: the
// promotion then counts from when the ledger first sees the job.
func (a Action) run(ctx context.Context, j job.Job) (run pipeline.Action) {
	err := job.RetryLag(ctx, func() (err error) {
		run, err = a.listed(ctx, j.Context)
		return err
	}, pipeline.ErrNoExecution, errUnlisted)
	if err != nil {
		a.Log.WarnContext(ctx, "promotion cannot be dated by its action: it counts from when the job was first seen", "job", j.ID, "error", err.Error())
	}
	return run
}

func (a Action) listed(ctx context.Context, of tagalong.JobContext) (pipeline.Action, error) {
	runs, err := a.Runs.Actions(ctx, of.Pipeline, of.Execution)
	if err != nil {
		return pipeline.Action{}, err
	}
	i := slices.IndexFunc(runs, func(run pipeline.Action) bool { return run.ID == of.ActionID })
	if i < 0 || of.ActionID == "" {
		return pipeline.Action{}, fmt.Errorf("pipeline %s, execution %s, action %s: %w", of.Pipeline.Name, of.Execution, of.Action, errUnlisted)
	}
	return runs[i], nil
}

// over reports whether a run has ended: then its job has had its answer.
func over(run pipeline.Action) bool {
	return run.Status != "" && run.Status != pipeline.ActionInProgress
}
