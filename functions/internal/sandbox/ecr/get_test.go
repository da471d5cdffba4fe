package ecr_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecr "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
)

var all = []string{ecr.DockerManifest, ecr.DockerList, ecr.OCIManifest, ecr.OCIIndex}

func TestBatchGetImage(t *testing.T) {
	w := newWorld(t)
	d1, d2 := w.push("v1", "v1", "also"), w.push("v2", "v2")
	absent := digest.FromString("absent")
	out, err := w.client.BatchGetImage(t.Context(), &awsecr.BatchGetImageInput{
		RepositoryName: name, AcceptedMediaTypes: all,
		ImageIds: []types.ImageIdentifier{
			byTag("v1"), byDigest(d1), byTag("also"), byTag("v1"), {ImageTag: aws.String("v2"), ImageDigest: aws.String(string(d2))},
			byTag("nope"), byDigest(absent), {}, byDigest("sha256:12"), byTag("a b"),
			{ImageTag: aws.String("v1"), ImageDigest: aws.String(string(d2))},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, img := range out.Images {
		if digest.FromString(*img.ImageManifest) != digest.Digest(*img.ImageId.ImageDigest) || *img.ImageManifestMediaType != ecr.OCIManifest {
			t.Errorf("image %+v", img)
		}
		got = append(got, aws.ToString(img.ImageId.ImageTag)+"="+*img.ImageId.ImageDigest)
	}
	for _, f := range out.Failures {
		got = append(got, string(f.FailureCode)+": "+*f.FailureReason)
	}
	want := []string{
		"v1=" + string(d1), "=" + string(d1), "also=" + string(d1), "v2=" + string(d2),
		"ImageNotFound: Requested image not found", "ImageNotFound: Requested image not found",
		"MissingDigestAndTag: Invalid request parameters: both tag and digest cannot be null",
		"InvalidImageDigest: Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
		"InvalidImageTag: Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}'",
		"ImageTagDoesNotMatchDigest: Invalid request parameters: given tag does not map to the given digest",
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func TestImagePerTag(t *testing.T) {
	w := newWorld(t)
	w.ECR.ImagePerTag = true
	tagged, untagged := w.push("v1", "v1", "prod"), w.push("v2")
	out, err := w.client.BatchGetImage(t.Context(), &awsecr.BatchGetImageInput{
		RepositoryName: name, ImageIds: []types.ImageIdentifier{byDigest(tagged), byDigest(untagged), byTag("v1")},
	})
	if err != nil {
		t.Fatal(err)
	}
	var tags []string
	for _, img := range out.Images {
		tags = append(tags, aws.ToString(img.ImageId.ImageTag))
	}
	if got := fmt.Sprintf("%q", tags); got != `["prod" "v1" "" "v1"]` {
		t.Errorf("images with the tags %s", got)
	}
}

func TestBatchGetImageCounts(t *testing.T) {
	w := newWorld(t)
	for _, n := range []int{0, 101} {
		_, err := w.client.BatchGetImage(t.Context(), &awsecr.BatchGetImageInput{RepositoryName: name, ImageIds: make([]types.ImageIdentifier, n)})
		wantCode(t, err, "InvalidParameterException", "imageIds")
	}
	_, err := w.client.BatchGetImage(t.Context(), &awsecr.BatchGetImageInput{
		RepositoryName: name, ImageIds: []types.ImageIdentifier{byTag("x")}, AcceptedMediaTypes: make([]string, 101),
	})
	wantCode(t, err, "InvalidParameterException", "acceptedMediaTypes")
}

func TestAcceptedMediaTypes(t *testing.T) {
	w := newWorld(t)
	single := w.push("single", "single")
	multi := w.pushIndex("multi", "multi")
	tests := []struct {
		name     string
		id       types.ImageIdentifier
		accepted []string
		digest   digest.Digest
		genuine  bool // the bytes have the digest
	}{
		{"index by tag, accepted", byTag("multi"), all, multi.Digest, true},
		{"index by tag, nothing said", byTag("multi"), nil, multi.AMD64, true},
		{"index by tag, not accepted", byTag("multi"), []string{ecr.OCIManifest}, multi.AMD64, true},
		{"index by digest, not accepted", byDigest(multi.Digest), []string{ecr.OCIManifest}, multi.Digest, true},
		{"OCI by tag, nothing said", byTag("single"), nil, single, true},
		{"OCI by tag, only Docker accepted", byTag("single"), []string{ecr.DockerManifest}, single, false},
		{"OCI by digest, only Docker accepted", byDigest(single), []string{ecr.DockerManifest}, single, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			img := w.get(test.id, test.accepted...)
			if got := *img.ImageId.ImageDigest; got != string(test.digest) {
				t.Errorf("digest %s, want %s", got, test.digest)
			}
			if genuine := digest.FromString(*img.ImageManifest) == test.digest; genuine != test.genuine {
				t.Errorf("bytes have the digest: %v, want %v", genuine, test.genuine)
			}
		})
	}
}

func TestDescribeImages(t *testing.T) {
	w := newWorld(t)
	d1 := w.push("v1", "v1", "prod")
	multi := w.pushIndex("multi", "multi")
	describe := func(in awsecr.DescribeImagesInput) ([]types.ImageDetail, error) {
		in.RepositoryName = name
		var details []types.ImageDetail
		pages := awsecr.NewDescribeImagesPaginator(w.client, &in)
		for pages.HasMorePages() {
			out, err := pages.NextPage(t.Context())
			if err != nil {
				return nil, err
			}
			details = append(details, out.ImageDetails...)
		}
		return details, nil
	}
	for status, want := range map[types.TagStatus]int{types.TagStatusTagged: 2, types.TagStatusUntagged: 3, types.TagStatusAny: 5} {
		got, err := describe(awsecr.DescribeImagesInput{MaxResults: aws.Int32(2), Filter: &types.DescribeImagesFilter{TagStatus: status}})
		if err != nil || len(got) != want {
			t.Errorf("%s: %d images, want %d: %v", status, len(got), want, err)
		}
	}
	got, err := describe(awsecr.DescribeImagesInput{ImageIds: []types.ImageIdentifier{byTag("prod"), byDigest(d1), byTag("multi")}})
	if err != nil || len(got) != 2 || fmt.Sprint(got[0].ImageTags) != "[prod v1]" || *got[1].ImageManifestMediaType != ecr.OCIIndex {
		t.Fatalf("%+v: %v", got, err)
	}
	if *got[0].ImageSizeInBytes == 0 || *got[1].ImageSizeInBytes == 0 || *got[0].ArtifactMediaType != "application/vnd.oci.image.config.v1+json" {
		t.Errorf("details %+v", got)
	}
	_, err = describe(awsecr.DescribeImagesInput{ImageIds: []types.ImageIdentifier{byDigest(multi.ARM64), byTag("nope")}})
	wantCode(t, err, "ImageNotFoundException",
		"The image with imageId {imageDigest:'null', imageTag:'nope'} does not exist within the repository with name 'app' in the registry with id '111122223333'")
	_, err = describe(awsecr.DescribeImagesInput{ImageIds: []types.ImageIdentifier{byTag("v1")}, MaxResults: aws.Int32(1)})
	wantCode(t, err, "InvalidParameterException", "")
	_, err = describe(awsecr.DescribeImagesInput{MaxResults: aws.Int32(1001)})
	wantCode(t, err, "InvalidParameterException", "")
	_, err = describe(awsecr.DescribeImagesInput{ImageIds: []types.ImageIdentifier{{}}})
	wantCode(t, err, "InvalidParameterException", "")
	_, err = describe(awsecr.DescribeImagesInput{Filter: &types.DescribeImagesFilter{ImageStatus: "ARCHIVED"}})
	wantCode(t, err, "InvalidParameterException", "ARCHIVED")
}
