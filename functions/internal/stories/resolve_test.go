package stories_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

func d(version int) digest.Digest { return imageOf(shopAPI, version).Digest }

func written(name, tag string) tagalong.Ran {
	return tagalong.Ran{Name: name, Image: shopAPI.String() + ":" + tag}
}

// runs are tasks of one container each.
type runs []tagalong.Ran

func (r runs) tasks() (tasks []tagalong.TaskRun) {
	for _, ran := range r {
		tasks = append(tasks, tagalong.TaskRun{TaskDefinition: "td", Containers: []tagalong.Ran{ran}})
	}
	return tasks
}

func reported(name string, d digest.Digest) tagalong.Ran {
	return tagalong.Ran{Name: name, Image: shopAPI.String() + ":v1", Digest: d}
}

func TestAnAccountThatIsNotCoveredIsRecordedWithoutContainers(t *testing.T) {
	w := newWorld(nil)
	w.workload.Elsewhere(prodAPI.Account)
	w.tell(t, started(prodAPI, "ecs-svc/1", 0), completed(prodAPI, "ecs-svc/1", 10))
	rows, err := stream.Collect(w.ledger.Rollouts(t.Context(), prodAPI, ledger.Span{Since: at(-1), Until: at(100)}, 0))
	if err != nil || len(rows) != 1 || rows[0].State != timeline.StateCompleted || len(rows[0].Containers) != 0 {
		t.Errorf("rows %+v, error %v", rows, err)
	}
	running, err := stream.Collect(w.ledger.RunningRecords(t.Context(), prodAPI.Cluster, tagalong.Service{}, 0))
	if err != nil || len(running) != 0 {
		t.Errorf("running rows %+v, error %v", running, err)
	}
}

func TestADeploymentThatECSDoesNotKnowIsRecordedAllTheSame(t *testing.T) {
	w := newWorld(nil)
	w.tell(t, completed(prodAPI, "ecs-svc/1", 10))
	rows, err := stream.Collect(w.ledger.Rollouts(t.Context(), prodAPI, ledger.Span{Since: at(-1), Until: at(100)}, 0))
	if err != nil || len(rows) != 1 {
		t.Errorf("rows %+v, error %v", rows, err)
	}
}

func TestAWorkloadThatCannotBeAskedIsAnErrorAndNothingIsWritten(t *testing.T) {
	for _, operation := range []string{"Revision", "Tasks", "Definition"} {
		t.Run(operation, func(t *testing.T) {
			w := newWorld(nil)
			w.workload.Deploy(prodAPI, "ecs-svc/1", tagalongtest.Deployment{Defined: []tagalong.Ran{written("app", "v1")}})
			w.workload.Hook = func(_ context.Context, called string) error {
				if called == operation {
					return errDied
				}
				return nil
			}
			_, err := w.observe(t, completed(prodAPI, "ecs-svc/1", 0))
			if !errors.Is(err, errDied) || !strings.Contains(err.Error(), "ecs-svc/1") {
				t.Errorf("error %v", err)
			}
			if w.ledger.Writes() != 0 {
				t.Error("the ledger was written")
			}
		})
	}
}

// multi pushes an index under a tag and returns it with its images.
func (w *world) multi(tag string) (index tagalong.Manifest, children []tagalong.Manifest) {
	index, children = tagalongtest.Index("multi")
	for _, child := range children {
		w.registry.Push(shopAPI, child)
	}
	w.registry.Push(shopAPI, index, tag)
	return index, children
}

func (w *world) runningContainer(t *testing.T, environment string) ledger.Placed {
	t.Helper()
	running, err := stream.Collect(w.ledger.RunningRecords(t.Context(), environment, tagalong.Service{}, 0))
	if err != nil || len(running) != 1 || len(running[0].Containers) != 1 {
		t.Fatalf("running rows %+v, error %v", running, err)
	}
	return running[0].Containers[0]
}

func TestAPlatformsDigestWhoseTagSitsOnItsIndexTagsTheIndex(t *testing.T) {
	w := newWorld(prodRules())
	index, children := w.multi("multi")
	w.runs(prodAPI, "ecs-svc/1", tagalong.Ran{Name: "app", Image: shopAPI.String() + ":multi", Digest: children[1].Digest})
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	w.wantTag(t, shopAPI, "prod", index.Digest, ledger.TagConfirmed)
	if got := w.runningContainer(t, "prod"); got.Digest != children[1].Digest || got.Index != index.Digest {
		t.Errorf("digest %s, index %s", got.Digest, got.Index)
	}
	rows, err := stream.Collect(w.ledger.Rollouts(t.Context(), prodAPI, ledger.Span{Since: at(-1), Until: at(100)}, 0))
	if err != nil || rows[0].Containers[0].Index != index.Digest {
		t.Errorf("rows %+v, error %v", rows, err)
	}
	want := []ledger.Child{
		{Digest: children[0].Digest, Index: index.Digest, Repository: shopAPI, Platform: "linux/amd64"},
		{Digest: children[1].Digest, Index: index.Digest, Repository: shopAPI, Platform: "linux/arm64/v8"},
	}
	if diff := cmp.Diff(want, w.ledger.Children(), cmpopts.SortSlices(func(a, b ledger.Child) bool { return a.Platform < b.Platform })); diff != "" {
		t.Errorf("children (-want +got):\n%s", diff)
	}
	w.repeatsWriteNothing(t, completed(prodAPI, "ecs-svc/1", 0))
}

