package tagalong_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	. "github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
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
			Ran{Name: "agent", Image: "docker.io/" + shopAPI.Name + ":multi", Digest: index.Digest}, // the same one, where nobody asks
			Ran{Name: "app", Image: shopAPI.String() + ":multi", Digest: children[0].Digest})
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
	w.registry.OnRead = func(context.Context, Repository, func() (Images, error)) (Images, error) {
		return Images{}, refused
	}
	if _, err := w.observe(t, completed(prodAPI, "ecs-svc/1", 0)); !errors.Is(err, refused) {
		t.Errorf("error %v, want %v", err, refused)
	}
	w.wantTag(t, shopAPI, "prod", d(2), TagConfirmed)
}
