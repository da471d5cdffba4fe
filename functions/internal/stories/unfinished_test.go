package stories_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// whereIs says in a line each where an image of shop/api is and was, newest first.
func (w *world) whereIs(t failer, version int) (lines []string) {
	t.Helper()
	page, err := query.Queries{Records: w.ledger}.Where(t.Context(), tagalong.ImageQuery{Digest: d(version)}, query.Paging{})
	if err != nil {
		t.Fatalf("where: %v", err)
	}
	second := func(at *time.Time) string {
		if at == nil {
			return "-"
		}
		return fmt.Sprint(at.Sub(noon).Seconds())
	}
	for _, row := range page.Items {
		lines = append(lines, fmt.Sprintf("%s %s..%s", row.Phase, second(row.Since), second(row.Until)))
	}
	return lines
}

// A rollout that failed, or that another one overtook, may have served until then.
func TestWhereKnowsRolloutsThatNeverCompleted(t *testing.T) {
	for _, test := range []struct {
		name string
		then []happening
		want []string
	}{
		{"one that rolls out", []happening{started(prodAPI, "ecs-svc/2", 10)}, []string{"rolling_out 10..-"}},
		{"one that failed", []happening{started(prodAPI, "ecs-svc/2", 10), failed(prodAPI, "ecs-svc/2", 15)}, []string{"ended 10..15"}},
		{"one whose start nobody saw", []happening{failed(prodAPI, "ecs-svc/2", 15)}, []string{"ended -..15"}},
		{"one that the next start overtook", []happening{started(prodAPI, "ecs-svc/2", 10), started(prodAPI, "ecs-svc/3", 17)}, []string{"ended 10..17"}},
		{"one that the next completion overtook", []happening{started(prodAPI, "ecs-svc/2", 10), completed(prodAPI, "ecs-svc/3", 19)}, []string{"ended 10..19"}},
		{"one that went with its service", []happening{started(prodAPI, "ecs-svc/2", 10), retired(prodAPI, 18)}, []string{"ended 10..18"}},
		{"one that was overtaken, and then failed", []happening{started(prodAPI, "ecs-svc/2", 10), started(prodAPI, "ecs-svc/3", 17), failed(prodAPI, "ecs-svc/2", 16), failed(prodAPI, "ecs-svc/2", 18)}, []string{"ended 10..16"}},
		{"one that was tried twice", []happening{started(prodAPI, "ecs-svc/2", 10), failed(prodAPI, "ecs-svc/2", 15), started(prodAPI, "ecs-svc/2", 20), failed(prodAPI, "ecs-svc/2", 21)}, []string{"ended 20..21", "ended 10..15"}},
		{"two that ended at once", []happening{started(prodAPI, "ecs-svc/2", 10), failed(prodAPI, "ecs-svc/2", 15), completed(prodAPI, "ecs-svc/1", 10)}, []string{"ended 10..15"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				w := newWorld(prodRules())
				for i := 1; i <= 3; i++ {
					w.runs(prodAPI, fmt.Sprintf("ecs-svc/%d", i), ran("app", shopAPI, i))
				}
				told := append([]happening{started(prodAPI, "ecs-svc/1", 0), completed(prodAPI, "ecs-svc/1", 1)}, test.then...)
				w.tell(t, rapid.Permutation(told).Draw(t, "order")...)
				if diff := cmp.Diff(test.want, w.whereIs(t, 2)); diff != "" {
					t.Fatalf("where the image is and was (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// It stands in no tag, it does not run, and it is in no comparison.
func TestWhatNeverCompletedMovesNoTagAndDoesNotRun(t *testing.T) {
	tagalongtest.CheckTimes(t, 50, func(t *rapid.T) {
		w := newWorld(prodRules())
		w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
		w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
		w.tell(t, started(prodAPI, "ecs-svc/1", 0), completed(prodAPI, "ecs-svc/1", 1))
		before, tags := w.runningRow(t), w.allTags(t)
		w.tell(t, rapid.Permutation([]happening{started(prodAPI, "ecs-svc/2", 10), failed(prodAPI, "ecs-svc/2", 15)}).Draw(t, "order")...)
		if diff := cmp.Diff(before, w.runningRow(t)); diff != "" {
			t.Fatalf("what runs (-before +after):\n%s", diff)
		}
		if diff := cmp.Diff(tags, w.allTags(t)); diff != "" {
			t.Fatalf("tags (-before +after):\n%s", diff)
		}
	})
}
