package tagalong

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"
)

// Forgotten tells whether an end may belong to a rollout that was cut off.
func Forgotten(err error) bool { return errors.Is(err, errForgotten) }

// Cut drops what no later fact can change.
func (t Timeline) Cut() Timeline { return t.cut() }

// Expand fills in a tag's template.
var Expand = expand

// Sum sums up two outcomes of one service.
func (o Outcome) Sum(p Outcome) Outcome {
	o.Add(p)
	return o
}

// Line is what the log says of an outcome.
func (o Outcome) Line(err error) string {
	var line strings.Builder
	o.Log(context.Background(), slog.New(slog.NewTextHandler(&line, nil)), err)
	_, said, _ := strings.Cut(line.String(), " ") // without the time
	return said
}

// Sum sums up what converging two repositories did.
func (c Convergence) Sum(o Convergence) Convergence {
	c.join(o)
	return c
}

// Equal tells whether nothing is known better.
func (d Details) Equal(o Details) bool { return d.equal(o) }

// Equal tells whether a place needs no writing.
func (p PreviousPlace) Equal(o PreviousPlace) bool { return p.equal(o) }

// Event says what the bus is told of the end of a rollout.
func (e Ending) Event() Event { return e.event() }

// EventAt says what the bus is told of drift.
func (d Drift) EventAt(at time.Time) Event { return d.event(at) }

// Fit leaves to the head what is more than a transaction takes.
func (c *Change) Fit(items int) { c.fit(items) }

// LookBack is how many places of a digest are looked at.
const LookBack = lookBack

// Builds returns the container that a release's commit is of.
var Builds = builds
