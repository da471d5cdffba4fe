package tagalong

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
)

// ImageQuery says which images are meant: those of a digest, of a repository, or of
// both. Without a registry the repository may be in any.
type ImageQuery struct {
	Registry   string
	Repository string
	Tag        string // to be resolved in ECR
	Digest     digest.Digest
}

// maxImage bounds what is parsed: a registry, a repository of 255 characters, a
// tag of 128 and a digest fit.
const maxImage = 600

// repositoryPath is a repository's name by the OCI distribution specification,
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests.
var repositoryPath = regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$`)

// bareDigest is what a digest looks like without its algorithm, whole or as far
// as tables show it. It would do as a repository's name, and find nothing.
var bareDigest = regexp.MustCompile(`^[0-9a-f]{12,64}$`)

// ParseImageQuery reads a digest, REPOSITORY@DIGEST, REPOSITORY:TAG or REPOSITORY;
// the repository may begin with its registry's host, and must if its name alone
// could be a digest.
func ParseImageQuery(s string) (ImageQuery, error) {
	wrong := fmt.Errorf("image %q: want a digest (sha256:…), REPOSITORY@DIGEST, REPOSITORY:TAG or REPOSITORY, such as checkout-api:prod", s)
	if len(s) > maxImage {
		return ImageQuery{}, fmt.Errorf("image of %d characters: want at most %d", len(s), maxImage)
	}
	if d, err := digest.Parse(s); err == nil {
		return ImageQuery{Digest: d}, nil
	}
	if algorithm, _, ok := strings.Cut(s, ":"); ok && digest.Algorithm(algorithm).Available() {
		return ImageQuery{}, fmt.Errorf("image %q: want a whole digest, such as sha256: and 64 hexadecimal digits", s)
	}
	if bareDigest.MatchString(s) {
		return ImageQuery{}, fmt.Errorf("image %q: want a whole digest, sha256: and 64 hexadecimal digits (JSON and wide tables show it), or HOST/%s for a repository of that name", s, s)
	}
	var i ImageQuery
	name, after, pinned := strings.Cut(s, "@")
	if pinned {
		d, err := digest.Parse(after)
		if err != nil {
			return ImageQuery{}, wrong
		}
		i.Digest = d
	}
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		name, i.Tag = name[:colon], name[colon+1:]
		if !legalTag.MatchString(i.Tag) {
			return ImageQuery{}, wrong
		}
	}
	if i.Digest != "" {
		i.Tag = "" // it only says where the digest came from
	}
	if host, path, ok := strings.Cut(name, "/"); ok && strings.ContainsAny(host, ".:") || host == "localhost" {
		i.Registry, name = canonicalRegistry(host), path
		if named, err := reference.ParseNormalizedNamed(host + "/" + path); err == nil {
			name = reference.Path(named) // docker.io/nginx is docker.io/library/nginx
		}
	}
	if i.Repository = name; !repositoryPath.MatchString(name) || len(name) > 255 {
		return ImageQuery{}, wrong
	}
	return i, nil
}

// String gives the form that ParseImageQuery reads.
func (i ImageQuery) String() string {
	s := i.Repository
	if i.Registry != "" {
		s = i.Registry + "/" + s
	}
	switch {
	case s == "":
		return i.Digest.String()
	case i.Digest != "":
		return s + "@" + i.Digest.String()
	case i.Tag != "":
		return s + ":" + i.Tag
	}
	return s
}

// in tells whether a repository is meant.
func (i ImageQuery) in(r Repository) bool {
	return (i.Repository == "" || i.Repository == r.Name || i.official() == r) && (i.Registry == "" || i.Registry == r.Registry)
}

// official gives the repository of Docker Hub that a bare name means there, too;
// none for other names.
// https://docs.docker.com/docker-hub/image-library/trusted-content/
func (i ImageQuery) official() Repository {
	if i.Registry != "" || i.Repository == "" || strings.Contains(i.Repository, "/") {
		return Repository{}
	}
	return Repository{Registry: "docker.io", Name: "library/" + i.Repository}
}
