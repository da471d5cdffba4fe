package questions_test

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// rollout is what a story says of one coming into force of a deployment.
type rollout struct {
	service                  tagalong.Service
	environment              string
	deployment, definition   string
	state                    timeline.State
	started, finished, until time.Time
	overtaken                time.Time // of one that is superseded
	tasks                    tasks
	rollback                 bool
	reason                   string
	put                      tagalong.Release // what a pipeline's action carries
	cameBack                 tagalong.Build   // what its deployment was built from when it completed before
	containers               []made
}

// tasks are those that a rollout still had when it was not in force any more: on they run,
// or they were seen gone.
type tasks struct {
	on   bool
	gone time.Time
}

func (a tasks) and(b tasks) tasks {
	a.on = a.on || b.on
	if b.gone.After(a.gone) {
		a.gone = b.gone
	}
	return a
}

// end notes that they are gone, or are those of what is in force.
func (a *tasks) end(at time.Time) {
	if a.on {
		*a = tasks{gone: at}
	}
}

// course is a rollout as a heap of facts.
type course struct {
	deployment   string
	starts, ends []tagalong.Fact
	overtaken    *course // another one started while it was open, or completed where that start was lost
	revived      bool    // the deployment had completed before
	tasks        tasks
}

func (c *course) completed() bool { return len(c.ends) > 0 && c.ends[0].Name == tagalong.Completed }

func (c *course) open() bool { return len(c.ends) == 0 && c.overtaken == nil }

// courses sorts the facts of a service's deployments into heaps, as the rules of the
// ledger say. The completed ones come in the order of their completions, too.
func courses(facts []tagalong.Fact) (all, completed []*course) {
	var ended *course // last
	for _, f := range inOrder(slices.DeleteFunc(slices.Clone(facts), ofActions)) {
		mine := latest(all, f.Deployment)
		switch {
		case f.Name == tagalong.Draining:
			inForce := len(completed) > 0 && completed[len(completed)-1].deployment == f.Deployment
			known := slices.ContainsFunc(all, func(c *course) bool { return c.deployment == f.Deployment && c.tasks.on })
			if mine != nil && !mine.open() && !inForce && !known {
				mine.tasks = tasks{on: true}
			}
			continue
		case f.Name == tagalong.Drained:
			endTasks(all, f)
			continue
		case f.Name == tagalong.InProgress && mine != nil && mine.open():
			mine.starts = append(mine.starts, f)
			continue
		case f.Name == tagalong.InProgress:
			started := &course{deployment: f.Deployment, starts: []tagalong.Fact{f}, revived: completedBefore(all, f.Deployment)}
			overtake(all, started)
			endTasks(all, f)
			all = append(all, started)
			continue
		case mine != nil && mine == ended && (f.Name == mine.ends[0].Name || f.Time.Equal(when(mine.ends))):
			mine.ends = append(mine.ends, f) // said again
			continue
		case mine == nil || len(mine.ends) > 0: // nobody saw the start
			mine = &course{deployment: f.Deployment, revived: completedBefore(all, f.Deployment)}
			if f.Name == tagalong.Completed { // had one of them started after it, it would not have completed
				overtake(all, mine)
			}
			all = append(all, mine)
		}
		mine.ends = append(mine.ends, f)
		ended = mine
		if mine.completed() {
			endTasks(all, f)
			mine.tasks = tasks{}
			completed = append(completed, mine)
		}
	}
	return all, completed
}

func endTasks(all []*course, f tagalong.Fact) {
	for _, c := range all {
		if c.deployment == f.Deployment {
			c.tasks.end(f.Time)
		}
	}
}

func overtake(all []*course, by *course) {
	for _, c := range all {
		if c.open() {
			c.overtaken = by
		}
	}
}

func latest(all []*course, deployment string) (last *course) {
	for _, c := range all {
		if c.deployment == deployment {
			last = c
		}
	}
	return last
}

func completedBefore(all []*course, deployment string) bool {
	return slices.ContainsFunc(all, func(c *course) bool { return c.deployment == deployment && c.completed() })
}

// inOrder sorts by time; at equal times deployments that only end come first, then
// the others by id, each start before its end.
func inOrder(facts []tagalong.Fact) []tagalong.Fact {
	starts := func(f tagalong.Fact) int {
		for _, o := range facts {
			if o.Name == tagalong.InProgress && o.Deployment == f.Deployment && o.Time.Equal(f.Time) {
				return 1
			}
		}
		return 0
	}
	names := []tagalong.FactName{tagalong.InProgress, tagalong.Completed, tagalong.Failed, tagalong.Draining, tagalong.Drained}
	looks := map[bool]int{true: 1}
	return slices.SortedFunc(slices.Values(facts), func(a, b tagalong.Fact) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(looks[ofTasks(a)], looks[ofTasks(b)]), cmp.Compare(starts(a), starts(b)), cmp.Compare(a.Deployment, b.Deployment),
			cmp.Compare(slices.Index(names, a.Name), slices.Index(names, b.Name)))
	})
}

