package ecr_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecr "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// world is a sandbox with a repository "app" and a client.
type world struct {
	*sandboxtest.Sandbox
	t      *testing.T
	client *awsecr.Client
	repo   *ecr.Repository
}

var name = aws.String("app")

func newWorld(t *testing.T) *world {
	t.Helper()
	s := sandboxtest.Start(t)
	return &world{s, t, awsecr.NewFromConfig(s.Config()), s.ECR.Repository(wire.Scope{}, "app")}
}

func (w *world) push(seed string, tags ...string) digest.Digest {
	w.t.Helper()
	d, err := w.repo.Push(ecr.Image{Seed: seed, Tags: tags})
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

func (w *world) pushIndex(seed string, tags ...string) ecr.Pushed {
	w.t.Helper()
	p, err := w.repo.PushIndex(ecr.Index{Seed: seed, Tags: tags})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func byTag(tag string) types.ImageIdentifier { return types.ImageIdentifier{ImageTag: &tag} }

func byDigest(d digest.Digest) types.ImageIdentifier {
	return types.ImageIdentifier{ImageDigest: aws.String(string(d))}
}

// get reads one image.
func (w *world) get(id types.ImageIdentifier, accepted ...string) types.Image {
	w.t.Helper()
	out, err := w.client.BatchGetImage(w.t.Context(), &awsecr.BatchGetImageInput{
		RepositoryName: name, ImageIds: []types.ImageIdentifier{id}, AcceptedMediaTypes: accepted,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(out.Images) != 1 {
		w.t.Fatalf("images %+v, failures %+v", out.Images, out.Failures)
	}
	return out.Images[0]
}

// retag is the documented route: read the manifest by digest, put it back.
func (w *world) retag(d digest.Digest, tag string) error {
	w.t.Helper()
	img := w.get(byDigest(d))
	_, err := w.client.PutImage(w.t.Context(), &awsecr.PutImageInput{
		RepositoryName: name, ImageTag: &tag, ImageDigest: aws.String(string(d)),
		ImageManifest: img.ImageManifest, ImageManifestMediaType: img.ImageManifestMediaType,
	})
	return err
}

// wantCode checks an error's code and a part of its message.
func wantCode(t *testing.T, err error, code, message string) {
	t.Helper()
	if got := sandboxtest.Code(err); got != code {
		t.Errorf("error %q, want %q: %v", got, code, err)
	}
	if err != nil && !strings.Contains(err.Error(), message) {
		t.Errorf("error %v\ndoes not say %q", err, message)
	}
}
