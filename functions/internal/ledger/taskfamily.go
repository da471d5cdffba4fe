package ledger

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// TaskFamilies holds what runs and ran that is no service: of the standalone tasks of families,
// and of functions, which are to it families of their own whose tasks are their versions.
type TaskFamilies interface {
	// TaskFamily returns what is kept of a family, consistently: no Version says nothing.
	TaskFamily(ctx context.Context, of tagalong.Service) (TaskFamily, error)
	// SetTaskFamily writes what is kept of a family, and with it, in one transaction, the
	// placements in which it differs. It returns ErrConflict if what is kept has not the
	// version of was. What its images are found by is written before, as are the children of
	// their indexes. It lists the family, and its environment, in the directory, writes what
	// runs of it there, and what it ran where all of it has ended.
	SetTaskFamily(ctx context.Context, was, is TaskFamily, children []Child) error
}

// TaskFamilyReader lists families.
type TaskFamilyReader interface {
	// TaskFamiliesIn returns all families of a scope of which something is kept,
	// consistently, in no order.
	TaskFamiliesIn(ctx context.Context, s tagalong.Scope) iter.Seq2[TaskFamily, error]
}

// TaskFamily is what is known of the standalone tasks of a family in a cluster, or of a function:
// of their images, never of each task. Events may be lost, and come in any order; between two looks
// of the sweep it is what they say.
type TaskFamily struct {
	Of          tagalong.Service // see tagalong.TaskFamily and tagalong.LambdaFunction
	Version     string           // a unique value that its writer made up
	Environment string           // "" where no rule matches
	Images      []TaskImage      // by container, digest and first run
}

// TaskImage is an image that a container of a family ran.
type TaskImage struct {
	Container tagalong.Container
	First     time.Time // when the first run of it began
	Last      time.Time // when it was seen to run last; while it runs, when the run began that was seen first
	// Runs is how often it began to run while it did not: tasks that run beside one another
	// are one run.
	Runs    int
	Running bool
	// Task is the one that runs; "" if more than one was seen.
	Task string
	// Idle is when none ran, as far as that is known: what began before is over.
	Idle time.Time
	// Ended says that it is not expected to run again: a later run had another image, or there
	// was none for long.
	Ended   bool
	Expires time.Time // zero: kept for ever
}

// TaskRun is what an event or a look says of one task.
type TaskRun struct {
	Task       string // its id
	Containers []tagalong.Container
	Started    time.Time
	Stopped    time.Time // zero: it runs
}

// maxTaskImages is how many images of a family are kept with it, so that an event that comes
// late finds what it is of: those that ended go first. All of them and their placements,
// before and after, fit one transaction.
const maxTaskImages = 40

// TaskIdleFor is for how long a family may not run until its image counts as ended.
const TaskIdleFor = 90 * 24 * time.Hour

// With returns the family with what a task says of its containers.
func (f TaskFamily) With(run TaskRun) TaskFamily {
	f.Images = slices.Clone(f.Images)
	for _, c := range run.Containers {
		if c.Digest == "" || c.Image.Name == "" {
			continue // it has not been pulled yet, or AWS put it beside
		}
		i := slices.IndexFunc(f.Images, func(t TaskImage) bool { return t.runs(c) && !(t.Ended && run.Started.After(t.Idle)) })
		if i < 0 {
			f.Images = append(f.Images, firstRun(c, run))
			continue
		}
		f.Images[i] = f.Images[i].with(run)
	}
	return f.tidied()
}

// runs reports whether it is the image that a task reports of a container, whatever else is
// known of it.
func (t TaskImage) runs(c tagalong.Container) bool {
	return t.Container.Name == c.Name && t.Container.Image == c.Image && t.Container.Digest == c.Digest
}

func firstRun(c tagalong.Container, run TaskRun) TaskImage {
	return TaskImage{
		Container: c, First: run.Started, Last: tagalong.Later(run.Started, run.Stopped), Runs: 1,
		Running: run.Stopped.IsZero(), Task: run.Task, Idle: run.Stopped,
	}
}

// with adds one run. A run that began before a moment at which none ran is over, whatever
// its event said.
func (t TaskImage) with(run TaskRun) TaskImage {
	if run.Started.Before(t.First) {
		t.First = run.Started
	}
	began := run.Started.After(t.Idle)
	switch {
	case began && !t.Running:
		t.Runs, t.Running, t.Task, t.Last = t.Runs+1, run.Stopped.IsZero(), run.Task, tagalong.Later(t.Last, run.Started)
	case began && t.Task != run.Task:
		t.Task = "" // which of them is the last to stop is not known
	case began && !run.Stopped.IsZero():
		t.Running = false
	}
	if !t.Running {
		t.Idle, t.Last = tagalong.Later(t.Idle, run.Stopped), tagalong.Later(t.Last, run.Stopped)
	}
	return t
}

