package tagalong

import (
	"cmp"
	"slices"
	"strings"
)

// Release says what put a rollout in place: a CodePipeline execution, one of its
// stages, the commit of its source and the images that its actions took: each as
// TAG@DIGEST, with blanks between them. Texts are empty where nothing is known.
type Release struct {
	Pipeline  string `json:"pipeline"`
	Execution string `json:"execution"`
	Stage     string `json:"stage"`
	Commit    string `json:"commit"`
	Images    string `json:"-"`
}

// Build is what a release knows of what it deploys.
type Build struct{ Commit, Images string }

func (r Release) Build() Build { return Build{r.Commit, r.Images} }

// ImageTag returns the tag that the task definition names or, where it pins a digest,
// one that the digest is known by.
func (r Release) ImageTag(c Container) string {
	if c.ImageTag != "" {
		return c.ImageTag
	}
	for image := range strings.FieldsSeq(r.Images) {
		if tag, d, _ := strings.Cut(image, "@"); d == c.Digest.String() || d == c.Target().String() {
			return tag
		}
	}
	return c.KnownTag
}

// Of returns the release of a service's rollout. Where no pipeline names the commit it
// is that of the images; if they name several, that of the container called like
// the service, since sidecars have commits of their own.
func (r Release) Of(s Service, containers []Container) Release {
	if r.Commit == "" {
		r.Commit = commitOf(s, containers)
	}
	return r
}

func commitOf(s Service, containers []Container) string {
	var commits []string
	for _, c := range containers {
		switch {
		case c.Commit == "" || c.Added:
		case c.Name == s.Name:
			return c.Commit
		default:
			commits = append(commits, c.Commit)
		}
	}
	return onlyOne(commits)
}

// Builds returns the container that a release's commit is of, "" if that is not clear: of
// those whose image did not run there before the one called like the service, else the
// only one.
func Builds(s Service, containers []Container, continues []string) string {
	var changed []string
	for _, c := range containers {
		switch {
		case c.Added || slices.Contains(continues, c.Name): // ECS's own, or an older build
		case c.Name == s.Name:
			return c.Name
		default:
			changed = append(changed, c.Name)
		}
	}
	return onlyOne(changed)
}

// Named returns a container with what its release knows its image by, for those who find
// the digest again; built says that the release's commit is of it.
func (r Release) Named(c Container, built bool) Container {
	if c.ImageTag == "" {
		c.KnownTag = r.ImageTag(c)
	}
	if built {
		c.Commit = cmp.Or(c.Commit, r.Commit)
	}
	return c
}
