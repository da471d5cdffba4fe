package stories_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// weighed notes what is read, and how many items each commit writes.
type weighed struct {
	*tagalongtest.Ledger
	reads []string
	sizes []int
}

// weigh puts the ledger of a world on the scales.
func weigh(w *world) *weighed {
	l := &weighed{Ledger: w.ledger}
	w.Reactor.Ledger = l
	w.ledger.Hook = func(_ context.Context, operation string) error {
		if slices.Contains([]string{"Load", "LoadWhole", "Details", "Claims", "Tags"}, operation) {
			l.reads = append(l.reads, operation)
		}
		return nil
	}
	return l
}

func (l *weighed) Commit(ctx context.Context, c ledger.Change) error {
	l.sizes = append(l.sizes, c.Size())
	return l.Ledger.Commit(ctx, c)
}

// want checks what was noted since the last time.
func (l *weighed) want(t *testing.T, reads string, sizes ...int) {
	t.Helper()
	if diff := cmp.Diff(reads, strings.Join(l.reads, " ")); diff != "" {
		t.Errorf("reads (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(sizes, l.sizes); diff != "" {
		t.Errorf("items of the commits (-want +got):\n%s", diff)
	}
	l.reads, l.sizes = nil, nil
}

// What is known of the image before costs nothing as long as events come in
// order: neither reads nor items. What it is found by is written beside, see below.
func TestWhatAnEventReadsAndWrites(t *testing.T) {
	platform := func(name string) tagalong.Ran {
		return tagalong.Ran{Name: name, Image: shopAPI.String() + ":" + versionTag(versions), Digest: platformOf(shopAPI, versions).Digest}
	}
	other := tagalong.Ran{Name: "app", Image: shopAPI.String() + ":" + versionTag(versions+1), Digest: platformOf(shopAPI, versions+1).Digest}
	for _, test := range []struct {
		name          string
		before, after []tagalong.Ran
		start         bool // told last, else the completion
		reads         string
		sizes         []int
	}{
		{"a start", []tagalong.Ran{ran("app", shopAPI, 1)}, []tagalong.Ran{ran("app", shopAPI, 2)}, true, "Load", []int{5}},
		{"another image", []tagalong.Ran{ran("app", shopAPI, 1)}, []tagalong.Ran{ran("app", shopAPI, 2)}, false, "Load", []int{9}},
		{"the same image again", []tagalong.Ran{ran("app", shopAPI, 1)}, []tagalong.Ran{ran("app", shopAPI, 1)}, false, "Load", []int{9}},
		{"two containers", []tagalong.Ran{ran("app", shopAPI, 1), ran("log", shopWeb, 1)}, []tagalong.Ran{ran("app", shopAPI, 2), ran("log", shopWeb, 1)}, false, "Load", []int{13}},
		{"another platform's image, whose index is proven", []tagalong.Ran{platform("app")}, []tagalong.Ran{other}, false, "Load", []int{9}},
		{"the same platform's image again", []tagalong.Ran{platform("app")}, []tagalong.Ran{platform("app")}, false, "Load", []int{9}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(prodRules())
			w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 3))
			w.runs(prodAPI, "ecs-svc/2", test.before...)
			w.runs(prodAPI, "ecs-svc/3", test.after...)
			w.tell(t, completed(prodAPI, "ecs-svc/1", 0), started(prodAPI, "ecs-svc/2", 1), completed(prodAPI, "ecs-svc/2", 2))
			last := started(prodAPI, "ecs-svc/3", 3)
			if !test.start {
				w.tell(t, last)
				last = completed(prodAPI, "ecs-svc/3", 4)
			}
			ledger := weigh(w)
			w.tell(t, last)
			ledger.want(t, test.reads, test.sizes...)
		})
	}
}

