package tagalong

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/pattern"
)

// ImageQuery says which images are meant: those of a digest, of a repository, or of
// both. Without a registry the repository may be in any.
type ImageQuery struct {
	Registry   string
	Repository string
	Tag        string // to be resolved in ECR
	Digest     digest.Digest
	// Beginning is that of a digest that is not given whole, without its algorithm. A
	// repository beside it may as well be a container's name, as the history prints it;
	// if it is the beginning itself, that is what is meant where no digest begins so.
	Beginning string
}

// Image is an image reference as a task definition or a task writes it.
type Image struct {
	Repository
	Tag    string
	Digest digest.Digest
}

// ParseImage reads an image as ECS runs it, in any form of those above: without a
// registry it is Docker Hub's, without tag and digest the tag is latest.
func ParseImage(s string) (Image, error) {
	i, err := parseImage(s)
	if err == nil && i.Beginning != "" {
		err = errNoImage
	}
	if err != nil {
		return Image{}, imageError(s, err)
	}
	if i.Repository == "" {
		return Image{}, imageError(s, errors.New("a digest alone: want REPOSITORY@DIGEST"))
	}
	if !IsName(ImageQuery{Registry: i.Registry, Repository: i.Repository}.String()) {
		return Image{}, imageError(s, errNoImage)
	}
	image := Image{Repository: Repository{Registry: i.Registry, Name: i.Repository}, Tag: i.Tag, Digest: i.Digest}
	if i.Registry == "" {
		image.Repository = Repository{Registry: dockerHub, Name: cmp.Or(i.official().Name, i.Repository)}
	}
	if i.Digest == "" {
		image.Tag = cmp.Or(i.Tag, "latest")
	}
	return image, nil
}

