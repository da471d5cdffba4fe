package codepipeline

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// The patterns of CodePipeline's API.
const (
	namePattern     = `[A-Za-z0-9.@\-_]+`
	uuidPattern     = `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`
	variablePattern = `[A-Za-z0-9@\-_]+`
)

var (
	nameExpr     = regexp.MustCompile(`^[A-Za-z0-9.@_-]{1,100}$`)
	artifactExpr = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)
	roleExpr     = regexp.MustCompile(`^arn:aws(-\w+)*:iam::[0-9]{12}:role/.+$`)
)

func invalid(format string, args ...any) error {
	return wire.Errorf("ValidationException", format, args...)
}

// constraint is how CodePipeline words a member that breaks its model.
func constraint(member string, value any, format string, args ...any) error {
	return invalid("1 validation error detected: Value %s at '%s' failed to satisfy constraint: %s",
		quoted(value), member, fmt.Sprintf(format, args...))
}

func quoted(value any) string {
	if value == nil {
		return "null"
	}
	return fmt.Sprintf("'%v'", value)
}

// first gives the first error of several checks.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// need refuses a member that is absent.
func need(member string, present bool) error {
	if !present {
		return constraint(member, nil, "Member must not be null")
	}
	return nil
}

// sized refuses a text that is too long or too short; one that is absent is fine.
func sized(member string, value *string, low, high int) error {
	if value == nil {
		return nil
	}
	switch n := utf8.RuneCountInString(*value); {
	case n < low:
		return constraint(member, *value, "Member must have length greater than or equal to %d", low)
	case n > high:
		return constraint(member, *value, "Member must have length less than or equal to %d", high)
	}
	return nil
}

// within refuses a number that is out of its range; one that is absent is fine.
func within(member string, value *int, low, high int) error {
	switch {
	case value == nil:
		return nil
	case *value < low:
		return constraint(member, *value, "Member must have value greater than or equal to %d", low)
	case *value > high:
		return constraint(member, *value, "Member must have value less than or equal to %d", high)
	}
	return nil
}

// like refuses a text that does not match the whole pattern; one that is absent
// is fine.
func like(member string, value *string, pattern string) error {
	if value == nil || regexp.MustCompile(`^(?:`+pattern+`)$`).MatchString(*value) {
		return nil
	}
	return constraint(member, *value, "Member must satisfy regular expression pattern: %s", pattern)
}

// among refuses a text that is none of a set; one that is absent is fine.
func among(member string, value *string, set ...string) error {
	if value == nil || slices.Contains(set, *value) {
		return nil
	}
	return constraint(member, *value, "Member must satisfy enum value set: [%s]", strings.Join(set, ", "))
}

func checkPipeline(name *string) error {
	return first(need("pipelineName", name != nil), sized("pipelineName", name, 1, 100), like("pipelineName", name, namePattern))
}

// checkID checks an id that must be there.
func checkID(member string, id *string) error {
	return first(need(member, id != nil), like(member, id, uuidPattern))
}
