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
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

func d(version int) digest.Digest { return imageOf(shopAPI, version).Digest }

func written(name, tag string) tagalong.Ran {
	return tagalong.Ran{Name: name, Image: shopAPI.String() + ":" + tag}
}

func (r runs) with(more ...tagalong.Ran) runs { return append(r, more...) }

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

func TestResolving(t *testing.T) {
	app := tagalong.Container{Name: "app", Image: shopAPI, ImageTag: "v1"}
	as := func(c tagalong.Container, evidence tagalong.Evidence, d digest.Digest) tagalong.Container {
		c.Evidence, c.Digest = evidence, d
		return c
	}
	nginxImage := tagalong.Container{Name: "app", Image: nginx, ImageTag: "1.27"}
	for _, test := range []struct {
		name       string
		deployment tagalongtest.Deployment
		want       []tagalong.Container
	}{
		{
			"a pinned image is its own evidence, before the revision",
			tagalongtest.Deployment{Revised: []tagalong.Ran{{Name: "app", Image: shopAPI.String() + "@" + d(1).String(), Digest: d(2)}}},
			[]tagalong.Container{{Name: "app", Image: shopAPI, Digest: d(1), Evidence: tagalong.Pinned}},
		},
		{
			"the revision goes before the tasks",
			tagalongtest.Deployment{Revised: []tagalong.Ran{{Name: "app", Image: shopAPI.String() + ":v1", Digest: d(1)}}, Tasks: runs{reported("app", d(2))}.tasks()},
			[]tagalong.Container{as(app, tagalong.Revision, d(1))},
		},
		{
			"what the revision lacks the tasks tell",
			tagalongtest.Deployment{Revised: []tagalong.Ran{written("app", "v1")}, Tasks: runs{reported("app", d(2))}.tasks()},
			[]tagalong.Container{as(app, tagalong.Task, d(2))},
		},
		{
			"a revision that names nothing leaves it to the definition and the tasks",
			tagalongtest.Deployment{Revised: []tagalong.Ran{}, Defined: []tagalong.Ran{written("app", "v1")}, Tasks: runs{reported("app", d(2))}.tasks()},
			[]tagalong.Container{as(app, tagalong.Task, d(2))},
		},
		{
			"what nobody reports is looked up, as a guess",
			tagalongtest.Deployment{Revised: []tagalong.Ran{written("app", "v1")}},
			[]tagalong.Container{as(app, tagalong.Guess, d(1))},
		},
		{
			"a tag that is nowhere stays unknown",
			tagalongtest.Deployment{Revised: []tagalong.Ran{written("app", "none")}},
			[]tagalong.Container{{Name: "app", Image: shopAPI, ImageTag: "none", Evidence: tagalong.Unknown}},
		},
		{
			"without a revision the definition and the tasks tell",
			tagalongtest.Deployment{Defined: []tagalong.Ran{written("app", "v1")}, Tasks: runs{reported("app", d(2))}.tasks()},
			[]tagalong.Container{as(app, tagalong.Task, d(2))},
		},
		{
			"without a revision a pinned image goes before the tasks",
			tagalongtest.Deployment{Defined: []tagalong.Ran{{Name: "app", Image: shopAPI.String() + "@" + d(1).String()}}, Tasks: runs{reported("app", d(2))}.tasks()},
			[]tagalong.Container{{Name: "app", Image: shopAPI, Digest: d(1), Evidence: tagalong.Pinned}},
		},
		{
			"a revision that may not be read is like none",
			tagalongtest.Deployment{Denied: true, Defined: []tagalong.Ran{written("app", "v1")}, Tasks: runs{reported("app", d(2))}.tasks()},
			[]tagalong.Container{as(app, tagalong.Task, d(2))},
		},
		{
			"without any definition the tasks' own images stand",
			tagalongtest.Deployment{Undefined: true, Tasks: runs{reported("app", d(2))}.tasks()},
			[]tagalong.Container{as(app, tagalong.Task, d(2))},
		},
		{
			"tasks that disagree leave the digest of most, disputed",
			tagalongtest.Deployment{Revised: []tagalong.Ran{written("app", "v1")}, Tasks: runs{reported("app", d(2)), reported("app", d(3)), reported("app", d(3))}.tasks()},
			[]tagalong.Container{{Name: "app", Image: shopAPI, ImageTag: "v1", Digest: d(3), Evidence: tagalong.Task, Disputed: true}},
		},
		{
			"a task that has not pulled yet says nothing",
			tagalongtest.Deployment{Revised: []tagalong.Ran{written("app", "v1")}, Tasks: runs{}.with(reported("app", ""), reported("app", d(2))).tasks()},
			[]tagalong.Container{as(app, tagalong.Task, d(2))},
		},
		{
			"a container that the definition does not have was added by ECS",
			tagalongtest.Deployment{Revised: []tagalong.Ran{written("app", "v1")}, Tasks: runs{reported("app", d(1)), {Name: "aws-guardduty-agent-x", Digest: d(3)}}.tasks()},
			[]tagalong.Container{as(app, tagalong.Task, d(1)), {Name: "aws-guardduty-agent-x", Digest: d(3), Evidence: tagalong.Task, Added: true}},
		},
		{
			"without a definition its name tells",
			tagalongtest.Deployment{Undefined: true, Tasks: runs{reported("app", d(1)), reported("ecs-service-connect-x", d(3))}.tasks()},
			[]tagalong.Container{as(app, tagalong.Task, d(1)), {Name: "ecs-service-connect-x", Image: shopAPI, ImageTag: "v1", Digest: d(3), Evidence: tagalong.Task, Added: true}},
		},
		{
			"a foreign image is known like any other",
			tagalongtest.Deployment{Revised: []tagalong.Ran{{Name: "app", Image: "nginx:1.27", Digest: d(1)}}},
			[]tagalong.Container{as(nginxImage, tagalong.Revision, d(1))},
		},
		{
			"and is never guessed",
			tagalongtest.Deployment{Revised: []tagalong.Ran{{Name: "app", Image: "nginx:1.27"}}},
			[]tagalong.Container{as(nginxImage, tagalong.Unknown, "")},
		},
		{
			"an image reference that is none leaves the image unknown",
			tagalongtest.Deployment{Revised: []tagalong.Ran{{Name: "app", Image: "acme/UPPER:v1"}}},
			[]tagalong.Container{{Name: "app", Evidence: tagalong.Unknown}},
		},
		{
			"containers are sorted by name",
			tagalongtest.Deployment{Revised: []tagalong.Ran{reported("b", d(1)), reported("a", d(1))}},
			[]tagalong.Container{as(tagalong.Container{Name: "a", Image: shopAPI, ImageTag: "v1"}, tagalong.Revision, d(1)), as(tagalong.Container{Name: "b", Image: shopAPI, ImageTag: "v1"}, tagalong.Revision, d(1))},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(nil)
			test.deployment.TaskDefinition = "td"
			w.workload.Deploy(prodAPI, "ecs-svc/1", test.deployment)
			got, err := (&reactor.Reactor{Workload: w.workload, Registry: w.registry}).Resolve(t.Context(), ourAccounts, prodAPI, "ecs-svc/1")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got.Containers, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			wantDefinition := "td"
			if test.deployment.Undefined && len(test.deployment.Tasks) == 0 {
				wantDefinition = ""
			}
			if got.TaskDefinition != wantDefinition {
				t.Errorf("task definition %q", got.TaskDefinition)
			}
		})
	}
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

func TestAGuessThatCannotBeMadeIsAnErrorThatNamesContainerAndImage(t *testing.T) {
	w := newWorld(nil)
	w.workload.Deploy(prodAPI, "ecs-svc/1", tagalongtest.Deployment{Revised: []tagalong.Ran{written("app", "v1")}})
	w.registry.OnRead = func(context.Context, tagalong.Repository, func() (tagalong.Images, error)) (tagalong.Images, error) {
		return tagalong.Images{}, errDied
	}
	_, err := (&reactor.Reactor{Workload: w.workload, Registry: w.registry}).Resolve(t.Context(), ourAccounts, prodAPI, "ecs-svc/1")
	if !errors.Is(err, errDied) || !strings.Contains(err.Error(), "app") || !strings.Contains(err.Error(), "shop/api:v1") {
		t.Errorf("error %v", err)
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

// ourAccounts are what the tests of resolving cover.
var ourAccounts = tagalong.Coverage{Own: prodAPI.Account, Listed: map[string]tagalong.Given{"444455556666": {}}}
