package ecr

import (
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// Repository is a repository in the hands of a story or a test, outside of
// AWS's protocol.
type Repository struct {
	registry *Registry
	repo     *repository
}

// Repository gives a repository, and makes one with mutable tags if there is
// none. Empty fields of the scope mean the registry's home.
func (r *Registry) Repository(scope wire.Scope, name string) *Repository {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := repositoryKey{scope.Or(r.options.Home), name}
	repo, ok := r.repositories[key]
	if !ok {
		repo = newRepository(key.Scope, name)
		r.repositories[key] = repo
	}
	return &Repository{r, repo}
}

// URI is what stands before the tag in an image's name.
func (h *Repository) URI() string { return h.repo.scope.RegistryHost() + "/" + h.repo.name }

// ARN of the repository.
func (h *Repository) ARN() string { return h.repo.arn() }

// SetMutability changes the tag setting, such as IMMUTABLE or
// IMMUTABLE_WITH_EXCLUSION with wildcards for what is excluded.
func (h *Repository) SetMutability(mode string, filters ...string) error {
	h.registry.mu.Lock()
	defer h.registry.mu.Unlock()
	m := mutability{Mode: mode}
	for _, pattern := range filters {
		m.Filters = append(m.Filters, filter{"WILDCARD", pattern})
	}
	if err := m.check(); err != nil {
		return err
	}
	h.repo.mutability = m
	return nil
}

// Tag gives the digest that a tag sits on, "" if it sits nowhere.
func (h *Repository) Tag(tag string) digest.Digest {
	h.registry.mu.Lock()
	defer h.registry.mu.Unlock()
	return h.repo.tags[tag]
}

// Tags gives the tags of an image in alphabetical order.
func (h *Repository) Tags(d digest.Digest) []string {
	h.registry.mu.Lock()
	defer h.registry.mu.Unlock()
	return h.repo.tagsOf(d)
}

// History gives every digest that a tag ever sat on, in order. It survives
// the tag and the images.
func (h *Repository) History(tag string) []digest.Digest {
	h.registry.mu.Lock()
	defer h.registry.mu.Unlock()
	return slices.Clone(h.repo.history[tag])
}

// Digests gives the images in the order of their pushes.
func (h *Repository) Digests() []digest.Digest {
	h.registry.mu.Lock()
	defer h.registry.mu.Unlock()
	var digests []digest.Digest
	for _, img := range h.repo.sorted() {
		digests = append(digests, img.digest)
	}
	return digests
}

// Platforms gives the images that an index holds, without attestations; of an image that is
// no index none.
func (h *Repository) Platforms(d digest.Digest) (platforms []digest.Digest) {
	h.registry.mu.Lock()
	defer h.registry.mu.Unlock()
	img, ok := h.repo.images[d]
	if !ok {
		return nil
	}
	for _, child := range img.manifest.Manifests {
		if child.Platform != nil && child.Platform.OS != "unknown" {
			platforms = append(platforms, child.Digest)
		}
	}
	return platforms
}

// Delete removes an image and its tags, as a lifecycle rule does. It reports
// whether there was one.
func (h *Repository) Delete(d digest.Digest) bool {
	h.registry.mu.Lock()
	defer h.registry.mu.Unlock()
	_, ok := h.repo.images[d]
	h.repo.remove(d)
	return ok
}

// Untag removes a tag and leaves the image, which the protocol cannot do with
// an image's last tag.
func (h *Repository) Untag(tag string) {
	h.registry.mu.Lock()
	defer h.registry.mu.Unlock()
	delete(h.repo.tags, tag)
}

// Retag moves a tag to an image, as PutImage does.
func (h *Repository) Retag(d digest.Digest, tag string) error {
	h.registry.mu.Lock()
	defer h.registry.mu.Unlock()
	img, ok := h.repo.images[d]
	if !ok {
		return h.repo.notFound(imageID{Digest: d}.failure(imageNotFound))
	}
	_, err := h.registry.put(h.repo, putImageInput{Manifest: string(img.bytes), MediaType: img.mediaType, Tag: tag})
	return err
}

// Refuse has BatchGetImage answer for an image, asked for by this tag or digest,
// with a failure such as KmsError; "" mends it.
func (h *Repository) Refuse(id, code string) {
	h.registry.mu.Lock()
	defer h.registry.mu.Unlock()
	if code == "" {
		delete(h.repo.refused, id)
		return
	}
	h.repo.refused[id] = code
}

func (repo *repository) addLayer(blob []byte) digest.Digest {
	d := digest.FromBytes(blob)
	repo.layers[d] = int64(len(blob))
	return d
}
