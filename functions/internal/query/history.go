package query

import (
	"context"
	"iter"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// HistoryQuery selects rollouts that started in [Since, Until); zero times are
// no bounds. A rollout whose start nobody saw is placed by its finish.
type HistoryQuery struct {
	Environment string                  // "" is all of them
	Services    tagalong.ServicePattern // of those, the ones that match
	Service     tagalong.Service        // this one alone, whatever its environment; zero is none
	Since       time.Time
	Until       time.Time
}

// History answers with rollouts, newest first. *UnknownNameError says that a name
// is not known.
func (q Queries) History(ctx context.Context, query HistoryQuery, p Paging) (Page[ledger.HistoryRow], error) {
	question := "history " + questionOf(query)
	span := ledger.Span{Since: query.Since, Until: query.Until}
	if err := unseal(question, p.Cursor, &span.Behind); err != nil {
		return Page[ledger.HistoryRow]{}, err
	}
	rows, err := q.rollouts(ctx, query, span, p.hint())
	if err != nil {
		return Page[ledger.HistoryRow]{}, err
	}
	page, err := q.historyPage(ctx, question, rows, p.Limit)
	if err == nil && len(page.Items) == 0 {
		page.Watched, err = q.nothing(ctx, namesGiven{environments: []string{query.Environment}, pattern: query.Services, service: query.Service})
	}
	return page, err
}

// historyPage returns the first rows of an answer, as answers have them.
func (q Queries) historyPage(ctx context.Context, question string, rows iter.Seq2[ledger.Row, error], limit int) (Page[ledger.HistoryRow], error) {
	found, err := answer[ledger.Row, ledger.Row, ledger.RolloutCursor]{question: question, rows: rows, show: func(r ledger.Row) ledger.Row { return r }, at: ledger.Row.At}.page(limit)
	if err != nil {
		return Page[ledger.HistoryRow]{}, err
	}
	items, err := q.shown(ctx, found.Items)
	return Page[ledger.HistoryRow]{Items: items, Next: found.Next}, err
}

// rollouts returns the rows that are asked for: of one service, of those that
// match, or of whole environments.
func (q Queries) rollouts(ctx context.Context, query HistoryQuery, span ledger.Span, hint int) (iter.Seq2[ledger.Row, error], error) {
	switch {
	case query.Service != tagalong.Service{}:
		return q.Records.Rollouts(ctx, query.Service, span, hint), nil
	case query.Services != tagalong.ServicePattern{}:
		return q.rolloutsMatching(ctx, query, span, hint)
	}
	names, err := q.environments(ctx, query.Environment)
	if err != nil {
		return nil, err
	}
	var all []iter.Seq2[ledger.Row, error]
	for _, name := range names {
		all = append(all, q.Records.EnvironmentRollouts(ctx, name, span, hint))
	}
	return newestFirst(all), nil
}

// rolloutsMatching asks each service of the environment that matches: the
// directory names them all, those too that never completed a rollout.
func (q Queries) rolloutsMatching(ctx context.Context, query HistoryQuery, span ledger.Span, hint int) (iter.Seq2[ledger.Row, error], error) {
	services, err := q.servicesOf(ctx, query.Environment, query.Services)
	if err != nil {
		return nil, err
	}
	if len(services) > 1 && hint > 0 {
		hint = hint/len(services) + 2 // each gives its share, and goes on if it has more
	}
	var all []iter.Seq2[ledger.Row, error]
	for _, s := range services {
		all = append(all, stream.Filter(q.Records.Rollouts(ctx, s, span, hint), func(r ledger.Row) bool {
			return query.Environment == "" || r.Environment == query.Environment
		}))
	}
	return newestFirst(all), nil
}

func newestFirst(all []iter.Seq2[ledger.Row, error]) iter.Seq2[ledger.Row, error] {
	return stream.Merge(all, func(a, b ledger.Row) int { return b.At().Compare(a.At()) })
}
