package tagalong

import (
	"context"
	"fmt"
	"slices"
)

// EnvironmentRow is one environment, and how many services run in it.
type EnvironmentRow struct {
	Environment string `json:"environment"`
	Services    int    `json:"services"`
}

// nameAt is a place in the order of environments.
type nameAt string

func (a nameAt) legal() bool { return legalTexts(string(a)) }

// Environments answers with the environments that the ledger knows, by name. One
// that everything has left stays in it: its history does.
func (q Queries) Environments(ctx context.Context, p Paging) (Page[EnvironmentRow], error) {
	const question = "environments"
	var behind nameAt
	if err := unseal(question, p.Cursor, &behind); err != nil {
		return Page[EnvironmentRow]{}, err
	}
	names, err := q.environments(ctx, "")
	if err != nil {
		return Page[EnvironmentRow]{}, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name <= string(behind) })
	page, err := answer[string, EnvironmentRow, nameAt]{
		question: question,
		rows:     listed(names),
		show:     func(name string) EnvironmentRow { return EnvironmentRow{Environment: name} },
		at:       func(name string) nameAt { return nameAt(name) },
	}.page(p.Limit)
	if err != nil {
		return page, err
	}
	if len(page.Items) == 0 {
		page.Watched, err = q.nothing(ctx, namesGiven{})
		return page, err
	}
	return page, q.populate(ctx, page.Items)
}

func (q Queries) populate(ctx context.Context, rows []EnvironmentRow) error {
	errs := make([]error, len(rows))
	together(len(rows), func(i int) { rows[i].Services, errs[i] = q.Records.Population(ctx, rows[i].Environment) })
	for i, err := range errs {
		if err != nil {
			return fmt.Errorf("environment %q: %w", rows[i].Environment, err)
		}
	}
	return nil
}
