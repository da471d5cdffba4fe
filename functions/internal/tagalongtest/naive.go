package tagalongtest

import (
	"slices"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// naiveRollout is a rollout as a heap of facts; everything else is worked out at the end.
type naiveRollout struct {
	deployment string
	starts     []tagalong.Fact
	ends       []tagalong.Fact // the first one closed it
	replaced   *naiveRollout   // by the start of another one, while it was open
	before     bool            // the deployment had completed before
	seen, gone *tagalong.Fact  // tasks of it when it was not in force, and that there were none any more
}

func (r *naiveRollout) open() bool { return len(r.ends) == 0 && r.replaced == nil }

// begins is when the rollout is first known of.
func (r *naiveRollout) begins() time.Time {
	if len(r.starts) > 0 {
		return bestTime(r.starts)
	}
	return bestTime(r.ends)
}

// drains reports whether tasks of it run, as far as was seen.
func (r *naiveRollout) drains() bool { return r.seen != nil && r.gone == nil }

// seenGone notes that no tasks of a deployment run that is not in force; "" is any.
func seenGone(rollouts []*naiveRollout, f tagalong.Fact, deployment string) {
	for _, r := range rollouts {
		if r.drains() && (deployment == "" || r.deployment == deployment) {
			r.gone = &f
		}
	}
}

func replaceOpen(rollouts []*naiveRollout, by *naiveRollout) {
	for _, r := range rollouts {
		if r.open() {
			r.replaced = by
		}
	}
}

func (r *naiveRollout) unended() bool { return len(r.ends) == 0 }

func (r *naiveRollout) completed() bool {
	return len(r.ends) > 0 && r.ends[0].Name == tagalong.Completed
}

// NaiveFold folds facts as the ledger's rules have it, a sentence at a time, slowly,
// and with nothing of the real fold.
func NaiveFold(facts []tagalong.Fact) []timeline.Rollout {
	var rollouts []*naiveRollout
	var completions []*naiveRollout // in their order: each runs until the next
	var lastEnded *naiveRollout
	end := func(r *naiveRollout, f tagalong.Fact) {
		if f.Name == tagalong.Completed {
			seenGone(rollouts, f, f.Deployment)
			r.seen, r.gone = nil, nil // they are those of what runs
		}
		r.ends = append(r.ends, f)
		lastEnded = r
		if f.Name == tagalong.Completed {
			completions = append(completions, r)
		}
	}
	ofDeployments := slices.DeleteFunc(slices.Clone(facts), func(f tagalong.Fact) bool { return f.Action != "" })
	for _, f := range naiveOrder(ofDeployments) {
		var mine *naiveRollout // the deployment's latest rollout
		for _, r := range rollouts {
			if r.deployment == f.Deployment {
				mine = r
			}
		}
		switch {
		case f.Name == tagalong.Draining:
			inForce := len(completions) > 0 && completions[len(completions)-1].deployment == f.Deployment
			if mine != nil && !mine.open() && !inForce && !slices.ContainsFunc(rollouts, func(r *naiveRollout) bool { return r.deployment == f.Deployment && r.drains() }) {
				mine.seen, mine.gone = &f, nil
			}
		case f.Name == tagalong.Drained:
			seenGone(rollouts, f, f.Deployment)
		case f.Name == tagalong.Retired:
			gone := &naiveRollout{ends: []tagalong.Fact{f}}
			replaceOpen(rollouts, gone)
			seenGone(rollouts, f, "")
			completions, lastEnded = append(completions, gone), nil
		case f.Name == tagalong.InProgress && mine != nil && mine.open():
			mine.starts = append(mine.starts, f)
		case f.Name == tagalong.InProgress:
			started := &naiveRollout{deployment: f.Deployment, starts: []tagalong.Fact{f}, before: hadCompleted(rollouts, f.Deployment)}
			replaceOpen(rollouts, started)
			seenGone(rollouts, f, f.Deployment)
			rollouts = append(rollouts, started)
		case mine != nil && mine.unended():
			end(mine, f)
		case mine != nil && mine == lastEnded && (mine.ends[0].Name == f.Name || bestTime(mine.ends).Equal(f.Time)):
			// Said again; or the contrary is said of the same moment, and the first word stands.
			mine.ends = append(mine.ends, f)
		default:
			unseen := &naiveRollout{deployment: f.Deployment, before: hadCompleted(rollouts, f.Deployment)}
			if f.Name == tagalong.Completed { // what was open would have kept this from completing, had it started after it
				replaceOpen(rollouts, unseen)
			}
			rollouts = append(rollouts, unseen)
			end(unseen, f)
		}
	}
	worked := workOut(rollouts, completions)
	for i := range worked {
		worked[i].Release = NaiveRelease(facts, worked[i].SortTime())
		worked[i].Restored = naiveBuild(worked[:i], worked[i].Deployment)
	}
	return worked
}

// naiveBuild is what a deployment was built from when it completed last: that of the
// release which put it in place, and of a rollback what it came back with.
func naiveBuild(before []timeline.Rollout, deployment string) tagalong.Build {
	for _, r := range slices.Backward(before) {
		switch {
		case r.Deployment != deployment || r.State != timeline.StateCompleted:
		case r.Rollback:
			return r.Restored
		default:
			return tagalong.Build{Commit: r.Release.Commit, Images: r.Release.Images}
		}
	}
	return tagalong.Build{}
}

// NaiveRelease is that of the action in whose time a moment lies; of several the
// one that started last, of those the one whose id is the greatest.
func NaiveRelease(facts []tagalong.Fact, moment time.Time) (release tagalong.Release) {
	var best tagalong.Fact
	for _, start := range facts {
		over := slices.ContainsFunc(facts, func(end tagalong.Fact) bool {
			return end.Name == tagalong.ActionEnded && end.Action == start.Action && end.Time.Before(moment)
		})
		if start.Name != tagalong.ActionStarted || start.Time.After(moment) || moment.After(start.Limit) || over {
			continue
		}
		if start.Time.After(best.Time) || start.Time.Equal(best.Time) && start.Action > best.Action {
			best = start
		}
	}
	return best.Release
}

func hadCompleted(rollouts []*naiveRollout, deployment string) bool {
	return slices.ContainsFunc(rollouts, func(r *naiveRollout) bool { return r.deployment == deployment && r.completed() })
}

// workOut returns the rollouts their times.
func workOut(naive, completions []*naiveRollout) []timeline.Rollout {
	var rollouts []timeline.Rollout
	for _, r := range naive {
		out := timeline.Rollout{
			Deployment: r.deployment,
			StartedAt:  bestTime(r.starts),
			FinishedAt: bestTime(r.ends),
			Rollback:   r.before || slices.ContainsFunc(slices.Concat(r.starts, r.ends), func(f tagalong.Fact) bool { return strings.Contains(f.Reason, "rolling back") }),
			State:      timeline.StateInProgress,
			Draining:   r.drains(),
		}
		if r.gone != nil {
			out.DrainedAt = r.gone.Time
		}
		switch {
		case r.completed():
			out.State = timeline.StateCompleted
			if next := slices.Index(completions, r) + 1; next < len(completions) {
				out.Until, out.Retired = bestTime(completions[next].ends), completions[next].ends[0].Name == tagalong.Retired
			}
		case len(r.ends) > 0:
			out.State = timeline.StateFailed
		case r.replaced != nil:
			out.State, out.OvertakenAt = timeline.StateSuperseded, r.replaced.begins()
		}
		rollouts = append(rollouts, out)
	}
	return rollouts
}

// bestTime is the earliest event's time, without an event the earliest of the others.
func bestTime(facts []tagalong.Fact) (best time.Time) {
	source := tagalong.Source("")
	for _, f := range facts {
		switch {
		case source == "", source != tagalong.FromEvent && f.Source == tagalong.FromEvent, (source == tagalong.FromEvent) == (f.Source == tagalong.FromEvent) && f.Time.Before(best):
			best, source = f.Time, f.Source
		}
	}
	return best
}

// naiveOrder sorts by picking, again and again, a fact that nothing comes before.
func naiveOrder(facts []tagalong.Fact) (sorted []tagalong.Fact) {
	left := slices.Clone(facts)
	for len(left) > 0 {
		first := 0
		for i := range left {
			if comesBefore(facts, left[i], left[first]) {
				first = i
			}
		}
		sorted = append(sorted, left[first])
		left = slices.Delete(left, first, first+1)
	}
	return sorted
}

// comesBefore: by time; at equal times the deployments that only end come first,
// then the others by id, each start before its end.
func comesBefore(all []tagalong.Fact, a, b tagalong.Fact) bool {
	if !a.Time.Equal(b.Time) {
		return a.Time.Before(b.Time)
	}
	if (a.Name == tagalong.Retired) != (b.Name == tagalong.Retired) {
		return b.Name == tagalong.Retired
	}
	ofTasks := func(f tagalong.Fact) bool { return f.Name == tagalong.Draining || f.Name == tagalong.Drained }
	if ofTasks(a) != ofTasks(b) {
		return ofTasks(b)
	}
	if ofTasks(a) {
		return a.Deployment < b.Deployment || a.Deployment == b.Deployment && a.Name == tagalong.Draining && b.Name == tagalong.Drained
	}
	onlyEnds := func(f tagalong.Fact) bool {
		return !slices.ContainsFunc(all, func(o tagalong.Fact) bool {
			return o.Deployment == f.Deployment && o.Name == tagalong.InProgress && o.Time.Equal(f.Time)
		})
	}
	if onlyEnds(a) != onlyEnds(b) {
		return onlyEnds(a)
	}
	if a.Deployment != b.Deployment {
		return a.Deployment < b.Deployment
	}
	order := []tagalong.FactName{tagalong.InProgress, tagalong.Completed, tagalong.Failed}
	if a.Name != b.Name {
		return slices.Index(order, a.Name) < slices.Index(order, b.Name)
	}
	return a.Source == tagalong.FromEvent && b.Source != tagalong.FromEvent // and of others it makes no difference
}
