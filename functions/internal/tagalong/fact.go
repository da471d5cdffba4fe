package tagalong

import (
	"cmp"
	"slices"
	"time"
)

// FactName says what happened to a deployment.
type FactName string

// The names of facts: of deployments after ECS's events, and of the pipelines'
// actions that deploy.
const (
	InProgress    FactName = "IN_PROGRESS"
	Completed     FactName = "COMPLETED"
	Failed        FactName = "FAILED"
	ActionStarted FactName = "ACTION_STARTED"
	ActionEnded   FactName = "ACTION_ENDED"
	// Retired says that the service itself was first seen gone, or that no rule
	// manages it any more. It has no subject.
	Retired FactName = "RETIRED"
	// Draining says that a look at ECS showed tasks of a deployment that is not in force any
	// more, or never was; Drained that a later one showed none.
	Draining FactName = "DRAINING"
	Drained  FactName = "DRAINED"
)

// nameRank puts the start of a deployment before its end at equal times.
var nameRank = map[FactName]int{InProgress: 0, Completed: 1, Failed: 2, Draining: 3, Drained: 4}

// Source says who reported a fact.
type Source string

// The sources of facts. An event's time beats all others, see Timeline.Apply.
const (
	FromEvent      Source = "event"
	FromSweep      Source = "sweep"
	FromPipeline   Source = "pipeline"   // ECS's own record, looked at when a pipeline named a deployment
	FromCodeDeploy Source = "codedeploy" // CodeDeploy's record: ECS sends no events of its deployments
)

// Fact is one thing that happened to one deployment at one moment, or to an action
// that deploys. Service, Deployment or Action, Name and Time are its key: a repeat
// is the same fact. What another source than an event reports is a fact of its own,
// even of the same moment: else the first to come would decide who said so.
type Fact struct {
	Deployment string    // ECS's id with its prefix, ecs-svc/…; "" of an action or a service
	Action     string    // the id of an action's run; "" of a deployment
	Name       FactName  // what happened
	Time       time.Time // ECS's updatedAt, or the action's: UTC, whole milliseconds
	Source     Source    // who says so
	Reason     string    // ECS's words
	Release    Release   // what an action that starts carries
	Limit      time.Time // until when that action can go on at most
	RecordedAt time.Time // when the ledger took it; no part of the key
	// NoHistory says that nothing is known of what was beside it: ECS keeps no records of
	// the service, and what came to an end since then it does not show. The ledger
	// does not keep that.
	NoHistory bool
}

func (f Fact) Same(o Fact) bool {
	return f.Subject() == o.Subject() && f.Name == o.Name && f.Time.Equal(o.Time) && f.SourceKey() == o.SourceKey()
}

// Subject is what the fact is about: the id of a deployment, or of an action's run.
func (f Fact) Subject() string { return cmp.Or(f.Action, f.Deployment) }

// SourceKey is the part of the key that tells the sources apart: "" for events, and for
// actions, which only pipelines report.
func (f Fact) SourceKey() Source {
	if f.Source == FromEvent || f.OfAction() {
		return ""
	}
	return f.Source
}

// OfAction reports whether the fact is an action's.
func (f Fact) OfAction() bool { return f.Name == ActionStarted || f.Name == ActionEnded }

// OfTasks reports whether the fact is what a look at a deployment's tasks showed.
func (f Fact) OfTasks() bool { return f.Name == Draining || f.Name == Drained }

// OfDeployment reports whether the fact is how a deployment went: others say nothing of
// what it is made of.
func (f Fact) OfDeployment() bool { return !f.OfAction() && !f.OfTasks() && f.Name != Retired }

// SortFacts returns the facts in the order in which they are folded: by time; at
// equal times the deployments that only end come first, then the others by id,
// each start before its end. So the end of a failed rollout comes before the
// start of the rollback in the same second. An action starts before all that
// happens at its time, and ends after it; what a look at the tasks showed comes after
// that, and a service goes after all else.
func SortFacts(facts []Fact) []Fact {
	type moment struct {
		deployment string
		at         int64
	}
	starts := map[moment]bool{}
	for _, f := range facts {
		if f.Name == InProgress {
			starts[moment{f.Deployment, f.Time.UnixMilli()}] = true
		}
	}
	rank := func(f Fact) int {
		switch {
		case f.Name == ActionStarted:
			return 0
		case f.Name == ActionEnded:
			return 3
		case f.OfTasks():
			return 4
		case f.Name == Retired:
			return 5
		case starts[moment{f.Deployment, f.Time.UnixMilli()}]:
			return 2
		}
		return 1
	}
	sorted := slices.Clone(facts)
	slices.SortStableFunc(sorted, func(a, b Fact) int {
		if order := a.Time.Compare(b.Time); order != 0 {
			return order // nearly always: the rest costs ten times as much
		}
		return cmp.Or(
			cmp.Compare(rank(a), rank(b)),
			cmp.Compare(a.Deployment, b.Deployment),
			cmp.Compare(nameRank[a.Name], nameRank[b.Name]),
			cmp.Compare(a.Action, b.Action),
			cmp.Compare(a.SourceKey(), b.SourceKey()),
		)
	})
	return sorted
}

// TimeTolerance is by how much ECS's own record and its events may differ in the time
// of one thing: no deployment ends, and comes back to end again, as fast as that.
const TimeTolerance = 2 * time.Second

// ReportedBy reports whether another fact makes this one, which no event reported, superfluous:
// it is the same, or is about the same thing.
func (f Fact) ReportedBy(o Fact) bool {
	about := f.Subject() == o.Subject() && f.Name == o.Name
	return f.Same(o) || about && f.OfDeployment() && f.Time.Sub(o.Time).Abs() <= TimeTolerance
}
