package tagalong

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/pattern"
)

// Scope is an account's Region: where a sweep looks.
type Scope struct {
	Account string
	Region  string
}

// String returns account/region.
func (s Scope) String() string { return s.Account + "/" + s.Region }

// Service names an ECS service. The fields are AWS's own names for the things:
// a 12-digit account, a region such as us-east-1, a cluster and a service name.
type Service struct {
	Account string
	Region  string
	Cluster string
	Name    string
}

// String returns account/region/cluster/name, the form that keys use.
func (s Service) String() string {
	return s.Account + "/" + s.Region + "/" + s.Cluster + "/" + s.Name
}

// Shown returns account/region/cluster/name with its own name, whatever its kind.
func (s Service) Shown() string {
	s.Name = s.OwnName()
	return s.String()
}

// ParseService is the reverse of Service.String.
func ParseService(s string) (Service, error) {
	part := strings.Split(s, "/")
	if len(part) != 4 {
		return Service{}, fmt.Errorf("service %q: want account/region/cluster/name", s)
	}
	named := Service{Account: part[0], Region: part[1], Cluster: part[2], Name: part[3]}
	if inCluster := named.Kind() != KindFunction; part[0] == "" || part[1] == "" || named.OwnName() == "" || inCluster != (named.Cluster != "") {
		return Service{}, fmt.Errorf("service %q: want account/region/cluster/name", s)
	}
	return named, nil
}

// Repository names a repository in a registry. Registry is the host; a private
// ECR registry always has its plain name (ACCOUNT.dkr.ecr.REGION.amazonaws.com, or as
// the Region's partition has it), whichever of its names the task definition used, so
// that one tag is one item of the ledger.
type Repository struct {
	Registry string
	Name     string
}

// String returns registry/name.
func (r Repository) String() string { return r.Registry + "/" + r.Name }

func (r Repository) Compare(o Repository) int {
	return cmp.Or(cmp.Compare(r.Registry, o.Registry), cmp.Compare(r.Name, o.Name))
}

// ECR returns the account and the Region of a private ECR registry; ok is false for
// any other registry, and for other names of one.
func (r Repository) ECR() (account, region string, ok bool) {
	account, region, ok = parseRegistry(r.Registry)
	if !ok || r.Registry != RegistryHost(account, region) {
		return "", "", false
	}
	return account, region, true
}

// TagID names a tag in a repository.
type TagID struct {
	Repository
	Tag string
}

// String returns registry/name:tag.
func (t TagID) String() string { return t.Repository.String() + ":" + t.Tag }

// Compare orders tags by registry, repository and tag.
func (t TagID) Compare(o TagID) int {
	return cmp.Or(t.Repository.Compare(o.Repository), cmp.Compare(t.Tag, o.Tag))
}

// ecrName is what ECR's repositories may be called, but for the first and the last
// character,
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html.
var ecrName = pattern.Run{Min: 2, Max: 256, Of: pattern.Small + pattern.Digits + "._/-"}

// ValidECRName reports whether ECR can have a repository of that name.
func ValidECRName(name string) bool {
	return ecrName.MatchString(name) && strings.Trim(name, "._/-") == name
}

// tagName is the tag syntax of the OCI distribution specification, but for the first
// character,
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests.
var tagName = pattern.Run{Min: 1, Max: 128, Of: pattern.Letters + pattern.Digits + "._-"}

// ValidTag reports whether an image can have the tag.
func ValidTag(tag string) bool { return tagName.MatchString(tag) && !dotOrHyphenFirst(tag) }

func dotOrHyphenFirst(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-")
}

// Evidence says how a digest is known.
type Evidence string

// The kinds of evidence, best first.
const (
	Pinned   Evidence = "pinned"   // the task definition names repo@sha256:…
	Revision Evidence = "revision" // ECS's service revision resolved it
	Task     Evidence = "task"     // a task of that deployment reports it
	Guess    Evidence = "registry" // the tag was looked up in ECR afterwards
	Unknown  Evidence = "unknown"
)

var evidenceRank = map[Evidence]int{Pinned: 5, Revision: 4, Task: 3, Guess: 1, Unknown: 0}

