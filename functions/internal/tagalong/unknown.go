package tagalong

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// NameKind says what a name is of.
type NameKind string

// The kinds of names that a question may give.
const (
	EnvironmentName NameKind = "environment"
	ClusterName     NameKind = "cluster"
	ServiceName     NameKind = "service"
	TaskName        NameKind = "task"     // a family of standalone tasks
	FunctionName    NameKind = "function" // of Lambda
	RepositoryName  NameKind = "repository"
	TagName         NameKind = "tag"
	ReleaseName     NameKind = "release"
	DigestName      NameKind = "digest"
	CommitName      NameKind = "commit"
	ExecutionName   NameKind = "execution"
	PipelineName    NameKind = "pipeline"
	AnyName         NameKind = "name" // of whatever kind
)

// UnknownNameError says that a question gives a name that neither the ledger nor, of
// services, ECS or, of images, ECR knows: it may be mistyped, and nothing must not
// look like an answer.
type UnknownNameError struct {
	Kind NameKind
	Name string
	// Nearest are known names of that kind, the most alike first; none where the
	// ledger's keys do not allow to look for them.
	Nearest []string
	// Watched says, of an image, what was looked at and what nobody watches.
	Watched string
}

// Error names what is not known, and what is.
func (e *UnknownNameError) Error() string {
	text := fmt.Sprintf("%s %q is not known%s", e.Kind, e.Name, e.unknownTo())
	if len(e.Nearest) > 0 {
		text += "; the nearest known: " + strings.Join(e.Nearest, ", ")
	}
	return text
}

// unknownTo says who does not know the name. Of too few characters nobody was asked what
// begins so.
func (e *UnknownNameError) unknownTo() string {
	short := e.Name[strings.LastIndexAny(e.Name, "/@:")+1:]
	if e.Kind == AnyName && len(short) < LeastShort {
		return fmt.Sprintf(": no tag, pipeline, service or repository is called so; of a commit, digest or execution want %d characters or more", LeastShort)
	}
	return unknownTo[e.Kind]
}

// LeastShort is how many characters of a commit, a digest or an execution stand for it:
// as many as Git shows of a commit.
const LeastShort = 7

// Stands reports whether a text stands for a name: it is the name, or one of those that
// people write by their beginnings begins with it.
func Stands(text, name string, kind NameKind) bool {
	return text == name || kind.Shortens() && len(text) >= LeastShort && strings.HasPrefix(name, text)
}

// Shortens reports whether people write names of that kind by their beginnings: then they
// are of digits and small letters.
func (k NameKind) Shortens() bool { return k == CommitName || k == DigestName || k == ExecutionName }

// AmbiguousNameError says that a beginning is that of several names.
type AmbiguousNameError struct {
	Kind    NameKind
	Name    string
	Matches []string // the first of them
}

// Error names some of the matches.
func (e *AmbiguousNameError) Error() string {
	shown, more := e.Matches, ""
	if len(shown) > maxMatches {
		shown, more = shown[:maxMatches], fmt.Sprintf(" and %d more", len(e.Matches)-maxMatches)
	}
	return fmt.Sprintf("%s %q stands for several: %s%s: give more of it", e.Kind, e.Name, strings.Join(shown, ", "), more)
}

// maxMatches is how many matches one reads.
const maxMatches = 10

// unknownTo says who does not know a name of some kinds.
var unknownTo = map[NameKind]string{
	RepositoryName: ": nothing of it runs or ran, and the registries that we were given have none of this name",
	TagName:        ": ECR has no such tag now",
	AnyName:        ": no commit, digest or execution begins so, and no tag, pipeline, service or repository is called so",
	DigestName:     ": no image that runs or ran begins so",
	ReleaseName:    ": neither did a stage of it deploy a service of an environment, nor a job of it tag an image",
}

// maxNearest is how many known names are named instead of one that is not.
const maxNearest = 3

// Nearest returns those of the known names that are the most alike, by how many
// characters differ, whatever their case.
func Nearest(name string, known []string) []string {
	known = slices.Compact(slices.Sorted(slices.Values(known)))
	distance := func(other string) int {
		return levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(other))
	}
	slices.SortStableFunc(known, func(a, b string) int { return cmp.Compare(distance(a), distance(b)) })
	return known[:min(len(known), maxNearest)]
}

// CheckEnvironment returns an error if an environment is not among the known ones; ""
// is all of them.
func CheckEnvironment(name string, known []string) error {
	if name == "" || slices.Contains(known, name) {
		return nil
	}
	return &UnknownNameError{Kind: EnvironmentName, Name: name, Nearest: Nearest(name, known)}
}

// CheckService returns an error if a service is not among the known ones.
func CheckService(s Service, known []Service) error {
	if s == (Service{}) || slices.Contains(known, s) {
		return nil
	}
	return &UnknownNameError{Kind: ServiceName, Name: s.String(), Nearest: Nearest(s.String(), Strings(known, Service.String))}
}

// Check returns an error if the pattern gives a cluster or a service by its name that
// is not among the known ones, clusters being those that may have no service. A glob
// that matches nothing is no such name.
func (p ServicePattern) Check(known []Service, clusters ...string) error {
	if slices.ContainsFunc(known, p.Match) {
		return nil
	}
	if err := CheckCluster(p.cluster, append(clusters, Strings(known, func(s Service) string { return s.Cluster })...)); err != nil {
		return err
	}
	named := func(s Service) bool {
		return s.OwnName() == p.name && (isGlob(p.cluster) || p.cluster == "" || s.Cluster == p.cluster)
	}
	if p.name == "" || isGlob(p.name) || isGlob(p.cluster) && slices.ContainsFunc(known, named) {
		return nil
	}
	shown := Service.OwnName
	if p.cluster != "" {
		shown = func(s Service) string { return s.Cluster + "/" + s.OwnName() }
	}
	return &UnknownNameError{Kind: ServiceName, Name: p.String(), Nearest: Nearest(p.String(), Strings(known, shown))}
}

// CheckCluster returns an error if a cluster is given by its name, and not known.
func CheckCluster(name string, known []string) error {
	if name == "" || isGlob(name) || slices.Contains(known, name) {
		return nil
	}
	return &UnknownNameError{Kind: ClusterName, Name: name, Nearest: Nearest(name, known)}
}

// isGlob reports whether a name stands for others, too.
func isGlob(name string) bool { return strings.ContainsAny(name, `*?[\`) }

// Strings returns a text of each.
func Strings[T any](all []T, text func(T) string) (texts []string) {
	for _, one := range all {
		texts = append(texts, text(one))
	}
	return texts
}
