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
// back to the deployment that completed last, so this is far more than it needs, and a
// head stays below the 4 KB that DynamoDB reads at once.
const (
	rememberedCompleted  = 48
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
	// AllEnded tells that of what was cut off nothing can still end.
	AllEnded bool
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
	fold := newFolding(&t)
	for _, f := range tagalong.SortFacts(facts) {
		if err := fold.apply(f); err != nil {
			return Timeline{}, err
		}
	}
	return t, nil
}

// folding is a timeline to which facts are applied, and where its rollouts are: a service
// may have had thousands, and each fact is about few of them.
type folding struct {
	*Timeline
	latest map[string]int  // of each deployment
	until  map[int64][]int // those that ran until a time, as of Unix
	open   int             // one more than the index of the one in progress; 0 is none
	// draining is the rollout of a deployment whose tasks still run.
	draining map[string]int
}

func newFolding(t *Timeline) *folding {
	fold := &folding{Timeline: t, latest: make(map[string]int, len(t.Rollouts)), until: map[int64][]int{}, draining: map[string]int{}}
	for i, r := range t.Rollouts {
		fold.latest[r.Deployment] = i
		fold.until[r.Until.UnixNano()] = append(fold.until[r.Until.UnixNano()], i)
		if r.State == StateInProgress {
			fold.open = i + 1
		}
		if r.Draining {
			fold.draining[r.Deployment] = i
		}
	}
	return fold
}

// add appends a rollout, and returns its index.
func (t *folding) add(r Rollout) int {
	i := len(t.Rollouts)
	t.Rollouts, t.latest[r.Deployment] = append(t.Rollouts, r), i
	return i
}

// endsAt notes until when a rollout ran.
func (t *folding) endsAt(i int, at time.Time) {
	was, is := t.Rollouts[i].Until.UnixNano(), at.UnixNano()
	t.Rollouts[i].Until = at
	t.until[was] = slices.DeleteFunc(t.until[was], func(other int) bool { return other == i })
	t.until[is] = append(t.until[is], i)
}

