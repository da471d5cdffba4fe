package ecr

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/smithy-go"
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

// Read implements tagalong.Registry. A repository that is not there holds
// nothing. Images that are archived cannot be pulled, and count as absent.
func (r *Registry) Read(ctx context.Context, repository tagalong.Repository, digests []digest.Digest, tags []string) (tagalong.Images, error) {
	images := tagalong.Images{Manifests: map[digest.Digest]tagalong.Manifest{}, Tags: map[string]digest.Digest{}, Unasked: map[string]error{}, Refused: map[string]error{}}
	ids := identifiers(digests, tags)
	if len(ids) == 0 {
		return images, nil
	}
	if _, _, private := repository.ECR(); private && !tagalong.ValidECRName(repository.Name) {
		images.NoRepository = true // ECR can have none of that name
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
			images.NoRepository = true
			return images, nil
		}
		if err != nil {
			return tagalong.Images{}, fmt.Errorf("reading images of %s: %w", repository, refused(err))
		}
		if err := sift(images, out.Failures); err != nil {
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

// refused makes ErrNoAccess of what IAM, or the repository's policy, does not allow.
func refused(err error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() == "AccessDeniedException" {
		return fmt.Errorf("%w: %w", tagalong.ErrNoAccess, err)
	}
	return err
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

// sift takes the failures apart: those of absence are none,
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageFailure.html.
// A repository of a pull-through cache looks upstream for what it does not have. A
// tag may be one of ours, and then it is simply not here: what it means that
// upstream could not be asked for it is left to the caller. What no retry mends is no
// error either: it is said of the image alone.
func sift(images tagalong.Images, failures []types.ImageFailure) error {
	var problems []error
	for _, f := range failures {
		switch f.FailureCode {
		case types.ImageFailureCodeImageNotFound, types.ImageFailureCodeImageInaccessible:
			continue
		case types.ImageFailureCodeUpstreamAccessDenied, types.ImageFailureCodeUpstreamTooManyRequests, types.ImageFailureCodeUpstreamUnavailable:
			if f.ImageId != nil && f.ImageId.ImageTag != nil {
				images.Unasked[*f.ImageId.ImageTag] = refusal(f)
				continue
			}
		case types.ImageFailureCodeKmsError, types.ImageFailureCodeImageReferencedByManifestList, types.ImageFailureCodeInvalidImageDigest,
			types.ImageFailureCodeInvalidImageTag, types.ImageFailureCodeImageTagDoesNotMatchDigest, types.ImageFailureCodeMissingDigestAndTag:
			if f.ImageId != nil {
				images.Refused[cmp.Or(aws.ToString(f.ImageId.ImageTag), aws.ToString(f.ImageId.ImageDigest))] = refusal(f)
				continue
			}
		}
		problems = append(problems, refusal(f))
	}
	return errors.Join(problems...)
}

// refusals returns the failures of a removal: that an image is not there is none.
func refusals(failures []types.ImageFailure) error {
	var problems []error
	for _, f := range failures {
		if f.FailureCode != types.ImageFailureCodeImageNotFound {
			problems = append(problems, refusal(f))
		}
	}
	return errors.Join(problems...)
}

// refusal returns a failure as the error that it would be if it did not come in a
// reply with status 200.
func refusal(f types.ImageFailure) error {
	return fmt.Errorf("image %s: %w", name(f.ImageId), &smithy.GenericAPIError{Code: string(f.FailureCode), Message: aws.ToString(f.FailureReason)})
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
