package tagalong

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Errors that a Registry returns when a tag is put.
var (
	// ErrTaken says that the tag is immutable and exists.
	ErrTaken = errors.New("tag is immutable and exists")
	// ErrFull says that the registry takes no more tags on the image or in the repository.
	ErrFull = errors.New("no room for another tag")
	// ErrRefused says that the registry does not take the put, and that no retry mends
	// that: the repository's key is disabled, a policy forbids it.
	ErrRefused = errors.New("refused")
	// ErrGone says that the image, a part of it or the repository is not there any more.
	ErrGone = errors.New("image is gone")
	// ErrNoAccess says that our role may not ask for a repository.
	ErrNoAccess = errors.New("no access to the repository")
	// ErrUnanswered says that an attempt ended without an answer: it may still arrive.
	ErrUnanswered = errors.New("no answer")
	// ErrBusy says that the registry answered, but not now: it throttles.
	ErrBusy = errors.New("registry is busy")
	// ErrOutOfOrder says that the registry answered with an error of its own.
	ErrOutOfOrder = errors.New("registry is out of order")
)

// Registry holds images: ECR, as far as tags go.
type Registry interface {
	// Read returns the manifests of these digests and tags and where the tags sit,
	// in one call for up to 100 of them. What is not there is left out, as is an
	// image that is archived: it cannot be pulled. ErrNoAccess says that nobody let
	// us look.
	Read(ctx context.Context, r Repository, digests []digest.Digest, tags []string) (Images, error)
	// Tag puts a tag on a manifest, in one single attempt. The tag being there
	// already is success.
	Tag(ctx context.Context, r Repository, m Manifest, tag string) error
}

// Manifest is an image manifest or an index, byte for byte.
type Manifest struct {
	Digest    digest.Digest
	MediaType string
	Bytes     []byte
}

// Verify reports whether the bytes are the digest's: others must never be put.
func (m Manifest) Verify() error {
	if actual := m.Digest.Algorithm().FromBytes(m.Bytes); actual != m.Digest {
		return fmt.Errorf("manifest of %s: its bytes have the digest %s", m.Digest, actual)
	}
	return nil
}

// dockerList is the media type of Docker's indexes: it is older than the OCI's, and alike in what we read.
const dockerList = "application/vnd.docker.distribution.manifest.list.v2+json"

// Children returns what an index holds, nil for anything else. Attestations, which
// have no platform, are left out: nothing runs them.
func (m Manifest) Children() []specs.Descriptor {
	if m.MediaType != specs.MediaTypeImageIndex && m.MediaType != dockerList {
		return nil
	}
	var index specs.Index
	if json.Unmarshal(m.Bytes, &index) != nil {
		return nil
	}
	return slices.DeleteFunc(index.Manifests, func(d specs.Descriptor) bool {
		return d.Platform == nil || d.Platform.OS == "unknown" || d.Digest.Validate() != nil
	})
}

func (m Manifest) holds(d digest.Digest) bool {
	return slices.ContainsFunc(m.Children(), func(c specs.Descriptor) bool { return c.Digest == d })
}

// annotation returns what an annotation says: that of the image or the index itself,
// else of all that the index holds alike. Whoever builds an image may write anything
// there: what is not legal is left out.
// https://github.com/opencontainers/image-spec/blob/main/annotations.md
func (m Manifest) annotation(name string, legal func(string) bool) string {
	var own struct {
		Annotations map[string]string `json:"annotations"`
	}
	if json.Unmarshal(m.Bytes, &own) != nil {
		return ""
	}
	if text := own.Annotations[name]; legal(text) {
		return text
	}
	var texts []string
	for _, child := range m.Children() {
		texts = append(texts, child.Annotations[name])
	}
	if text := onlyOne(texts); legal(text) {
		return text
	}
	return ""
}

// validCommit reports whether a text may be a revision: a hash, a number or a tag.
func validCommit(text string) bool {
	odd := strings.ContainsFunc(text, func(r rune) bool { return r < '!' || r > '~' })
	return 0 < len(text) && len(text) <= 128 && !odd
}

// commit returns the source revision that the image was built from.
func (m Manifest) commit() string { return m.annotation(specs.AnnotationRevision, validCommit) }

// version returns the version of what is in the image, if it can be a tag.
func (m Manifest) version() string { return m.annotation(specs.AnnotationVersion, ValidTag) }

// Source returns where on the web the image's sources are kept, "" if it does not say.
func (m Manifest) Source() string { return m.annotation(specs.AnnotationSource, validSource) }

// validSource reports whether a text is an address of the web without credentials.
func validSource(text string) bool {
	at, err := url.Parse(text)
	return err == nil && len(text) <= 512 && at.Scheme == "https" && at.Host != "" && at.User == nil
}

// onlyOne returns the only one of some texts, "" if they are not all the same.
func onlyOne(texts []string) string {
	slices.Sort(texts)
	if texts = slices.Compact(texts); len(texts) == 1 {
		return texts[0]
	}
	return ""
}

func Platform(p specs.Platform) string {
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// Images is what one reading of a repository gave.
type Images struct {
	Manifests map[digest.Digest]Manifest
	Tags      map[string]digest.Digest
	// Unasked says of tags that are not here why upstream could not be asked for
	// them, as a pull-through cache does. Who puts such a tag does not mind; who
	// looks for an image by it does not know whether there is one.
	Unasked map[string]error
	// Refused says of images why the registry does not give them, by the tag or the
	// digest that was asked for, where no retry mends that: their key is disabled.
	Refused map[string]error
	// NoRepository says that nothing is there since the repository is not.
	NoRepository bool
}

// Describe returns a container with what is shown of its image: the index that holds it,
// the commit that it was built from, and that it has been read, unless it is not there.
func (i Images) Describe(c Container) Container {
	if c.IsDescribed() {
		c.Index = cmp.Or(c.Index, i.index(c))
		c.Commit = cmp.Or(c.Commit, i.commit(c))
		c.KnownTag = cmp.Or(c.KnownTag, i.knownTag(c))
	}
	_, c.Read = i.Manifests[c.Target()]
	return c
}

// commit returns the source revision of a container's image: what the image that
// runs says, else its index.
func (i Images) commit(c Container) string {
	return cmp.Or(i.Manifests[c.Digest].commit(), i.Manifests[c.Index].commit())
}

// knownTag returns a tag that a container's image says it is known by, where the task
// definition names none.
func (i Images) knownTag(c Container) string {
	if c.ImageTag != "" {
		return ""
	}
	return cmp.Or(i.Manifests[c.Digest].version(), i.Manifests[c.Index].version())
}

// index returns the index that is proven to hold a container's digest: the one its
// deployed tag sits on, if that lists the digest; "" otherwise.
func (i Images) index(c Container) digest.Digest {
	at, ok := i.Tags[c.ImageTag]
	if !ok || c.ImageTag == "" || at == c.Digest || !i.Manifests[at].holds(c.Digest) {
		return ""
	}
	return at
}
