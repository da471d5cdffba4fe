package tagalong

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/events"
	"github.com/tagalong-aws/tagalong/functions/internal/pattern"
)

// The forms in which people and tools write images. All of them become the plain
// one, [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST] or DIGEST, and nothing else reads any.
//
// Understood:
//
//	nginx, library/nginx:1.27, HOST/REPOSITORY:TAG@DIGEST     docker, podman, crane, ECS, kubectl
//	sha256:…, SHA256:…, @sha256:…                             what stands behind an @, in any case
//	HOST in capitals, HOST:443, HOST., HOST/REPOSITORY/       the same host, the same repository
//	index.docker.io, registry-1.docker.io,                    Docker Hub by its other names
//	registry.hub.docker.com
//	…dkr.ecr-fips.…, …dkr-ecr.….on.aws                        ECR by its other names
//	docker://…, docker-pullable://…, docker-image://…,        skopeo, kubectl's imageID, BuildKit,
//	oci://…                                                   Helm and Flux
//	docker:…, podman:…, registry:…, containerd:…              Syft and Grype, unless it is REPOSITORY:TAG
//	https://HOST/REPOSITORY:TAG                               a registry's address with its scheme
//	https://HOST/v2/REPOSITORY/manifests/TAG                  the address of a manifest
//	arn:aws:ecr:REGION:ACCOUNT:repository/NAME[/DIGEST]       ECR, Inspector, Security Hub
//	https://REGION.console.aws.amazon.com/ecr/repositories/…  a page of ECR's console
//	https://gallery.ecr.aws/…, https://hub.docker.com/r/…     a page of a public gallery
//	pkg:oci/…, pkg:docker/…                                   package URLs: CycloneDX, SPDX, Trivy
//	"…", '…', blanks around it                                what a shell or jq left there
//
// Refused by name, with what to write instead:
//
//	a digest that is cut off, of no algorithm, or with a hyphen (sha256-…, cosign's tags)
//	containerd://…, cri-o://…, docker://sha256:…              ids of containers and images on a node
//	docker-archive:…, docker-daemon:…, oci-archive:…,         images on somebody's disk
//	oci:/…, dir:/…, containers-storage:…, oci-layout://…
//	a registry without a repository, a name in capitals, several images, other schemes,
//	other ARNs (public repositories' do not tell their alias), other package URLs, other
//	pages of AWS, the address of a blob, and whatever holds a user and a password

// MaxImage bounds what is read: a page's address with a registry, a repository of 255
// characters, a tag of 128 and a digest fits, escaped, too.
const MaxImage = 1000

// PlainImage returns the plain form of an image, as it is written as far as it is. Its
// errors say what is the matter and what would be right.
func PlainImage(text string) (string, error) {
	text = unquoted(strings.TrimSpace(text))
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return "", errors.New("there is a blank or a control character in it: want one image")
	}
	scheme, rest, addressed := strings.Cut(text, "://")
	switch {
	case hasPrefixFold(text, "arn:"):
		return ofARN(text)
	case hasPrefixFold(text, "pkg:"):
		return ofPackage(text[len("pkg:"):])
	case addressed:
		return ofScheme(strings.ToLower(scheme), rest)
	}
	return ofTransport(text)
}

func unquoted(text string) string {
	for _, quote := range []string{`"`, "'"} {
		if inner, ok := strings.CutPrefix(text, quote); ok && strings.HasSuffix(inner, quote) {
			return strings.TrimSpace(strings.TrimSuffix(inner, quote))
		}
	}
	return text
}

func hasPrefixFold(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}

var errNodeID = errors.New("that is the id of a container or an image on its node, which no registry knows: want the digest behind the @ of imageID or RepoDigests")

// ofScheme reads what has a scheme before it.
func ofScheme(scheme, rest string) (string, error) {
	switch scheme {
	case "http", "https":
		return ofAddress(scheme, rest)
	case "docker", "docker-pullable", "docker-image", "oci":
		if _, err := digest.Parse(rest); err == nil || bareDigest.MatchString(rest) {
			return "", errNodeID
		}
		return strings.TrimPrefix(rest, "/"), nil
	case "containerd", "cri-o":
		return "", errNodeID
	case "oci-layout", "oci-archive", "docker-archive", "dir", "file", "containers-storage", "docker-daemon":
		return "", errOnDisk
	}
	return "", fmt.Errorf("the scheme %s:// is none of an image: want HOST/REPOSITORY:TAG, or docker:// or oci:// before it", scheme)
}

