package timeline

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// State is how far a rollout came.
type State string

// The states of a rollout. A completed one stays completed when it is replaced.
const (
	StateInProgress State = "in_progress"
	StateCompleted  State = "completed"
	StateFailed     State = "failed"
	StateSuperseded State = "superseded"
)

// Rollout is one coming into force of a deployment. An unknown time is zero.
type Rollout struct {
	Deployment string
	State      State
	StartedAt  time.Time        // ECS's updatedAt of the start; zero when nobody saw it
	FinishedAt time.Time        // ECS's updatedAt of the completion or failure
	Until      time.Time        // the next completion's time; zero while it runs
	Rollback   bool             // the deployment had completed before, or its start says so
	Reason     string           // of its last fact; a rollback keeps that of its start
	Release    tagalong.Release // of the action in whose time it started
	Restored   tagalong.Build   // of a rollback: what its deployment was released with when it ran before
	Retired    bool             // it ran until its service was first seen gone
	// OvertakenAt is when one that is superseded was: as the next one started, or completed
	// where that start was lost, or as the service was first seen gone.
	OvertakenAt time.Time
	// Draining says that tasks of it still run, though it ended, was replaced or overtaken;
	// DrainedAt is when they were first seen gone.
	Draining  bool
	DrainedAt time.Time

	StartSource  tagalong.Source
	FinishSource tagalong.Source
}

// SortTime orders rollouts: the start, or the finish where no start was seen.
func (r Rollout) SortTime() time.Time {
	if r.StartedAt.IsZero() {
		return r.FinishedAt
	}
	return r.StartedAt
}

func (r Rollout) Key() RolloutKey { return RolloutKey{Sort: r.SortTime(), Deployment: r.Deployment} }

// RolloutKey names one rollout of a service.
type RolloutKey struct {
	Sort       time.Time
	Deployment string
}

// remembered bounds what a Timeline keeps of the past when it is cut, and how
// many completed deployments it knows as a rollback's possible target. ECS rolls
// back to the deployment that completed last, so this is far more than it needs.
const (
	rememberedCompleted  = 64
	rememberedBuilds     = 8 // of the deployments that completed last
	rememberedSuperseded = 4
)

// Timeline is the fold of a service's facts. The zero Timeline has seen nothing.
type Timeline struct {
	Rollouts []Rollout // in the order of their facts
	// Running and Ended are one more than the index of the rollout that runs
	// (completed last) and of the one that ended last; 0 is none.
	Running int
	Ended   int
	// Completed are the deployments that completed, the last one last.
	Completed []string
	// Builds are those of the deployments that completed lately, the last one last.
	Builds []DeployedBuild
	// Truncated says that rollouts were cut off at the front.
	Truncated bool
	// Actions are those that have started and not ended, in the order of their starts.
	Actions []UnderWay
}

// DeployedBuild is what a deployment was released with.
type DeployedBuild struct {
	Deployment string
	tagalong.Build
}

// UnderWay is a pipeline's action that deploys the service just now.
type UnderWay struct {
	Action  string // the id of its run
	Release tagalong.Release
	Limit   time.Time // when it is over at the latest, should nobody see its end
}

// ErrForgotten is given when a fact may belong to a rollout that was cut off:
// then all facts of the service must be folded.
var ErrForgotten = errors.New("rollout older than the remembered ones")

// Apply folds further facts onto the timeline. They must all be later than what
// was folded before; among themselves they may come in any order.
func (t Timeline) Apply(facts []tagalong.Fact) (Timeline, error) {
	t.Rollouts = slices.Clone(t.Rollouts)
	t.Completed = slices.Clone(t.Completed)
	t.Builds = slices.Clone(t.Builds)
	t.Actions = slices.Clone(t.Actions)
	for _, f := range tagalong.SortFacts(facts) {
		if err := t.apply(f); err != nil {
			return Timeline{}, err
		}
	}
	return t, nil
}

func (t *Timeline) apply(f tagalong.Fact) error {
	switch f.Name {
	case tagalong.ActionStarted, tagalong.ActionEnded:
		t.act(f)
	case tagalong.Retired:
		t.retire(f)
	case tagalong.InProgress:
		t.start(f)
	case tagalong.Draining:
		return t.drain(f)
	case tagalong.Drained:
		t.drained(f)
	default:
		return t.end(f)
	}
	return nil
}

