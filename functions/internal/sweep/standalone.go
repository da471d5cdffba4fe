package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// StandaloneTask is a task that runs, and that no service started.
type StandaloneTask struct {
	Family     tagalong.Service // see tagalong.TaskFamily
	ID         string
	Containers []tagalong.Ran
	Started    time.Time // UTC
}

// looksAtTasks reports whether more was asked for than services.
func (p *serviceScan) looksAtTasks() bool { return p.options.Services == tagalong.ServicePattern{} }

// taskFamilies returns the families that the ledger has of a scope, by cluster. In clusters that
// are there no more none of them runs.
func (p *serviceScan) taskFamilies(ctx context.Context, scope tagalong.Scope, clusters []string) (map[string][]ledger.TaskFamily, error) {
	if !p.looksAtTasks() {
		return nil, nil
	}
	all := map[string][]ledger.TaskFamily{}
	for f, err := range p.Records.TaskFamiliesIn(ctx, scope) {
		if err != nil {
			return nil, fmt.Errorf("families of tasks of %s: %w", scope, err)
		}
		if f.Of.Kind() == tagalong.KindTask {
			all[f.Of.Cluster] = append(all[f.Of.Cluster], f)
		}
	}
	seen := p.now().UTC().Truncate(time.Millisecond)
	for cluster, families := range all {
		if !slices.Contains(clusters, cluster) && tagalong.MatchesAny(p.options.clusterGlobs(), cluster) {
			if err := p.compareFamilies(ctx, families, nil, seen); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// standaloneTasks compares the families of a cluster with the tasks that run there. Events
// say when they begin and end, and may be lost; that no task of a family runs only a look
// tells for certain.
func (p *serviceScan) standaloneTasks(ctx context.Context, at area, known map[string][]ledger.TaskFamily) error {
	seen := p.now().UTC().Truncate(time.Millisecond)
	tasks, err := p.Inventory.StandaloneTasks(ctx, at.Scope, at.cluster)
	if errors.Is(err, tagalong.ErrNotFound) {
		return nil // it has gone meanwhile
	}
	if err != nil {
		return err
	}
	families, running := slices.Clone(known[at.cluster]), map[tagalong.Service][]ledger.TaskRun{}
	for _, t := range tasks {
		if !slices.ContainsFunc(families, func(f ledger.TaskFamily) bool { return f.Of == t.Family }) {
			families = append(families, ledger.TaskFamily{Of: t.Family})
		}
		running[t.Family] = append(running[t.Family], reactor.RunOf(t.ID, t.Containers, tagalong.Task, t.Started))
	}
	return p.compareFamilies(ctx, families, running, seen)
}

// compareFamilies records what a look shows beyond what is known. Only what differs is read
// once more.
func (p *serviceScan) compareFamilies(ctx context.Context, families []ledger.TaskFamily, running map[tagalong.Service][]ledger.TaskRun, seen time.Time) error {
	changed := slices.DeleteFunc(families, func(f ledger.TaskFamily) bool {
		return p.Reactor.TasksAs(f, p.looked(f.Of, running, seen)).Equal(f)
	})
	parallel.ForEach(len(changed), parallel.Limit, func(i int) {
		of := changed[i].Of
		if _, err := p.Reactor.ObserveTasks(ctx, of, p.looked(of, running, seen)); err != nil {
			p.failed(ctx, fmt.Errorf("tasks of %s: %w", of, err), driftOf(DriftLedger, "", of, err.Error()))
		}
	})
	if p.stopped.Load() {
		return errTimeUp
	}
	return nil
}

func (p *serviceScan) looked(of tagalong.Service, running map[tagalong.Service][]ledger.TaskRun, seen time.Time) func(ledger.TaskFamily) ledger.TaskFamily {
	return func(f ledger.TaskFamily) ledger.TaskFamily { return f.Looked(seen, running[of]) }
}
