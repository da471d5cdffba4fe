package tagalongtest

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// RunTask starts a standalone task of a family, and makes its cluster where there is none.
// It returns what runs.
func (e *Inventory) RunTask(family tagalong.Service, containers ...tagalong.Ran) sweep.StandaloneTask {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cluster(scopeOf(family), family.Cluster)
	e.last++
	task := sweep.StandaloneTask{Family: family, ID: fmt.Sprintf("%032x", e.last), Containers: containers, Started: e.now()}
	e.tasks = append(e.tasks, task)
	return task
}

// StopTask ends a standalone task.
func (e *Inventory) StopTask(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tasks = slices.DeleteFunc(e.tasks, func(t sweep.StandaloneTask) bool { return t.ID == id })
}

// StandaloneTasks implements sweep.Inventory. Of the services' own tasks ECS has none here.
func (e *Inventory) StandaloneTasks(ctx context.Context, of tagalong.Scope, cluster string) (tasks []sweep.StandaloneTask, err error) {
	e.mu.Lock()
	for _, t := range e.tasks {
		if scopeOf(t.Family) == of && t.Family.Cluster == cluster {
			tasks = append(tasks, t)
		}
	}
	there := e.clusters[of][cluster]
	e.mu.Unlock()
	err = e.call(ctx, "ListTasks", of, cluster, pages(len(tasks), 100))
	if n := len(tasks); n > 0 {
		err = cmp.Or(err, e.call(ctx, "DescribeTasks", of, cluster, pages(n, 100)))
	}
	if err == nil && !there {
		err = fmt.Errorf("cluster %s: %w", cluster, tagalong.ErrNotFound)
	}
	return tasks, err
}