// act notes that an action has started or ended.
func (t *Timeline) act(f tagalong.Fact) {
	t.Actions = slices.DeleteFunc(t.Actions, func(a UnderWay) bool { return a.Action == f.Action || a.Limit.Before(f.Time) })
	if f.Name == tagalong.ActionStarted {
		t.Actions = append(t.Actions, UnderWay{Action: f.Action, Release: f.Release, Limit: f.Limit})
	}
}

// retire ends all that runs and rolls out: the service was first seen gone.
func (t *Timeline) retire(f tagalong.Fact) {
	if t.Running > 0 {
		last := &t.Rollouts[t.Running-1]
		last.Until, last.Retired = f.Time, true
	}
	t.Running, t.Ended = 0, 0
	t.supersede(f.Time)
	for i := range t.Rollouts {
		t.Rollouts[i].drained(f.Time)
	}
}

// drain notes that tasks of a deployment run that is not in force: those of what runs or
// rolls out are no news.
func (t *Timeline) drain(f tagalong.Fact) error {
	running, _ := t.Current()
	next, _ := t.RollingOut()
	if running.Deployment == f.Deployment || next.Deployment == f.Deployment || t.draining(f.Deployment) != nil {
		return nil
	}
	if t.Truncated {
		return ErrForgotten // which rollout of it was the last one is not known
	}
	if last := t.Latest(f.Deployment); last >= 0 {
		t.Rollouts[last].Draining, t.Rollouts[last].DrainedAt = true, time.Time{}
	}
	return nil
}

// drained ends the draining of a deployment, if its tasks were seen.
func (t *Timeline) drained(f tagalong.Fact) {
	if r := t.draining(f.Deployment); r != nil {
		r.drained(f.Time)
	}
}

// draining returns the rollout of a deployment whose tasks still run, nil if there is none.
func (t *Timeline) draining(deployment string) *Rollout {
	for i := range t.Rollouts {
		if r := &t.Rollouts[i]; r.Draining && r.Deployment == deployment {
			return r
		}
	}
	return nil
}

func (r *Rollout) drained(at time.Time) {
	if r.Draining {
		r.Draining, r.DrainedAt = false, at
	}
}

// supersede ends what rolls out without an end of its own.
func (t *Timeline) supersede(at time.Time) {
	for i := range t.Rollouts {
		if t.Rollouts[i].State == StateInProgress {
			t.Rollouts[i].State, t.Rollouts[i].OvertakenAt = StateSuperseded, at
		}
	}
}

// release returns that of the action under way at a time: of several the one that
// started last.
func (t *Timeline) release(at time.Time) tagalong.Release {
	for _, a := range slices.Backward(t.Actions) {
		if !at.After(a.Limit) {
			return a.Release
		}
	}
	return tagalong.Release{}
}

// start opens a rollout of its deployment, unless one is open already.
func (t *Timeline) start(f tagalong.Fact) {
	if r := t.unended(f.Deployment); r != nil && r.State == StateInProgress {
		better := earlier(r.StartSource, f.Source)
		if better {
			t.redateOvertaken(r, f.Time)
			r.StartedAt, r.StartSource, r.Release = f.Time, f.Source, t.release(f.Time)
		}
		r.Rollback = r.Rollback || saysRollback(f.Reason)
		if says := saysRollback(f.Reason); better && says || !saysRollback(r.Reason) && (better || says) {
			r.Reason = f.Reason
		}
		return
	}
	t.supersede(f.Time)
	t.drained(f) // what runs of it now is the new one's
	t.Rollouts = append(t.Rollouts, Rollout{
		Deployment:  f.Deployment,
		State:       StateInProgress,
		StartedAt:   f.Time,
		StartSource: f.Source,
		Rollback:    slices.Contains(t.Completed, f.Deployment) || saysRollback(f.Reason),
		Reason:      f.Reason,
		Release:     t.release(f.Time),
		Restored:    t.build(f.Deployment),
	})
}

