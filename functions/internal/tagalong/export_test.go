package tagalong

import (
	"context"
	"errors"
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
