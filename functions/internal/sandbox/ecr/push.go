package ecr

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Image is an image for one platform to be pushed: small, real, and derived
// from its seed, so that the same seed has the same digest everywhere.
type Image struct {
	Seed         string
	Tags         []string // none: pushed by digest
	Docker       bool     // Docker's media types instead of OCI's
	NoMediaType  bool     // no mediaType in an OCI manifest, which is legal
	Architecture string   // amd64 if empty
	Commit       string   // annotated as org.opencontainers.image.revision; "" is not annotated
}

// Push builds an image and stores it with its blobs and tags. A tag that is
// there already on the same image is no error.
func (h *Repository) Push(image Image) (digest.Digest, error) {
	h.registry.mu.Lock()
	defer h.registry.mu.Unlock()
	d, _, err := h.push(image)
	return d, err
}

func (h *Repository) push(image Image) (digest.Digest, ocispec.Descriptor, error) {
	types := ociTypes
	if image.Docker {
		types = dockerTypes
	}
	layer := gzipped("layer " + image.Seed + " " + image.architecture())
	config := image.config()
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: types.manifest,
		Config: h.blob(types.config, config),
		Layers: []ocispec.Descriptor{h.blob(types.layer, layer)},
	}
	if image.NoMediaType && !image.Docker {
		m.MediaType = ""
	}
	if image.Commit != "" {
		m.Annotations = map[string]string{ocispec.AnnotationRevision: image.Commit}
	}
	return h.store(marshal(m), types.manifest, image.Tags)
}

func (i Image) architecture() string {
	if i.Architecture == "" {
		return "amd64"
	}
	return i.Architecture
}

// config is a minimal image configuration; its time is fixed, like everything.
func (i Image) config() []byte {
	created := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return marshal(ocispec.Image{
		Created:  &created,
		Platform: ocispec.Platform{OS: "linux", Architecture: i.architecture()},
		Config:   ocispec.ImageConfig{Cmd: []string{"/" + i.Seed}},
		RootFS:   ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromString("layer " + i.Seed + " " + i.architecture())}},
	})
}

// Index is a multi-platform image to be pushed: linux/amd64, linux/arm64 and,
// as BuildKit makes it, an attestation for each under unknown/unknown.
type Index struct {
	Seed        string
	Tags        []string
	Docker      bool // a manifest list with Docker's media types
	NoMediaType bool // no mediaType in the OCI index and manifests
}

// Pushed is what was stored of a multi-platform image.
type Pushed struct {
	Digest      digest.Digest // of the index
	AMD64       digest.Digest
	ARM64       digest.Digest
	Attestation digest.Digest // of the amd64 image; "" in a Docker list
}

// PushIndex builds a multi-platform image and stores it. The platforms' images
// have no tags.
func (h *Repository) PushIndex(index Index) (Pushed, error) {
	h.registry.mu.Lock()
	defer h.registry.mu.Unlock()
	children, err := h.children(index)
	if err != nil {
		return Pushed{}, err
	}
	types := ociTypes
	if index.Docker {
		types = dockerTypes
	}
	m := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: types.index, Manifests: children}
	if index.NoMediaType && !index.Docker {
		m.MediaType = ""
	}
	d, _, err := h.store(marshal(m), types.index, index.Tags)
	if err != nil {
		return Pushed{}, err
	}
	pushed := Pushed{Digest: d, AMD64: children[0].Digest, ARM64: children[1].Digest}
	if len(children) > 2 {
		pushed.Attestation = children[2].Digest
	}
	return pushed, nil
}

func (h *Repository) children(index Index) ([]ocispec.Descriptor, error) {
	var children []ocispec.Descriptor
	for _, architecture := range []string{"amd64", "arm64"} {
		_, child, err := h.push(Image{Seed: index.Seed, Docker: index.Docker, NoMediaType: index.NoMediaType, Architecture: architecture})
		if err != nil {
			return nil, err
		}
		child.Platform = &ocispec.Platform{OS: "linux", Architecture: architecture}
		children = append(children, child)
	}
	if index.Docker {
		return children, nil
	}
	attestation, err := h.attestation(index.Seed, children[0].Digest)
	return append(children, attestation), err
}

// attestation stores a BuildKit attestation of an image,
// https://docs.docker.com/build/metadata/attestations/attestation-storage/.
func (h *Repository) attestation(seed string, of digest.Digest) (ocispec.Descriptor, error) {
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: OCIManifest,
		Config: h.blob(ocispec.MediaTypeImageConfig, []byte(`{"architecture":"unknown","os":"unknown","config":{},"rootfs":{"type":"layers","diff_ids":[]},"seed":"`+seed+`"}`)),
		Layers: []ocispec.Descriptor{h.blob("application/vnd.in-toto+json", []byte(`{"_type":"https://in-toto.io/Statement/v0.1","subject":"`+of+`"}`))},
	}
	_, descriptor, err := h.store(marshal(m), OCIManifest, nil)
	descriptor.Platform = &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
	descriptor.Annotations = map[string]string{
		"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": string(of),
	}
	return descriptor, err
}

var ociTypes = struct{ manifest, index, config, layer string }{
	OCIManifest, OCIIndex, ocispec.MediaTypeImageConfig, ocispec.MediaTypeImageLayerGzip,
}

var dockerTypes = struct{ manifest, index, config, layer string }{
	DockerManifest, DockerList, dockerConfig, dockerLayer,
}

// blob adds a layer or a config and describes it.
func (h *Repository) blob(mediaType string, data []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: h.repo.addLayer(data), Size: int64(len(data))}
}

// store puts a manifest, then its tags, as a client would.
func (h *Repository) store(data []byte, mediaType string, tags []string) (digest.Digest, ocispec.Descriptor, error) {
	descriptor := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	if len(tags) == 0 {
		tags = []string{""}
	}
	for _, tag := range tags {
		in := putImageInput{Manifest: string(data), MediaType: mediaType, Tag: tag}
		if _, err := h.registry.put(h.repo, in); err != nil && !h.stands(descriptor.Digest, tag) {
			return "", descriptor, err
		}
	}
	return descriptor.Digest, descriptor, nil
}

// stands says whether an image is there with a tag already.
func (h *Repository) stands(d digest.Digest, tag string) bool {
	if tag == "" {
		return h.repo.images[d] != nil
	}
	return h.repo.tags[tag] == d
}

func gzipped(content string) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.NoCompression) // so that no Go release changes a digest
	_, _ = w.Write([]byte(content))                     // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

func marshal(v any) []byte {
	data, _ := json.Marshal(v) // our own structs
	return data
}
