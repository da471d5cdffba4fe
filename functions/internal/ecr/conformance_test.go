//go:build conformance

package ecr

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	box "github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// miniStackLacks are the cases that MiniStack does not hold.
var miniStackLacks = map[string]string{
	"an image is read by digest and by tag, byte for byte":           "an image with several tags comes back under one of them, whichever was asked for",
	"a put moves the tag and nothing else":                           "an image with several tags comes back under one of them, whichever was asked for",
	"an image whose parts are elsewhere is gone":                     "it takes manifests whose layers were never uploaded, and indexes without their images",
	"an image takes so many tags and no more":                        "it knows no limit",
	"bytes that are not the digest's are refused":                    "it ignores imageDigest",
	"a registry that is busy says so":                                "it throttles nothing",
	"an immutable repository takes new tags and moves excluded ones": "it knows no exclusion filters",
}

var runs atomic.Int64

func TestTheContractOnMiniStack(t *testing.T) {
	url := os.Getenv("MINISTACK_URL")
	if url == "" {
		t.Fatal("MINISTACK_URL is not set: run this under .ci/ministack")
	}
	tagalongtest.RegistrySuiteBut(t, func(t *testing.T) (tagalong.Registry, tagalongtest.RegistryWorld) {
		loser := &loser{client: boot.HTTPClient(nil)}
		w := miniStack{
			run:   fmt.Sprintf("run-%d-", runs.Add(1)),
			loser: loser,
			forge: sandboxtest.Start(t),
			config: func(account, region string) aws.Config {
				// MiniStack takes a 12-digit access key for the account.
				return aws.Config{Region: region, BaseEndpoint: &url, HTTPClient: loser, Credentials: credentials.NewStaticCredentialsProvider(account, "secret", "")}
			},
		}
		return w, w
	}, miniStackLacks)
}

// miniStack is MiniStack's ECR, set up through its API. Every run has
// repositories of its own.
type miniStack struct {
	run    string
	config func(account, region string) aws.Config
	loser  *loser
	forge  *sandboxtest.Sandbox // makes the manifests
}

func (w miniStack) own(r tagalong.Repository) tagalong.Repository {
	r.Name = w.run + r.Name
	return r
}

func (w miniStack) adapter() *Registry {
	return New(func(_ context.Context, account, region string) (aws.Config, error) {
		return w.config(account, region), nil
	})
}

// Read implements tagalong.Registry.
func (w miniStack) Read(ctx context.Context, r tagalong.Repository, digests []digest.Digest, tags []string) (tagalong.Images, error) {
	return w.adapter().Read(ctx, w.own(r), digests, tags)
}

// Tag implements tagalong.Registry.
func (w miniStack) Tag(ctx context.Context, r tagalong.Repository, m tagalong.Manifest, tag string) error {
	return w.adapter().Tag(ctx, w.own(r), m, tag)
}

func (w miniStack) client(t *testing.T, r tagalong.Repository) (*ecr.Client, tagalong.Repository) {
	t.Helper()
	account, region, ok := r.ECR()
	if !ok {
		t.Fatalf("%s is not in ECR", r)
	}
	client := ecr.NewFromConfig(w.config(account, region))
	own := w.own(r)
	_, err := client.CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: &own.Name})
	if _, exists := errors.AsType[*types.RepositoryAlreadyExistsException](err); err != nil && !exists {
		t.Fatal(err)
	}
	return client, own
}

// store puts an image that the sandbox's repository made.
func (w miniStack) store(t *testing.T, r tagalong.Repository, from *box.Repository, d digest.Digest, tags ...string) {
	t.Helper()
	client, own := w.client(t, r)
	made, err := ecr.NewFromConfig(w.forge.Config()).BatchGetImage(t.Context(), &ecr.BatchGetImageInput{
		RepositoryName:     aws.String(from.ARN()[strings.Index(from.ARN(), "/")+1:]),
		ImageIds:           []types.ImageIdentifier{{ImageDigest: aws.String(d.String())}},
		AcceptedMediaTypes: accepted,
	})
	if err != nil || len(made.Images) == 0 {
		t.Fatalf("image %s: %v", d, err)
	}
	if len(tags) == 0 {
		tags = []string{""}
	}
	for _, tag := range tags {
		in := &ecr.PutImageInput{RepositoryName: &own.Name, ImageManifest: made.Images[0].ImageManifest, ImageManifestMediaType: made.Images[0].ImageManifestMediaType}
		if tag != "" {
			in.ImageTag = &tag
		}
		if _, err := client.PutImage(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
}

func (w miniStack) Push(t *testing.T, r tagalong.Repository, seed string, tags ...string) digest.Digest {
	t.Helper()
	from := w.forge.ECR.Repository(wire.Scope{}, "forge")
	d := push(t, from, seed)
	w.store(t, r, from, d, tags...)
	return d
}

func (w miniStack) PushIndex(t *testing.T, r tagalong.Repository, seed string, tags ...string) (digest.Digest, []digest.Digest) {
	t.Helper()
	from := w.forge.ECR.Repository(wire.Scope{}, "forge")
	pushed, err := from.PushIndex(box.Index{Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	children := []digest.Digest{pushed.AMD64, pushed.ARM64}
	for _, d := range slices.Concat(children, []digest.Digest{pushed.Attestation}) {
		w.store(t, r, from, d)
	}
	w.store(t, r, from, pushed.Digest, tags...)
	return pushed.Digest, children
}

func (w miniStack) Immutable(t *testing.T, r tagalong.Repository, except ...string) {
	t.Helper()
	client, own := w.client(t, r)
	if len(except) > 0 {
		t.Fatal("MiniStack knows no exclusion filters")
	}
	if _, err := client.PutImageTagMutability(t.Context(), &ecr.PutImageTagMutabilityInput{RepositoryName: &own.Name, ImageTagMutability: types.ImageTagMutabilityImmutable}); err != nil {
		t.Fatal(err)
	}
}

func (w miniStack) Fill(t *testing.T, _ tagalong.Repository, _ digest.Digest) {
	t.Fatal("MiniStack knows no limit")
}
func (w miniStack) Busy(t *testing.T) { t.Fatal("MiniStack throttles nothing") }
func (w miniStack) Lose(*testing.T)   { w.loser.lose.Store(true) }
