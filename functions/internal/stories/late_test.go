package stories_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// The index of a rollout that was replaced before its completion arrived is
// looked for like any other: the history and the children tell no order.
func TestALateCompletionOfAReplacedRolloutStillRecordsItsIndex(t *testing.T) {
	index, children := tagalongtest.Index("multi")
	story := func(happenings ...happening) string {
		w := newWorld(prodRules())
		for _, child := range children {
			w.registry.Push(shopAPI, child)
		}
		w.registry.Push(shopAPI, index, "multi")
		w.runs(prodAPI, "ecs-svc/1",
			tagalong.Ran{Name: "agent", Image: "docker.io/" + shopAPI.Name + ":multi", Digest: index.Digest}, // the same one, where nobody asks
			tagalong.Ran{Name: "app", Image: shopAPI.String() + ":multi", Digest: children[0].Digest})
		w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
		w.tell(t, happenings...)
		return w.ledger.Dump()
	}
	one, two := completed(prodAPI, "ecs-svc/1", 0), completed(prodAPI, "ecs-svc/2", 10)
	if diff := cmp.Diff(story(one, two), story(two, one)); diff != "" {
		t.Errorf("(-in order +late):\n%s", diff)
	}
}

// What the registry cannot say of a late completion is an error, so that the
// event comes again.
func TestALateCompletionWhoseRepositoryCannotBeReadIsAnError(t *testing.T) {
	w := newWorld(prodRules())
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
	w.tell(t, completed(prodAPI, "ecs-svc/2", 10))
	refused := errors.New("the registry is closed")
	w.registry.OnRead = func(context.Context, tagalong.Repository, func() (tagalong.Images, error)) (tagalong.Images, error) {
		return tagalong.Images{}, refused
	}
	if _, err := w.observe(t, completed(prodAPI, "ecs-svc/1", 0)); !errors.Is(err, refused) {
		t.Errorf("error %v, want %v", err, refused)
	}
	w.wantTag(t, shopAPI, "prod", d(2), ledger.TagConfirmed)
}

// The start of ecs-svc/3 was lost: in whatever order the others come, and however often,
// ecs-svc/2 rolls out no more; nor does it by a fold that begins in the midst of them.
func TestACompletionWhoseStartWasLostEndsWhatRolledOutBefore(t *testing.T) {
	for name, past := range map[string]int{"a short story": 0, "a story longer than the window": 30} {
		t.Run(name, func(t *testing.T) {
			tagalongtest.CheckTimes(t, 40, func(t *rapid.T) {
				w := newWorld(prodRules())
				w.Retention = 90 * 24 * time.Hour
				for version := range versions {
					w.runs(prodAPI, fmt.Sprintf("ecs-svc/%d", version), ran("app", shopAPI, version))
				}
				for n := range past {
					w.tell(t, completed(prodAPI, fmt.Sprintf("ecs-svc/%d", (n+1)%2), n-100))
				}
				story := []happening{completed(prodAPI, "ecs-svc/1", 0), started(prodAPI, "ecs-svc/2", 10), completed(prodAPI, "ecs-svc/3", 20)}
				repeats := rapid.SliceOfN(rapid.SampledFrom(story), 0, 3).Draw(t, "repeats")
				w.tell(t, rapid.Permutation(slices.Concat(story, repeats)).Draw(t, "order")...)
				rows, err := stream.Collect(w.ledger.Rollouts(t.Context(), prodAPI, ledger.Span{Since: at(0)}, 0))
				if err != nil {
					t.Fatal(err)
				}
				if len(rows) != 3 || rows[0].Deployment != "ecs-svc/3" || rows[1].State != timeline.StateSuperseded || !rows[1].Expires.Equal(at(20).Add(w.Retention)) {
					t.Fatalf("rollouts:\n%s", courseOf(rows))
				}
				for placement, err := range w.ledger.OpenPlacements(t.Context(), shopAPI.Name) {
					if err != nil || placement.Deployment != "ecs-svc/3" {
						t.Fatalf("open place %+v, error %v", placement, err)
					}
				}
			})
		})
	}
}
