package ecr

import (
	"encoding/json"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// The media types of Docker's manifests,
// https://distribution.github.io/distribution/spec/manifest-v2-2/.
const (
	DockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	DockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"

	dockerConfig = "application/vnd.docker.container.image.v1+json"
	dockerLayer  = "application/vnd.docker.image.rootfs.diff.tar.gzip"
)

// OCI's, https://github.com/opencontainers/image-spec/blob/main/media-types.md.
const (
	OCIManifest = ocispec.MediaTypeImageManifest
	OCIIndex    = ocispec.MediaTypeImageIndex
)

var mediaTypes = []string{DockerManifest, DockerList, OCIManifest, OCIIndex}

func isIndex(mediaType string) bool { return mediaType == DockerList || mediaType == OCIIndex }

// manifest is what the registry reads of an image manifest or index.
type manifest struct {
	SchemaVersion int                  `json:"schemaVersion"`
	MediaType     string               `json:"mediaType"`
	Config        *ocispec.Descriptor  `json:"config"`
	Layers        []ocispec.Descriptor `json:"layers"`
	Manifests     []ocispec.Descriptor `json:"manifests"`
	ArtifactType  string               `json:"artifactType"`
}

// blobs are the config and the layers.
func (m manifest) blobs() []ocispec.Descriptor {
	blobs := slices.Clone(m.Layers)
	if m.Config != nil {
		blobs = append(blobs, *m.Config)
	}
	return blobs
}

// parseManifest reads a manifest and decides its media type: what the caller
// says, else what the manifest says.
func parseManifest(data []byte, mediaType string) (manifest, string, error) {
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil || m.SchemaVersion != 2 {
		return m, "", invalid("Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'")
	}
	switch {
	case mediaType == "" && m.MediaType == "":
		return m, "", invalid("Invalid parameter at 'ImageManifestMediaType' failed to satisfy constraint: 'must be given for a manifest without mediaType'")
	case mediaType == "":
		mediaType = m.MediaType
	case m.MediaType != "" && m.MediaType != mediaType:
		return m, "", invalid("Manifest media type '%s' does not match the media type '%s' of the request", m.MediaType, mediaType)
	}
	if !slices.Contains(mediaTypes, mediaType) {
		return m, "", invalid("Manifest media type '%s' is not supported", mediaType)
	}
	if isIndex(mediaType) == (len(m.Manifests) == 0) || isIndex(mediaType) == (m.Config != nil) {
		return m, "", invalid("Manifest is not one of media type '%s'", mediaType)
	}
	return m, mediaType, nil
}

// missing gives the digests that are not in a repository but referred to.
func missing[V any](refs []ocispec.Descriptor, have map[digest.Digest]V) []digest.Digest {
	var absent []digest.Digest
	for _, ref := range refs {
		if _, ok := have[ref.Digest]; !ok && !slices.Contains(absent, ref.Digest) {
			absent = append(absent, ref.Digest)
		}
	}
	return absent
}
