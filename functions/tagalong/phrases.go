package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// What an answer was asked for, in the words that follow on its noun.

func in(environment string) string {
	if environment == "" {
		return ""
	}
	return " in environment " + environment
}

func matching(service string) string {
	if service == "" {
		return ""
	}
	return " of service " + service
}

func when(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return " at " + at.Format(time.RFC3339)
}

func between(since, until time.Time) string {
	switch {
	case since.IsZero() && until.IsZero():
		return ""
	case since.IsZero():
		return " before " + until.Format(time.RFC3339) + ", as far back as the ledger goes"
	case until.IsZero():
		return " since " + since.Format(time.RFC3339)
	}
	return " since " + since.Format(time.RFC3339) + " until " + until.Format(time.RFC3339)
}

// counted is a number with its noun.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// listed bounds a list to what one reads: the first few, and how many more.
func listed(names []string) string {
	const few = 3
	if len(names) <= few+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

// noteGaps says of which services an answer about the past knows nothing.
func (s *session) noteGaps(gaps []query.Gap) {
	if len(gaps) == 0 {
		return
	}
	var names []string
	for _, gap := range gaps {
		names = append(names, fmt.Sprintf("%s (from %s on)", nameOf(gap.Service), gap.CompleteSince.UTC().Format(time.RFC3339)))
	}
	fmt.Fprintf(s.stderr, "tagalong: nothing is known of %s at that time, the ledger saw them only later: %s\n", counted(len(gaps), "service", "services"), listed(names))
}

// noteWatched says what an answer that finds nothing looked at.
func (s *session) noteWatched(watched string) {
	if watched != "" {
		fmt.Fprintf(s.stderr, "tagalong: %s\n", watched)
	}
}

// nameOf is how people call a service.
func nameOf(s tagalong.Service) string { return s.Cluster + "/" + s.Name }
