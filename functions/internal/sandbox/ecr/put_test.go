package ecr_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecr "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

func TestRetagMovesTheTag(t *testing.T) {
	w := newWorld(t)
	old, young := w.push("v1", "v1", "prod"), w.push("v2")
	if err := w.retag(young, "prod"); err != nil {
		t.Fatal(err)
	}
	if got := w.repo.Tag("prod"); got != young {
		t.Errorf("prod sits on %s, want %s", got, young)
	}
	if got := w.repo.Tags(old); len(got) != 1 || got[0] != "v1" {
		t.Errorf("the old image has the tags %v", got)
	}
	if got := w.repo.History("prod"); len(got) != 2 || got[0] != old || got[1] != young {
		t.Errorf("history %v", got)
	}
	wantCode(t, w.retag(young, "prod"), "ImageAlreadyExistsException",
		"Image with digest '"+string(young)+"' and tag 'prod' already exists in the repository with name 'app' in registry with id '111122223333'")
}

func TestRetagOfEveryKindKeepsTheBytes(t *testing.T) {
	w := newWorld(t)
	for _, docker := range []bool{false, true} {
		for _, bare := range []bool{false, true} {
			seed := fmt.Sprint(docker, bare)
			single, err := w.repo.Push(ecr.Image{Seed: seed, Docker: docker, NoMediaType: bare})
			if err != nil {
				t.Fatal(err)
			}
			multi, err := w.repo.PushIndex(ecr.Index{Seed: seed, Docker: docker, NoMediaType: bare})
			if err != nil {
				t.Fatal(err)
			}
			for i, d := range []digest.Digest{single, multi.Digest, multi.ARM64} {
				tag := fmt.Sprintf("t-%s-%d", strings.ReplaceAll(seed, " ", "-"), i)
				if err := w.retag(d, tag); err != nil || w.repo.Tag(tag) != d {
					t.Errorf("%s: on %s, want %s: %v", tag, w.repo.Tag(tag), d, err)
				}
			}
		}
	}
}

func TestPutImageRefuses(t *testing.T) {
	w := newWorld(t)
	d := w.push("v1", "v1")
	index := w.pushIndex("multi")
	manifest := *w.get(byDigest(d)).ImageManifest
	bare, err := w.repo.Push(ecr.Image{Seed: "bare", NoMediaType: true})
	if err != nil {
		t.Fatal(err)
	}
	w.ECR.Repository(wire.Scope{}, "empty")
	tests := []struct {
		name          string
		in            awsecr.PutImageInput
		code, message string
	}{
		{"altered bytes", awsecr.PutImageInput{ImageManifest: aws.String(manifest + " "), ImageDigest: aws.String(string(d))}, "ImageDigestDoesNotMatchException", string(d)},
		{"unknown layers", awsecr.PutImageInput{ImageManifest: &manifest, RepositoryName: aws.String("empty"), ImageTag: aws.String("x")}, "LayersNotFoundException", "required for pushing image into repository with name 'empty'"},
		{"unknown children", awsecr.PutImageInput{ImageManifest: w.get(byDigest(index.Digest)).ImageManifest, RepositoryName: aws.String("empty")}, "ReferencedImagesNotFoundException", string(index.ARM64)},
		{"no media type at all", awsecr.PutImageInput{ImageManifest: w.get(byDigest(bare)).ImageManifest, ImageTag: aws.String("x")}, "InvalidParameterException", "ImageManifestMediaType"},
		{"another media type", awsecr.PutImageInput{ImageManifest: &manifest, ImageManifestMediaType: aws.String(ecr.OCIIndex)}, "InvalidParameterException", "does not match"},
		{"an unknown media type", awsecr.PutImageInput{ImageManifest: w.get(byDigest(bare)).ImageManifest, ImageManifestMediaType: aws.String("text/plain")}, "InvalidParameterException", "not supported"},
		{"an index that is none", awsecr.PutImageInput{ImageManifest: w.get(byDigest(bare)).ImageManifest, ImageManifestMediaType: aws.String(ecr.OCIIndex)}, "InvalidParameterException", "not one of media type"},
		{"no JSON", awsecr.PutImageInput{ImageManifest: aws.String("hello")}, "InvalidParameterException", "ImageManifest"},
		{"an empty manifest", awsecr.PutImageInput{ImageManifest: aws.String("")}, "InvalidParameterException", "imageManifest"},
		{"a manifest over 4 MiB", awsecr.PutImageInput{ImageManifest: aws.String(manifest + strings.Repeat(" ", 4<<20))}, "InvalidParameterException", "imageManifest"},
		{"an illegal tag", awsecr.PutImageInput{ImageManifest: &manifest, ImageTag: aws.String("-x")}, "InvalidParameterException", "imageTag"},
		{"a long tag", awsecr.PutImageInput{ImageManifest: &manifest, ImageTag: aws.String(strings.Repeat("x", 129))}, "InvalidParameterException", "imageTag"},
		{"an illegal digest", awsecr.PutImageInput{ImageManifest: &manifest, ImageDigest: aws.String("sha256:1")}, "InvalidParameterException", "imageDigest"},
		{"no tag, known image", awsecr.PutImageInput{ImageManifest: &manifest}, "ImageAlreadyExistsException", "and tag 'null'"},
		{"an unknown repository", awsecr.PutImageInput{ImageManifest: &manifest, RepositoryName: aws.String("nope")}, "RepositoryNotFoundException", "The repository with name 'nope' does not exist in the registry with id '111122223333'"},
		{"an illegal repository", awsecr.PutImageInput{ImageManifest: &manifest, RepositoryName: aws.String("App")}, "InvalidParameterException", "repositoryName"},
		{"an illegal registry", awsecr.PutImageInput{ImageManifest: &manifest, RegistryId: aws.String("1")}, "InvalidParameterException", "registryId"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.in.RepositoryName == nil {
				test.in.RepositoryName = name
			}
			_, err := w.client.PutImage(t.Context(), &test.in)
			wantCode(t, err, test.code, test.message)
		})
	}
}

