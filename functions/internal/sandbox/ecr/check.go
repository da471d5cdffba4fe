package ecr

import (
	"regexp"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

const (
	namePattern   = `(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*`
	digestPattern = `[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+`
	tagPattern    = `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`
)

var (
	nameExpr     = regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagExpr      = regexp.MustCompile("^" + tagPattern + "$")
	registryExpr = regexp.MustCompile(`^[0-9]{12}$`)
)

// constraint is how ECR words a parameter that breaks its pattern.
func constraint(parameter, pattern string) error {
	return wire.Errorf("InvalidParameterException",
		"Invalid parameter at '%s' failed to satisfy constraint: 'must satisfy regular expression '%s''", parameter, pattern)
}

func invalid(format string, args ...any) error {
	return wire.Errorf("InvalidParameterException", format, args...)
}

func checkName(name string) error {
	if len(name) < 2 || len(name) > 256 || !nameExpr.MatchString(name) {
		return constraint("repositoryName", namePattern)
	}
	return nil
}

func checkTag(tag string) error {
	if tag != "" && !tagExpr.MatchString(tag) {
		return constraint("imageTag", tagPattern)
	}
	return nil
}

func checkDigest(d digest.Digest) error {
	if d != "" && d.Validate() != nil {
		return constraint("imageDigest", digestPattern)
	}
	return nil
}

// registryScope is the registry that a request means: its own account's by
// default, always in its own Region.
func registryScope(caller wire.Caller, registryID string) (wire.Scope, error) {
	if registryID == "" {
		return caller.Scope, nil
	}
	if !registryExpr.MatchString(registryID) {
		return wire.Scope{}, constraint("registryId", `[0-9]{12}`)
	}
	return wire.Scope{Account: registryID, Region: caller.Region}, nil
}

// checkCount refuses a list of ids that is empty or too long.
func checkCount(parameter string, n int) error {
	const message = "Invalid parameter at '%s' failed to satisfy constraint: 'Member must have length %s than or equal to %d'"
	switch {
	case n < 1:
		return invalid(message, parameter, "greater", 1)
	case n > 100:
		return invalid(message, parameter, "less", 100)
	}
	return nil
}
