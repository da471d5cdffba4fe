package ecr

import (
	"strings"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// Resolve gives the digest that an image name of this registry has now, as an
// agent does that is about to pull it. known is false for a name in another
// registry; the digest is "" if the image is not there.
func (r *Registry) Resolve(image string) (d digest.Digest, known bool) {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return "", false
	}
	scope, known := scopeOf(reference.Domain(named))
	if !known {
		return "", false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	repo, ok := r.repositories[repositoryKey{scope, reference.Path(named)}]
	if !ok {
		return "", true
	}
	img, f := repo.lookup(idOf(named))
	if f != nil {
		return "", true
	}
	return img.digest, true
}

// Platform gives the digest of an index's image for a platform such as
// linux/arm64, or the digest itself if it is no index.
func (r *Registry) Platform(image string, d digest.Digest, platform string) digest.Digest {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return d
	}
	scope, _ := scopeOf(reference.Domain(named))
	r.mu.Lock()
	defer r.mu.Unlock()
	repo, ok := r.repositories[repositoryKey{scope, reference.Path(named)}]
	if !ok || repo.images[d] == nil {
		return d
	}
	if child, ok := repo.platform(repo.images[d], platform); ok {
		return child.digest
	}
	return d
}

// idOf is what a name asks for; the tag beside a digest does not count.
func idOf(named reference.Named) imageID {
	if digested, ok := named.(reference.Digested); ok {
		return imageID{Digest: digested.Digest()}
	}
	tagged, _ := reference.TagNameOnly(named).(reference.Tagged)
	return imageID{Tag: tagged.Tag()}
}

// scopeOf reads the plain name of a private registry.
func scopeOf(host string) (wire.Scope, bool) {
	parts := strings.Split(host, ".")
	if len(parts) < 5 || parts[1] != "dkr" || parts[2] != "ecr" {
		return wire.Scope{}, false
	}
	scope := wire.Scope{Account: parts[0], Region: parts[3]}
	return scope, scope.RegistryHost() == host
}