// Looked returns the family as a look at ECS shows it, which lists all tasks that run. Of
// what has begun so lately that ECS may not show it yet the look says nothing.
func (f TaskFamily) Looked(at time.Time, running []TaskRun) TaskFamily {
	for _, run := range running {
		f = f.With(run)
	}
	f.Images = slices.Clone(f.Images)
	for _, run := range running {
		f.showRunning(run)
	}
	for i, t := range f.Images {
		runs := slices.ContainsFunc(running, func(r TaskRun) bool { return slices.ContainsFunc(r.Containers, t.runs) })
		if !runs && t.Running && t.Last.Before(at.Add(-SettlingTime)) {
			f.Images[i].Running, f.Images[i].Idle, f.Images[i].Last = false, at, at
		}
		if now := f.Images[i]; !now.Running && at.Sub(now.Last) > TaskIdleFor {
			f.Images[i].Ended = true
		}
	}
	return f.tidied()
}

// showRunning says of a task's images that they run: that one of their tasks stopped said of the
// others nothing.
func (f TaskFamily) showRunning(run TaskRun) {
	for _, c := range run.Containers {
		runs := func(t TaskImage) bool { return t.runs(c) && !run.Started.Before(t.First) }
		newest := -1
		for i, t := range f.Images {
			if runs(t) {
				newest = i // they are in the order of their first runs
			}
		}
		if newest >= 0 && !f.Images[newest].Running {
			f.Images[newest].Running, f.Images[newest].Ended, f.Images[newest].Task = true, false, run.Task
		}
	}
}

// isFunction reports whether it is one. A function does not run again of itself: what cannot be
// invoked any more has ended.
func (f TaskFamily) isFunction() bool { return f.Of.Kind() == tagalong.KindFunction }

// Unsettled returns what is known to run beside what a look shows. While a function is updated,
// and after an update that failed, Lambda invokes the code that it had before:
// https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html.
func (f TaskFamily) Unsettled(shown []TaskRun) []TaskRun {
	shown = slices.Clone(shown)
	for _, t := range f.Images {
		if t.Running {
			shown = append(shown, TaskRun{Task: t.Task, Containers: []tagalong.Container{t.Container}, Started: t.First})
		}
	}
	return shown
}

// tidied returns the family in order, with what a later run has replaced ended.
func (f TaskFamily) tidied() TaskFamily {
	for i, t := range f.Images {
		if !t.Running && (f.isFunction() || slices.ContainsFunc(f.Images, t.replacedBy)) {
			f.Images[i].Ended = true
		}
	}
	slices.SortFunc(f.Images, func(a, b TaskImage) int {
		return cmp.Or(cmp.Compare(a.Container.Name, b.Container.Name), a.Container.Image.Compare(b.Container.Image), cmp.Compare(a.Container.Digest, b.Container.Digest), a.First.Compare(b.First))
	})
	f.Images = merged(f.Images)
	for len(f.Images) > maxTaskImages {
		oldest := slices.MinFunc(f.Images, TaskImage.compareAge)
		f.Images = slices.DeleteFunc(f.Images, func(t TaskImage) bool { return t == oldest })
	}
	return f
}

// merged returns images in their order, with times of one that overlap as one: a task that
// nobody told of ran through what looked like an end.
func merged(images []TaskImage) (all []TaskImage) {
	for _, t := range images {
		last := len(all) - 1
		if last < 0 || !all[last].runs(t.Container) || !all[last].Running && all[last].Last.Before(t.First) {
			all = append(all, t)
			continue
		}
		one := &all[last]
		one.Running, one.Ended = one.Running || t.Running, one.Ended && t.Ended
		one.Last, one.Idle, one.Runs, one.Task = tagalong.Later(one.Last, t.Last), tagalong.Later(one.Idle, t.Idle), one.Runs+t.Runs, ""
	}
	return all
}

// compareAge orders what has ended before all else, and then what ran longer ago.
func (t TaskImage) compareAge(o TaskImage) int {
	switch {
	case t.Ended && !o.Ended:
		return -1
	case o.Ended && !t.Ended:
		return 1
	}
	return t.Last.Compare(o.Last)
}

// replacedBy reports whether another image took the container over after this one ran last.
func (t TaskImage) replacedBy(o TaskImage) bool {
	return t.Container.Name == o.Container.Name && !t.runs(o.Container) && o.First.After(t.Last)
}

