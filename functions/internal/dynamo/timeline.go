package dynamo

import (
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// timelineItem is the fold of the facts before a head's window.
type timelineItem struct {
	Rollouts  []courseItem   `dynamodbav:"rollouts,omitempty"`
	Running   int            `dynamodbav:"running,omitempty"`
	Ended     int            `dynamodbav:"ended,omitempty"`
	Completed []string       `dynamodbav:"completed,omitempty"`
	Builds    []deployedItem `dynamodbav:"builds,omitempty"`
	Truncated bool           `dynamodbav:"truncated,omitempty"`
	AllEnded  bool           `dynamodbav:"allEnded,omitempty"` // not known of the bases of before
	Actions   []actionItem   `dynamodbav:"actions,omitempty"`
}

func toTimeline(t timeline.Timeline) timelineItem {
	return timelineItem{
		Rollouts:  all(t.Rollouts, toCourse),
		Running:   t.Running,
		Ended:     t.Ended,
		Completed: t.Completed,
		Builds:    all(t.Builds, toDeployed),
		Truncated: t.Truncated,
		AllEnded:  t.AllEnded,
		Actions:   all(t.Actions, toAction),
	}
}

func (i timelineItem) timeline() timeline.Timeline {
	return timeline.Timeline{
		Rollouts:  all(i.Rollouts, courseItem.rollout),
		Running:   i.Running,
		Ended:     i.Ended,
		Completed: i.Completed,
		Builds:    all(i.Builds, deployedItem.deployed),
		Truncated: i.Truncated,
		AllEnded:  i.AllEnded,
		Actions:   all(i.Actions, actionItem.action),
	}
}

// courseItem is how a rollout went, in rollouts, the outbox and timelines.
type courseItem struct {
	Deployment   string        `dynamodbav:"deployment"`
	State        string        `dynamodbav:"state"`
	StartedAt    string        `dynamodbav:"startedAt,omitempty"`
	FinishedAt   string        `dynamodbav:"finishedAt,omitempty"`
	Until        string        `dynamodbav:"until,omitempty"`
	Rollback     bool          `dynamodbav:"rollback,omitempty"`
	Reason       string        `dynamodbav:"reason,omitempty"`
	Release      *releaseItem  `dynamodbav:"release,omitempty"`
	Restored     *restoredItem `dynamodbav:"restored,omitempty"`
	Retired      bool          `dynamodbav:"retired,omitempty"`
	OvertakenAt  string        `dynamodbav:"overtakenAt,omitempty"`
	Draining     bool          `dynamodbav:"draining,omitempty"`
	DrainedAt    string        `dynamodbav:"drainedAt,omitempty"`
	StartSource  string        `dynamodbav:"startSource,omitempty"`
	FinishSource string        `dynamodbav:"finishSource,omitempty"`
}

func toCourse(r timeline.Rollout) courseItem {
	return courseItem{
		Deployment:   r.Deployment,
		State:        string(r.State),
		StartedAt:    formatTime(r.StartedAt),
		FinishedAt:   formatTime(r.FinishedAt),
		Until:        formatTime(r.Until),
		Rollback:     r.Rollback,
		Reason:       r.Reason,
		Release:      toRelease(r.Release),
		Restored:     toRestored(r.Restored),
		Retired:      r.Retired,
		OvertakenAt:  formatTime(r.OvertakenAt),
		Draining:     r.Draining,
		DrainedAt:    formatTime(r.DrainedAt),
		StartSource:  string(r.StartSource),
		FinishSource: string(r.FinishSource),
	}
}

func (i courseItem) rollout() timeline.Rollout {
	return timeline.Rollout{
		Deployment:   i.Deployment,
		State:        timeline.State(i.State),
		StartedAt:    parseTime(i.StartedAt),
		FinishedAt:   parseTime(i.FinishedAt),
		Until:        parseTime(i.Until),
		Rollback:     i.Rollback,
		Reason:       i.Reason,
		Release:      i.Release.release(),
		Restored:     i.Restored.restored(),
		Retired:      i.Retired,
		OvertakenAt:  parseTime(i.OvertakenAt),
		Draining:     i.Draining,
		DrainedAt:    parseTime(i.DrainedAt),
		StartSource:  tagalong.Source(i.StartSource),
		FinishSource: tagalong.Source(i.FinishSource),
	}
}

// deployedItem is what a deployment was released with.
type deployedItem struct {
	Deployment string `dynamodbav:"deployment"`
	buildItem
}

func toDeployed(b timeline.DeployedBuild) deployedItem {
	return deployedItem{Deployment: b.Deployment, buildItem: toBuild(b.Build)}
}

func (i deployedItem) deployed() timeline.DeployedBuild {
	return timeline.DeployedBuild{Deployment: i.Deployment, Build: i.build()}
}

// actionItem is an action that deploys and has not ended.
type actionItem struct {
	Action  string       `dynamodbav:"action"`
	Release *releaseItem `dynamodbav:"release,omitempty"`
	Limit   string       `dynamodbav:"limit"`
}

func toAction(a timeline.UnderWay) actionItem {
	return actionItem{Action: a.Action, Release: toRelease(a.Release), Limit: formatTime(a.Limit)}
}

func (i actionItem) action() timeline.UnderWay {
	return timeline.UnderWay{Action: i.Action, Release: i.Release.release(), Limit: parseTime(i.Limit)}
}
