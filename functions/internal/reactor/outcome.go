package reactor

import (
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Outcome says what an observation did, for logs and metrics.
type Outcome struct {
	Service     tagalong.Service
	Environment string
	Unhandled   bool // the event is none that this function takes
	Unmanaged   bool // no rule matches the service, or its cluster was left out: at most the tags that it reads are kept
	Expired     bool // the fact is older than the retention: dropped
	Recorded    bool // a fact was written
	Repeated    bool // the fact was there already
	Moved       int  // tags put
	Confirmed   int  // tags seen on their wish
	Blocked     int
	Missing     int
	Inputs      int // tags left alone, since deployments read them
	InDoubt     int // tags that stay pending, since an unanswered put may still arrive
	Unproven    int // running containers in ECR whose digest may move no tag
	Announced   int // rollouts whose end the event bus has accepted
	Unannounced int // rollouts whose end it has not: they are left to the sweep
	// Lag is the time from ECS's updatedAt to the last tag's confirmation; 0 if
	// none was, and for a repeat, whose time says nothing.
	Lag time.Duration
}

// done returns the attributes of what was done, also where something went wrong.
func (o Outcome) done() []any {
	return []any{
		"recorded", o.Recorded, "repeated", o.Repeated,
		"moved", o.Moved, "confirmed", o.Confirmed, "blocked", o.Blocked, "missing", o.Missing, "inputs", o.Inputs, "inDoubt", o.InDoubt, "unproven", o.Unproven,
		"announced", o.Announced, "unannounced", o.Unannounced, "lag", o.Lag,
	}
}
