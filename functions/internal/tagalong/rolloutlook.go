package tagalong

import "time"

// RolloutLook is what ECS shows of a service deployment that is under way.
type RolloutLook struct {
	Deployment string // that it works towards: in a rollback the one that comes back
	// Stage is where in its lifecycle it is, such as BAKE_TIME; "" where ECS does not say.
	Stage string
	// Weight is how much of the production traffic it has, in percent; nil where none is
	// shifted.
	Weight *float64
	// Waits is set while a hook holds it, WaitsUntil when the hook's time is over: zero if
	// ECS does not say.
	Waits      bool
	WaitsUntil time.Time
	// Lasts is how long the stage takes in all, by the service's settings; 0 if they do
	// not say.
	Lasts   time.Duration
	Updated time.Time // as ECS has it
}

// StageBakeTime is the stage in which both revisions run, and the old one may come back.
const StageBakeTime = "BAKE_TIME"
