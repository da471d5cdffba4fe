package tagalong

import (
	"context"
	"errors"
	"time"
)

// Forgotten tells whether an end may belong to a rollout that was cut off.
func Forgotten(err error) bool { return errors.Is(err, errForgotten) }

// Cut drops what no later fact can change.
func (t Timeline) Cut() Timeline { return t.cut() }

// Resolve finds out which images a deployment runs.
func Resolve(ctx context.Context, w Workload, r Registry, s Service, deployment string) (Details, error) {
	return resolve(ctx, w, r, s, deployment)
}

// Expand fills in a tag's template.
var Expand = expand

// Event says what the bus is told of the end of a rollout.
func (e Ending) Event() Event { return e.event() }

// EventAt says what the bus is told of drift.
func (d Drift) EventAt(at time.Time) Event { return d.event(at) }
