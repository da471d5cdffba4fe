package ecr_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecr "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/opencontainers/go-digest"
)

// remove deletes images and gives what the reply says, in short.
func (w *world) remove(ids ...types.ImageIdentifier) (gone, failures []string) {
	w.t.Helper()
	out, err := w.client.BatchDeleteImage(w.t.Context(), &awsecr.BatchDeleteImageInput{RepositoryName: name, ImageIds: ids})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, id := range out.ImageIds {
		gone = append(gone, aws.ToString(id.ImageTag))
	}
	for _, f := range out.Failures {
		failures = append(failures, string(f.FailureCode))
	}
	return gone, failures
}

func TestDeleteByTag(t *testing.T) {
	w := newWorld(t)
	d := w.push("v1", "v1", "prod")
	if gone, failures := w.remove(byTag("prod")); fmt.Sprint(gone, failures) != "[prod] []" || w.repo.Tag("v1") != d {
		t.Errorf("first tag: %v %v", gone, failures)
	}
	if gone, failures := w.remove(byTag("v1")); fmt.Sprint(gone, failures) != "[v1] []" || len(w.repo.Digests()) != 0 {
		t.Errorf("last tag: %v %v, images %v", gone, failures, w.repo.Digests())
	}
	if got := w.repo.History("prod"); len(got) != 1 || got[0] != d {
		t.Errorf("history does not survive: %v", got)
	}
}

func TestDeleteByDigest(t *testing.T) {
	w := newWorld(t)
	d := w.push("v1", "v1", "prod")
	if gone, failures := w.remove(byDigest(d), byTag("v1"), byTag("nope"), types.ImageIdentifier{}); fmt.Sprint(gone, failures) != "[prod v1] [ImageNotFound MissingDigestAndTag]" {
		t.Errorf("%v %v", gone, failures)
	}
	if w.repo.Tag("v1") != "" {
		t.Error("the tag is still there")
	}
}

func TestDeleteOfAnIndexsImage(t *testing.T) {
	w := newWorld(t)
	multi := w.pushIndex("multi", "multi")
	if gone, failures := w.remove(byDigest(multi.ARM64), byDigest(multi.Attestation)); fmt.Sprint(gone, failures) != "[] [ImageReferencedByManifestList ImageReferencedByManifestList]" {
		t.Errorf("%v %v", gone, failures)
	}
	if gone, failures := w.remove(byTag("multi"), byDigest(multi.ARM64)); fmt.Sprint(gone, failures) != "[multi ] []" {
		t.Errorf("%v %v", gone, failures)
	}
}

func TestControlDeletes(t *testing.T) {
	w := newWorld(t)
	d := w.push("v1", "v1")
	w.repo.Untag("v1")
	if w.repo.Tag("v1") != "" || len(w.repo.Digests()) != 1 {
		t.Error("untagging took the image along, or did not happen")
	}
	if !w.repo.Delete(d) || w.repo.Delete(d) || len(w.repo.Digests()) != 0 {
		t.Error("deleting does not say what it did")
	}
	if err := w.repo.Retag(digest.FromString("absent"), "x"); err == nil {
		t.Error("an absent image got a tag")
	}
}
