package tagalong

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Coverage is what we were given: our own account and those of TAGALONG_ACCOUNTS.
// What lies outside of it is left alone: services there have no digests that we could
// read, and images there are TagForeign, without a call.
type Coverage struct {
	// Own is our own account. Unless it is listed, all of it is ours.
	Own string
	// Listed are the accounts of TAGALONG_ACCOUNTS, by their ids.
	Listed map[string]Given
}

// Given is what we were given of an account.
type Given struct {
	// Regions, by their names. None is all of them.
	Regions []string
	// Clusters are globs of names. None is all of them.
	Clusters []string
	// Repositories are globs over NAME and REGISTRY/NAME, as those of rules. None is all
	// of them.
	Repositories []string
}

// of returns what we were given of an account; ok is false for one that is neither our
// own nor listed.
func (c Coverage) of(account string) (given Given, ok bool) {
	if given, ok = c.Listed[account]; ok {
		return given, true
	}
	return Given{}, account == c.Own
}

// LeavesOut reports whether a service lies in a cluster that we were not given, of an
// account that we were. Services of other accounts are recorded, as far as events report them.
// A function lies in no cluster: whoever has functions watched has given us all of an account.
func (c Coverage) LeavesOut(s Service) bool {
	given, ok := c.of(s.Account)
	return ok && s.Kind() != KindFunction && !MatchesAny(given.Clusters, s.Cluster)
}

// Includes reports whether a service lies in a cluster that we were given.
func (c Coverage) Includes(s Service) bool {
	given, ok := c.of(s.Account)
	return ok && MatchesAny(given.Clusters, s.Cluster)
}

// Reads reports whether an image may be asked for: it lies in a private ECR registry
// of an account that we were given, and is none of the repositories that were left out.
func (c Coverage) Reads(r Repository) bool {
	account, region, ok := r.ECR()
	if !ok {
		return false
	}
	given, ok := c.of(account)
	return ok && (len(given.Regions) == 0 || slices.Contains(given.Regions, region)) && r.matchesAny(given.Repositories)
}

// matchesAny reports whether one of the globs matches the repository's name or
// REGISTRY/NAME; none at all match everything. A star spans slashes, as it does in the
// ARNs of IAM's policies.
func (r Repository) matchesAny(globs []string) bool {
	return len(globs) == 0 || slices.ContainsFunc(globs, func(glob string) bool {
		return matchesAcross(glob, r.Name) || matchesAcross(glob, r.String())
	})
}

// matchesAcross is path.Match with stars that span slashes: a bar, which no repository
// has in its name, stands for each of them.
func matchesAcross(glob, name string) bool {
	bars := strings.NewReplacer("/", "|")
	ok, _ := path.Match(bars.Replace(glob), bars.Replace(name))
	return ok
}

// CheckGlobs returns one problem for each glob that is none; at names the list.
func CheckGlobs(at string, globs []string) (problems []error) {
	for _, glob := range globs {
		if _, err := path.Match(glob, ""); err != nil || glob == "" {
			problems = append(problems, fmt.Errorf("%s %q: want a glob of names, such as prod-*", at, glob))
		}
	}
	return problems
}
