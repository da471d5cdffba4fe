package ecr_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecr "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
)

// upload sends a layer in parts.
func (w *world) upload(wanted digest.Digest, parts ...string) error {
	w.t.Helper()
	begun, err := w.client.InitiateLayerUpload(w.t.Context(), &awsecr.InitiateLayerUploadInput{RepositoryName: name})
	if err != nil {
		w.t.Fatal(err)
	}
	first := int64(0)
	for _, part := range parts {
		last := first + int64(len(part)) - 1
		if _, err := w.client.UploadLayerPart(w.t.Context(), &awsecr.UploadLayerPartInput{
			RepositoryName: name, UploadId: begun.UploadId, LayerPartBlob: []byte(part),
			PartFirstByte: &first, PartLastByte: &last,
		}); err != nil {
			return err
		}
		first = last + 1
	}
	_, err = w.client.CompleteLayerUpload(w.t.Context(), &awsecr.CompleteLayerUploadInput{
		RepositoryName: name, UploadId: begun.UploadId, LayerDigests: []string{string(wanted)},
	})
	return err
}

func TestPushOverTheProtocol(t *testing.T) {
	w := newWorld(t)
	layer, config := digest.FromString("hello world"), digest.FromString("{}")
	manifest := fmt.Sprintf(`{"schemaVersion":2,"config":{"digest":%q},"layers":[{"digest":%q}]}`, config, layer)
	put := &awsecr.PutImageInput{RepositoryName: name, ImageTag: aws.String("v1"), ImageManifest: &manifest, ImageManifestMediaType: aws.String(ecr.OCIManifest)}
	if err := w.upload(layer, "hello ", "world"); err != nil {
		t.Fatal(err)
	}
	_, err := w.client.PutImage(t.Context(), put)
	wantCode(t, err, "LayersNotFoundException", "Layers with digests '["+string(config)+"]'")
	if err := w.upload(config, "{}"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.client.PutImage(t.Context(), put); err != nil || w.repo.Tag("v1") != digest.FromString(manifest) {
		t.Errorf("on %s: %v", w.repo.Tag("v1"), err)
	}
	wantCode(t, w.upload(config, "{}"), "LayerAlreadyExistsException", "")
}

func TestUploadErrors(t *testing.T) {
	w := newWorld(t)
	wantCode(t, w.upload(digest.FromString("x")), "EmptyUploadException", "")
	wantCode(t, w.upload(digest.FromString("x"), "y"), "InvalidLayerException", "")
	_, err := w.client.UploadLayerPart(t.Context(), &awsecr.UploadLayerPartInput{
		RepositoryName: name, UploadId: aws.String("nope"), LayerPartBlob: []byte("x"), PartFirstByte: aws.Int64(0), PartLastByte: aws.Int64(0),
	})
	wantCode(t, err, "UploadNotFoundException", "nope")
	begun, err := w.client.InitiateLayerUpload(t.Context(), &awsecr.InitiateLayerUploadInput{RepositoryName: name})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.client.UploadLayerPart(t.Context(), &awsecr.UploadLayerPartInput{
		RepositoryName: name, UploadId: begun.UploadId, LayerPartBlob: []byte("x"), PartFirstByte: aws.Int64(7), PartLastByte: aws.Int64(7),
	})
	wantCode(t, err, "InvalidLayerPartException", "")
}

func TestBatchCheckLayerAvailability(t *testing.T) {
	w := newWorld(t)
	have := w.repo.AddLayer([]byte("x"))
	out, err := w.client.BatchCheckLayerAvailability(t.Context(), &awsecr.BatchCheckLayerAvailabilityInput{
		RepositoryName: name, LayerDigests: []string{string(have), string(digest.FromString("y")), "z"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Layers) != 2 || out.Layers[0].LayerAvailability != "AVAILABLE" || out.Layers[1].LayerAvailability != "UNAVAILABLE" ||
		len(out.Failures) != 1 || out.Failures[0].FailureCode != "InvalidLayerDigest" {
		t.Errorf("%+v", out)
	}
}