func TestWhatRollbacksAndLateFactsReadAndWrite(t *testing.T) {
	w := newWorld(prodRules())
	for i := range 4 {
		w.runs(prodAPI, fmt.Sprintf("ecs-svc/%d", i), ran("app", shopAPI, i))
	}
	ledger := weigh(w)
	for _, step := range []struct {
		happening
		reads string
		size  []int
	}{
		{completed(prodAPI, "ecs-svc/0", 0), "Load", []int{8}}, // nobody heard its start, and nobody else runs the image
		{started(prodAPI, "ecs-svc/1", 1), "Load", []int{5}},
		{completed(prodAPI, "ecs-svc/1", 2), "Load", []int{9}},
		{started(prodAPI, "ecs-svc/2", 3), "Load", []int{5}},
		{failed(prodAPI, "ecs-svc/2", 4), "Load", []int{6}},
		{started(prodAPI, "ecs-svc/1", 5), "Load", []int{5}},            // back to what runs
		{completed(prodAPI, "ecs-svc/1", 6), "Load Details", []int{9}},  // the second rollout of it
		{completed(prodAPI, "ecs-svc/1", 6), "Load Tags", nil},          // a repeat
		{started(prodAPI, "ecs-svc/0", 7), "Load Details", []int{5}},    // back to what ran long ago
		{completed(prodAPI, "ecs-svc/0", 8), "Load", []int{9}},          // but that is known
		{completed(prodAPI, "ecs-svc/2", 10), "Load Details", []int{8}}, // its start is late
		{started(prodAPI, "ecs-svc/2", 9), "Load", []int{4}},            // now it is there
		{completed(prodAPI, "ecs-svc/3", 7), "Load Details", []int{6}},  // late, between what ended
	} {
		w.tell(t, step.happening)
		if !t.Run(describe([]happening{step.happening}), func(t *testing.T) { ledger.want(t, step.reads, step.size...) }) {
			return
		}
	}
}

// What runs continues is in the head, however much of the history was cut off: what a
// pipeline does, and that the service goes, reads no more than that.
func TestFactsThatAreNoDeploymentsReadNoHistory(t *testing.T) {
	w := newWorld(prodRules())
	for i := range 40 { // more than the head keeps
		w.runs(prodAPI, deploymentNamed(i), ran("app", shopAPI, 1))
		w.tell(t, started(prodAPI, deploymentNamed(i), 10*i), completed(prodAPI, deploymentNamed(i), 10*i+1))
	}
	for second := range 32 { // until what ran before it is cut off, too
		w.tell(t, started(prodAPI, "ecs-svc/next", 1000+second))
	}
	ledger := weigh(w)
	w.tell(t, deploys("x", tagalong.ActionStarted, 2000, "c0ffee"))
	ledger.want(t, "Load", 2)
	w.tell(t, retired(prodAPI, 2001))
	ledger.want(t, "Load Tags Claims", 9)
	w.checkContinuity(t)
}

// A late start dates the row anew, and leaves what ran last where the service was.
func TestWhatRanLastIsNotWrittenAgainUnlessItChanges(t *testing.T) {
	w := newWorld(prodRules())
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0), completed(prodAPI, "ecs-svc/2", 10), retired(prodAPI, 20))
	ledger := weigh(w)
	w.tell(t, started(prodAPI, "ecs-svc/2", 9))
	ledger.want(t, "Load Details Details", 5) // head, fact, the row, the one that goes, and the service of the directory
}

// An image that is new to its service is named by its digest and its tag, and its
// repository with the first image of it. An image that comes back is named again; what
// repeats an event writes nothing.
func TestAnImageIsNamedAsItComesToAService(t *testing.T) {
	w := newWorld(prodRules())
	for n := range 3 {
		w.runs(prodAPI, deploymentNamed(n), ran("app", shopAPI, n))
	}
	w.runs(prodAPI, deploymentNamed(3), ran("app", shopAPI, 0))
	named := 0
	w.Reactor.Ledger = naming{w.ledger, &named}
	for _, step := range []struct {
		tell happening
		want int
	}{
		{completed(prodAPI, deploymentNamed(0), 0), 3},
		{started(prodAPI, deploymentNamed(1), 1), 2},
		{completed(prodAPI, deploymentNamed(1), 2), 0},
		{completed(prodAPI, deploymentNamed(1), 2), 0},
		{completed(prodAPI, deploymentNamed(2), 3), 2},
		{started(prodAPI, deploymentNamed(3), 4), 2},
		{completed(prodAPI, deploymentNamed(3), 5), 0},
	} {
		named = 0
		if w.tell(t, step.tell); named != step.want {
			t.Errorf("%v: %d names, want %d", step.tell, named, step.want)
		}
	}
}

// naming counts what images are named by.
type naming struct {
	*tagalongtest.Ledger
	named *int
}

func (l naming) Commit(ctx context.Context, c ledger.Change) error {
	*l.named += len(c.Names) + len(c.Repositories)
	return l.Ledger.Commit(ctx, c)
}
