package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// Progress says how far a digest has come in a service.
type Progress struct {
	Phase AwaitPhase
	// Rollout is the one that says so; nil if the digest is on its way nowhere.
	Rollout *ledger.HistoryRow
}

// AwaitPhase is how far a digest has come.
type AwaitPhase string

// The phases of what is awaited.
const (
	AwaitNothing    AwaitPhase = "nothing" // no rollout of the digest is known that could still end well
	AwaitRollingOut AwaitPhase = "rolling_out"
	AwaitRunning    AwaitPhase = "running"
	AwaitFailed     AwaitPhase = "failed"
)

// longestRollout is longer than a rollout takes: a hook can hold one for two weeks,
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentLifecycleHookTimeoutConfiguration.html.
const longestRollout = 30 * 24 * time.Hour

// Await says how far a digest, of one repository if that is given, has come in a
// service: it runs, rolls out, or its newest rollout failed. A failure before
// since is an earlier attempt's, and does not count. A digest whose beginning nobody knows
// may come yet.
func (q Queries) Await(ctx context.Context, s tagalong.Service, image tagalong.ImageQuery, since time.Time) (Progress, error) {
	image, err := resolver{q}.resolved(ctx, image)
	if _, unknown := errors.AsType[*tagalong.UnknownNameError](err); unknown && image.Beginning != "" {
		return Progress{Phase: AwaitNothing}, nil
	}
	if err != nil {
		return Progress{}, err
	}
	meant, _, err := q.meaning(ctx, image)
	if err != nil {
		return Progress{}, err
	}
	row, err := q.awaited(ctx, s, meant, since)
	if err != nil {
		return Progress{}, err
	}
	phase := progressOf(row, since)
	if phase == AwaitNothing {
		return Progress{Phase: phase}, nil
	}
	shown, err := q.shown(ctx, []ledger.Row{row})
	if err != nil {
		return Progress{}, err
	}
	return Progress{Phase: phase, Rollout: &shown[0]}, nil
}

// awaited returns the rollout that says how far the containers meant have come: the one
// that runs, else the newest; the zero one if there is none.
func (q Queries) awaited(ctx context.Context, s tagalong.Service, meant func(tagalong.Container) bool, since time.Time) (newest ledger.Row, err error) {
	found, past := false, false
	var replaced time.Time // when the last of those that ran, and were met, ended
	for row, err := range q.Records.Rollouts(ctx, s, ledger.Span{}, atOnce) {
		if err != nil {
			return ledger.Row{}, fmt.Errorf("rollouts of %s: %w", s, err)
		}
		carries := slices.ContainsFunc(row.Containers, func(c tagalong.Container) bool { return !c.Added && meant(c) })
		runs := row.State == timeline.StateCompleted && row.Until.IsZero()
		if carries && !found {
			newest, found = row, true
		}
		if runs && carries {
			return row, nil
		}
		if row.Until.After(replaced) {
			replaced = row.Until
		}
		// What came before it matters no more, unless it ended only lately: it
		// may have failed, and what runs be the way back. What replaced another
		// may have begun before it, but not that long: then nothing runs.
		past = past || runs || !replaced.IsZero() && row.SortTime().Before(replaced.Add(-longestRollout))
		if past && endedBefore(row, since) {
			break
		}
	}
	return newest, nil
}

func endedBefore(r ledger.Row, at time.Time) bool {
	return !r.FinishedAt.IsZero() && r.FinishedAt.Before(at)
}

// progressOf is how far the rollout says that its images have come.
func progressOf(r ledger.Row, since time.Time) AwaitPhase {
	switch {
	case r.State == timeline.StateInProgress:
		return AwaitRollingOut
	case r.State == timeline.StateCompleted && r.Until.IsZero():
		return AwaitRunning
	case r.State == timeline.StateFailed && !r.FinishedAt.Before(since):
		return AwaitFailed
	}
	return AwaitNothing
}

// Services returns the services that the ledger has seen and that match, in order.
func (q Queries) Services(ctx context.Context, pattern tagalong.ServicePattern) ([]tagalong.Service, error) {
	return q.servicesOf(ctx, "", pattern)
}

// Unseen returns an *UnknownNameError that names the services most like one that the
// ledger has not seen; nil if it has seen one that matches.
func (q Queries) Unseen(ctx context.Context, pattern tagalong.ServicePattern) error {
	services, err := q.servicesOf(ctx, "", tagalong.ServicePattern{})
	if err != nil {
		return err
	}
	return pattern.Check(services)
}

func (q Queries) servicesOf(ctx context.Context, environment string, pattern tagalong.ServicePattern) ([]tagalong.Service, error) {
	known, err := q.Records.Services(ctx, environment)
	if err != nil {
		return nil, fmt.Errorf("services: %w", err)
	}
	services := tagalong.OfKind(tagalong.KindService, known)
	return slices.DeleteFunc(services, func(s tagalong.Service) bool { return !pattern.Match(s) }), nil
}
