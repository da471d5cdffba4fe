package sts

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

const (
	version   = "2011-06-15"
	namespace = "https://sts.amazonaws.com/doc/2011-06-15/"
)

// The members of each operation's request that the sandbox knows.
var known = map[string][]string{
	"GetCallerIdentity": {"Action", "Version"},
	"AssumeRole": {
		"Action", "Version", "RoleArn", "RoleSessionName", "DurationSeconds", "ExternalId", "SourceIdentity",
	},
}

// ServeHTTP answers the Query protocol: a form in, XML out,
// https://docs.aws.amazon.com/IAM/latest/UserGuide/programming.html.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	reply, err := s.answer(r)
	if err != nil {
		writeError(w, err)
		return
	}
	writeXML(w, http.StatusOK, reply)
}

func (s *Service) answer(r *http.Request) (any, error) {
	credential, err := wire.ParseCredential(r)
	if err != nil {
		return nil, &wire.Error{Code: "MissingAuthenticationToken", Message: "Request is missing Authentication Token", Status: http.StatusForbidden}
	}
	if err := credential.Check("sts"); err != nil {
		return nil, err
	}
	at := RequestTime(r, s.options.Now)
	id, err := s.identify(credential, at)
	if err != nil {
		return nil, err
	}
	if err := r.ParseForm(); err != nil {
		return nil, wire.Errorf("MalformedQueryString", "form: %v", err)
	}
	return s.act(r.PostForm, id, at)
}

func (s *Service) act(form url.Values, id identity, at time.Time) (any, error) {
	action := form.Get("Action")
	members, ok := known[action]
	if !ok || form.Get("Version") != version {
		return nil, wire.Errorf("InvalidAction", "Could not find operation %s for version %s", action, form.Get("Version"))
	}
	for name := range form {
		if !slices.Contains(members, name) {
			return nil, validation("request member %q is not known to the sandbox", name)
		}
	}
	if action == "GetCallerIdentity" {
		return callerIdentity{Xmlns: namespace, Arn: id.arn, UserID: id.userID, Account: id.account, RequestID: requestID(id.arn)}, nil
	}
	return s.assumeRole(form, id, at)
}

var sessionPattern = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)

func (s *Service) assumeRole(form url.Values, id identity, at time.Time) (any, error) {
	role, session := form.Get("RoleArn"), form.Get("RoleSessionName")
	if len(role) < 20 {
		return nil, validation("Value '%s' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20", role)
	}
	if !sessionPattern.MatchString(session) {
		return nil, validation(`Value '%s' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`, session)
	}
	seconds, err := duration(form.Get("DurationSeconds"))
	if err != nil {
		return nil, err
	}
	key, session2, ok := s.assume(role, session, at.Add(seconds).Truncate(time.Second))
	if !ok {
		return nil, &wire.Error{
			Code: "AccessDenied", Status: http.StatusForbidden,
			Message: "User: " + id.arn + " is not authorized to perform: sts:AssumeRole on resource: " + role,
		}
	}
	return assumeRole{Xmlns: namespace, Credentials: key, ID: session2.userID, Arn: session2.arn, RequestID: requestID(key.AccessKeyID)}, nil
}

// duration of a session: 15 minutes to 12 hours, one hour by default.
func duration(text string) (time.Duration, error) {
	if text == "" {
		return time.Hour, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 900 || n > 43200 {
		return 0, validation("Value '%s' at 'durationSeconds' failed to satisfy constraint: Member must have value between 900 and 43200", text)
	}
	return time.Duration(n) * time.Second, nil
}

func validation(format string, args ...any) error {
	return wire.Errorf("ValidationError", "1 validation error detected: "+format, args...)
}

// RequestTime is the time at which a request was signed. Credentials expire by
// this clock, since it is the one by which the SDK renews them.
func RequestTime(r *http.Request, now func() time.Time) time.Time {
	if t, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date")); err == nil {
		return t
	}
	return now()
}

func requestID(seed string) string { return wire.UUID("sts", seed) }

func writeXML(w http.ResponseWriter, status int, v any) {
	body, err := xml.Marshal(v)
	if err != nil { // only a bug can bring this about: replies are our own structs
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