// end closes the rollout that the fact is about, or makes one whose start is unknown.
// Had another one that is open started after that, it would not have completed.
func (t *Timeline) end(f tagalong.Fact) error {
	r := t.unended(f.Deployment)
	if r == nil {
		if last := t.repeated(f); last != nil {
			if earlier(last.FinishSource, f.Source) {
				t.redate(last, f)
			}
			return nil
		}
		if t.Truncated && !t.knows(f.Deployment) {
			return ErrForgotten
		}
		if f.Name == tagalong.Completed {
			t.supersede(f.Time)
		}
		t.Rollouts = append(t.Rollouts, Rollout{
			Deployment: f.Deployment,
			Rollback:   slices.Contains(t.Completed, f.Deployment) || saysRollback(f.Reason),
			Reason:     f.Reason,
			Release:    t.release(f.Time),
			Restored:   t.build(f.Deployment),
		})
		r = &t.Rollouts[len(t.Rollouts)-1]
	}
	r.finish(f)
	t.Ended = t.position(r)
	if f.Name == tagalong.Failed {
		r.State = StateFailed
		return nil
	}
	r.State = StateCompleted
	t.drained(f)
	r.DrainedAt = time.Time{} // its tasks are those of what runs
	t.complete(r, f.Time)
	return nil
}

// finish returns a rollout the time of its end. A rollback that completes keeps the
// reason of its start, which says why.
func (r *Rollout) finish(f tagalong.Fact) {
	r.FinishedAt, r.FinishSource, r.OvertakenAt = f.Time, f.Source, time.Time{}
	if !r.Rollback || f.Name == tagalong.Failed || r.StartedAt.IsZero() {
		r.Reason = f.Reason
	}
}

// complete puts the rollout in force in place of the one before.
func (t *Timeline) complete(r *Rollout, at time.Time) {
	if t.Running > 0 {
		t.Rollouts[t.Running-1].Until = at
	}
	t.Running = t.position(r)
	t.Completed = slices.DeleteFunc(t.Completed, func(d string) bool { return d == r.Deployment })
	t.Completed = append(t.Completed, r.Deployment)
	if extra := len(t.Completed) - rememberedCompleted; extra > 0 {
		t.Completed = slices.Delete(t.Completed, 0, extra)
	}
	t.remember(r)
}

// remember keeps what a completed rollout was released with for the rollbacks to it.
func (t *Timeline) remember(r *Rollout) {
	t.Builds = slices.DeleteFunc(t.Builds, func(b DeployedBuild) bool { return b.Deployment == r.Deployment })
	if built := r.Released().Build(); built != (tagalong.Build{}) {
		t.Builds = append(t.Builds, DeployedBuild{r.Deployment, built})
	}
	if extra := len(t.Builds) - rememberedBuilds; extra > 0 {
		t.Builds = slices.Delete(t.Builds, 0, extra)
	}
}

// build returns what a deployment was released with, as far as that is known.
func (t *Timeline) build(deployment string) tagalong.Build {
	for _, b := range t.Builds {
		if b.Deployment == deployment {
			return b.Build
		}
	}
	return tagalong.Build{}
}

// repeated returns the rollout that an end without an open rollout says again: the
// one that ended last, if it is that deployment's and ended the same way or at
// the same time.
func (t *Timeline) repeated(f tagalong.Fact) *Rollout {
	if t.Ended == 0 {
		return nil
	}
	last := &t.Rollouts[t.Ended-1]
	if last.Deployment != f.Deployment {
		return nil
	}
	sameEnd := f.Name == tagalong.Completed && last.State == StateCompleted || f.Name == tagalong.Failed && last.State == StateFailed
	if sameEnd || last.FinishedAt.Equal(f.Time) {
		return last
	}
	return nil
}

// redate returns a rollout's end the time of an event in place of another source's.
// Where the event says the contrary, the first word stands. A rollout whose start
// nobody saw is dated by its end, and so is its release.
func (t *Timeline) redate(r *Rollout, f tagalong.Fact) {
	if r.State == StateCompleted {
		if before := t.replacedBy(r); before != nil {
			before.Until = f.Time
		}
	}
	if r.StartedAt.IsZero() {
		t.redateOvertaken(r, f.Time)
	}
	if contrary := (f.Name == tagalong.Failed) != (r.State == StateFailed); contrary {
		f.Reason = r.Reason
	}
	r.finish(f)
	if r.StartedAt.IsZero() {
		r.Release = t.release(f.Time)
	}
	if r.State == StateCompleted {
		t.remember(r)
	}
}

