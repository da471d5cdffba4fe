package job

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// The parameters that name an image, of both actions: the variables of
// CodePipeline's ECR source action,
// https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html.
const (
	RepositoryName = "RepositoryName"
	ImageTag       = "ImageTag"
	ImageDigest    = "ImageDigest"
	ImageURI       = "ImageURI"
)

// ImageKeys are their names.
var ImageKeys = []string{RepositoryName, ImageTag, ImageDigest, ImageURI}

// Image is an image as parameters or an artifact name it.
type Image struct {
	tagalong.Repository
	// Written is the registry and the repository as they are written: a registry
	// has several names, and the one for FIPS is chosen on purpose.
	Written string
	Digest  digest.Digest // "" if none is given
	// Tags say where the image was found: without a digest there is one at most.
	Tags []string
}

// String names the image as far as it is given.
func (i Image) String() string {
	switch {
	case i.Digest != "":
		return i.Written + "@" + i.Digest.String()
	case len(i.Tags) > 0:
		return i.Written + ":" + i.Tags[0]
	}
	return i.Written
}

// tag is the one by which the image is asked for without a digest, "" if there is none.
func (i Image) tag() string {
	if len(i.Tags) == 0 {
		return ""
	}
	return i.Tags[0]
}

// Absent is the failure for an image that a reading of its repository did not show:
// it is not there, or it is not known whether it is.
func (i Image) Absent(read tagalong.Images) error {
	if err := read.Refused[cmp.Or(i.Digest.String(), i.tag())]; err != nil {
		return fmt.Errorf("reading images of %s: %w", i.Repository, err)
	}
	what := "image"
	if i.Digest == "" {
		if err := read.Unasked[i.tag()]; err != nil {
			return fmt.Errorf("reading images of %s: %w", i.Repository, err)
		}
		what = "tag"
	}
	return Misconfigured("image %s: ECR has no such %s or no such repository in that account and Region; an archived image counts as absent", i, what)
}

// Home is where a repository lies that is named without its registry.
type Home struct{ Account, Region string }

// Named are the four texts that name an image, each of which may be "".
type Named struct{ RepositoryName, ImageTag, ImageDigest, ImageURI string }

// Named returns the parameters that name an image.
func (p Parameters) Named() Named {
	return Named{p.Text(RepositoryName), p.Text(ImageTag), p.Text(ImageDigest), p.Text(ImageURI)}
}

// Image returns the image that the texts name together. It reports all problems at
// once, those between two of them too; at is what they are called after, such as
// UserParameters.
func (n Named) Image(at string, home Home) (Image, []error) {
	var (
		r     reader
		image Image
	)
	if n.RepositoryName == "" && n.ImageURI == "" {
		r.problem("%s: neither RepositoryName nor ImageURI; want one of them", at)
	}
	if n.ImageURI != "" {
		parsed, err := ParseURI(n.ImageURI)
		if err != nil {
			r.problem("%s.ImageURI %w", at, err)
		}
		image = parsed
	}
	r.repository(at, n, home, &image)
	r.digest(at, n, &image)
	r.tag(at, n, &image)
	if len(r.problems) == 0 && image.Digest == "" && len(image.Tags) == 0 {
		r.problem("%s: neither ImageTag nor ImageDigest, nor one in ImageURI; want one of them", at)
	}
	return image, r.problems
}

func (r *reader) repository(at string, n Named, home Home, image *Image) {
	first, _, _ := strings.Cut(n.RepositoryName, "/")
	switch {
	case n.RepositoryName == "":
	case tagalong.IsAWSHost(first):
		r.problem("%s.RepositoryName %q: want the name alone; its registry belongs in ImageURI", at, cut(n.RepositoryName, 300))
	case !tagalong.ValidECRName(n.RepositoryName):
		r.problem("%s.RepositoryName %q: want the name of an ECR repository, such as checkout-api", at, cut(n.RepositoryName, 300))
	case image.Name == "":
		image.Repository = tagalong.Repository{Registry: tagalong.RegistryHost(home.Account, home.Region), Name: n.RepositoryName}
		image.Written = image.Repository.String()
	case image.Name != n.RepositoryName:
		r.problem("%s.RepositoryName %q and ImageURI %q: two repositories; want one", at, n.RepositoryName, n.ImageURI)
	}
}

func (r *reader) digest(at string, n Named, image *Image) {
	if n.ImageDigest == "" {
		return
	}
	d, err := digest.Parse(n.ImageDigest)
	switch {
	case err != nil || d.Algorithm() != digest.SHA256:
		r.problem("%s.ImageDigest %q: want sha256: and 64 hexadecimal digits", at, cut(n.ImageDigest, 100))
	case image.Digest != "" && image.Digest != d:
		r.problem("%s.ImageDigest %q and ImageURI %q: two digests; want one", at, n.ImageDigest, n.ImageURI)
	default:
		image.Digest = d
	}
}

// tag adds the tag of ImageTag. With a digest it only says where that came from,
// as does the one in ImageURI.
func (r *reader) tag(at string, n Named, image *Image) {
	switch {
	case n.ImageTag == "" || len(image.Tags) > 0 && image.Tags[0] == n.ImageTag:
	case !tagalong.ValidTag(n.ImageTag):
		r.problem("%s.ImageTag %q: want 1 to 128 letters, digits, underscores, dots or hyphens, neither dot nor hyphen first", at, cut(n.ImageTag, 200))
	case n.ImageDigest == "" && image.Digest == "" && len(image.Tags) > 0:
		r.problem("%s.ImageTag %q and ImageURI %q: two tags, and no digest; want one", at, n.ImageTag, n.ImageURI)
	default:
		image.Tags = append(image.Tags, n.ImageTag)
	}
}

// ParseURI reads an image URI: repo, repo:tag, repo@digest or repo:tag@digest, in any
// form that the core understands. Its error begins with the value.
func ParseURI(uri string) (Image, error) {
	if len(uri) > tagalong.MaxImage {
		return Image{}, fmt.Errorf("of %d characters: want at most %d", len(uri), tagalong.MaxImage)
	}
	parsed, err := tagalong.ParseImage(uri)
	if err != nil {
		return Image{}, fmt.Errorf("%s: want REPOSITORY:TAG or REPOSITORY@DIGEST, such as 111122223333.dkr.ecr.us-east-1.amazonaws.com/checkout-api:prod: %w", tagalong.QuoteImage(uri), errors.Unwrap(err))
	}
	plain, _ := tagalong.PlainImage(uri) // it has been read
	written, _, _ := strings.Cut(plain, "@")
	image := Image{Repository: parsed.Repository, Written: written, Digest: parsed.Digest}
	if colon := strings.LastIndexByte(written, ':'); colon > strings.LastIndexByte(written, '/') {
		image.Written, image.Tags = written[:colon], []string{parsed.Tag}
	}
	if !tagalong.IsName(image.Written) {
		image.Written = image.Repository.String()
	}
	return image, nil
}
