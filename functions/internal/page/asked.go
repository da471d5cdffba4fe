package page

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// asked is what the address of a page asks for.
type asked struct {
	view   string
	now    time.Time
	at     time.Time // zero is now
	format string    // csv, json or "" for the page
	values url.Values

	services     tagalong.ServicePattern
	sources      map[digest.Digest]string // of images, where the view asks for them
	since, until time.Time
}

const (
	maxQuery = 8192
	maxText  = 1024 // of one value
)

// parameters are what each view takes.
var parameters = map[string][]string{
	"":         {"at", "format", "env", "service", "state", "kind", "account", "image", "differ"},
	"changes":  {"format", "env", "service", "state", "since", "until", "span", "cursor"},
	"releases": {"format", "env", "cursor"},
	"release":  {"release", "format"},
	"tags":     {"format", "env", "state", "image", "cursor"},
	"drift":    {"format", "cursor"},
	"exposure": {"at", "format", "env", "service", "cve", "severity", "fixable", "ever", "cursor"},
	"service":  {"at", "format", "service", "env", "cursor"},
	"image":    {"image", "format", "cursor"},
	"diff":     {"from", "to", "format"},
	"find":     {"format", "q", "cursor"},
}

// read reads the address of a view.
func read(view, raw string, now time.Time) (asked, error) {
	a := asked{view: view, now: now}
	if len(raw) > maxQuery {
		return a, badf("query of %d bytes: want at most %d", len(raw), maxQuery)
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return a, badf("query that does not parse: want NAME=VALUE pairs with & between them")
	}
	if a.values, err = checked(view, values); err != nil {
		return a, err
	}
	if err := a.readTimes(); err != nil {
		return a, err
	}
	if a.services, err = pattern(a.get("service")); err != nil {
		return a, badRequest{err}
	}
	if a.format = a.get("format"); a.format != "" && formats[a.format] == "" {
		return a, badf("format %q: want csv or json", a.format)
	}
	return a, nil
}

// checked returns what a view takes of the values: a form sends empty ones, too.
func checked(view string, values url.Values) (url.Values, error) {
	known := url.Values{}
	for name, all := range values {
		all = slices.DeleteFunc(slices.Clone(all), func(text string) bool { return strings.TrimSpace(text) == "" })
		switch {
		case !slices.Contains(parameters[view], name):
			return nil, badf("parameter %q unknown here: want %s", name, strings.Join(parameters[view], ", "))
		case len(all) > 1 && name != "env":
			return nil, badf("%s given %d times: want it once", name, len(all))
		case slices.ContainsFunc(all, func(text string) bool { return len(text) > maxText }):
			return nil, badf("%s of more than %d bytes", name, maxText)
		case len(all) > 0:
			known[name] = all
		}
	}
	return known, nil
}

func (a *asked) readTimes() (err error) {
	for name, into := range map[string]*time.Time{"at": &a.at, "since": &a.since, "until": &a.until} {
		text := a.get(name)
		if text == "" {
			continue
		}
		if *into, err = parseTime(text); err != nil {
			return badf("%s: %w", name, err)
		}
		if into.After(a.now) && name == "at" {
			return badf("at %q is in the future: want a time until now, %s", text, tagalong.FormatTime(a.now))
		}
	}
	return nil
}

// parseTime reads RFC 3339, and what a field for times of a form sends: without a zone,
// which is UTC.
func parseTime(text string) (time.Time, error) {
	for _, layout := range []string{fieldLayout, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() > 0 {
			return t.UTC(), nil
		}
	}
	return query.ParseTime(text)
}

// fieldLayout is how a field for times writes them.
const fieldLayout = "2006-01-02T15:04"

// pattern reads which services are meant. A word without a glob and a cluster is looked
// for anywhere in a name.
func pattern(text string) (tagalong.ServicePattern, error) {
	if text = strings.TrimSpace(text); text == "" {
		return tagalong.ServicePattern{}, nil
	}
	return tagalong.ParseServicePattern(text)
}

func (a asked) get(name string) string {
	return strings.TrimSpace(a.values.Get(name))
}

// moment is the time that is asked about.
func (a asked) moment() time.Time {
	if a.at.IsZero() {
		return a.now
	}
	return a.at
}

// href links to a view: names and values, in turn, of which empty ones are left out. The
// time that is looked at stays where the view knows one.
func (a asked) href(view string, pairs ...string) string {
	link := view
	if link == "" {
		link = "./"
	}
	sign := "?"
	add := func(name, value string) {
		if value != "" {
			link += sign + name + "=" + url.QueryEscape(value)
			sign = "&"
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		add(pairs[i], pairs[i+1])
	}
	if !a.at.IsZero() && slices.Contains(parameters[view], "at") && !slices.Contains(pairs, "at") {
		add("at", a.at.Format(time.RFC3339Nano))
	}
	return link
}

// with links to the same view with other values: names and values, in turn; an empty
// value takes the name away.
func (a asked) with(pairs ...string) string {
	values := url.Values{}
	for name, all := range a.values {
		values[name] = all
	}
	values.Del("cursor")
	for i := 0; i+1 < len(pairs); i += 2 {
		if values.Del(pairs[i]); pairs[i+1] != "" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	link := a.view
	if link == "" {
		link = "./"
	}
	if len(values) > 0 {
		link += "?" + values.Encode()
	}
	return link
}