var (
	errOnDisk = errors.New("that is an image on somebody's disk, which says nothing of a registry: want HOST/REPOSITORY:TAG, or the digest that was pushed")

	// onDisk are skopeo's and podman's transports that can be no repository's name and tag,
	// https://github.com/containers/image/blob/main/docs/containers-transports.5.md.
	onDisk = pattern.New(`^(?:(?:docker-archive|oci-archive|docker-daemon|containers-storage|oci-layout|oci-dir|ostree|singularity|sbom|file):|(?:oci|dir|sif):(?:[./~]|[^:]*/))`)
	// inRegistry are the sources that Syft and Grype take images from,
	// https://github.com/anchore/syft/wiki/supported-sources.
	inRegistry = pattern.New(`^(?:docker|podman|registry|containerd|docker-image):(.+)$`)
)

// ofTransport reads what may have a transport before it. docker:27 and registry:2 are
// images of Docker Hub.
func ofTransport(text string) (string, error) {
	if onDisk.MatchString(text) {
		return "", errOnDisk
	}
	if source := inRegistry.FindStringSubmatch(text); source != nil {
		if tag, _, _ := strings.Cut(source[1], "@"); !ValidTag(tag) {
			return source[1], nil
		}
	}
	return text, nil
}

// ofAddress reads the address of a registry, of a manifest in it or of a page about it.
func ofAddress(scheme, rest string) (string, error) {
	address, err := url.Parse(scheme + "://" + rest)
	switch {
	case err != nil:
		return "", errors.New("that is no legal address: want HOST/REPOSITORY:TAG")
	case address.User != nil:
		return "", errors.New("there is a user or a password in it: want HOST/REPOSITORY:TAG alone")
	}
	host, path := strings.ToLower(address.Host), strings.Trim(address.Path, "/")
	switch {
	case consoleHost.MatchString(host):
		return ofConsole(host, path, address.Query().Get("region"))
	case host == "gallery.ecr.aws":
		return "public.ecr.aws/" + path, nil
	case host == "hub.docker.com":
		return ofDockerHub(path)
	}
	if scheme == "http" {
		host = strings.TrimSuffix(host, ":80")
	}
	if path == "" {
		return "", errRegistryAlone
	}
	if !strings.ContainsAny(host, ".:") && host != "localhost" {
		return "", errors.New("that address has no host of a registry: want HOST/REPOSITORY:TAG")
	}
	api, inAPI := strings.CutPrefix(path+"/", "v2/")
	switch repository, reference, ok := cutLast(strings.TrimSuffix(api, "/"), "/manifests/"); {
	case !inAPI:
		return host + "/" + path, nil
	case !ok:
		return "", errors.New("that is an address of a registry's API, and of no manifest: want HOST/REPOSITORY:TAG or HOST/REPOSITORY@DIGEST")
	case strings.Contains(reference, ":"):
		return host + "/" + repository + "@" + reference, nil
	default:
		return host + "/" + repository + ":" + reference, nil
	}
}

func cutLast(text, separator string) (before, after string, found bool) {
	if at := strings.LastIndex(text, separator); at >= 0 {
		return text[:at], text[at+len(separator):], true
	}
	return text, "", false
}

// consoleHost is AWS's console in all partitions.
var consoleHost = pattern.New(`^(?:([a-z0-9-]+)\.)?console\.(?:aws\.amazon\.com|amazonaws\.cn|amazonaws-us-gov\.com|amazonaws-eusc\.eu)$`)

