package query

import (
	"context"
	"fmt"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// EnvironmentRow is one environment, and how much of each kind runs in it.
type EnvironmentRow struct {
	Environment string `json:"environment"`
	Services    int    `json:"services"`
	Tasks       int    `json:"tasks"` // families of standalone tasks
	Functions   int    `json:"functions"`
}

// nameCursor is a place in the order of environments.
type nameCursor string

func (a nameCursor) Valid() bool { return tagalong.ValidKeyTexts(string(a)) }

// Environments answers with the environments that the ledger knows, by name. One
// that everything has left stays in it: its history does.
func (q Queries) Environments(ctx context.Context, p Paging) (Page[EnvironmentRow], error) {
	const question = "environments"
	var behind nameCursor
	if err := unseal(question, p.Cursor, &behind); err != nil {
		return Page[EnvironmentRow]{}, err
	}
	names, err := q.environments(ctx, "")
	if err != nil {
		return Page[EnvironmentRow]{}, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name <= string(behind) })
	page, err := answer[string, EnvironmentRow, nameCursor]{
		question: question,
		rows:     stream.FromSlice(names),
		show:     func(name string) EnvironmentRow { return EnvironmentRow{Environment: name} },
		at:       func(name string) nameCursor { return nameCursor(name) },
	}.page(p.Limit)
	if err != nil {
		return page, err
	}
	if len(page.Items) == 0 {
		page.Watched, err = q.nothing(ctx, namesGiven{})
		return page, err
	}
	return page, q.count(ctx, page.Items)
}

func (q Queries) count(ctx context.Context, rows []EnvironmentRow) error {
	errs := make([]error, len(rows))
	parallel.ForEach(len(rows), parallel.Limit, func(i int) {
		var count map[tagalong.Kind]int
		count, errs[i] = q.Records.CountRunning(ctx, rows[i].Environment)
		rows[i].Services, rows[i].Tasks, rows[i].Functions = count[tagalong.KindService], count[tagalong.KindTask], count[tagalong.KindFunction]
	})
	for i, err := range errs {
		if err != nil {
			return fmt.Errorf("environment %q: %w", rows[i].Environment, err)
		}
	}
	return nil
}
