package tagalongtest

import (
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Image makes a small true manifest. The same seed gives the same digest everywhere.
func Image(seed string) tagalong.Manifest {
	config := []byte(fmt.Sprintf(`{"architecture":"amd64","os":"linux","comment":%q}`, seed))
	return manifest(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageManifest,
		Config:    ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: digest.FromBytes(config), Size: int64(len(config))},
		Layers:    []ocispec.Descriptor{},
	})
}

// Platforms are those of an Index's children, in order.
var Platforms = []ocispec.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64", Variant: "v8"}}

// Index makes an index of images for the Platforms, with an attestation beside
// them as build tools put it there.
func Index(seed string) (index tagalong.Manifest, children []tagalong.Manifest) {
	list := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex}
	add := func(m tagalong.Manifest, p ocispec.Platform) {
		children = append(children, m)
		list.Manifests = append(list.Manifests, ocispec.Descriptor{MediaType: m.MediaType, Digest: m.Digest, Size: int64(len(m.Bytes)), Platform: &p})
	}
	for _, platform := range Platforms {
		add(Image(seed+" "+platform.Architecture), platform)
	}
	add(Image(seed+" attestation"), ocispec.Platform{OS: "unknown", Architecture: "unknown"})
	return manifest(ocispec.MediaTypeImageIndex, list), children
}

// Annotated returns an image or an index with the source revision and a version as
// annotations.
func Annotated(m tagalong.Manifest, revision, version string) tagalong.Manifest {
	return annotated(m, map[string]string{ocispec.AnnotationRevision: revision, ocispec.AnnotationVersion: version})
}

// Sourced returns one with the source revision and where its sources are kept.
func Sourced(m tagalong.Manifest, revision, source string) tagalong.Manifest {
	return annotated(m, map[string]string{ocispec.AnnotationRevision: revision, ocispec.AnnotationSource: source})
}

func annotated(m tagalong.Manifest, annotations map[string]string) tagalong.Manifest {
	var content map[string]any
	if err := json.Unmarshal(m.Bytes, &content); err != nil {
		panic(fmt.Sprintf("decoding a manifest: %v", err))
	}
	content["annotations"] = annotations
	return manifest(m.MediaType, content)
}

func manifest(mediaType string, content any) tagalong.Manifest {
	bytes, err := json.Marshal(content)
	if err != nil {
		panic(fmt.Sprintf("encoding a manifest: %v", err))
	}
	return tagalong.Manifest{Digest: digest.FromBytes(bytes), MediaType: mediaType, Bytes: bytes}
}