func TestAnIndexThatIsReportedItselfIsTaggedAndItsChildrenRecorded(t *testing.T) {
	w := newWorld(prodRules())
	index, _ := w.multi("multi")
	w.runs(prodAPI, "ecs-svc/1", tagalong.Ran{Name: "app", Image: shopAPI.String() + ":multi", Digest: index.Digest})
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	w.wantTag(t, shopAPI, "prod", index.Digest, ledger.TagConfirmed)
	if got := w.runningContainer(t, "prod"); got.Index != "" {
		t.Errorf("index %s of the index itself", got.Index)
	}
	if got := w.ledger.Children(); len(got) != 2 {
		t.Errorf("children %+v", got)
	}
}

func TestAPlatformsDigestWhoseTagHasMovedOnIsTaggedItself(t *testing.T) {
	w := newWorld(prodRules())
	_, children := w.multi("multi")
	w.registry.Push(shopAPI, imageOf(shopAPI, 0), "multi")
	w.runs(prodAPI, "ecs-svc/1", tagalong.Ran{Name: "app", Image: shopAPI.String() + ":multi", Digest: children[0].Digest})
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	w.wantTag(t, shopAPI, "prod", children[0].Digest, ledger.TagConfirmed)
}

func TestAnAttestationProvesNoIndex(t *testing.T) {
	w := newWorld(prodRules())
	_, children := w.multi("multi")
	w.runs(prodAPI, "ecs-svc/1", tagalong.Ran{Name: "app", Image: shopAPI.String() + ":multi", Digest: children[2].Digest})
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	w.wantTag(t, shopAPI, "prod", children[2].Digest, ledger.TagConfirmed)
}

func TestARegistryThatFailsOnceStillProvesTheIndexOnTheRetry(t *testing.T) {
	w := newWorld(prodRules())
	index, children := w.multi("multi")
	w.runs(prodAPI, "ecs-svc/1", tagalong.Ran{Name: "app", Image: shopAPI.String() + ":multi", Digest: children[0].Digest})
	broken := true
	w.registry.OnRead = func(_ context.Context, _ tagalong.Repository, read func() (tagalong.Images, error)) (tagalong.Images, error) {
		if broken {
			return tagalong.Images{}, errDied
		}
		return read()
	}
	if _, err := w.observe(t, completed(prodAPI, "ecs-svc/1", 0)); !errors.Is(err, errDied) {
		t.Fatalf("error %v", err)
	}
	broken = false
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	w.wantTag(t, shopAPI, "prod", index.Digest, ledger.TagConfirmed)
}

func TestBetterEvidenceOfARepeatMovesTheTagThatAGuessCouldNot(t *testing.T) {
	w := newWorld(prodRules())
	w.workload.Deploy(prodAPI, "ecs-svc/1", tagalongtest.Deployment{Revised: []tagalong.Ran{written("app", "v1")}})
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	w.wantTag(t, shopAPI, "prod", "", "")
	if got := w.runningContainer(t, "prod"); got.Evidence != tagalong.Guess || got.Digest != d(1) {
		t.Errorf("container %+v", got)
	}
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	w.wantTag(t, shopAPI, "prod", d(1), ledger.TagConfirmed)
	if got := w.runningContainer(t, "prod"); got.Evidence != tagalong.Revision {
		t.Errorf("container %+v", got)
	}
}

func TestWhatIsKnownStaysWhenECSForgets(t *testing.T) {
	w := newWorld(prodRules())
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.tell(t, started(prodAPI, "ecs-svc/1", 0))
	w.workload.Deploy(prodAPI, "ecs-svc/1", tagalongtest.Deployment{Undefined: true})
	w.tell(t, completed(prodAPI, "ecs-svc/1", 10))
	w.wantTag(t, shopAPI, "prod", d(1), ledger.TagConfirmed)
	if got := w.runningContainer(t, "prod"); got.Evidence != tagalong.Revision || got.Digest != d(1) {
		t.Errorf("container %+v", got)
	}
}

func TestTasksThatDisagreeOverTwoLooksMoveNoTag(t *testing.T) {
	w := newWorld(prodRules())
	tasks := func(version int) tagalongtest.Deployment {
		return tagalongtest.Deployment{Defined: []tagalong.Ran{written("app", "v1")}, Tasks: runs{reported("app", d(version))}.tasks()}
	}
	w.workload.Deploy(prodAPI, "ecs-svc/1", tasks(1))
	w.tell(t, started(prodAPI, "ecs-svc/1", 0))
	w.workload.Deploy(prodAPI, "ecs-svc/1", tasks(2))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 10))
	if got := w.runningContainer(t, "prod"); !got.Disputed || got.Digest != d(2) {
		t.Errorf("container %+v, want it disputed, on what the tasks report now", got)
	}
	if at := w.registry.Tags(shopAPI)["prod"]; at != "" {
		t.Errorf("the tag sits on %s, though the tasks disagree", at)
	}
}
