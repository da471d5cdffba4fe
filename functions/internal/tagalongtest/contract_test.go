package tagalongtest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

func TestTheLedgerInMemoryKeepsTheContract(t *testing.T) {
	tagalongtest.LedgerSuite(t, func(*testing.T) tagalongtest.Store { return &tagalongtest.Ledger{} })
}

func TestTheRegistryInMemoryKeepsTheContract(t *testing.T) {
	tagalongtest.RegistrySuite(t, func(*testing.T) (tagalong.Registry, tagalongtest.RegistryWorld) {
		registry := &tagalongtest.Registry{}
		return registry, &registryWorld{registry: registry}
	})
}

func TestTheUntaggerInMemoryKeepsTheContract(t *testing.T) {
	tagalongtest.UntaggerSuite(t, func(*testing.T) (sweep.Untagger, tagalongtest.UntaggerWorld) {
		registry := &tagalongtest.Registry{}
		return registry, &registryWorld{registry: registry}
	})
}

func TestTheLifecyclesInMemoryKeepTheContract(t *testing.T) {
	tagalongtest.LifecyclesSuite(t, func(*testing.T) (sweep.Lifecycles, tagalongtest.LifecyclesWorld) {
		registry := &tagalongtest.Registry{}
		return registry, &registryWorld{registry: registry}
	})
}

func TestTheWorkloadInMemoryKeepsTheContract(t *testing.T) {
	tagalongtest.WorkloadSuite(t, func(*testing.T) (tagalong.Workload, tagalongtest.WorkloadWorld) {
		workload := &tagalongtest.Workload{}
		return workload, &workloadWorld{workload: workload, known: map[string]tagalongtest.Deployment{}}
	})
}

func TestThePipelinesInMemoryKeepTheContract(t *testing.T) {
	tagalongtest.PipelinesSuite(t, func(*testing.T) (pipeline.Pipelines, tagalongtest.PipelinesWorld) {
		pipelines := &tagalongtest.Pipelines{}
		return pipelines, &pipelinesWorld{pipelines: pipelines}
	})
}

func TestCodeDeployInMemoryKeepsTheContract(t *testing.T) {
	tagalongtest.CodeDeploySuite(t, func(*testing.T) (pipeline.CodeDeploy, tagalongtest.CodeDeployWorld) {
		codeDeploy := &tagalongtest.CodeDeploy{}
		return codeDeploy, &codeDeployWorld{codeDeploy: codeDeploy, groups: map[string]tagalongtest.Group{}, serves: map[tagalongtest.Group]served{}, known: map[string]pipeline.CodeDeployDeployment{}}
	})
}

// registryWorld sets up a registry in memory.
type registryWorld struct{ registry *tagalongtest.Registry }

func (w *registryWorld) Push(_ *testing.T, r tagalong.Repository, seed string, tags ...string) digest.Digest {
	image := tagalongtest.Image(seed)
	w.registry.Push(r, image, tags...)
	return image.Digest
}

func (w *registryWorld) PushIndex(_ *testing.T, r tagalong.Repository, seed string, tags ...string) (digest.Digest, []digest.Digest) {
	index, children := tagalongtest.Index(seed)
	var digests []digest.Digest
	for _, child := range children {
		w.registry.Push(r, child)
		digests = append(digests, child.Digest)
	}
	w.registry.Push(r, index, tags...)
	return index.Digest, digests
}

func (w *registryWorld) SetLifecycle(_ *testing.T, r tagalong.Repository, rules ...sweep.LifecycleRule) {
	w.registry.SetLifecycle(r, rules...)
}

func (w *registryWorld) ReplicateDeletes(_ *testing.T, r tagalong.Repository) {
	w.registry.ReplicateDeletes(r.Registry)
}

func (w *registryWorld) Immutable(_ *testing.T, r tagalong.Repository, except ...string) {
	w.registry.Immutable(r, except...)
}

func (w *registryWorld) Fill(_ *testing.T, r tagalong.Repository, _ digest.Digest) {
	w.registry.Room(r, 1)
}

func (w *registryWorld) Busy(*testing.T) {
	w.once(func(func() error) error { return tagalong.ErrBusy })
}

func (w *registryWorld) Lose(*testing.T) {
	w.once(func(put func() error) error {
		if err := put(); err != nil {
			return err
		}
		return tagalong.ErrUnanswered
	})
}

// once stands around the next put.
func (w *registryWorld) once(around func(put func() error) error) {
	var once sync.Once
	w.registry.OnTag = func(_ context.Context, _ tagalong.Repository, _ tagalong.Manifest, _ string, put func() error) (err error) {
		do := put
		once.Do(func() { do = func() error { return around(put) } })
		return do()
	}
}