// when is the earliest event's time, and without an event the earliest time.
func when(facts []tagalong.Fact) (at time.Time) {
	for _, source := range []tagalong.Source{tagalong.FromEvent, tagalong.FromSweep} {
		for _, f := range facts {
			if f.Source == source && (at.IsZero() || f.Time.Before(at)) {
				at = f.Time
			}
		}
		if !at.IsZero() {
			return at
		}
	}
	return at
}

func saysRollback(f tagalong.Fact) bool { return strings.Contains(f.Reason, "rolling back") }

func (c *course) rollback() bool { return c.revived || slices.ContainsFunc(c.starts, saysRollback) }

func (c *course) state() timeline.State {
	switch {
	case c.completed():
		return timeline.StateCompleted
	case len(c.ends) > 0:
		return timeline.StateFailed
	case c.overtaken != nil:
		return timeline.StateSuperseded
	}
	return timeline.StateInProgress
}

// reason is that of the end, but a rollback keeps that of its start unless it fails.
func (c *course) reason() string {
	kept := c.rollback() && !(len(c.ends) > 0 && c.ends[0].Name == tagalong.Failed)
	if len(c.starts) == 0 || len(c.ends) > 0 && !kept {
		return c.endReason()
	}
	reason := reporting(c.starts)
	if says := slices.IndexFunc(c.starts, saysRollback); says >= 0 && !saysRollback(reason) {
		return c.starts[says].Reason
	}
	return reason.Reason
}

// endReason is that of the fact that gives the end its time, unless it says the
// contrary of the first.
func (c *course) endReason() string {
	if decides := reporting(c.ends); decides.Name == c.ends[0].Name {
		return decides.Reason
	}
	return c.ends[0].Reason
}

// reporting is the fact whose time counts.
func reporting(facts []tagalong.Fact) tagalong.Fact {
	at := when(facts)
	for _, source := range []tagalong.Source{tagalong.FromEvent, tagalong.FromSweep} {
		for _, f := range facts {
			if f.Source == source && f.Time.Equal(at) {
				return f
			}
		}
	}
	return tagalong.Fact{}
}

// rollouts returns those of all services that the rules manage, newest first.
func (s story) rollouts() (all []rollout) {
	for service, facts := range s.facts() {
		found, completed := courses(facts)
		for _, c := range found {
			of := s.found(deploymentOf{service, c.deployment})
			r := rollout{
				service: service, environment: s.environment(service), deployment: c.deployment, definition: of.definition,
				state: c.state(), started: when(c.starts), finished: when(c.ends), tasks: c.tasks,
				rollback: c.rollback(), reason: c.reason(), containers: of.containers,
			}
			if by := c.overtaken; by != nil {
				r.overtaken = cmp.Or(when(by.starts), when(by.ends))
			}
			r.put = releasedBy(facts, r.sorted())
			r.cameBack = lastBuild(all, service, c.deployment)
			if next := slices.Index(completed, c) + 1; next > 0 && next < len(completed) {
				r.until = when(completed[next].ends)
			}
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b rollout) int {
		return -cmp.Or(a.sorted().Compare(b.sorted()), cmp.Compare(a.service.String(), b.service.String()), cmp.Compare(a.deployment, b.deployment))
	})
	return all
}

// lastBuild is that of the last completed one of a deployment's rollouts so far.
func lastBuild(so []rollout, s tagalong.Service, deployment string) (build tagalong.Build) {
	for _, r := range so {
		if r.service == s && r.deployment == deployment && r.state == timeline.StateCompleted {
			build = r.build()
		}
	}
	return build
}

// build is what pipelines tell of what was built.
func (r rollout) build() tagalong.Build {
	if r.rollback {
		return r.cameBack
	}
	return tagalong.Build{Commit: r.put.Commit, Images: r.put.Images}
}

// facts returns what happened to each service that the rules manage, each fact once.
func (s story) facts() map[tagalong.Service][]tagalong.Fact {
	facts := map[tagalong.Service][]tagalong.Fact{}
	for _, h := range s.happenings {
		if s.environment(h.service) != "" && !slices.Contains(facts[h.service], h.fact) {
			facts[h.service] = append(facts[h.service], h.fact)
		}
	}
	return facts
}

// sorted is the time that a rollout is sorted and selected by.
func (r rollout) sorted() time.Time {
	if r.started.IsZero() {
		return r.finished
	}
	return r.started
}

// runs reports whether the rollout is in force at a time; the zero time is now.
func (r rollout) runs(at time.Time) bool {
	if r.state != timeline.StateCompleted {
		return false
	}
	if at.IsZero() {
		return r.until.IsZero()
	}
	return !r.finished.After(at) && (r.until.IsZero() || at.Before(r.until))
}
