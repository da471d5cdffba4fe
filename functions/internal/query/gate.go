package query

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/report"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// GateQuery asks whether an image may go on.
type GateQuery struct {
	Image tagalong.ImageQuery
	// RanIn is an environment in which it must have run For so long without a break, known
	// by more than a guess; "" does not matter.
	RanIn string
	For   time.Duration
	// NotRunning is one in which it must not be in use, rolling out included; "" does not
	// matter.
	NotRunning string
	// NoNew is a severity: it must have no finding of this one or worse that what runs of
	// its repository in the environment Against has not; "" does not matter.
	NoNew   report.Severity
	Against string
	// Reports are what scanners' files say of the image, beside what the ledger knows.
	Reports []report.Report
}

// GateRow is a condition of a gate, and whether the image meets it.
type GateRow struct {
	Check       GateCheck `json:"check"`
	Environment string    `json:"environment"`
	Passed      bool      `json:"passed"`
	Reason      string    `json:"reason"`
	// Findings are the ids of those that are new, where that is asked.
	Findings []string `json:"findings"`
}

// GateCheck is what a gate asks.
type GateCheck string

// The checks of a gate.
const (
	checkRanIn      GateCheck = "ran-in"
	checkNotRunning GateCheck = "not-running"
	checkNoNew      GateCheck = "no-new"
)

// At returns the environment as a flag of that name is written.
func (r GateRow) At() string {
	if r.Check == checkNoNew {
		return "--against " + r.Environment
	}
	return r.Environment
}

// Gate answers with a row for each condition. *UnknownNameError says that a name is not
// known, *IncompleteError that the ledger cannot say of an image that it does not run.
func (q Queries) Gate(ctx context.Context, query GateQuery) (rows []GateRow, err error) {
	d, err := q.directory(ctx)
	if err == nil {
		err = d.check(namesGiven{environments: []string{query.RanIn, query.NotRunning, query.Against}})
	}
	if err != nil {
		return nil, err
	}
	image, err := q.Candidate(ctx, query.Image)
	if err != nil {
		return nil, err
	}
	pieces, err := q.pieces(ctx, image, 0)
	if err != nil {
		return nil, err
	}
	places, err := stream.Collect(q.intervals(ctx, pieces(ledger.PlacementCursor{}), 0))
	if err != nil {
		return nil, fmt.Errorf("places of %s: %w", image, err)
	}
	if query.RanIn != "" {
		rows = append(rows, ranIn(places, query.RanIn, query.For, q.now()))
	}
	if query.NotRunning != "" {
		if err := q.knowsWhatRuns(ctx, image, query.NotRunning); err != nil {
			return nil, err
		}
		rows = append(rows, notRunning(places, query.NotRunning))
	}
	if query.NoNew != "" {
		row, err := newFindings{q, image, places, query}.row(ctx)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// Candidate returns the image that a gate is for, with its digest.
func (q Queries) Candidate(ctx context.Context, image tagalong.ImageQuery) (tagalong.ImageQuery, error) {
	image, err := resolver{q}.resolved(ctx, image)
	if err == nil && image.Digest == "" {
		err = &ImageError{image, "a gate is for one image: want its digest, or REPOSITORY:TAG"}
	}
	return image, err
}

// ranIn looks for one time in which the image was in force for long enough.
func ranIn(places []interval, environment string, want time.Duration, now time.Time) GateRow {
	row := GateRow{checkRanIn, environment, false, "it never ran there", []string{}}
	var longest time.Duration
	for _, p := range places {
		if p.Environment != environment || p.Phase == ledger.PhaseRollingOut || p.Unfinished || p.Service.Kind() != tagalong.KindService {
			continue
		}
		until := p.Until
		if until.IsZero() {
			until = now
		}
		ran := until.Sub(p.Since)
		switch {
		case !p.Container.Proven():
			if longest == 0 {
				row.Reason = fmt.Sprintf("that it ran in %s is known by evidence %q alone", shortService(p.Service), p.Container.Evidence)
			}
		case ran >= want:
			return GateRow{checkRanIn, environment, true, fmt.Sprintf("it ran in %s for %s, from %s on", shortService(p.Service), ran.Round(time.Second), tagalong.FormatTime(p.Since)), []string{}}
		case ran > longest:
			longest = ran
			row.Reason = fmt.Sprintf("it ran for %s at the longest, in %s from %s on: want %s", ran.Round(time.Second), shortService(p.Service), tagalong.FormatTime(p.Since), want)
		}
	}
	return row
}

// notRunning looks for a place that has not ended.
func notRunning(places []interval, environment string) GateRow {
	var users []string
	for _, p := range places {
		if p.Environment == environment && p.Phase != ledger.PhaseEnded {
			users = append(users, fmt.Sprintf("%s (%s)", shortService(p.Service), p.Phase))
		}
	}
	if len(users) == 0 {
		return GateRow{checkNotRunning, environment, true, "nothing there uses it", []string{}}
	}
	return GateRow{checkNotRunning, environment, false, "it is in use in " + inWords(distinct(users), few), []string{}}
}

// knowsWhatRuns returns an error if the ledger cannot say that an image does not run in an
// environment: not all was looked at, or what runs there is not known.
func (q Queries) knowsWhatRuns(ctx context.Context, image tagalong.ImageQuery, environment string) error {
	running, err := stream.Collect(q.Records.RunningRecords(ctx, environment, tagalong.Service{}, 0))
	if err != nil {
		return fmt.Errorf("environment %q: %w", environment, err)
	}
	var there used
	for _, m := range running {
		for _, c := range m.Containers {
			if c.Image.Name == "" || image.In(c.Image) {
				there = append(there, ledger.Placement{Phase: ledger.PhaseRunning, Service: m.Service, Container: c.Container})
			}
		}
	}
	reasons, err := q.gapsOf(ctx, there)
	if err == nil && len(reasons) > 0 {
		slices.Sort(reasons)
		err = &IncompleteError{reasons}
	}
	return err
}