// redateOvertaken gives the rollout that another one overtook the better time of that:
// it is the one before, but for those of which only the failure is known.
func (t *Timeline) redateOvertaken(by *Rollout, at time.Time) {
	for i := t.position(by) - 2; i >= 0; i-- {
		before := &t.Rollouts[i]
		if before.State == StateFailed && before.StartedAt.IsZero() {
			continue
		}
		if before.OvertakenAt.Equal(by.SortTime()) && before.State == StateSuperseded {
			before.OvertakenAt = at
		}
		return
	}
}

// replacedBy returns the rollout that ran until r completed, nil if none did. Of
// several that ended at that very moment it is the one that completed last.
func (t *Timeline) replacedBy(r *Rollout) (before *Rollout) {
	for i := range t.Rollouts {
		other := &t.Rollouts[i]
		if other == r || !other.Until.Equal(r.FinishedAt) {
			continue
		}
		if before == nil || cmp.Or(
			other.FinishedAt.Compare(before.FinishedAt),
			cmp.Compare(slices.Index(t.Completed, other.Deployment), slices.Index(t.Completed, before.Deployment)),
		) > 0 {
			before = other
		}
	}
	return before
}

// unended returns the deployment's latest rollout, if that is open or was
// superseded before it ended. An earlier one of the same deployment is history:
// the end that is reported now is not its.
func (t *Timeline) unended(deployment string) *Rollout {
	for i := len(t.Rollouts) - 1; i >= 0; i-- {
		r := &t.Rollouts[i]
		if r.Deployment != deployment {
			continue
		}
		if r.State == StateInProgress || r.State == StateSuperseded {
			return r
		}
		return nil
	}
	return nil
}

func (t *Timeline) knows(deployment string) bool {
	return slices.ContainsFunc(t.Rollouts, func(r Rollout) bool { return r.Deployment == deployment })
}

func (t *Timeline) position(r *Rollout) int {
	for i := range t.Rollouts {
		if &t.Rollouts[i] == r {
			return i + 1
		}
	}
	return 0
}

// Current returns the rollout that was completed last.
func (t Timeline) Current() (Rollout, bool) {
	if t.Running == 0 {
		return Rollout{}, false
	}
	return t.Rollouts[t.Running-1], true
}

// RollingOut returns the rollout in progress.
func (t Timeline) RollingOut() (Rollout, bool) {
	for _, r := range t.Rollouts {
		if r.State == StateInProgress {
			return r, true
		}
	}
	return Rollout{}, false
}

// live reports whether a later fact can still change the rollout at index i: what
// runs, what ended last, what may still end, and what the running one replaced
// (a better time of the completion moves its until).
func (t Timeline) live(i int) bool {
	r := t.Rollouts[i]
	if i == t.Running-1 || i == t.Ended-1 || r.State == StateInProgress || r.Draining {
		return true
	}
	if running, ok := t.Current(); ok && r.Until.Equal(running.FinishedAt) {
		return true
	}
	if r.State != StateSuperseded {
		return false
	}
	superseded := 0
	for _, later := range t.Rollouts[i+1:] {
		if later.Deployment == r.Deployment {
			return false
		}
		if later.State == StateSuperseded {
			superseded++
		}
	}
	// Of a deployment that is kept the latest rollout is kept too: an end that is
	// reported later is about that one.
	if superseded < rememberedSuperseded {
		return true
	}
	for j, before := range t.Rollouts[:i] {
		if before.Deployment == r.Deployment && t.live(j) {
			return true
		}
	}
	return false
}

// Cut drops the rollouts that no later fact can change any more.
func (t Timeline) Cut() Timeline {
	short := Timeline{Completed: t.Completed, Builds: t.Builds, Truncated: t.Truncated, Actions: t.Actions}
	for i, r := range t.Rollouts {
		if !t.live(i) {
			short.Truncated = true
			continue
		}
		short.Rollouts = append(short.Rollouts, r)
		if i == t.Running-1 {
			short.Running = len(short.Rollouts)
		}
		if i == t.Ended-1 {
			short.Ended = len(short.Rollouts)
		}
	}
	return short
}

// earlier reports whether a later fact's time replaces the one at hand: only an
// event's time replaces, and only one that no event gave.
func earlier(at, by tagalong.Source) bool {
	return at != tagalong.FromEvent && by == tagalong.FromEvent
}

// saysRollback reads the only word of ECS's reason that has a meaning for us,
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html.
func saysRollback(reason string) bool {
	return strings.Contains(strings.ToLower(reason), "rolling back")
}
