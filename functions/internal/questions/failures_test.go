package questions_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

var errBroken = errors.New("broken")

// asking are all questions, about everything.
func (w *world) asking(t *rapid.T) map[string]func() error {
	page := query.Paging{}
	at := noon.Add(time.Duration(rapid.IntRange(0, 8).Draw(t, "at")) * time.Second)
	api := tagalong.ImageQuery{Repository: shopAPI.Name}
	app := tagalong.ImageQuery{Digest: image(firstIndex).Digest}
	pattern, err := tagalong.ParseServicePattern("a*")
	if err != nil {
		t.Fatalf("%v", err)
	}
	first, err := w.Where(t.Context(), api, query.Paging{Limit: 1})
	if err != nil {
		t.Fatalf("%v", err)
	}
	return map[string]func() error{
		"running":      func() error { _, err := w.Running(t.Context(), query.RunningQuery{}, page); return err },
		"running then": func() error { _, err := w.Running(t.Context(), query.RunningQuery{At: at}, page); return err },
		"history":      func() error { _, err := w.History(t.Context(), query.HistoryQuery{}, page); return err },
		"history of services": func() error {
			_, err := w.History(t.Context(), query.HistoryQuery{Services: pattern}, page)
			return err
		},
		"release": func() error {
			_, err := w.Release(t.Context(), query.ReleaseQuery{Pipeline: "checkout", Execution: executionID(2)}, page)
			return err
		},
		"where is a repository": func() error { _, err := w.Where(t.Context(), api, page); return err },
		"where else is it": func() error {
			_, err := w.Where(t.Context(), api, query.Paging{Cursor: first.Next})
			return err
		},
		"where is a digest": func() error { _, err := w.Where(t.Context(), app, page); return err },
		"find a digest":     func() error { _, err := w.Find(t.Context(), query.FindQuery(app.Digest.Encoded()), page); return err },
		"find a service":    func() error { _, err := w.Find(t.Context(), query.FindQuery(services[0].String()), page); return err },
		"where is a beginning": func() error {
			_, err := w.Where(t.Context(), tagalong.ImageQuery{Beginning: app.Digest.Encoded()[:7]}, page)
			return err
		},
		"releases": func() error { _, err := w.Releases(t.Context(), query.ReleasesQuery{}, page); return err },
		"gate": func() error {
			_, err := w.Gate(t.Context(), query.GateQuery{Image: app, RanIn: "prod"})
			return err
		},
		"in use": func() error {
			_, _, err := w.InUse(t.Context(), query.InUseQuery{Previous: 1, Incomplete: true}, page)
			return err
		},
		"diff": func() error {
			_, err := w.Diff(t.Context(), query.PointInTime{Environment: "prod"}, query.PointInTime{Environment: "prod", At: at}, page)
			return err
		},
		"tags":         func() error { _, err := w.Tags(t.Context(), query.TagsQuery{}, page); return err },
		"environments": func() error { _, err := w.Queries.Environments(t.Context(), page); return err },
		"services":     func() error { _, err := w.Services(t.Context(), pattern); return err },
		"await":        func() error { _, err := w.Await(t.Context(), services[0], app, at); return err },
	}
}

// failing makes the nth call of a ledger fail, and those after it too; 0 is none.
// It returns the number of calls.
func failing(ledger *tagalongtest.Ledger, n int64, ask func() error) (calls int64, err error) {
	var count atomic.Int64
	ledger.Hook = func(context.Context, string) error {
		if at := count.Add(1); n > 0 && at >= n {
			return errBroken
		}
		return nil
	}
	defer func() { ledger.Hook = nil }()
	err = ask()
	return count.Load(), err
}

func TestAnAnswerThatCanNotBeReadWholeIsAnError(t *testing.T) {
	checkTimes(t, 150, func(t *rapid.T) {
		s := drawStory(t, varied(), drawHistory)
		ledger := &tagalongtest.Ledger{}
		w := s.world(ledger)
		w.tell(t, s.happenings...)
		for what, ask := range w.asking(t) {
			var horizon *query.HorizonError
			var unknown *tagalong.UnknownNameError
			calls, err := failing(ledger, 0, ask)
			if err != nil && !errors.As(err, &horizon) && !errors.As(err, &unknown) {
				t.Fatalf("%s: %v", what, err)
			}
			for n := int64(1); n <= calls; n++ {
				if _, err := failing(ledger, n, ask); !errors.Is(err, errBroken) {
					t.Fatalf("%s: error %v though call %d of %d had failed\n%s", what, err, n, calls, s)
				}
			}
		}
	})
}
