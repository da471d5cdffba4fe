package ecr

import (
	"regexp"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// The settings of tag immutability,
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html.
const (
	mutable                = "MUTABLE"
	immutable              = "IMMUTABLE"
	immutableWithExclusion = "IMMUTABLE_WITH_EXCLUSION"
	mutableWithExclusion   = "MUTABLE_WITH_EXCLUSION"
)

// mutability is a repository's setting, as it is on the wire.
type mutability struct {
	Mode    string   `json:"imageTagMutability,omitempty"`
	Filters []filter `json:"imageTagMutabilityExclusionFilters,omitempty"`
}

type filter struct {
	Type    string `json:"filterType"`
	Pattern string `json:"filter"`
}

// fixes says whether a tag, once it is there, must not move.
func (m mutability) fixes(tag string) bool {
	switch m.Mode {
	case immutable:
		return true
	case immutableWithExclusion:
		return !m.excludes(tag)
	case mutableWithExclusion:
		return m.excludes(tag)
	}
	return false
}

func (m mutability) excludes(tag string) bool {
	for _, f := range m.Filters {
		if f.matches(tag) {
			return true
		}
	}
	return false
}

func (f filter) matches(tag string) bool {
	expr := strings.ReplaceAll(regexp.QuoteMeta(f.Pattern), `\*`, ".*")
	matched, _ := regexp.MatchString("^"+expr+"$", tag) // quoted, so it compiles
	return matched
}

var filterExpr = regexp.MustCompile(`^[0-9a-zA-Z._*-]{1,128}$`)

// check refuses an illegal setting: filters belong to the modes with
// exclusion, one to five, each with two wildcards at most.
func (m mutability) check() error {
	withExclusion := false
	switch m.Mode {
	case mutable, immutable:
	case immutableWithExclusion, mutableWithExclusion:
		withExclusion = true
	default:
		return invalid("Invalid parameter at 'imageTagMutability' failed to satisfy constraint: 'Member must satisfy enum value set: [MUTABLE, IMMUTABLE, IMMUTABLE_WITH_EXCLUSION, MUTABLE_WITH_EXCLUSION]'")
	}
	if withExclusion != (len(m.Filters) > 0) || len(m.Filters) > 5 {
		return invalid("Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: '%d filters for %s'", len(m.Filters), m.Mode)
	}
	for _, f := range m.Filters {
		if f.Type != "WILDCARD" || !filterExpr.MatchString(f.Pattern) || strings.Count(f.Pattern, "*") > 2 {
			return constraint("imageTagMutabilityExclusionFilters", filterExpr.String())
		}
	}
	return nil
}

type putMutabilityInput struct {
	target
	mutability
}

type putMutabilityOutput struct {
	target
	mutability
}

// putImageTagMutability is
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImageTagMutability.html.
func (r *Registry) putImageTagMutability(caller wire.Caller, in putMutabilityInput) (putMutabilityOutput, error) {
	repo, err := r.find(caller, in.target, "PutImageTagMutability")
	if err != nil {
		return putMutabilityOutput{}, err
	}
	if err := in.mutability.check(); err != nil {
		return putMutabilityOutput{}, err
	}
	repo.mutability = in.mutability
	return putMutabilityOutput{target{repo.scope.Account, repo.name}, repo.mutability}, nil
}
