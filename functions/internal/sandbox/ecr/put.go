package ecr

import (
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

const (
	maxManifest = 4 << 20
	maxTags     = 1000 // of one image
)

type putImageInput struct {
	target
	Manifest  string        `json:"imageManifest"`
	MediaType string        `json:"imageManifestMediaType"`
	Tag       string        `json:"imageTag"`
	Digest    digest.Digest `json:"imageDigest"`
}

type putImageOutput struct {
	Image wireImage `json:"image"`
}

// wireImage is
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Image.html.
type wireImage struct {
	RegistryID     string  `json:"registryId"`
	RepositoryName string  `json:"repositoryName"`
	ID             imageID `json:"imageId"`
	Manifest       string  `json:"imageManifest"`
	MediaType      string  `json:"imageManifestMediaType"`
}

// putImage is
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html.
func (r *Registry) putImage(caller wire.Caller, in putImageInput) (putImageOutput, error) {
	repo, err := r.find(caller, in.target, "PutImage")
	if err != nil {
		return putImageOutput{}, err
	}
	img, err := r.put(repo, in)
	if err != nil {
		return putImageOutput{}, err
	}
	return putImageOutput{repo.wire(img, imageID{img.digest, in.Tag})}, nil
}

func (repo *repository) wire(img *image, id imageID) wireImage {
	return wireImage{
		RegistryID: repo.scope.Account, RepositoryName: repo.name,
		ID: id, Manifest: string(img.bytes), MediaType: img.mediaType,
	}
}

// put stores a manifest and moves a tag to it, both or neither.
func (r *Registry) put(repo *repository, in putImageInput) (*image, error) {
	img, err := newImage(in)
	if err != nil {
		return nil, err
	}
	if err := repo.checkReferences(img); err != nil {
		return nil, err
	}
	if err := r.checkTagChange(repo, img.digest, in.Tag); err != nil {
		return nil, err
	}
	if known, ok := repo.images[img.digest]; ok {
		img = known // a new tag does not make an image younger
	} else {
		r.pushes++
		img.order, img.pushedAt = r.pushes, r.options.Now()
		repo.images[img.digest] = img
	}
	if in.Tag != "" {
		repo.setTag(in.Tag, img.digest)
	}
	return img, nil
}

// newImage checks what can be known from the request alone.
func newImage(in putImageInput) (*image, error) {
	if len(in.Manifest) < 1 || len(in.Manifest) > maxManifest {
		return nil, invalid("Invalid parameter at 'imageManifest' failed to satisfy constraint: 'Member must have length between 1 and %d'", maxManifest)
	}
	if err := checkTag(in.Tag); err != nil {
		return nil, err
	}
	if err := checkDigest(in.Digest); err != nil {
		return nil, err
	}
	data := []byte(in.Manifest)
	parsed, mediaType, err := parseManifest(data, in.MediaType)
	if err != nil {
		return nil, err
	}
	d := digest.FromBytes(data)
	if in.Digest != "" && in.Digest != d {
		return nil, wire.Errorf("ImageDigestDoesNotMatchException",
			"The digest '%s' of the image manifest does not match the digest '%s' of the request", d, in.Digest)
	}
	return &image{digest: d, bytes: data, mediaType: mediaType, manifest: parsed}, nil
}

// checkReferences refuses a manifest whose layers or images are not here.
func (repo *repository) checkReferences(img *image) error {
	if absent := missing(img.manifest.blobs(), repo.layers); len(absent) > 0 {
		return repo.absent("LayersNotFoundException", "Layers", absent)
	}
	if absent := missing(img.manifest.Manifests, repo.images); len(absent) > 0 {
		return repo.absent("ReferencedImagesNotFoundException", "Images", absent)
	}
	return nil
}

func (repo *repository) absent(code, noun string, digests []digest.Digest) error {
	return wire.Errorf(code,
		"%s with digests '%v' required for pushing image into repository with name '%s' in the registry with id '%s' do not exist",
		noun, digests, repo.name, repo.scope.Account)
}

// checkTagChange refuses a put that would change nothing, or what must not change.
func (r *Registry) checkTagChange(repo *repository, d digest.Digest, tag string) error {
	_, known := repo.images[d]
	on, taken := repo.tags[tag]
	if taken && repo.mutability.fixes(tag) && (on != d || r.SameDigestImmutable == TagAlreadyExists) {
		return wire.Errorf("ImageTagAlreadyExistsException",
			"The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the repository is immutable.", tag, repo.name)
	}
	if taken && on == d || known && tag == "" {
		return wire.Errorf("ImageAlreadyExistsException",
			"Image with digest '%s' and tag '%s' already exists in the repository with name '%s' in registry with id '%s'",
			d, orNull(tag), repo.name, repo.scope.Account)
	}
	if tag != "" && len(slices.DeleteFunc(repo.tagsOf(d), func(t string) bool { return t == tag })) >= maxTags {
		return wire.Errorf("LimitExceededException",
			"The maximum number of tags per image, %d, is reached by the image with digest '%s' in the repository with name '%s'", maxTags, d, repo.name)
	}
	return nil
}

// orNull is how ECR's messages write a missing value.
func orNull(s string) string {
	if s == "" {
		return "null"
	}
	return s
}