// ofConsole reads a page of a private repository, or of an image in it:
// ecr/repositories/private/ACCOUNT/NAME, then _ and image/DIGEST or another tab.
func ofConsole(host, path, region string) (string, error) {
	if region == "" {
		region = consoleHost.FindStringSubmatch(host)[1]
	}
	region = strings.ToLower(region)
	account, name, _ := strings.Cut(strings.TrimPrefix(path, "ecr/repositories/private/"), "/")
	if !strings.HasPrefix(path, "ecr/repositories/private/") || !accountID.MatchString(account) || name == "" || !events.IsRegion(region) {
		return "", errors.New("that page of the AWS console is none of a private ECR repository in a Region: want its URI, ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY")
	}
	parts := strings.Split(name, "/")
	end := slices.IndexFunc(parts, func(part string) bool { return part == "_" || strings.Contains(part, ":") })
	if end < 0 {
		return RegistryHost(account, region) + "/" + name, nil
	}
	repository := RegistryHost(account, region) + "/" + strings.TrimSuffix(strings.Join(parts[:end], "/"), "/image")
	for _, part := range parts[end:] {
		if strings.Contains(part, ":") {
			return repository + "@" + part, nil
		}
	}
	return repository, nil
}

var accountID = pattern.Run{Min: 12, Max: 12, Of: pattern.Digits}

// ofDockerHub reads a page of an image: _/NAME or r/OWNER/NAME, and its tabs.
func ofDockerHub(path string) (string, error) {
	switch parts := strings.Split(path, "/"); {
	case parts[0] == "_" && len(parts) > 1:
		return "docker.io/library/" + parts[1], nil
	case parts[0] == "r" && len(parts) > 2:
		return "docker.io/" + parts[1] + "/" + parts[2], nil
	}
	return "", errors.New("that page of Docker Hub is none of an image: want NAME or OWNER/NAME")
}

// imageARN is the ARN of a private repository, or of an image in it as Inspector has it,
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html.
var imageARN = pattern.New(`^arn:aws[a-z-]*:ecr:([A-Za-z0-9-]+):(\d{12}):repository/([^:@]+?)(?:/(sha\d+:[0-9A-Fa-f]+))?$`)

func ofARN(text string) (string, error) {
	parts := imageARN.FindStringSubmatch(text)
	if parts == nil || !events.IsRegion(strings.ToLower(parts[1])) {
		return "", errors.New("that ARN is none of a private ECR repository or of an image in one: want arn:aws:ecr:REGION:ACCOUNT:repository/NAME or …/NAME/sha256:…; of a public one want public.ecr.aws/ALIAS/NAME")
	}
	return digested(RegistryHost(parts[2], strings.ToLower(parts[1]))+"/"+parts[3], parts[4]), nil
}

func digested(repository, digest string) string {
	if digest == "" || repository == "" {
		return repository + digest
	}
	return repository + "@" + digest
}

// ofPackage reads a package URL, without its pkg:,
// https://github.com/package-url/purl-spec/blob/main/types-doc/oci-definition.md.
// The name of pkg:oci is the last part of the repository's: without repository_url
// it names none, and the digest alone is looked for.
func ofPackage(text string) (string, error) {
	text, _, _ = strings.Cut(text, "#")
	text, qualifiers, _ := strings.Cut(text, "?")
	kind, name, _ := strings.Cut(strings.Trim(text, "/"), "/")
	name, version, _ := strings.Cut(name, "@")
	values, err := url.ParseQuery(qualifiers)
	version, errVersion := url.PathUnescape(version)
	name, errName := url.PathUnescape(name)
	if err = errors.Join(err, errVersion, errName); err != nil || name == "" {
		return "", errors.New("that package URL cannot be read: want pkg:oci/NAME@sha256%3A…?repository_url=HOST/REPOSITORY")
	}
	isDigest := strings.Contains(version, ":")
	at := strings.Trim(strings.TrimPrefix(values.Get("repository_url"), "https://"), "/")
	switch kind = strings.ToLower(kind); {
	case kind == "docker":
		name = cmp.Or(at, dockerHub) + "/" + name
	case kind != "oci":
		return "", fmt.Errorf("that package URL is of a package of type %q: want one of an image, pkg:oci/… or pkg:docker/…", kind)
	case at != "":
		name = at
	case isDigest:
		name = ""
	}
	if isDigest {
		return digested(name, version), nil
	}
	if tag := cmp.Or(version, values.Get("tag")); tag != "" {
		name += ":" + tag
	}
	return name, nil
}