// workloadWorld sets up a workload in memory.
type workloadWorld struct {
	workload *tagalongtest.Workload
	known    map[string]tagalongtest.Deployment
}

func (w *workloadWorld) RunTask(_ *testing.T, s tagalong.Service, startedBy string, containers ...tagalong.Ran) {
	w.workload.RunTask(s, "family:td", startedBy, tagalong.TaskRun{TaskDefinition: "td:1", Containers: containers})
}

func (w *workloadWorld) Legacy(_ *testing.T, s tagalong.Service) { w.workload.Legacy(s) }

func (w *workloadWorld) Deploy(_ *testing.T, s tagalong.Service, tasks int, containers ...tagalong.Ran) (string, string) {
	id := fmt.Sprintf("ecs-svc/%d", 1000+len(w.known))
	d := tagalongtest.Deployment{TaskDefinition: "arn:aws:ecs:us-east-1:111122223333:task-definition/td:" + id, Revised: containers}
	for _, c := range containers {
		c.Digest = ""
		d.Defined = append(d.Defined, c)
	}
	for range tasks {
		d.Tasks = append(d.Tasks, tagalong.TaskRun{TaskDefinition: d.TaskDefinition, Containers: containers})
	}
	w.set(s, id, d)
	return id, d.TaskDefinition
}

func (w *workloadWorld) set(s tagalong.Service, id string, d tagalongtest.Deployment) {
	w.known[id] = d
	w.workload.Deploy(s, id, d)
}

func (w *workloadWorld) Forget(_ *testing.T, s tagalong.Service, deployment string) {
	d := w.known[deployment]
	d.Revised = nil
	w.set(s, deployment, d)
}

func (w *workloadWorld) Deny(*testing.T) {
	w.workload.Hook = func(_ context.Context, operation string) error {
		if operation == "Revision" {
			return tagalong.ErrDenied
		}
		return nil
	}
}

func (w *workloadWorld) Elsewhere(*testing.T) string {
	w.workload.Elsewhere("999999999999")
	return "999999999999"
}

// pipelinesWorld sets up pipelines in memory.
type pipelinesWorld struct {
	pipelines *tagalongtest.Pipelines
	ids       int
}

func (w *pipelinesWorld) id() string {
	w.ids++
	return fmt.Sprintf("%08d-0000-4000-8000-000000000000", w.ids)
}

func (w *pipelinesWorld) Start(t *testing.T, p tagalong.Pipeline, x tagalong.Execution, _ time.Time) string {
	if x.RollbackOf != "" {
		old, err := w.pipelines.Execution(t.Context(), p, x.RollbackOf)
		if err != nil {
			t.Fatal(err)
		}
		x.Revisions = old.Revisions
	}
	id := w.id()
	w.pipelines.Start(p, id, x)
	return id
}

func (w *pipelinesWorld) Run(_ *testing.T, p tagalong.Pipeline, execution string, a pipeline.Action) string {
	a.ID = w.id()
	w.pipelines.Act(p, execution, a)
	return a.ID
}

func (w *pipelinesWorld) Elsewhere(*testing.T) string {
	w.pipelines.Elsewhere("999999999999")
	return "999999999999"
}

// codeDeployWorld sets up a CodeDeploy in memory.
type codeDeployWorld struct {
	codeDeploy *tagalongtest.CodeDeploy
	serves     map[tagalongtest.Group]served
	groups     map[string]tagalongtest.Group // of the deployments
	known      map[string]pipeline.CodeDeployDeployment
	sets       int
}

// served is a service with the task set that has the traffic.
type served struct {
	service tagalong.Service
	taskSet string
}

func (w *codeDeployWorld) set() string {
	w.sets++
	return fmt.Sprintf("ecs-svc/%d", 1000+w.sets)
}

func (w *codeDeployWorld) Serve(_ *testing.T, g tagalongtest.Group, s tagalong.Service) string {
	w.codeDeploy.Group(g)
	w.serves[g] = served{s, w.set()}
	return w.serves[g].taskSet
}

func (w *codeDeployWorld) Servers(_ *testing.T, g tagalongtest.Group) { w.codeDeploy.Group(g) }

func (w *codeDeployWorld) Create(_ *testing.T, g tagalongtest.Group, at time.Time) string {
	s := pipeline.CodeDeployDeployment{ID: fmt.Sprintf("d-%09d", 1+len(w.known)), State: pipeline.CodeDeployInProgress, CreatedAt: at}
	if served, ok := w.serves[g]; ok {
		s.Targets = []pipeline.CodeDeployTarget{{Service: served.service}}
	}
	w.groups[s.ID] = g
	w.put(s)
	return s.ID
}

func (w *codeDeployWorld) put(s pipeline.CodeDeployDeployment) {
	w.known[s.ID] = s
	w.codeDeploy.Put(w.groups[s.ID], s)
}

