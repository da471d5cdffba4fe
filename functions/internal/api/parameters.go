package api

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/pattern"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/report"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// arguments are the parameters of a request, read.
type arguments struct {
	given       map[string]string
	environment string
	service     tagalong.Service
	services    tagalong.ServicePattern
	at          time.Time
	since       time.Time
	until       time.Time
	image       tagalong.ImageQuery
	from, to    query.PointInTime
	pending     bool
	release     query.ReleaseQuery
	text        query.FindQuery
	previous    int
	incomplete  bool
	exposure    query.ExposureQuery
	gate        query.GateQuery
	moment      string // what the cursors of further pages begin with
	paging      query.Paging
}

// parameter is something that a route takes: from its path if the pattern has
// its name, else from the query.
type parameter struct {
	name     string
	required bool
	max      int             // bytes
	pattern  *pattern.Regexp // nil if read checks all there is to check
	want     string          // what is right, for who gave nothing, or what pattern does not match
	read     func(a *arguments, text string, now time.Time) error
}

const (
	minLimit, maxLimit, defaultLimit = 1, 1000, 100

	maxTime   = 40                // nanoseconds and an offset fit
	maxName   = 255               // of an environment, a cluster or a service
	maxCursor = 2048 + momentSize // a page may end with a cluster, a service and a container of 255 characters each
	maxQuery  = 8192
	maxEchoed = 200 // characters of a value that comes back in a problem

	wantMoment = "NAME, or NAME@TIME such as prod@2026-03-04T03:12:00Z or prod@2h"
	wantName   = "1 to 255 letters, digits, underscores or hyphens"
)

