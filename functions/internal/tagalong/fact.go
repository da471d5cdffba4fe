package tagalong

import (
	"cmp"
	"slices"
	"time"
)

// FactName says what happened to a deployment.
type FactName string

// The names of facts, after ECS's deployment events.
const (
	InProgress FactName = "IN_PROGRESS"
	Completed  FactName = "COMPLETED"
	Failed     FactName = "FAILED"
)

// nameRank puts the start of a deployment before its end at equal times.
var nameRank = map[FactName]int{InProgress: 0, Completed: 1, Failed: 2}

// Source says who told a fact.
type Source string

// The sources of facts. An event's time beats the sweep's, see Timeline.Apply.
const (
	FromEvent Source = "event"
	FromSweep Source = "sweep"
)

// Fact is one thing that happened to one deployment at one moment. Service,
// Deployment, Name and Time are its key: a repeat is the same fact.
type Fact struct {
	Deployment string    // ECS's id with its prefix, ecs-svc/…
	Name       FactName  // what happened
	Time       time.Time // ECS's updatedAt: UTC, whole milliseconds
	Source     Source    // who says so
	Reason     string    // ECS's words
	RecordedAt time.Time // when the ledger took it; no part of the key
}

func (f Fact) same(o Fact) bool {
	return f.Deployment == o.Deployment && f.Name == o.Name && f.Time.Equal(o.Time)
}

// sortFacts gives the facts in the order in which they are folded: by time; at
// equal times the deployments that only end come first, then the others by id,
// each start before its end. So the end of a failed rollout comes before the
// start of the rollback in the same second.
func sortFacts(facts []Fact) []Fact {
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
	startsNow := func(f Fact) int {
		if starts[moment{f.Deployment, f.Time.UnixMilli()}] {
			return 1
		}
		return 0
	}
	sorted := slices.Clone(facts)
	slices.SortStableFunc(sorted, func(a, b Fact) int {
		return cmp.Or(
			a.Time.Compare(b.Time),
			cmp.Compare(startsNow(a), startsNow(b)),
			cmp.Compare(a.Deployment, b.Deployment),
			cmp.Compare(nameRank[a.Name], nameRank[b.Name]),
		)
	})
	return sorted
}
