package reactor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/events"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// handleTask takes what happened to a standalone task. It says all that there is to know, so
// that ECS is not asked. The tasks of services are known by their deployments.
func (r *Reactor) handleTask(ctx context.Context, e events.TaskStateChange) (Outcome, error) {
	run, standalone := runOf(e)
	if !standalone {
		return Outcome{Unhandled: true}, nil
	}
	family := familyOf(e)
	outcome, err := r.ObserveTasks(ctx, family, func(f ledger.TaskFamily) ledger.TaskFamily { return f.With(run) })
	outcome.Log(ctx, r.Logger().With("event", e.Envelope().ID, "task", run.Task, "status", e.LastStatus()), err)
	if err != nil {
		return outcome, fmt.Errorf("task %s of %s: %w", run.Task, family, err)
	}
	return outcome, nil
}

func familyOf(e events.TaskStateChange) tagalong.Service {
	cluster := e.ClusterARN()
	return tagalong.TaskFamily(tagalong.Scope{Account: cluster.Account(), Region: cluster.Region()}, cluster.Name(), tagalong.FamilyOf(e.TaskDefinitionARN()))
}

// runOf reads what an event says of a standalone task that ran.
func runOf(e events.TaskStateChange) (run ledger.TaskRun, standalone bool) {
	ended := e.LastStatus() == "STOPPED"
	if !e.Standalone() || e.StartedAt().IsZero() || !ended && e.LastStatus() != "RUNNING" {
		return ledger.TaskRun{}, false
	}
	var containers []tagalong.Ran
	for _, c := range e.Containers() {
		containers = append(containers, tagalong.Ran{Name: c.Name, Image: c.Image, Digest: digest.Digest(c.ImageDigest)})
	}
	run = RunOf(tagalong.NameOf(e.TaskARN()), containers, tagalong.Task, e.StartedAt())
	if ended {
		run.Stopped = tagalong.Later(run.Started, e.StoppedAt().Truncate(time.Millisecond))
	}
	return run, true
}

// RunOf says which images a task runs, by its id, or a function's version, by its name.
func RunOf(task string, containers []tagalong.Ran, evidence tagalong.Evidence, started time.Time) ledger.TaskRun {
	return ledger.TaskRun{
		Task:       task,
		Containers: written(tagalong.Spec{Containers: containers}, evidence),
		Started:    started.UTC().Truncate(time.Millisecond),
	}
}

// ObserveTasks records what is new of a family's tasks. It costs one read where nothing is.
// A family that no rule matches has no environment: it runs all the same.
func (r *Reactor) ObserveTasks(ctx context.Context, family tagalong.Service, seen func(ledger.TaskFamily) ledger.TaskFamily) (Outcome, error) {
	o := Outcome{Service: family}
	covered, err := r.Coverage(ctx)
	if err != nil {
		return o, err
	}
	if o.Unmanaged = covered.LeavesOut(family); o.Unmanaged {
		return o, nil
	}
	for range maxConflicts {
		was, err := r.Ledger.TaskFamily(ctx, family)
		if err != nil {
			return o, err
		}
		is := r.TasksAs(was, seen)
		o.Environment = is.Environment
		is, children, unread := r.withTaskImages(ctx, covered, is)
		if o.Repeated = is.Equal(was); o.Repeated {
			return o, unread
		}
		is.Version = ledger.NewVersion()
		err = r.Ledger.SetTaskFamily(ctx, was, is, children)
		if o.Recorded = err == nil; !errors.Is(err, ledger.ErrConflict) {
			return o, joined(unread, err)
		}
	}
	return o, ledger.ErrConflict
}

// TasksAs returns a family as it was seen, in the environment that the rules give it now,
// without what has expired.
func (r *Reactor) TasksAs(f ledger.TaskFamily, seen func(ledger.TaskFamily) ledger.TaskFamily) ledger.TaskFamily {
	policy, _ := r.Rules.For(f.Of)
	f = seen(f).Expiring(r.Retention)
	f.Environment = policy.Environment
	f.Images = slices.DeleteFunc(f.Images, func(t ledger.TaskImage) bool { return !t.Expires.IsZero() && t.Expires.Before(r.Clock()) })
	return f
}

// withTaskImages returns a family with what the registry says of images that it has not shown
// yet, and the children of their indexes. Where it does not answer the family is recorded
// all the same, and whoever comes next asks again.
func (r *Reactor) withTaskImages(ctx context.Context, covered tagalong.Coverage, f ledger.TaskFamily) (ledger.TaskFamily, []ledger.Child, error) {
	var unread []tagalong.Container
	for _, t := range f.Images {
		if !t.Ended && !t.Container.Read && covered.Reads(t.Container.Image) {
			unread = append(unread, t.Container)
		}
	}
	if len(unread) == 0 {
		return f, nil, nil
	}
	shown, children, err := r.showImages(ctx, unread)
	f.Images = slices.Clone(f.Images)
	for i, t := range f.Images {
		if at := slices.Index(unread, t.Container); at >= 0 {
			f.Images[i].Container = shown[at]
		}
	}
	return f, children, err
}