func (t *folding) apply(f tagalong.Fact) error {
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
func (t *folding) retire(f tagalong.Fact) {
	if t.Running > 0 {
		t.endsAt(t.Running-1, f.Time)
		t.Rollouts[t.Running-1].Retired = true
	}
	t.Running, t.Ended = 0, 0
	t.supersede(f.Time)
	for deployment := range t.draining {
		t.drained(tagalong.Fact{Deployment: deployment, Time: f.Time})
	}
}

// drain notes that tasks of a deployment run that is not in force: those of what runs or
// rolls out are no news.
func (t *folding) drain(f tagalong.Fact) error {
	running, _ := t.Current()
	inForce := running.Deployment == f.Deployment || t.open > 0 && t.Rollouts[t.open-1].Deployment == f.Deployment
	if _, drains := t.draining[f.Deployment]; inForce || drains {
		return nil
	}
	if t.Truncated {
		return ErrForgotten // which rollout of it was the last one is not known
	}
	if last, known := t.latest[f.Deployment]; known {
		t.Rollouts[last].Draining, t.Rollouts[last].DrainedAt = true, time.Time{}
		t.draining[f.Deployment] = last
	}
	return nil
}

// drained ends the draining of a deployment, if its tasks were seen.
func (t *folding) drained(f tagalong.Fact) {
	if i, drains := t.draining[f.Deployment]; drains {
		t.Rollouts[i].Draining, t.Rollouts[i].DrainedAt = false, f.Time
		delete(t.draining, f.Deployment)
	}
}

// supersede ends what rolls out without an end of its own: a start supersedes whatever
// rolled out before, so that there is one at most.
func (t *folding) supersede(at time.Time) {
	if t.open > 0 {
		r := &t.Rollouts[t.open-1]
		r.State, r.OvertakenAt = StateSuperseded, at
	}
	t.open = 0
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
func (t *folding) start(f tagalong.Fact) {
	if i := t.unended(f.Deployment); i >= 0 && t.Rollouts[i].State == StateInProgress {
		r := &t.Rollouts[i]
		better := earlier(r.StartSource, f.Source)
		if better {
			t.redateOvertaken(i, f.Time)
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
	t.open = 1 + t.add(Rollout{
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
func (t *folding) end(f tagalong.Fact) error {
	i := t.unended(f.Deployment)
	if i < 0 {
		if t.repeated(f) {
			if earlier(t.Rollouts[t.Ended-1].FinishSource, f.Source) {
				t.redate(t.Ended-1, f)
			}
			return nil
		}
		if t.forgot(f.Deployment) {
			return ErrForgotten
		}
		i = t.addEnded(f)
	}
	r := &t.Rollouts[i]
	r.finish(f)
	t.Ended = i + 1
	if t.open == i+1 {
		t.open = 0
	}
	if f.Name == tagalong.Failed {
		r.State = StateFailed
		return nil
	}
	r.State = StateCompleted
	t.drained(f)
	r.DrainedAt = time.Time{} // its tasks are those of what runs
	t.complete(i, f.Time)
	return nil
}

// forgot reports whether a rollout of the deployment may have been cut off that matters to
// an end of it: one that may still end, or one whose row says what the deployment is.
func (t *folding) forgot(deployment string) bool {
	_, known := t.latest[deployment]
	return t.Truncated && !known && (!t.AllEnded || slices.Contains(t.Completed, deployment))
}

// addEnded adds a rollout whose start nobody saw.
func (t *folding) addEnded(f tagalong.Fact) int {
	if f.Name == tagalong.Completed {
		t.supersede(f.Time)
	}
	return t.add(Rollout{
		Deployment: f.Deployment,
		Rollback:   slices.Contains(t.Completed, f.Deployment) || saysRollback(f.Reason),
		Reason:     f.Reason,
		Release:    t.release(f.Time),
		Restored:   t.build(f.Deployment),
	})
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
func (t *folding) complete(i int, at time.Time) {
	if t.Running > 0 {
		t.endsAt(t.Running-1, at)
	}
	r := &t.Rollouts[i]
	t.Running = i + 1
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

// repeated reports whether an end without an open rollout says again how the one that
// ended last did: if it is that deployment's and ended the same way or at the same time.
func (t *folding) repeated(f tagalong.Fact) bool {
	if t.Ended == 0 {
		return false
	}
	last := t.Rollouts[t.Ended-1]
	sameEnd := f.Name == tagalong.Completed && last.State == StateCompleted || f.Name == tagalong.Failed && last.State == StateFailed
	return last.Deployment == f.Deployment && (sameEnd || last.FinishedAt.Equal(f.Time))
}

// redate returns a rollout's end the time of an event in place of another source's.
// Where the event says the contrary, the first word stands. A rollout whose start
// nobody saw is dated by its end, and so is its release.
func (t *folding) redate(i int, f tagalong.Fact) {
	r := &t.Rollouts[i]
	if r.State == StateCompleted { // a failure replaced nothing, and overtook nothing
		if before := t.replacedBy(i); before >= 0 {
			t.endsAt(before, f.Time)
		}
		if r.StartedAt.IsZero() {
			t.redateOvertaken(i, f.Time)
		}
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

// redateOvertaken gives the rollout that another one overtook the better time of that.
func (t *folding) redateOvertaken(by int, at time.Time) {
	if i := t.overtakenBy(by); i >= 0 {
		t.Rollouts[i].OvertakenAt = at
	}
}

// overtakenBy returns the rollout that another one overtook, -1 if it overtook none: it is
// the one before, but for those of which only the failure is known.
func (t Timeline) overtakenBy(by int) int {
	for i := by - 1; i >= 0; i-- {
		before := t.Rollouts[i]
		if before.State == StateFailed && before.StartedAt.IsZero() {
			continue
		}
		if before.State == StateSuperseded && before.OvertakenAt.Equal(t.Rollouts[by].SortTime()) {
			return i
		}
		return -1
	}
	return -1
}

// replacedBy returns the rollout that ran until another one completed, -1 if none did. Of
// several that ended at that very moment it is the one that completed last.
func (t *folding) replacedBy(i int) int {
	before := -1
	for _, other := range t.until[t.Rollouts[i].FinishedAt.UnixNano()] {
		if other != i && (before < 0 || t.completedLater(t.Rollouts[other], t.Rollouts[before])) {
			before = other
		}
	}
	return before
}

func (t *folding) completedLater(a, b Rollout) bool {
	return cmp.Or(
		a.FinishedAt.Compare(b.FinishedAt),
		cmp.Compare(slices.Index(t.Completed, a.Deployment), slices.Index(t.Completed, b.Deployment)),
	) > 0
}

// unended returns the deployment's latest rollout, if that is open or was
// superseded before it ended, else -1. An earlier one of the same deployment is history:
// the end that is reported now is not its.
func (t *folding) unended(deployment string) int {
	i, known := t.latest[deployment]
	if known && !t.Rollouts[i].Ended() {
		return i
	}
	return -1
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

// Steady returns since when the service has done nothing but run what runs, zero if it
// runs nothing, or rolls out, or something drains.
func (t Timeline) Steady() time.Time {
	running, ok := t.Current()
	if !ok || slices.ContainsFunc(t.Rollouts, func(r Rollout) bool { return r.State == StateInProgress || r.Draining }) {
		return time.Time{}
	}
	return running.FinishedAt
}

// live tells of each rollout whether a later fact can still change it: what runs, what
// ended last, what may still end, and what the running one replaced or the one that ended
// last overtook (a better time of the completion moves their ends).
func (t Timeline) live() []bool {
	live := make([]bool, len(t.Rollouts))
	running, runs := t.Current()
	kept := map[string]bool{} // deployments of which a rollout is live that may not end any more
	for i, r := range t.Rollouts {
		live[i] = i == t.Running-1 || i == t.Ended-1 || r.State == StateInProgress || r.Draining || runs && r.Until.Equal(running.FinishedAt)
		kept[r.Deployment] = kept[r.Deployment] || live[i]
	}
	if overtaken := t.overtakenBy(t.Ended - 1); overtaken >= 0 && t.Rollouts[t.Ended-1].StartedAt.IsZero() {
		deployment := t.Rollouts[overtaken].Deployment
		live[overtaken], live[t.Latest(deployment)], kept[deployment] = true, true, true
	}
	latest, superseded := map[string]bool{}, 0
	for i, r := range slices.Backward(t.Rollouts) {
		if r.State == StateSuperseded {
			// Of a deployment that is kept the latest rollout is kept too: an end that is
			// reported later is about that one.
			live[i] = live[i] || !latest[r.Deployment] && (superseded < rememberedSuperseded || kept[r.Deployment])
			superseded++
		}
		latest[r.Deployment] = true
	}
	return live
}

// Cut drops the rollouts that no later fact can change any more.
func (t Timeline) Cut() Timeline {
	short := Timeline{Completed: t.Completed, Builds: t.Builds, Truncated: t.Truncated, AllEnded: t.AllEnded || !t.Truncated, Actions: t.Actions}
	live, latest := t.live(), t.latest()
	for i, r := range t.Rollouts {
		if !live[i] {
			short.Truncated = true
			short.AllEnded = short.AllEnded && (r.Ended() || latest[r.Deployment] != i)
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
	short.AllEnded = short.AllEnded && short.Truncated
	return short
}

// latest returns the index of each deployment's last rollout.
func (t Timeline) latest() map[string]int {
	latest := make(map[string]int, len(t.Rollouts))
	for i, r := range t.Rollouts {
		latest[r.Deployment] = i
	}
	return latest
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
