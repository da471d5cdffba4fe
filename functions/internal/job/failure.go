package job

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Error is how a job fails when its work knows whose matter that is.
type Error struct{ tagalong.Failure }

// Error implements error.
func (e *Error) Error() string { return e.Message }

func fails(kind tagalong.FailureType, format string, args []any) error {
	return &Error{tagalong.Failure{Type: kind, Message: fmt.Sprintf(format, args...)}}
}

// Misconfigured says what to change in the action or in what it works on.
func Misconfigured(format string, args ...any) error {
	return fails(tagalong.ConfigurationError, format, args)
}

// Forbidden says that the action may not do what it asks for, and who could let it.
func Forbidden(format string, args ...any) error {
	return fails(tagalong.PermissionError, format, args)
}

// Gone says that what the action works on is there no more.
func Gone(format string, args ...any) error {
	return fails(tagalong.RevisionUnavailable, format, args)
}

// Unavailable says that another try can do.
func Unavailable(format string, args ...any) error {
	return fails(tagalong.SystemUnavailable, format, args)
}

// Failed says that no one but the work itself is to blame.
func Failed(format string, args ...any) error {
	return fails(tagalong.JobFailed, format, args)
}

// Remarked adds to an error what else there is to know, behind the advice on it.
func Remarked(err error, remark string) error {
	f := classify(err)
	return fails(f.Type, "%s; %s", []any{f.Message, remark})
}

// gravest orders the types of failures for a job that has several: first what
// somebody must change, then what another try may mend.
var gravest = []tagalong.FailureType{
	tagalong.ConfigurationError, tagalong.PermissionError, tagalong.RevisionUnavailable, tagalong.RevisionOutOfSync, tagalong.JobFailed, tagalong.SystemUnavailable,
}

// Together makes one error of several, nil of none: of the gravest type, with all
// their messages.
func Together(problems []error) error {
	if len(problems) == 0 {
		return nil
	}
	var (
		worst = len(gravest)
		texts []string
	)
	for _, p := range problems {
		f := classify(p)
		worst = min(worst, slices.Index(gravest, f.Type))
		texts = append(texts, f.Message)
	}
	return fails(gravest[worst], "%s", []any{strings.Join(texts, "; ")})
}

// Problems makes one error of all that is wrong with an action's configuration,
// nil if nothing is.
func Problems(problems []error) error {
	var all []error
	for _, p := range problems {
		all = append(all, Misconfigured("%v", p))
	}
	return Together(all)
}
