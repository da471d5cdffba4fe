package tagalong_test

import (
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
		w.runs(prodAPI, "ecs-svc/1", Ran{Name: "app", Image: shopAPI.String() + ":multi", Digest: children[0].Digest})
		w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
		w.tell(t, happenings...)
		return w.ledger.Dump()
	}
	one, two := completed(prodAPI, "ecs-svc/1", 0), completed(prodAPI, "ecs-svc/2", 10)
	if diff := cmp.Diff(story(one, two), story(two, one)); diff != "" {
		t.Errorf("(-in order +late):\n%s", diff)
	}
}