// repositoryPath is a repository's name by the OCI distribution specification,
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests.
var repositoryPath = pattern.New(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$`)

// What a digest looks like without its algorithm, whole or as far as tables show it,
// and with a hyphen behind it. Both would do as a repository's name.
var (
	shortDigest      = pattern.Run{Min: LeastShort, Max: 128, Of: pattern.LowerHex}
	bareDigest       = pattern.Run{Min: 12, Max: 64, Of: pattern.LowerHex}
	hyphenatedDigest = pattern.New(`^sha(?:256|384|512)-[0-9a-f]{12,}(?:\.[a-z]+)?$`)
)

// ParseImageQuery reads a digest, REPOSITORY@DIGEST, REPOSITORY:TAG or REPOSITORY, in
// any form of those above; the repository may begin with its registry's host. Of a digest
// the first LeastShort digits are enough.
func ParseImageQuery(s string) (ImageQuery, error) {
	i, err := parseImage(s)
	if err != nil {
		return ImageQuery{}, imageError(s, err)
	}
	if i.Registry == "" && i.Tag == "" && i.Digest == "" && i.Beginning == "" && shortDigest.MatchString(i.Repository) {
		i.Beginning = i.Repository
	}
	if i.Digest != "" || i.Beginning != "" {
		i.Tag = "" // it only says where the digest came from
	}
	return i, nil
}

func imageError(s string, err error) error { return fmt.Errorf("image %s: %w", QuoteImage(s), err) }

// QuoteImage quotes an image for an error, unless there may be a password in it.
func QuoteImage(s string) string {
	if credentials.MatchString(s) {
		return "with a user or a password"
	}
	return fmt.Sprintf("%.300q", s)
}

// credentials are a user and a password before a host.
var credentials = pattern.New(`^(?:[^/]*://[^/@]*@|[^/@]+:[^/@]*@[^/@]*/)`)

// Errors that several forms have in common.
var (
	errRegistryAlone = errors.New("that is a registry alone: want HOST/REPOSITORY")
	errNoImage       = errors.New("want a digest (sha256:…), REPOSITORY@DIGEST, REPOSITORY:TAG or REPOSITORY, such as checkout-api:prod")
)

// parseImage takes the plain form of an image apart.
func parseImage(s string) (i ImageQuery, err error) {
	if len(s) > MaxImage {
		return i, fmt.Errorf("of %d characters: want at most %d", len(s), MaxImage)
	}
	text, err := PlainImage(s)
	if err != nil {
		return i, err
	}
	if d, err := digest.Parse(strings.ToLower(strings.TrimPrefix(text, "@"))); err == nil {
		return ImageQuery{Digest: d}, nil
	}
	if algorithm, rest, ok := strings.Cut(text, ":"); ok && digest.Algorithm(strings.ToLower(algorithm)).Available() {
		i.Beginning, err = beginning(rest)
		return i, err
	}
	name, after, pinned := strings.Cut(text, "@")
	if pinned {
		if i.Digest, err = digest.Parse(strings.ToLower(after)); err != nil {
			i.Digest = ""
			if i.Beginning, err = beginning(AfterAlgorithm(after)); err != nil {
				return i, errNoImage
			}
		}
	}
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		if name, i.Tag = name[:colon], name[colon+1:]; !ValidTag(i.Tag) {
			return i, errNoImage
		}
	}
	i.Registry, i.Repository, err = parseRepository(strings.TrimSuffix(name, "/"))
	return i, err
}

// beginning reads the first digits of a digest, without its algorithm.
func beginning(text string) (string, error) {
	if text = strings.ToLower(text); !shortDigest.MatchString(text) {
		return "", fmt.Errorf("want a digest, such as sha256: and 64 hexadecimal digits or the first %d of them", LeastShort)
	}
	return text, nil
}

// AfterAlgorithm returns a digest without its algorithm, if it has one.
func AfterAlgorithm(text string) string {
	if algorithm, rest, ok := strings.Cut(text, ":"); ok && digest.Algorithm(strings.ToLower(algorithm)).Available() {
		return rest
	}
	return text
}

// parseRepository splits off the registry's host, "" if there is none: it has a dot or
// a port, or is localhost.
func parseRepository(name string) (registry, repository string, err error) {
	host, path, ok := strings.Cut(name, "/")
	if ok && isHost(host) && host != "." && host != ".." {
		if registry, path = canonicalHost(host), strings.TrimPrefix(path, "/"); registry == dockerHub && !strings.Contains(path, "/") {
			path = "library/" + path // docker.io/nginx is docker.io/library/nginx
		}
		name = path
	}
	switch {
	case !ok && isRegistry(host), ok && name == "":
		return "", "", errRegistryAlone
	case hyphenatedDigest.MatchString(name):
		return "", "", errors.New("want a digest with a colon, such as sha256: and 64 hexadecimal digits")
	case name != strings.ToLower(name) && repositoryPath.MatchString(strings.ToLower(name)):
		return "", "", fmt.Errorf("names of repositories have no capitals: want %s", strings.ToLower(name))
	case !repositoryPath.MatchString(name) || len(name) > 255:
		return "", "", errNoImage
	}
	if registry != "" && !IsName(registry+"/"+name) {
		return "", "", errNoImage
	}
	return registry, name, nil
}

// IsName reports whether Docker takes a name of a repository, with its registry's host or
// without, as it is written.
func IsName(written string) bool {
	host, path, ok := strings.Cut(written, "/")
	if ok && (isHost(host) || host != strings.ToLower(host)) {
		return registryHost.MatchString(host) && repositoryPath.MatchString(path) && len(path) <= 255
	}
	return repositoryPath.MatchString(written) && len(written) <= 255 && !imageID.MatchString(written)
}

// isHost reports whether a name's first part is a registry's host.
func isHost(first string) bool {
	return strings.ContainsAny(first, ".:") || strings.EqualFold(first, "localhost")
}

// registryHost is a host with a port or without, and imageID what would be an image's id.
// github.com/distribution/reference, with which a test compares both, compiles its regular
// expressions as a process starts: that is 0.9 ms of each cold start.
var (
	registryHost = pattern.New(`^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$`)
	imageID      = pattern.Run{Min: 64, Max: 64, Of: pattern.LowerHex}
)

const dockerHub = "docker.io"

// hubHosts are other names of Docker Hub's registry, publicHosts those of registries
// that everybody knows: none of them is a repository.
var (
	hubHosts    = map[string]bool{"index.docker.io": true, "registry-1.docker.io": true, "registry.hub.docker.com": true, "registry.docker.io": true}
	publicHosts = map[string]bool{
		dockerHub: true, "localhost": true, "public.ecr.aws": true, "ghcr.io": true, "quay.io": true, "gcr.io": true, "registry.k8s.io": true, "mcr.microsoft.com": true, "registry.gitlab.com": true,
	}
)

// isRegistry reports whether a name without a slash is that of a registry.
func isRegistry(host string) bool {
	host = canonicalHost(host)
	_, _, private := parseRegistry(host)
	return private || publicHosts[host]
}

// canonicalHost returns the one name under which a registry is known here. A single word
// keeps the port or the dot without which it would be a part of the repository's name.
func canonicalHost(host string) string {
	host = strings.ToLower(host)
	if short := strings.TrimSuffix(strings.TrimSuffix(host, ":443"), "."); isHost(short) {
		host = short
	}
	if hubHosts[host] {
		return dockerHub
	}
	return canonicalRegistry(host)
}

// String returns the form that ParseImageQuery reads.
func (i ImageQuery) String() string {
	s := i.Repository
	if i.Registry != "" {
		s = i.Registry + "/" + s
	}
	switch {
	case s == "" || i.Beginning != "" && s == i.Beginning:
		return cmp.Or(i.Digest.String(), i.Beginning)
	case i.Beginning != "":
		return s + "@" + i.Beginning
	case i.Digest != "":
		return s + "@" + i.Digest.String()
	case i.Tag != "":
		return s + ":" + i.Tag
	}
	return s
}

// In reports whether a repository is meant.
func (i ImageQuery) In(r Repository) bool {
	return (i.Repository == "" || i.Repository == r.Name || i.official() == r) && (i.Registry == "" || i.Registry == r.Registry)
}

// Partitions are the names under which the ledger keeps the places of a repository.
func (i ImageQuery) Partitions() []string {
	if official := i.official(); official.Name != "" {
		return []string{i.Repository, official.Name}
	}
	return []string{i.Repository}
}

// official returns the repository of Docker Hub that a bare name means there, too;
// none for other names.
// https://docs.docker.com/docker-hub/image-library/trusted-content/
func (i ImageQuery) official() Repository {
	if i.Registry != "" || i.Repository == "" || strings.Contains(i.Repository, "/") {
		return Repository{}
	}
	return Repository{Registry: dockerHub, Name: "library/" + i.Repository}
}
