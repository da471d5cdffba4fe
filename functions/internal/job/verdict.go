package job

import (
	"errors"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/tagalong-aws/tagalong/functions/internal/pattern"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// The limits of an answer,
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_FailureDetails.html
// and API_ExecutionDetails.html there. A message's is in characters; as many bytes
// are never more.
const (
	maxMessage = 5000
	maxSummary = 2048
)

// verdict is the one answer of a job: a success, or a failure.
type verdict struct {
	success tagalong.Success
	failure *tagalong.Failure
}

// variableName is what an output variable may be called.
var variableName = pattern.New(`^[A-Za-z0-9@_-]+$`)

// verdictOf makes what a job's work gave its answer.
func verdictOf(j Job, s tagalong.Success, err error) verdict {
	if err != nil {
		f := classify(err)
		return failed(j, f)
	}
	for name := range s.Variables {
		if !variableName.MatchString(name) {
			return failed(j, classify(Failed("output variable %q: want letters, digits, at signs, underscores and hyphens", name)))
		}
	}
	s.Summary = fit(j, s.Summary, "done", maxSummary)
	return verdict{success: s}
}

func failed(j Job, f tagalong.Failure) verdict {
	f.Message = fit(j, f.Message, string(f.Type), maxMessage)
	return verdict{failure: &f}
}

// fit makes a text one that CodePipeline takes.
func fit(j Job, text, empty string, size int) string {
	text = strings.TrimSpace(j.Store.Credentials.Redact(text))
	if text == "" {
		return empty
	}
	return cut(text, size)
}

// instead returns the failure to send in place of a success that CodePipeline will
// not take, however often it is sent: an action that fails and says why is better
// than one that hangs.
func (v verdict) instead(j Job, err error) (verdict, bool) {
	if v.failure != nil {
		return v, false
	}
	f := classify(err)
	if _, refused := errors.AsType[smithy.APIError](err); !refused || f.Type == tagalong.SystemUnavailable {
		return v, false
	}
	f.Message = "the work is done, but its success could not be told: " + f.Message
	return failed(j, f), true
}

// delivered reports whether CodePipeline needs no (more) answer.
func delivered(err error) bool {
	return err == nil || errors.Is(err, tagalong.ErrJobOver) || errors.Is(err, tagalong.ErrNoJob)
}