func TestTagsPerImage(t *testing.T) {
	w := newWorld(t)
	d := w.push("v1")
	for i := range 1000 {
		if err := w.repo.Retag(d, fmt.Sprintf("t%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, w.retag(d, "one-more"), "LimitExceededException", "1000")
	wantCode(t, w.retag(d, "t7"), "ImageAlreadyExistsException", "t7")
}

func TestImmutability(t *testing.T) {
	tests := []struct {
		mode    string
		filters []string
		fixed   bool // is the tag prod
	}{
		{"MUTABLE", nil, false},
		{"IMMUTABLE", nil, true},
		{"IMMUTABLE_WITH_EXCLUSION", []string{"prod*", "staging"}, false},
		{"IMMUTABLE_WITH_EXCLUSION", []string{"staging*"}, true},
		{"IMMUTABLE_WITH_EXCLUSION", []string{"p.od"}, true},
		{"MUTABLE_WITH_EXCLUSION", []string{"*ro*"}, true},
		{"MUTABLE_WITH_EXCLUSION", []string{"v*"}, false},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.mode, test.filters), func(t *testing.T) {
			w := newWorld(t)
			old, young := w.push("v1", "prod"), w.push("v2")
			if err := w.repo.SetMutability(test.mode, test.filters...); err != nil {
				t.Fatal(err)
			}
			if err := w.retag(young, "fresh"); err != nil {
				t.Errorf("a new tag: %v", err)
			}
			same, other := w.retag(old, "prod"), w.retag(young, "prod")
			if !test.fixed {
				wantCode(t, same, "ImageAlreadyExistsException", "")
				wantCode(t, other, "", "")
				return
			}
			const message = "The image tag 'prod' already exists in the 'app' repository and cannot be overwritten because the repository is immutable."
			wantCode(t, same, "ImageTagAlreadyExistsException", message)
			wantCode(t, other, "ImageTagAlreadyExistsException", message)

			w.ECR.SameDigestImmutable = ecr.ImageAlreadyExists
			wantCode(t, w.retag(old, "prod"), "ImageAlreadyExistsException", "")
			wantCode(t, w.retag(young, "prod"), "ImageTagAlreadyExistsException", message)
			if w.repo.Tag("prod") != old {
				t.Errorf("the fixed tag moved to %s", w.repo.Tag("prod"))
			}
		})
	}
}