// Container is one container of a deployment and the image it runs.
type Container struct {
	Name string
	// Image is where the image comes from; empty where ECS does not say.
	Image Repository
	// ImageTag is the tag that the task definition names, "" if it names none.
	ImageTag string
	// Digest is the one that ECS reported or the task definition pins, "" if unknown.
	Digest digest.Digest
	// Index is the index that was proven to hold Digest, "" if there is none or it is Digest itself.
	Index    digest.Digest
	Evidence Evidence
	// Disputed is set when tasks of the deployment report different digests.
	Disputed bool
	// Added is set for a container that ECS added itself (GuardDuty, Service Connect):
	// it runs, but is no part of what was released, and in no comparison.
	Added bool
	// Commit is the source revision that the image's annotations name, "" if none
	// is known. It is read of images in private ECR.
	Commit string
	// KnownTag is a tag that the image's annotations say it is known by, where the
	// task definition names none. Nothing is deployed from it.
	KnownTag string
	// Read is set once the registry has shown the image: what it says of itself is here,
	// and the platforms that it holds are recorded.
	Read bool
}

// Input returns the tag that the container is deployed from; ok is false for an image
// that the task definition pins, or that lies in no private ECR registry.
func (c Container) Input() (id TagID, ok bool) {
	_, _, private := c.Image.ECR()
	return TagID{Repository: c.Image, Tag: c.ImageTag}, private && c.ImageTag != "" && c.Evidence != Pinned
}

// Target is the digest that an environment's tag belongs on: the proven index, else the digest.
func (c Container) Target() digest.Digest { return cmp.Or(c.Index, c.Digest) }

// Proven reports whether the digest may move a tag: a guess may not.
func (c Container) Proven() bool {
	return c.Digest != "" && !c.Disputed && evidenceRank[c.Evidence] >= evidenceRank[Task]
}

// IsDescribed reports whether what an image says of itself is taken for the container's.
func (c Container) IsDescribed() bool { return c.Proven() && !c.Added }

// readAs reports whether the registry has shown the container's image, and whether as much
// was taken of it as is to be taken of a better view: of a guess nothing is.
func (c Container) readAs(best Container) bool {
	return c.Read && c.IsDescribed() == best.IsDescribed()
}

func (c Container) Rank() int {
	if c.Disputed {
		return evidenceRank[Guess] + 1
	}
	return evidenceRank[c.Evidence]
}

// better returns the better evidenced of two views of one container. What is
// known stands against equal evidence; an index once proven stays proven.
func better(known, seen Container) Container {
	best := known
	if known.Evidence == Task && seen.Evidence == Task {
		// Tasks that ever disagreed go on disagreeing, at one look or over two.
		disputed := known.Disputed || seen.Disputed || known.Digest != seen.Digest
		known.Disputed, seen.Disputed = disputed, disputed
		best = known
		if known.Digest != seen.Digest {
			return seen
		}
	}
	if seen.Rank() > known.Rank() {
		best = seen
	}
	if known.Digest == seen.Digest {
		best.Index = cmp.Or(best.Index, known.Index, seen.Index)
		best.Commit = cmp.Or(best.Commit, known.Commit, seen.Commit)
		best.KnownTag = cmp.Or(best.KnownTag, known.KnownTag, seen.KnownTag)
		best.Read = known.readAs(best) || seen.readAs(best)
	}
	return best
}

// MergeContainers joins two views of a deployment's containers, sorted by name.
func MergeContainers(known, seen []Container) []Container {
	merged := slices.Clone(known)
	for _, c := range seen {
		i := slices.IndexFunc(merged, func(k Container) bool { return k.Name == c.Name })
		if i < 0 {
			merged = append(merged, c)
			continue
		}
		merged[i] = better(merged[i], c)
	}
	slices.SortFunc(merged, func(a, b Container) int { return cmp.Compare(a.Name, b.Name) })
	return merged
}

// ByRepository is the order in which people look for tags.
func ByRepository(a, b TagID) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Registry, b.Registry), strings.Compare(a.Tag, b.Tag))
}

// HasPrevious reports whether another image may have run before. Of one that is not
// proven nobody knows, and what ECS adds itself no rollback brings back.
func (c Container) HasPrevious() bool { return c.Proven() && !c.Added }

// Same reports whether both are the same image, as far as tags go.
func (c Container) Same(o Container) bool { return c.Image == o.Image && c.Target() == o.Target() }

// Continues reports whether the container runs the very image that another one ran:
// how that is known does not matter, but a digest must be.
func (c Container) Continues(o Container) bool {
	known := c.Image.Name != "" && c.Digest != ""
	return known && c.Name == o.Name && c.Image == o.Image && c.Digest == o.Digest && c.Index == o.Index
}
