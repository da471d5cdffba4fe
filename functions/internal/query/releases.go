package query

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// ReleasesRow is an execution that put rollouts in place.
type ReleasesRow struct {
	Pipeline     string         `json:"pipeline"`
	Execution    string         `json:"execution"`
	Commit       string         `json:"commit"`
	Environments []string       `json:"environments"`
	Services     int            `json:"services"`
	State        timeline.State `json:"state"` // of its newest rollout
	Since        *time.Time     `json:"since"` // of its first rollout
	Latest       *time.Time     `json:"latest"`
}

// ReleasesQuery selects executions whose newest rollout started in [Since, Until).
type ReleasesQuery struct {
	Environment string // "" is all of them
	Pipeline    string // "" is any
	Since       time.Time
	Until       time.Time
}

// release is an execution and the rollouts of it that are asked for, newest first.
type release struct {
	ReleaseQuery
	rollouts []ledger.Row
	// pause says that it is none: enough has been looked at, and the page ends behind this
	// rollout.
	pause bool
}

func (r release) at() ledger.RolloutCursor { return r.rollouts[0].At() }

// Releases answers with the executions that put rollouts in place, those of the newest
// first. *UnknownNameError says that the environment is not known.
func (q Queries) Releases(ctx context.Context, query ReleasesQuery, p Paging) (Page[ReleasesRow], error) {
	question := "releases " + questionOf(query)
	span := ledger.Span{Since: query.Since, Until: query.Until}
	if err := unseal(question, p.Cursor, &span.Behind); err != nil {
		return Page[ReleasesRow]{}, err
	}
	rollouts, err := q.rollouts(ctx, HistoryQuery{Environment: query.Environment}, span, p.hint())
	if err != nil {
		return Page[ReleasesRow]{}, err
	}
	page, err := answer[release, ReleasesRow, ledger.RolloutCursor]{
		question: question,
		rows:     q.released(ctx, query, rollouts, p.hint()),
		show:     release.row,
		at:       release.at,
		pause:    func(r release) bool { return r.pause },
	}.page(p.Limit)
	if err == nil && len(page.Items) == 0 {
		page.Watched, err = q.nothing(ctx, namesGiven{environments: []string{query.Environment}})
	}
	return page, err
}

// released returns each execution where the newest of its rollouts stands.
func (q Queries) released(ctx context.Context, query ReleasesQuery, rollouts iter.Seq2[ledger.Row, error], hint int) iter.Seq2[release, error] {
	return func(yield func(release, error) bool) {
		newest := map[ReleaseQuery]release{}
		skipped := 0
		for row, err := range rollouts {
			if err != nil {
				yield(release{}, err)
				return
			}
			of := ReleaseQuery{row.Release.Pipeline, row.Release.Execution}
			one, read := newest[of]
			if !read && of.Execution != "" && (query.Pipeline == "" || query.Pipeline == of.Pipeline) {
				if one, err = q.release(ctx, query.Environment, of); err != nil {
					yield(release{}, err)
					return
				}
				newest[of] = one
			}
			isNewest := len(one.rollouts) > 0 && one.at() == row.At()
			if skipped++; isNewest {
				skipped = 0
			}
			paused := skipped == maxSkipped && hint > 0
			if paused {
				one = release{rollouts: []ledger.Row{row}, pause: true}
			}
			if (isNewest || paused) && !yield(one, nil) {
				return
			}
		}
	}
}

// release reads the rollouts of an execution in an environment.
func (q Queries) release(ctx context.Context, environment string, of ReleaseQuery) (release, error) {
	rows, err := stream.Collect(q.Records.ReleaseRollouts(ctx, of.Pipeline, of.Execution, ledger.Span{}, 0))
	if err != nil {
		return release{}, fmt.Errorf("release %s/%s: %w", of.Pipeline, of.Execution, err)
	}
	rows = slices.DeleteFunc(rows, func(r ledger.Row) bool { return environment != "" && r.Environment != environment })
	return release{ReleaseQuery: of, rollouts: rows}, nil
}

func (r release) row() ReleasesRow {
	newest, first := r.rollouts[0], r.rollouts[len(r.rollouts)-1]
	row := ReleasesRow{
		Pipeline: r.Pipeline, Execution: r.Execution, State: newest.State,
		Since: tagalong.TimeOrNil(first.SortTime()), Latest: tagalong.TimeOrNil(newest.SortTime()),
	}
	var services []string
	for _, rollout := range r.rollouts {
		row.Environments = append(row.Environments, rollout.Environment)
		services = append(services, rollout.Service.String())
		if row.Commit == "" {
			row.Commit = rollout.Release.Commit
		}
	}
	row.Environments, row.Services = distinct(row.Environments), len(distinct(services))
	return row
}

// newestOfPipeline is how many executions of a pipeline tell what it does.
const newestOfPipeline = 10

// newestReleases returns the newest executions of a pipeline.
func (q Queries) newestReleases(ctx context.Context, pipeline string) (all []ReleaseQuery, err error) {
	for p := (Paging{Limit: newestOfPipeline}); ; p.Limit = newestOfPipeline - len(all) {
		page, err := q.Releases(ctx, ReleasesQuery{Pipeline: pipeline}, p)
		if err != nil {
			return nil, err
		}
		for _, row := range page.Items {
			all = append(all, ReleaseQuery{row.Pipeline, row.Execution})
		}
		if p.Cursor = page.Next; p.Cursor == "" || len(all) == newestOfPipeline {
			return all, nil
		}
	}
}