func (w *codeDeployWorld) Start(*testing.T, string, time.Time) {}

func (w *codeDeployWorld) Install(_ *testing.T, id string, _ time.Time) string {
	w.known[id].Targets[0].TaskSet = w.set()
	w.put(w.known[id])
	return w.known[id].Targets[0].TaskSet
}

func (w *codeDeployWorld) ShiftTraffic(*testing.T, string, time.Time) {}

func (w *codeDeployWorld) end(id string, state pipeline.CodeDeployState, at time.Time, reason string) {
	s := w.known[id]
	s.State, s.EndedAt, s.Reason = state, at, reason
	w.put(s)
}

func (w *codeDeployWorld) Succeed(_ *testing.T, id string, at time.Time) {
	if served, ok := w.serves[w.groups[id]]; ok {
		if own := &w.known[id].Targets[0].TaskSet; *own == "" {
			*own = served.taskSet
		} else {
			served.taskSet = *own
			w.serves[w.groups[id]] = served
		}
	}
	w.end(id, pipeline.CodeDeploySucceeded, at, "")
}

func (w *codeDeployWorld) Fail(_ *testing.T, id string, at time.Time, reason string) {
	w.end(id, pipeline.CodeDeployFailed, at, reason)
}

func (w *codeDeployWorld) Stop(_ *testing.T, id string, at time.Time) {
	w.end(id, pipeline.CodeDeployStopped, at, "stopped by a user")
}

func (w *codeDeployWorld) RollBack(t *testing.T, id string, at time.Time) string {
	back := w.known[w.Create(t, w.groups[id], at)]
	back.Rollback = true
	w.put(back)
	return back.ID
}

func (w *codeDeployWorld) Elsewhere(*testing.T) string {
	w.codeDeploy.Elsewhere("999999999999")
	return "999999999999"
}

func TestTheDeploymentHistoryInMemoryKeepsTheContract(t *testing.T) {
	tagalongtest.DeploymentHistorySuite(t, func(*testing.T) (pipeline.DeploymentHistory, tagalongtest.DeploymentHistoryWorld) {
		workload := &tagalongtest.Workload{}
		return workload, &historyWorld{workload, map[tagalong.Service][]pipeline.ServiceDeployment{}, 0}
	})
}

// historyWorld sets up the records of a workload in memory.
type historyWorld struct {
	workload    *tagalongtest.Workload
	records     map[tagalong.Service][]pipeline.ServiceDeployment // oldest first
	deployments int
}

func (w *historyWorld) Deploy(_ *testing.T, s tagalong.Service, at time.Time) string {
	w.deployments++
	if len(w.records[s]) > 0 {
		w.last(s, func(d *pipeline.ServiceDeployment) {
			if d.FinishedAt.IsZero() {
				d.Status, d.FinishedAt = "STOPPED", at
			}
		})
	}
	d := pipeline.ServiceDeployment{Deployment: fmt.Sprintf("ecs-svc/%d", 1000+w.deployments), Status: "IN_PROGRESS", CreatedAt: at}
	w.records[s] = append(w.records[s], d)
	w.workload.Record(s, d)
	return d.Deployment
}

// last changes the newest record of a service.
func (w *historyWorld) last(s tagalong.Service, change func(*pipeline.ServiceDeployment)) {
	d := &w.records[s][len(w.records[s])-1]
	change(d)
	w.workload.Record(s, *d)
}

func (w *historyWorld) Complete(_ *testing.T, s tagalong.Service, _ string, at time.Time) {
	w.last(s, func(d *pipeline.ServiceDeployment) {
		d.Status, d.FinishedAt = "SUCCESSFUL", at
		if d.RolledBackTo != "" {
			d.Status = "ROLLBACK_SUCCESSFUL"
		}
	})
}

func (w *historyWorld) RollBack(_ *testing.T, s tagalong.Service, _ string, at time.Time) (to string) {
	for _, d := range w.records[s] {
		if d.Status == "SUCCESSFUL" {
			to = d.Deployment
		}
	}
	w.last(s, func(d *pipeline.ServiceDeployment) {
		d.Status, d.Reason, d.RolledBackTo, d.RolledBackAt = "ROLLBACK_IN_PROGRESS", "tasks failed to start", to, at
	})
	return to
}

func (w *historyWorld) ServeByCodeDeploy(_ *testing.T, s tagalong.Service) { w.workload.Record(s) }

func (w *historyWorld) DenyRecords(*testing.T) {
	w.workload.Hook = func(context.Context, string) error { return tagalong.ErrDenied }
}

func (w *historyWorld) Elsewhere(*testing.T) string {
	w.workload.Elsewhere("999999999999")
	return "999999999999"
}