// Expiring returns the family with when what has ended expires.
func (f TaskFamily) Expiring(retention time.Duration) TaskFamily {
	f.Images = slices.Clone(f.Images)
	for i, t := range f.Images {
		if f.Images[i].Expires = (time.Time{}); t.Ended && retention > 0 {
			f.Images[i].Expires = t.Last.Add(retention).Truncate(time.Second)
		}
	}
	return f
}

// Equal reports whether the same is known of a family.
func (f TaskFamily) Equal(o TaskFamily) bool {
	return f.Environment == o.Environment && slices.Equal(f.Images, o.Images)
}

// Placements returns where the family's images run and ran.
func (f TaskFamily) Placements() (all []Placement) {
	for _, t := range f.Images {
		all = append(all, f.placement(t))
	}
	return all
}

func (f TaskFamily) placement(t TaskImage) Placement {
	p := Placement{
		Phase: PhaseIdle, Service: f.Of, Environment: f.Environment, Container: t.Container,
		Since: t.First, LastRan: t.Last, Runs: t.Runs, Expires: t.Expires,
	}
	if f.isFunction() {
		p.LastRan, p.Runs = time.Time{}, 0 // that it could be invoked says not that it was
	}
	switch {
	case t.Ended:
		p.Phase, p.Until = PhaseEnded, t.Last
	case t.Running:
		p.Phase = PhaseRunning
	}
	return p
}

// Running returns what is in place of the family in its environment: what runs, and what ran
// last and may run again; nil if there is none.
func (f TaskFamily) Running() *RunningRecord {
	r := RunningRecord{Service: f.Of, Environment: f.Environment, CompleteSince: f.Since()}
	for _, t := range f.Images {
		if t.Ended {
			r.Since = tagalong.Later(r.Since, t.Last)
			continue
		}
		r.Since = tagalong.Later(r.Since, t.First)
		placed := Placed{Container: t.Container, Idle: !t.Running, Since: t.First}
		if !f.isFunction() { // that it can be invoked says not that it was
			placed.LastRan = t.Last
		}
		r.Containers = append(r.Containers, placed)
	}
	if f.Environment == "" || len(r.Containers) == 0 {
		return nil
	}
	return &r
}

// Left returns that the family has left its environment, since all that it ran has ended; nil if
// that is not new.
func (f TaskFamily) Left(was TaskFamily) *PastRecord {
	if f.Environment == "" || len(f.Images) == 0 || f.Running() != nil || was.Running() == nil && was.Environment == f.Environment {
		return nil
	}
	p := PastRecord{RunningRecord: RunningRecord{Service: f.Of, Environment: f.Environment, CompleteSince: f.Since()}}
	for _, t := range f.Images {
		p.Since, p.Until, p.Expires = tagalong.Later(p.Since, t.First), tagalong.Later(p.Until, t.Last), tagalong.Later(p.Expires, t.Expires)
	}
	return &p
}

// Since returns when the first run began that is remembered.
func (f TaskFamily) Since() (first time.Time) {
	for _, t := range f.Images {
		if first.IsZero() || t.First.Before(first) {
			first = t.First
		}
	}
	return first
}

// Readers returns the tags that the family's next tasks read.
func (f TaskFamily) Readers() Readers {
	readers := Readers{}
	for _, p := range f.Placements() {
		readers.Add(p)
	}
	return readers
}

// Changed returns the placements that are to be written for the family to become what it
// is, and those that are to go. One that is over stays recorded, though the family is
// remembered without it.
func (f TaskFamily) Changed(was TaskFamily) (put, drop []Placement) {
	after := map[PlacementKey]bool{}
	for _, t := range f.Images {
		p := f.placement(t)
		after[p.Key()] = true
		if f.Environment != was.Environment || !slices.Contains(was.Images, t) {
			put = append(put, p)
		}
	}
	for _, p := range was.Placements() {
		if _, stays := after[p.Key()]; !stays && (p.Phase != PhaseEnded || f.has(p)) {
			drop = append(drop, p)
		}
	}
	return put, drop
}

// Names returns what the family's images are found by, as far as it has not named them.
func (f TaskFamily) Names(was TaskFamily) (names []Name, repositories []tagalong.Repository) {
	for _, t := range f.Images {
		if slices.ContainsFunc(was.Images, func(known TaskImage) bool { return known.runs(t.Container) }) {
			continue
		}
		names, repositories = append(names, ImageNames(t.Container)...), append(repositories, t.Container.Image)
	}
	return names, repositories
}

// has reports whether the family is remembered with a placement's image in that time, if not
// as it was: the times of one image in one container do not overlap.
func (f TaskFamily) has(p Placement) bool {
	return slices.ContainsFunc(f.Images, func(t TaskImage) bool {
		return t.runs(p.Container) && !t.First.After(p.Until) && !t.Last.Before(p.Since)
	})
}
