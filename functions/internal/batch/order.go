package batch

import (
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/events"
)

// subject is what an event is about. Two events about one subject change the same items
// of the ledger: side by side one of them would have to begin again. The zero subject
// is none.
type subject struct {
	kind, account, region string
	within, name          string
}

// pipelineEvent is what the events of stages and of actions have in common. All
// executions of a pipeline deploy the same services.
type pipelineEvent interface {
	Account() string
	Region() string
	Pipeline() string
	Time() time.Time
}

// subjectOf returns what an event is about, and when that happened.
func subjectOf(e events.Event) (subject, time.Time) {
	switch e := e.(type) {
	case events.DeploymentStateChange:
		service := e.ServiceARN()
		return subject{"service", service.Account(), service.Region(), e.Cluster(), service.Name()}, e.UpdatedAt()
	case pipelineEvent:
		return subject{"pipeline", e.Account(), e.Region(), "", e.Pipeline()}, e.Time()
	case events.CodeDeployStateChange:
		return subject{"deployment group", e.Account(), e.Region(), e.Application(), e.DeploymentGroup()}, e.Time()
	}
	return subject{}, time.Time{}
}

// bySubject groups messages by what they are about. Those of one group are in the order
// of their own times, and of equal times in that of their arrival. A message without a
// subject, such as a malformed one, has a group of its own.
func bySubject(messages []message) (groups [][]message) {
	places := map[subject]int{}
	for _, m := range slices.SortedStableFunc(slices.Values(messages), earlier) {
		place, known := places[m.about]
		if !known {
			place = len(groups)
			groups = append(groups, nil)
		}
		if m.about != (subject{}) {
			places[m.about] = place
		}
		groups[place] = append(groups[place], m)
	}
	return groups
}

func earlier(a, b message) int { return a.at.Compare(b.at) }
