package ecr

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// maxIDs is how many images one BatchGetImage takes.
const maxIDs = 100

// accepted are all media types of images and indexes. Without those of indexes
// ECR may answer a tag with one platform's manifest, and without both of images
// it may translate one into the other, which breaks the digest,
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-manifest-formats.html.
var accepted = []string{
	"application/vnd.docker.distribution.manifest.v2+json",
	"application/vnd.docker.distribution.manifest.list.v2+json",
	"application/vnd.oci.image.manifest.v1+json",
	"application/vnd.oci.image.index.v1+json",
}

// legalName is the form of a repository's name,
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html.
var legalName = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9._/-]{0,254}[a-z0-9])$`)

// Read implements tagalong.Registry. A repository that is not there holds
// nothing. Images that are archived cannot be pulled, and count as absent.
func (r *Registry) Read(ctx context.Context, repository tagalong.Repository, digests []digest.Digest, tags []string) (tagalong.Images, error) {
	images := tagalong.Images{Manifests: map[digest.Digest]tagalong.Manifest{}, Tags: map[string]digest.Digest{}}
	ids := identifiers(digests, tags)
	if len(ids) == 0 {
		return images, nil
	}
	t, err := r.target(ctx, repository)
	if err != nil {
		return tagalong.Images{}, err
	}
	for chunk := range slices.Chunk(ids, maxIDs) {
		out, err := t.BatchGetImage(ctx, &ecr.BatchGetImageInput{
			RegistryId:         t.registryID,
			RepositoryName:     t.name,
			ImageIds:           chunk,
			AcceptedMediaTypes: accepted,
		})
		if _, gone := errors.AsType[*types.RepositoryNotFoundException](err); gone {
			return images, nil
		}
		if err != nil {
			return tagalong.Images{}, fmt.Errorf("reading images of %s: %w", repository, err)
		}
		if err := failure(out.Failures); err != nil {
			return tagalong.Images{}, fmt.Errorf("reading images of %s: %w", repository, err)
		}
		for _, image := range out.Images {
			if err := collect(images, image); err != nil {
				return tagalong.Images{}, fmt.Errorf("reading images of %s: %w", repository, err)
			}
		}
	}
	return images, nil
}

func identifiers(digests []digest.Digest, tags []string) []types.ImageIdentifier {
	ids := make([]types.ImageIdentifier, 0, len(digests)+len(tags))
	for _, d := range digests {
		ids = append(ids, types.ImageIdentifier{ImageDigest: aws.String(d.String())})
	}
	for _, tag := range tags {
		ids = append(ids, types.ImageIdentifier{ImageTag: aws.String(tag)})
	}
	return ids
}

// failure gives the failures that are none of absence,
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageFailure.html.
func failure(failures []types.ImageFailure) error {
	var problems []error
	for _, f := range failures {
		switch f.FailureCode {
		case types.ImageFailureCodeImageNotFound, types.ImageFailureCodeImageInaccessible:
		case types.ImageFailureCodeUpstreamAccessDenied, types.ImageFailureCodeUpstreamTooManyRequests, types.ImageFailureCodeUpstreamUnavailable:
			// A repository of a pull-through cache looks upstream for what it does
			// not have. An environment's tag is ours: it is not here.
			if f.ImageId == nil || f.ImageId.ImageTag == nil {
				problems = append(problems, fmt.Errorf("image %s: %s: %s", name(f.ImageId), f.FailureCode, aws.ToString(f.FailureReason)))
			}
		default:
			problems = append(problems, fmt.Errorf("image %s: %s: %s", name(f.ImageId), f.FailureCode, aws.ToString(f.FailureReason)))
		}
	}
	return errors.Join(problems...)
}

func name(id *types.ImageIdentifier) string {
	switch {
	case id == nil:
		return "(unnamed)"
	case id.ImageTag != nil:
		return fmt.Sprintf("%q", *id.ImageTag)
	}
	return aws.ToString(id.ImageDigest)
}

// collect takes an image of a reply. The same image comes by its digest and by
// each of its tags; of the two the bytes asked for by digest are the ones that
// are never translated.
func collect(images tagalong.Images, image types.Image) error {
	if image.ImageId == nil {
		return errors.New("image without an id in the reply")
	}
	d, err := digest.Parse(aws.ToString(image.ImageId.ImageDigest))
	if err != nil {
		return fmt.Errorf("image %s: digest %q in the reply: %w", name(image.ImageId), aws.ToString(image.ImageId.ImageDigest), err)
	}
	tag := aws.ToString(image.ImageId.ImageTag)
	if tag != "" {
		images.Tags[tag] = d
	}
	if _, there := images.Manifests[d]; !there || tag == "" {
		images.Manifests[d] = tagalong.Manifest{
			Digest:    d,
			MediaType: aws.ToString(image.ImageManifestMediaType),
			Bytes:     []byte(aws.ToString(image.ImageManifest)),
		}
	}
	return nil
}
