//go:build e2e

package e2e

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/opencontainers/go-digest"

	boxecr "github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// release is a deployment of a service that has a repository of its own.
type release struct {
	service, repository string
	uri                 string // of the repository
	image               digest.Digest
	started, completed  []byte // the events
}

// pushed pushes the first image of a service, for a repository of the same name.
func (w *world) pushed(t *testing.T, service string) release {
	t.Helper()
	r := release{service: service, repository: "shop/" + service}
	_, err := w.ecr.CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: &r.repository})
	check(t, err)
	r.uri = w.ECR.Repository(wire.Scope{}, r.repository).URI()
	r.image = w.push(t, r.repository, "build-1")
	return r
}

// push pushes an image of its own. The sandbox makes it, so that its ECS can
// resolve the name; MiniStack's ECR gets the same bytes, whose digest is the same,
// and further tags of theirs.
func (w *world) push(t *testing.T, repository, tag string, more ...string) digest.Digest {
	t.Helper()
	image, err := w.ECR.Repository(wire.Scope{}, repository).Push(boxecr.Image{Seed: repository + tag, Tags: []string{tag}})
	check(t, err)
	made, err := ecr.NewFromConfig(w.sandboxConfig()).BatchGetImage(t.Context(), &ecr.BatchGetImageInput{
		RepositoryName: &repository,
		ImageIds:       []ecrtypes.ImageIdentifier{{ImageDigest: aws.String(image.String())}},
	})
	check(t, err)
	for _, tag := range append([]string{tag}, more...) {
		_, err = w.ecr.PutImage(t.Context(), &ecr.PutImageInput{
			RepositoryName: &repository, ImageTag: &tag,
			ImageManifest: made.Images[0].ImageManifest, ImageManifestMediaType: made.Images[0].ImageManifestMediaType,
		})
		check(t, err)
	}
	return image
}

// release pushes an image and rolls it out in the cluster prod-cluster: long enough
// ago for a sweep to take ECS's word for it.
func (w *world) release(t *testing.T, service string, options ecs.ServiceOptions) release {
	t.Helper()
	r := w.pushed(t, service)
	at := time.Now().Add(-20 * time.Minute) // longer ago than ECS may lag behind its events
	d, started, err := w.ECS.Cluster(wire.Scope{}, "prod-cluster").CreateService(service, options).
		Release(at, ecs.Container{Name: "app", Image: r.uri + ":build-1"})
	check(t, err)
	r.started = started
	r.completed, err = d.Complete(at.Add(30 * time.Second))
	check(t, err)
	return r
}

// theTag: the events go in, and the tag of the environment comes to sit on the
// digest that was deployed.
func (w *world) theTag(t *testing.T, r release) {
	w.put(t, r.started)
	w.put(t, r.completed)
	w.awaitTag(t, r)
}

// awaitTag waits until the tag prod of the release's repository is on its image.
func (w *world) awaitTag(t *testing.T, r release) {
	t.Helper()
	await(t, "the tag prod on "+r.repository, func(ctx context.Context) (digest.Digest, bool, error) {
		on, err := w.tagged(ctx, r)
		return on, on == r.image, err
	})
}

// tagged is where ECR has the tag prod, "" if nowhere.
func (w *world) tagged(ctx context.Context, r release) (digest.Digest, error) {
	answer, err := w.ecr.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: &r.repository})
	if err != nil {
		return "", err
	}
	for _, image := range answer.ImageDetails {
		if slices.Contains(image.ImageTags, "prod") {
			return digest.Digest(aws.ToString(image.ImageDigest)), nil
		}
	}
	return "", nil
}

// theLegacy: of a service with the old ARN, which does not say the cluster, and
// without revisions, the clusters are searched and the tasks are asked.
func (w *world) theLegacy(t *testing.T) {
	r := w.release(t, "legacy", ecs.ServiceOptions{ShortARN: true, NoRevisions: true, Events: ecs.EventOptions{NoClusterARN: true}})
	w.theTag(t, r)
	rollouts, err := w.items(t.Context(), w.partition(r), "R#")
	if err != nil || len(rollouts) != 1 || len(rollouts[0].Containers) != 1 || rollouts[0].Containers[0].Evidence != "task" {
		t.Errorf("rollouts %v, %v", rollouts, err)
	}
}
