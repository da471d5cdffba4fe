package api

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
)

// A time may be how long ago it was, such as 2h. Of an answer in pages it is the same time
// on each of them: the cursor begins with the moment that the first page was asked at.

// momentSize is how many digits a moment has, in milliseconds, until the year 2286.
const momentSize = 13

// takesAges reports whether a parameter is a time, or has one.
func (p parameter) takesAges() bool {
	return slices.Contains([]string{at.name, since.name, until.name, from.name, to.name}, p.name)
}

// asksByAge reports whether a time is given as how long ago it was.
func (r route) asksByAge(given map[string]string) bool {
	return slices.ContainsFunc(r.parameters, func(p parameter) bool {
		text := given[p.name]
		_, err := query.ParseDuration(text[strings.IndexByte(text, '@')+1:])
		return p.takesAges() && err == nil
	})
}

// moment takes from the cursor the moment that ages count from, which is now on the first
// page. What the pages behind this one begin their cursor with is returned, too: nothing
// where no age is given.
func (r route) moment(given map[string]string, now time.Time) (time.Time, string, error) {
	if !r.asksByAge(given) {
		return now, "", nil
	}
	text := given[cursor.name]
	if text == "" {
		now = now.Truncate(time.Millisecond)
		return now, fmt.Sprintf("%0*d", momentSize, now.UnixMilli()), nil
	}
	stamp := text[:min(len(text), momentSize)]
	milliseconds, err := strconv.ParseUint(stamp, 10, 63)
	first := time.UnixMilli(int64(milliseconds)).UTC()
	if err != nil || len(text) <= momentSize || first.After(now) {
		return now, "", fmt.Errorf("cursor %q: want %s", clip(text), cursor.want)
	}
	given[cursor.name] = text[momentSize:]
	return first, stamp, nil
}
