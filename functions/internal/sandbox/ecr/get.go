package ecr

import (
	"cmp"
	"encoding/json"
	"slices"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

type batchGetImageInput struct {
	target
	IDs      []imageID `json:"imageIds"`
	Accepted []string  `json:"acceptedMediaTypes"`
}

type batchGetImageOutput struct {
	Images   []wireImage `json:"images"`
	Failures []*failure  `json:"failures"`
}

// batchGetImage is
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html.
// An image that is not there is a failure in a reply with status 200.
func (r *Registry) batchGetImage(caller wire.Caller, in batchGetImageInput) (batchGetImageOutput, error) {
	out := batchGetImageOutput{Images: []wireImage{}, Failures: []*failure{}}
	repo, err := r.find(caller, in.target, "BatchGetImage")
	if err != nil {
		return out, err
	}
	if err := checkCount("imageIds", len(in.IDs)); err != nil {
		return out, err
	}
	if in.Accepted != nil {
		if err := checkCount("acceptedMediaTypes", len(in.Accepted)); err != nil {
			return out, err
		}
	}
	for i, id := range in.IDs {
		if slices.Contains(in.IDs[:i], id) {
			continue // an id given twice is answered once
		}
		if code, ok := repo.refused[cmp.Or(id.Tag, id.Digest.String())]; ok {
			out.Failures = append(out.Failures, id.failure(code))
			continue
		}
		img, f := repo.lookup(id)
		if f != nil {
			out.Failures = append(out.Failures, f)
			continue
		}
		if id.Tag == "" && r.ImagePerTag {
			for _, pair := range repo.pairs(img.digest) {
				out.Images = append(out.Images, repo.wire(img, pair))
			}
			continue
		}
		out.Images = append(out.Images, repo.get(img, id, in.Accepted))
	}
	return out, nil
}

// get gives an image as the client may see it. By digest it is never
// translated, since that would break the digest. By tag, an index that the
// client does not accept becomes its image for linux/amd64, and an OCI
// manifest becomes Docker's,
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-manifest-formats.html.
func (repo *repository) get(img *image, id imageID, accepted []string) wireImage {
	byTag := id.Digest == ""
	id.Digest = img.digest
	if byTag && isIndex(img.mediaType) && !slices.Contains(accepted, img.mediaType) {
		if child, ok := repo.platform(img, "linux/amd64"); ok {
			id.Digest = child.digest
			return repo.wire(child, id)
		}
	}
	reply := repo.wire(img, id)
	if byTag && img.mediaType == OCIManifest && slices.Contains(accepted, DockerManifest) && !slices.Contains(accepted, OCIManifest) {
		reply.Manifest, reply.MediaType = toDocker(img), DockerManifest
	}
	return reply
}

// platform finds an index's image for a platform such as linux/arm64.
func (repo *repository) platform(index *image, platform string) (*image, bool) {
	for _, child := range index.manifest.Manifests {
		if p := child.Platform; p != nil && p.OS+"/"+p.Architecture == platform {
			img, ok := repo.images[child.Digest]
			return img, ok
		}
	}
	return nil, false
}

// toDocker translates an OCI manifest. The bytes no longer have the digest.
func toDocker(img *image) string {
	m := ocispec.Manifest{MediaType: DockerManifest, Config: *img.manifest.Config}
	m.SchemaVersion = 2
	m.Config.MediaType = dockerConfig
	for _, layer := range img.manifest.Layers {
		layer.MediaType = dockerLayer
		m.Layers = append(m.Layers, layer)
	}
	data, _ := json.Marshal(m) // descriptors that were read from JSON
	return string(data)
}
