package stories_test

import (
	"context"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

func (w *world) checked(t failer) query.TagRow {
	t.Helper()
	page, err := query.Queries{Records: w.ledger, Registry: w.registry}.Tags(t.Context(), query.TagsQuery{Check: true}, query.Paging{})
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("tags %+v, error %v", page, err)
	}
	return page.Items[0]
}

func TestACheckSaysOfATagElsewhereThatItMoved(t *testing.T) {
	for _, test := range []struct {
		name          string
		before, after func(*world)
		want          ledger.TagState
		actual        digest.Digest
	}{
		{"where it belongs", nil, nil, ledger.TagConfirmed, d(1)},
		{"moved", nil, func(w *world) { w.registry.Push(shopAPI, imageOf(shopAPI, 2), "prod") }, ledger.TagMoved, d(2)},
		{"read by deployments, and pushed by others", func(w *world) {
			w.runs(prodAPI, "ecs-svc/1", deployedFrom("app", shopAPI, "prod", 1))
		}, func(w *world) { w.registry.Push(shopAPI, imageOf(shopAPI, 2), "prod") }, ledger.TagInput, d(2)},
		{"removed", nil, func(w *world) { w.registry.Untag(shopAPI, "prod") }, ledger.TagMoved, ""},
		{
			"blocked where it was seen", func(w *world) { w.registry.Push(shopAPI, imageOf(shopAPI, 3), "prod"); w.registry.Immutable(shopAPI) },
			nil, ledger.TagBlocked, d(3),
		},
		{
			"blocked, and moved by others", func(w *world) { w.registry.Push(shopAPI, imageOf(shopAPI, 3), "prod"); w.registry.Immutable(shopAPI) },
			func(w *world) { w.registry.Push(shopAPI, imageOf(shopAPI, 2), "prod") }, ledger.TagMoved, d(2),
		},
		{
			"blocked, and put where it belongs", func(w *world) { w.registry.Push(shopAPI, imageOf(shopAPI, 3), "prod"); w.registry.Immutable(shopAPI) },
			func(w *world) { w.registry.Push(shopAPI, imageOf(shopAPI, 1), "prod") }, ledger.TagBlocked, d(1),
		},
		{
			"about to be put", func(w *world) {
				w.registry.OnTag = func(context.Context, tagalong.Repository, tagalong.Manifest, string, func() error) error {
					return errDied
				}
			},
			func(w *world) { w.registry.Push(shopAPI, imageOf(shopAPI, 2), "prod") }, ledger.TagPending, d(2),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(prodRules())
			w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
			if test.before != nil {
				test.before(w)
			}
			_, _ = w.observe(t, completed(prodAPI, "ecs-svc/1", 0))
			if test.after != nil {
				test.after(w)
			}
			row := w.checked(t)
			if row.State != test.want || row.Actual != test.actual || row.Digest != d(1) {
				t.Errorf("%+v", row)
			}
			if moved := row.State == ledger.TagMoved; moved != (row.Since == nil) {
				t.Errorf("%s since %v: nobody knows when a tag was moved", row.State, row.Since)
			}
		})
	}
}

// What somebody has moved, and we have put back without an answer, has been pending
// since then, however long it had been confirmed.
func TestATagInDoubtHasBeenPendingSinceTheDoubt(t *testing.T) {
	w := newInventoryWorld(prodRules())
	w.rolls(prodAPI, ran("app", shopAPI, 1))
	w.hears(t)
	w.pass(72 * time.Hour)
	w.registry.Push(shopAPI, imageOf(shopAPI, 2), "prod")
	w.registry.OnTag = func(context.Context, tagalong.Repository, tagalong.Manifest, string, func() error) error {
		return tagalong.ErrUnanswered
	}
	before := w.Now()
	if report, err := w.Sweep(t.Context(), sweep.Options{}); err == nil && !report.Left() {
		t.Errorf("report %+v: the put has no answer", report)
	}
	if tag := (&world{ledger: w.ledger}).tag(t, shopAPI, "prod"); tag.State != ledger.TagPending || tag.Since.Before(before) {
		t.Errorf("tag %q since %v, want pending since %v", tag.State, tag.Since, before)
	}
}
