package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/tagalong-aws/tagalong/functions/internal/exchange"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// problem is what an error is told as, https://www.rfc-editor.org/rfc/rfc9457.
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	RequestID string `json:"requestId"`
	*blamed
	*unknown
}

// unknown is the name that a problem is about, and known ones that are like it.
type unknown struct {
	Kind    tagalong.NameKind `json:"kind"`
	Name    string            `json:"name"`
	Nearest []string          `json:"nearest"`
	Watched string            `json:"watched"`
}

// blamed are the parameters that a problem is about: the first of them, and all.
type blamed struct {
	Parameter string        `json:"parameter"`
	Value     string        `json:"value"`
	Errors    badParameters `json:"errors"`
}

// badParameter says what is wrong with a parameter. Its name is empty if it is
// the query as a whole.
type badParameter struct {
	Parameter string `json:"parameter"`
	Value     string `json:"value"`
	Detail    string `json:"detail"`
}

// badParameters are all that is wrong with a request.
type badParameters []badParameter

// Error implements error.
func (all badParameters) Error() string { return all[0].Detail }

func (all badParameters) add(name, value string, err error) badParameters {
	if err == nil {
		return all
	}
	return append(all, badParameter{clip(name), clip(value), strings.ToValidUTF8(err.Error(), "\uFFFD")})
}

func (all badParameters) has(name string) bool {
	for _, bad := range all {
		if bad.Parameter == name || bad.Parameter == "" {
			return true
		}
	}
	return false
}

func clip(text string) string {
	if runes := []rune(text); len(runes) > maxEchoed {
		return string(runes[:maxEchoed])
	}
	return text
}

var (
	errMethod = errors.New("method not allowed")
	errPath   = errors.New("path not found")
)

// blame returns the parameter that an answer's error is about.
func (a arguments) blame(err error) error {
	var bad badParameters
	if errors.Is(err, query.ErrCursor) {
		return bad.add("cursor", a.given["cursor"], errors.New("cursor: want next of the page before, with the same other parameters"))
	}
	if horizon, ok := errors.AsType[*query.HorizonError](err); ok {
		name := a.timeOf(horizon)
		return bad.add(name, a.given[name], horizon)
	}
	if image, ok := errors.AsType[*query.ImageError](err); ok {
		return bad.add("image", a.given["image"], image)
	}
	if name, ok := errors.AsType[*tagalong.AmbiguousNameError](err); ok {
		given := a.shortened()
		return bad.add(given, a.given[given], name)
	}
	return err
}

// shortened returns the parameter that may be the beginning of a name.
func (a arguments) shortened() string {
	for _, name := range []string{text.name, image.name} {
		if a.given[name] != "" {
			return name
		}
	}
	return execution.name
}

// timeOf returns the parameter that asked for a time before the ledger's horizon.
func (a arguments) timeOf(h *query.HorizonError) string {
	switch (query.PointInTime{Environment: h.Environment, At: h.At}) {
	case a.from:
		return "from"
	case a.to:
		return "to"
	}
	return "at"
}

// problemOf tells an error. What is wrong inside stays there: it is in the log,
// under the same id.
func problemOf(err error, id string) problem {
	if bad, ok := errors.AsType[badParameters](err); ok {
		p := newProblem(http.StatusBadRequest, bad[0].Detail, id)
		p.blamed = &blamed{bad[0].Parameter, bad[0].Value, bad}
		return p
	}
	if name, ok := errors.AsType[*tagalong.UnknownNameError](err); ok {
		p := newProblem(http.StatusNotFound, name.Error(), id)
		p.unknown = &unknown{name.Kind, name.Name, append([]string{}, name.Nearest...), name.Watched}
		return p
	}
	if incomplete, ok := errors.AsType[*query.IncompleteError](err); ok {
		return newProblem(http.StatusConflict, incomplete.Error(), id)
	}
	switch {
	case errors.Is(err, errMethod):
		return newProblem(http.StatusMethodNotAllowed, "want GET or HEAD", id)
	case errors.Is(err, errPath):
		return newProblem(http.StatusNotFound, "there is nothing at this path: want one of those in /openapi.json", id)
	case passing(err):
		return newProblem(http.StatusServiceUnavailable, "the answer takes too long now: try again later, or ask for fewer rows", id)
	}
	return newProblem(http.StatusInternalServerError, "the answer could not be found: the log says why, under this request's id", id)
}

// Refuse answers a request with an error, in the form that all of them have.
func Refuse(w http.ResponseWriter, r *http.Request, status int, detail string) {
	newProblem(status, detail, exchange.RequestID(r.Context())).reply().write(w, r)
}

func newProblem(status int, detail, id string) problem {
	return problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, RequestID: id}
}

// passing reports whether an error may be gone the next time.
func passing(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		retry.IsErrorThrottles(retry.DefaultThrottles).IsErrorThrottle(err) == aws.TrueTernary
}

func (p problem) reply() reply {
	r := newReply(p.Status, "application/problem+json", "no-store")
	switch p.Status {
	case http.StatusMethodNotAllowed:
		r.header.Set("Allow", "GET, HEAD")
	case http.StatusServiceUnavailable:
		r.header.Set("Retry-After", "5")
	}
	r.body, _ = json.Marshal(p) // texts and a number
	return r
}
