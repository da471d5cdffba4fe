package tagalongtest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

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

func TestTheWorkloadInMemoryKeepsTheContract(t *testing.T) {
	tagalongtest.WorkloadSuite(t, func(*testing.T) (tagalong.Workload, tagalongtest.WorkloadWorld) {
		workload := &tagalongtest.Workload{}
		return workload, &workloadWorld{workload: workload, known: map[string]tagalongtest.Deployment{}}
	})
}

func TestThePipelinesInMemoryKeepTheContract(t *testing.T) {
	tagalongtest.PipelinesSuite(t, func(*testing.T) (tagalong.Pipelines, tagalongtest.PipelinesWorld) {
		pipelines := &tagalongtest.Pipelines{}
		return pipelines, &pipelinesWorld{pipelines: pipelines}
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

func (w *pipelinesWorld) Run(_ *testing.T, p tagalong.Pipeline, execution string, a tagalong.Action) string {
	a.ID = w.id()
	w.pipelines.Act(p, execution, a)
	return a.ID
}

func (w *pipelinesWorld) Elsewhere(*testing.T) string {
	w.pipelines.Elsewhere("999999999999")
	return "999999999999"
}