var (
	ecsName = pattern.New(`^[A-Za-z0-9_-]{1,255}$`)

	environment = parameter{
		name: "environment", required: true, max: maxName,
		read: func(a *arguments, text string, _ time.Time) (err error) {
			a.environment, err = query.ParseEnvironment(text)
			return err
		},
	}
	account = parameter{
		name: "account", required: true, max: 12, pattern: pattern.New(`^[0-9]{12}$`), want: "12 digits",
		read: func(a *arguments, text string, _ time.Time) error { a.service.Account = text; return nil },
	}
	region = parameter{
		name: "region", required: true, max: 32, pattern: pattern.New(`^[a-z]{2,}(-[a-z]+)+-[0-9]$`), want: "the name of an AWS Region, such as us-east-1",
		read: func(a *arguments, text string, _ time.Time) error { a.service.Region = text; return nil },
	}
	cluster = parameter{
		name: "cluster", required: true, max: maxName, pattern: ecsName, want: wantName,
		read: func(a *arguments, text string, _ time.Time) error { a.service.Cluster = text; return nil },
	}
	serviceName = parameter{
		name: "service", required: true, max: maxName, pattern: ecsName, want: wantName,
		read: func(a *arguments, text string, _ time.Time) error { a.service.Name = text; return nil },
	}
	servicePattern = parameter{
		name: "service", max: 512,
		read: func(a *arguments, text string, _ time.Time) (err error) {
			a.services, err = tagalong.ParseServicePattern(text)
			return err
		},
	}
	at = parameter{
		name: "at", max: maxTime,
		read: func(a *arguments, text string, now time.Time) (err error) {
			a.at, err = past(now)(text)
			return err
		},
	}
	since = parameter{
		name: "since", max: maxTime,
		read: func(a *arguments, text string, now time.Time) (err error) {
			a.since, err = query.ParseTimeOrAge(text, now)
			return err
		},
	}
	until = parameter{
		name: "until", max: maxTime,
		read: func(a *arguments, text string, now time.Time) (err error) {
			if a.until, err = query.ParseTimeOrAge(text, now); err == nil && !a.since.Before(a.until) {
				err = fmt.Errorf("time %q: want one after since", text)
			}
			return err
		},
	}
	image = parameter{
		name: "image", required: true, max: tagalong.MaxImage, want: "a digest (sha256:…), REPOSITORY@DIGEST, REPOSITORY:TAG or REPOSITORY",
		read: func(a *arguments, text string, _ time.Time) (err error) {
			a.image, err = tagalong.ParseImageQuery(text)
			return err
		},
	}
	text = parameter{
		name: "q", required: true, max: 1024, want: "a commit, digest or execution or 7 characters of its beginning, a tag, pipeline, service or repository",
		read: func(a *arguments, text string, _ time.Time) (err error) {
			a.text, err = query.ParseFindQuery(text)
			return err
		},
	}
	previous = parameter{
		name: "previous", max: len("100"),
		read: func(a *arguments, text string, _ time.Time) (err error) {
			if a.previous, err = strconv.Atoi(text); err != nil || a.previous < 0 || a.previous > 100 || strconv.Itoa(a.previous) != text {
				return fmt.Errorf("previous %q: want a whole number from 0 to 100", text)
			}
			return nil
		},
	}
	incomplete = parameter{
		name: "incomplete", max: len("false"), pattern: pattern.New(`^(true|false)$`), want: "true or false",
		read: func(a *arguments, text string, _ time.Time) error { a.incomplete = text == "true"; return nil },
	}
	finding = parameter{
		name: "cve", max: 200, pattern: pattern.New("^[!\"$-~]+$"), want: "the name of a finding, such as CVE-2021-44228",
		read: func(a *arguments, text string, _ time.Time) (err error) {
			a.exposure.ID, err = query.ParseFinding(text)
			return err
		},
	}
	severity = parameter{
		name: "severity", max: len("negligible"),
		read: func(a *arguments, text string, _ time.Time) (err error) {
			a.exposure.Wanted.Severity, err = report.ParseSeverity(text)
			return err
		},
	}
	fixable = parameter{
		name: "fixable", max: len("false"), pattern: pattern.New(`^(true|false)$`), want: "true or false",
		read: func(a *arguments, text string, _ time.Time) error {
			a.exposure.Wanted.Fixable = text == "true"
			return nil
		},
	}
	ever = parameter{
		name: "ever", max: len("false"), pattern: pattern.New(`^(true|false)$`), want: "true or false",
		read: func(a *arguments, text string, _ time.Time) error {
			if a.exposure.Ever = text == "true"; a.exposure.Ever && !a.at.IsZero() {
				return fmt.Errorf("ever %q: want it without at", text)
			}
			return nil
		},
	}
	ranIn = parameter{
		name: "ranIn", max: maxName,
		read: func(a *arguments, text string, _ time.Time) (err error) {
			a.gate.RanIn, err = query.ParseEnvironment(text)
			return err
		},
	}
	ranFor = parameter{
		name: "for", max: maxTime,
		read: func(a *arguments, text string, _ time.Time) (err error) {
			if a.gate.RanIn == "" {
				return fmt.Errorf("for %q: want ranIn with it", text)
			}
			if a.gate.For, err = query.ParseDuration(text); err != nil {
				err = fmt.Errorf("for %q: want how long, such as 90m, 4h or 2d", text)
			}
			return err
		},
	}
	notRunning = parameter{
		name: "notRunning", max: maxName,
		read: func(a *arguments, text string, _ time.Time) (err error) {
			a.gate.NotRunning, err = query.ParseEnvironment(text)
			return err
		},
	}
	noNew = parameter{
		name: "noNew", max: len("negligible"),
		read: func(a *arguments, text string, _ time.Time) (err error) {
			a.gate.NoNew, err = report.ParseSeverity(text)
			return err
		},
	}
	against = parameter{
		name: "against", max: maxName,
		read: func(a *arguments, text string, _ time.Time) (err error) {
			if a.gate.NoNew == "" {
				return fmt.Errorf("against %q: want noNew with it", text)
			}
			a.gate.Against, err = query.ParseEnvironment(text)
			return err
		},
	}
	anyEnvironment = parameter{name: environment.name, max: environment.max, read: environment.read}
	anyPipeline    = parameter{
		name: "pipeline", max: 100,
		read: func(a *arguments, text string, _ time.Time) (err error) {
			a.release.Pipeline, err = query.ParsePipeline(text)
			return err
		},
	}
	from = parameter{
		name: "from", required: true, max: maxName + 1 + maxTime, want: wantMoment,
		read: func(a *arguments, text string, now time.Time) (err error) {
			a.from, err = query.ParsePointInTime(text, past(now))
			return err
		},
	}
	to = parameter{
		name: "to", required: true, max: maxName + 1 + maxTime, want: wantMoment,
		read: func(a *arguments, text string, now time.Time) (err error) {
			a.to, err = query.ParsePointInTime(text, past(now))
			return err
		},
	}
	pending = parameter{
		name: "pending", max: len("false"), pattern: pattern.New(`^(true|false)$`), want: "true or false",
		read: func(a *arguments, text string, _ time.Time) error { a.pending = text == "true"; return nil },
	}
	pipeline = parameter{
		name: "pipeline", required: true, max: 100, pattern: pattern.New(`^[A-Za-z0-9.@_-]{1,100}$`), want: "1 to 100 letters, digits, dots, at signs, underscores or hyphens",
		read: func(a *arguments, text string, _ time.Time) error { a.release.Pipeline = text; return nil },
	}
	execution = parameter{
		name: "execution", required: true, max: 36, want: "a UUID in lower case or its first 7 characters, such as 3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38",
		pattern: pattern.New(`^[0-9a-f-]{7,36}$`),
		read:    func(a *arguments, text string, _ time.Time) error { a.release.Execution = text; return nil },
	}
	limit = parameter{
		name: "limit", max: len("1000"),
		read: func(a *arguments, text string, _ time.Time) error {
			n, err := strconv.Atoi(text)
			if err != nil || n < minLimit || n > maxLimit || strconv.Itoa(n) != text {
				return fmt.Errorf("limit %q: want a whole number from %d to %d", text, minLimit, maxLimit)
			}
			a.paging.Limit = n
			return nil
		},
	}
	cursor = parameter{
		name: "cursor", max: maxCursor, pattern: pattern.New(`^[A-Za-z0-9_-]*$`), want: "next of the page before",
		read: func(a *arguments, text string, _ time.Time) error { a.paging.Cursor = text; return nil },
	}
)

