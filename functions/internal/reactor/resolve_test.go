package reactor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

var (
	api     = tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod-a", Name: "api"}
	shop    = tagalong.Repository{Registry: "111122223333.dkr.ecr.us-east-1.amazonaws.com", Name: "shop/api"}
	nginx   = tagalong.Repository{Registry: "docker.io", Name: "library/nginx"}
	covered = tagalong.Coverage{Own: api.Account}
)

func image(version int) tagalong.Manifest { return tagalongtest.Image(fmt.Sprint("v", version)) }

func d(version int) digest.Digest { return image(version).Digest }

// deployed returns a reactor on which a deployment is known, and v1 lies in the registry.
func deployed(deployment tagalongtest.Deployment) (*reactor.Reactor, *tagalongtest.Registry) {
	workload, registry := &tagalongtest.Workload{}, &tagalongtest.Registry{}
	workload.Deploy(api, "ecs-svc/1", deployment)
	registry.Push(shop, image(1), "v1")
	return &reactor.Reactor{Workload: workload, Registry: registry}, registry
}

func written(name, tag string) tagalong.Ran {
	return tagalong.Ran{Name: name, Image: shop.String() + ":" + tag}
}

func reported(name string, d digest.Digest) tagalong.Ran {
	return tagalong.Ran{Name: name, Image: shop.String() + ":v1", Digest: d}
}

// tasksOf returns tasks of one container each.
func tasksOf(containers ...tagalong.Ran) (tasks []tagalong.TaskRun) {
	for _, ran := range containers {
		tasks = append(tasks, tagalong.TaskRun{TaskDefinition: "td", Containers: []tagalong.Ran{ran}})
	}
	return tasks
}

func TestResolving(t *testing.T) {
	app := tagalong.Container{Name: "app", Image: shop, ImageTag: "v1"}
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
			tagalongtest.Deployment{Revised: []tagalong.Ran{{Name: "app", Image: shop.String() + "@" + d(1).String(), Digest: d(2)}}},
			[]tagalong.Container{{Name: "app", Image: shop, Digest: d(1), Evidence: tagalong.Pinned}},
		},
		{
			"the revision goes before the tasks",
			tagalongtest.Deployment{Revised: []tagalong.Ran{{Name: "app", Image: shop.String() + ":v1", Digest: d(1)}}, Tasks: tasksOf(reported("app", d(2)))},
			[]tagalong.Container{as(app, tagalong.Revision, d(1))},
		},
		{
			"what the revision lacks the tasks tell",
			tagalongtest.Deployment{Revised: []tagalong.Ran{written("app", "v1")}, Tasks: tasksOf(reported("app", d(2)))},
			[]tagalong.Container{as(app, tagalong.Task, d(2))},
		},
		{
			"a revision that names nothing leaves it to the definition and the tasks",
			tagalongtest.Deployment{Revised: []tagalong.Ran{}, Defined: []tagalong.Ran{written("app", "v1")}, Tasks: tasksOf(reported("app", d(2)))},
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
			[]tagalong.Container{{Name: "app", Image: shop, ImageTag: "none", Evidence: tagalong.Unknown}},
		},
		{
			"without a revision the definition and the tasks tell",
			tagalongtest.Deployment{Defined: []tagalong.Ran{written("app", "v1")}, Tasks: tasksOf(reported("app", d(2)))},
			[]tagalong.Container{as(app, tagalong.Task, d(2))},
		},
		{
			"without a revision a pinned image goes before the tasks",
			tagalongtest.Deployment{Defined: []tagalong.Ran{{Name: "app", Image: shop.String() + "@" + d(1).String()}}, Tasks: tasksOf(reported("app", d(2)))},
			[]tagalong.Container{{Name: "app", Image: shop, Digest: d(1), Evidence: tagalong.Pinned}},
		},
		{
			"a revision that may not be read is like none",
			tagalongtest.Deployment{Denied: true, Defined: []tagalong.Ran{written("app", "v1")}, Tasks: tasksOf(reported("app", d(2)))},
			[]tagalong.Container{as(app, tagalong.Task, d(2))},
		},
		{
			"without any definition the tasks' own images stand",
			tagalongtest.Deployment{Undefined: true, Tasks: tasksOf(reported("app", d(2)))},
			[]tagalong.Container{as(app, tagalong.Task, d(2))},
		},
		{
			"tasks that disagree leave the digest of most, disputed",
			tagalongtest.Deployment{Revised: []tagalong.Ran{written("app", "v1")}, Tasks: tasksOf(reported("app", d(2)), reported("app", d(3)), reported("app", d(3)))},
			[]tagalong.Container{{Name: "app", Image: shop, ImageTag: "v1", Digest: d(3), Evidence: tagalong.Task, Disputed: true}},
		},
		{
			"a task that has not pulled yet says nothing",
			tagalongtest.Deployment{Revised: []tagalong.Ran{written("app", "v1")}, Tasks: tasksOf(reported("app", ""), reported("app", d(2)))},
			[]tagalong.Container{as(app, tagalong.Task, d(2))},
		},
		{
			"a container that the definition does not have was added by ECS",
			tagalongtest.Deployment{Revised: []tagalong.Ran{written("app", "v1")}, Tasks: tasksOf(reported("app", d(1)), tagalong.Ran{Name: "aws-guardduty-agent-x", Digest: d(3)})},
			[]tagalong.Container{as(app, tagalong.Task, d(1)), {Name: "aws-guardduty-agent-x", Digest: d(3), Evidence: tagalong.Task, Added: true}},
		},
		{
			"without a definition its name tells",
			tagalongtest.Deployment{Undefined: true, Tasks: tasksOf(reported("app", d(1)), reported("ecs-service-connect-x", d(3)))},
			[]tagalong.Container{as(app, tagalong.Task, d(1)), {Name: "ecs-service-connect-x", Image: shop, ImageTag: "v1", Digest: d(3), Evidence: tagalong.Task, Added: true}},
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
			[]tagalong.Container{as(tagalong.Container{Name: "a", Image: shop, ImageTag: "v1"}, tagalong.Revision, d(1)), as(tagalong.Container{Name: "b", Image: shop, ImageTag: "v1"}, tagalong.Revision, d(1))},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.deployment.TaskDefinition = "td"
			r, _ := deployed(test.deployment)
			got, err := r.Resolve(t.Context(), covered, api, "ecs-svc/1")
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

func TestAGuessThatCannotBeMadeIsAnErrorThatNamesContainerAndImage(t *testing.T) {
	down := errors.New("down")
	r, registry := deployed(tagalongtest.Deployment{Revised: []tagalong.Ran{written("app", "v1")}})
	registry.OnRead = func(context.Context, tagalong.Repository, func() (tagalong.Images, error)) (tagalong.Images, error) {
		return tagalong.Images{}, down
	}
	_, err := r.Resolve(t.Context(), covered, api, "ecs-svc/1")
	if !errors.Is(err, down) || !strings.Contains(err.Error(), "app") || !strings.Contains(err.Error(), "shop/api:v1") {
		t.Errorf("error %v", err)
	}
}
