package tagalong

import (
	"context"
	"iter"
	"time"

	"github.com/opencontainers/go-digest"
)

// HistoryRow is one rollout.
type HistoryRow struct {
	Environment    string             `json:"environment"`
	Account        string             `json:"account"`
	Region         string             `json:"region"`
	Cluster        string             `json:"cluster"`
	Service        string             `json:"service"`
	Deployment     string             `json:"deployment"`
	TaskDefinition string             `json:"taskDefinition"`
	State          State              `json:"state"`
	StartedAt      *time.Time         `json:"startedAt"`
	FinishedAt     *time.Time         `json:"finishedAt"`
	Until          *time.Time         `json:"until"`
	Rollback       bool               `json:"rollback"`
	Reason         string             `json:"reason"`
	Containers     []HistoryContainer `json:"containers"`
	Release        Release            `json:"release"`
}

// HistoryContainer is a container of a HistoryRow.
type HistoryContainer struct {
	Container  string        `json:"container"`
	Registry   string        `json:"registry"`
	Repository string        `json:"repository"`
	Digest     digest.Digest `json:"digest"`
	Index      digest.Digest `json:"index"`
	ImageTag   string        `json:"imageTag"`
	Evidence   Evidence      `json:"evidence"`
}

// HistoryQuery selects rollouts that started in [Since, Until); zero times are
// no bounds. A rollout whose start nobody saw is placed by its finish.
type HistoryQuery struct {
	Environment string         // "" is all of them
	Services    ServicePattern // of those, the ones that match
	Service     Service        // this one alone, whatever its environment; zero is none
	Since       time.Time
	Until       time.Time
}

// History answers with rollouts, newest first. *UnknownNameError says that a name
// is not known.
func (q Queries) History(ctx context.Context, query HistoryQuery, p Paging) (Page[HistoryRow], error) {
	question := "history " + questionOf(query)
	span := Span{Since: query.Since, Until: query.Until}
	if err := unseal(question, p.Cursor, &span.Behind); err != nil {
		return Page[HistoryRow]{}, err
	}
	rows, err := q.rollouts(ctx, query, span, p.hint())
	if err != nil {
		return Page[HistoryRow]{}, err
	}
	page, err := q.historyPage(ctx, question, rows, p.Limit)
	if err == nil && len(page.Items) == 0 {
		page.Watched, err = q.nothing(ctx, namesGiven{environments: []string{query.Environment}, pattern: query.Services, service: query.Service})
	}
	return page, err
}

// historyPage returns the first rows of an answer, as answers have them.
func (q Queries) historyPage(ctx context.Context, question string, rows iter.Seq2[Row, error], limit int) (Page[HistoryRow], error) {
	found, err := answer[Row, Row, RowAt]{question: question, rows: rows, show: func(r Row) Row { return r }, at: Row.At}.page(limit)
	if err != nil {
		return Page[HistoryRow]{}, err
	}
	items, err := q.shown(ctx, found.Items)
	return Page[HistoryRow]{Items: items, Next: found.Next}, err
}

// rollouts gives the rows that are asked for: of one service, of those that
// match, or of whole environments.
func (q Queries) rollouts(ctx context.Context, query HistoryQuery, span Span, hint int) (iter.Seq2[Row, error], error) {
	switch {
	case query.Service != Service{}:
		return q.Records.Rollouts(ctx, query.Service, span, hint), nil
	case query.Services != ServicePattern{}:
		return q.rolloutsMatching(ctx, query, span, hint)
	}
	names, err := q.environments(ctx, query.Environment)
	if err != nil {
		return nil, err
	}
	var all []iter.Seq2[Row, error]
	for _, name := range names {
		all = append(all, q.Records.EnvironmentRollouts(ctx, name, span, hint))
	}
	return newestFirst(all), nil
}

// rolloutsMatching asks each service of the environment that matches: the
// directory names them all, those too that never completed a rollout.
func (q Queries) rolloutsMatching(ctx context.Context, query HistoryQuery, span Span, hint int) (iter.Seq2[Row, error], error) {
	services, err := q.servicesOf(ctx, query.Environment, query.Services)
	if err != nil {
		return nil, err
	}
	if len(services) > 1 && hint > 0 {
		hint = hint/len(services) + 2 // each gives its share, and goes on if it has more
	}
	var all []iter.Seq2[Row, error]
	for _, s := range services {
		all = append(all, only(q.Records.Rollouts(ctx, s, span, hint), func(r Row) bool {
			return query.Environment == "" || r.Environment == query.Environment
		}))
	}
	return newestFirst(all), nil
}

func newestFirst(all []iter.Seq2[Row, error]) iter.Seq2[Row, error] {
	return merge(all, func(a, b Row) int { return b.At().Compare(a.At()) })
}

func (r Row) history() HistoryRow {
	release := r.released()
	row := HistoryRow{
		Environment:    r.Environment,
		Account:        r.Service.Account,
		Region:         r.Service.Region,
		Cluster:        r.Service.Cluster,
		Service:        r.Service.Name,
		Deployment:     r.Deployment,
		TaskDefinition: r.TaskDefinition,
		State:          r.State,
		StartedAt:      known(r.StartedAt),
		FinishedAt:     known(r.FinishedAt),
		Until:          known(r.Until),
		Rollback:       r.Rollback,
		Reason:         r.Reason,
		Containers:     make([]HistoryContainer, 0, len(r.Containers)),
		Release:        release.of(r.Service, r.Containers),
	}
	for _, c := range r.Containers {
		row.Containers = append(row.Containers, HistoryContainer{
			Container: c.Name, Registry: c.Image.Registry, Repository: c.Image.Name,
			Digest: c.Digest, Index: c.Index, ImageTag: release.imageTag(c), Evidence: c.Evidence,
		})
	}
	return row
}