// past reads a time that nothing can be known of before it has come.
func past(now time.Time) func(string) (time.Time, error) {
	return func(text string) (time.Time, error) {
		t, err := query.ParseTimeOrAge(text, now)
		if err == nil && t.After(now) {
			err = fmt.Errorf("time %q is in the future: want one until now, %s", text, now.UTC().Format(time.RFC3339))
		}
		return t, err
	}
}

// parse reads one parameter, within its bounds.
func (p parameter) parse(a *arguments, text string, now time.Time) error {
	switch {
	case len(text) > p.max:
		return fmt.Errorf("%s of %d bytes: want at most %d", p.name, len(text), p.max)
	case p.pattern != nil && !p.pattern.MatchString(text):
		return fmt.Errorf("%s %q: want %s", p.name, text, p.want)
	}
	return p.read(a, text, now)
}

// read reads the parameters of a request and reports all that are wrong together.
func (r route) read(names map[string]string, wanted string, now time.Time) (arguments, error) {
	a := arguments{given: names, paging: query.Paging{Limit: defaultLimit}, previous: 1}
	bad := r.addQuery(a.given, wanted)
	now, moment, err := r.moment(a.given, now)
	bad, a.moment = bad.add(cursor.name, a.given[cursor.name], err), moment
	for _, p := range r.parameters {
		text, given := a.given[p.name]
		switch {
		case given:
			bad = bad.add(p.name, text, p.parse(&a, text, now))
		case p.required && !bad.has(p.name):
			bad = bad.add(p.name, "", fmt.Errorf("%s missing: want %s", p.name, p.want))
		}
	}
	if len(bad) > 0 {
		return arguments{}, bad
	}
	return a, nil
}

var errQuery = errors.New("query that does not parse: want NAME=VALUE pairs with & between them, other characters escaped by % and two hexadecimal digits")

// addQuery adds what the query gives to what the path gave.
func (r route) addQuery(given map[string]string, query string) (bad badParameters) {
	if len(query) > maxQuery {
		return bad.add("", "", fmt.Errorf("query of %d bytes: want at most %d", len(query), maxQuery))
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return bad.add("", query, errQuery)
	}
	known := r.queryNames()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch all := values[name]; {
		case !slices.Contains(known, name):
			bad = bad.add(name, all[0], fmt.Errorf("parameter %q unknown here: want %s", clip(name), cmp.Or(strings.Join(known, ", "), "none")))
		case len(all) > 1:
			bad = bad.add(name, all[1], fmt.Errorf("%s given %d times: want it once", name, len(all)))
		default:
			given[name] = all[0]
		}
	}
	return bad
}

// queryNames are the parameters that the path does not name.
func (r route) queryNames() []string {
	var names []string
	for _, p := range r.parameters {
		if !r.inPath(p) {
			names = append(names, p.name)
		}
	}
	return names
}

func (r route) inPath(p parameter) bool { return strings.Contains(r.pattern, "{"+p.name+"}") }
