package tagalongtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// Inventory is ECS in memory as a whole, safe for concurrent use: clusters with
// services, whose deployments start, complete, fail and roll back, and what ECS
// shows and remembers of them. All is shown from this one state, and every change
// tells the events that ECS would send.
type Inventory struct {
	// Now is its clock; what happens is of its time, in whole milliseconds.
	Now func() time.Time
	// Jitter is by how much an event's time differs from that of ECS's own record;
	// nil is not at all.
	Jitter func() time.Duration
	// Hook is called before each call that AWS would get, if it is set; an error that
	// it gives is the call's.
	Hook func(ctx context.Context, c Call) error

	mu        sync.Mutex
	clusters  map[tagalong.Scope]map[string]bool
	services  map[tagalong.Service]*inventoryService
	revisions map[deploymentKey]*inventoryDeployment
	prepared  map[deploymentKey]bool
	elsewhere map[string]bool // accounts
	events    []DeploymentEvent
	calls     map[string]int
	tasks     []sweep.StandaloneTask
	last      int // number of a deployment or a task
}

// Call is one call that AWS would get.
type Call struct {
	Operation string // as AWS spells it
	tagalong.Scope
	Cluster string // "" of those that name none
}

var (
	_ sweep.Inventory            = &Inventory{}
	_ tagalong.Workload          = &Inventory{}
	_ pipeline.DeploymentHistory = &Inventory{}
)

// inventoryService is a service from its creation to its deletion.
type inventoryService struct {
	created   time.Time
	taskSets  bool
	inferred  bool                   // whether a deployment has come to its end is read from its tasks
	unsteady  bool                   // of what has completed not all tasks run
	current   []*inventoryDeployment // the primary one last
	completed []*inventoryDeployment // the last one last
	records   []pipeline.ServiceDeployment
	look      tagalong.RolloutLook // of the record that is under way, without its deployment
}

// inventoryDeployment is a deployment, or a task set.
type inventoryDeployment struct {
	Deployment
	sweep.DeploymentState
	drained time.Time // when the last of its tasks has stopped; zero while they run
}

const (
	drainFor  = 2 * time.Minute     // how long a deployment that was replaced still has tasks
	tasksFor  = time.Hour           // how long ECS knows stopped tasks
	recordFor = 90 * 24 * time.Hour // and service deployments and revisions
)

// AddCluster makes a cluster, if it is not there.
func (e *Inventory) AddCluster(of tagalong.Scope, name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cluster(of, name)
}

func (e *Inventory) cluster(of tagalong.Scope, name string) {
	if e.clusters == nil {
		e.clusters = map[tagalong.Scope]map[string]bool{}
		e.services = map[tagalong.Service]*inventoryService{}
		e.revisions = map[deploymentKey]*inventoryDeployment{}
		e.prepared = map[deploymentKey]bool{}
	}
	if e.clusters[of] == nil {
		e.clusters[of] = map[string]bool{}
	}
	e.clusters[of][name] = true
}

func scopeOf(s tagalong.Service) tagalong.Scope {
	return tagalong.Scope{Account: s.Account, Region: s.Region}
}

// Deploy starts a deployment and returns its id. It makes the service, and its
// cluster, where there is none. One that is under way is stopped by it.
func (e *Inventory) Deploy(s tagalong.Service, d Deployment) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	of := e.service(s)
	of.stop(e.now())
	of.look = tagalong.RolloutLook{Updated: e.now()}
	one := e.started(s, d)
	of.promote(one)
	of.records = append(of.records, pipeline.ServiceDeployment{Deployment: one.ID, Status: "IN_PROGRESS", CreatedAt: one.Created})
	e.tell(s, one.ID, tagalong.InProgress, "ECS deployment "+one.ID+" in progress.")
	return one.ID
}

// service returns a service, which it makes where there is none.
func (e *Inventory) service(s tagalong.Service) *inventoryService {
	e.cluster(scopeOf(s), s.Cluster)
	if e.services[s] == nil {
		e.services[s] = &inventoryService{created: e.now()}
	}
	return e.services[s]
}

// started makes a deployment of a service.
func (e *Inventory) started(s tagalong.Service, d Deployment) *inventoryDeployment {
	e.last++
	now := e.now()
	one := &inventoryDeployment{Deployment: d, DeploymentState: sweep.DeploymentState{
		ID: fmt.Sprintf("ecs-svc/%019d", 1_000_000_000+e.last), State: timeline.StateInProgress, Created: now, Changed: now,
	}}
	e.revisions[deploymentKey{s, one.ID}] = one
	return one
}

// promote makes a deployment the primary one.
func (s *inventoryService) promote(d *inventoryDeployment) {
	for _, other := range s.current {
		other.Primary = false
	}
	s.current = slices.DeleteFunc(s.current, func(other *inventoryDeployment) bool { return other == d })
	s.current = append(s.current, d)
	d.Primary, d.drained = true, time.Time{}
}

func (s *inventoryService) primary() *inventoryDeployment { return s.current[len(s.current)-1] }

// record returns the service deployment that is under way, nil if none is.
func (s *inventoryService) record() *pipeline.ServiceDeployment {
	if len(s.records) == 0 || !s.records[len(s.records)-1].FinishedAt.IsZero() {
		return nil
	}
	return &s.records[len(s.records)-1]
}

// stop ends the service deployment that is under way, since another one begins.
func (s *inventoryService) stop(now time.Time) {
	if r := s.record(); r != nil {
		r.Status, r.FinishedAt, r.Reason = "STOPPED", now, "Service deployment stopped because of a newer one."
	}
}

// under returns a service that has a deployment under way. It panics if it has none.
func (e *Inventory) under(s tagalong.Service) *inventoryService {
	of := e.services[s]
	if of == nil || of.record() == nil {
		panic(fmt.Sprintf("service %s has no deployment under way", s))
	}
	return of
}

// Complete lets the deployment that is under way, or its rollback, come to its end.
// It panics if there is none, as Fail and RollBack do.
func (e *Inventory) Complete(s tagalong.Service) {
	e.mu.Lock()
	defer e.mu.Unlock()
	of, now := e.under(s), e.now()
	record, d := of.record(), of.primary()
	record.Status, record.FinishedAt = "SUCCESSFUL", now
	if record.RolledBackTo != "" {
		record.Status = "ROLLBACK_SUCCESSFUL"
	}
	of.completes(d, now)
	e.tell(s, d.ID, tagalong.Completed, "ECS deployment "+d.ID+" completed.")
}

// completes lets a deployment take over; the others drain.
func (s *inventoryService) completes(d *inventoryDeployment, now time.Time) {
	d.State, d.Changed, d.Reason = timeline.StateCompleted, now, "ECS deployment "+d.ID+" completed."
	s.completed = append(s.completed, d)
	for _, other := range s.current {
		if other != d && other.drained.IsZero() {
			other.drained = now.Add(drainFor)
		}
	}
}

// Fail lets the circuit breaker end the deployment that is under way, or its
// rollback. With rollback it goes back to the deployment that completed last, if
// there is one and it is not that which fails.
func (e *Inventory) Fail(s tagalong.Service, rollback bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	of, now := e.under(s), e.now()
	failed := of.primary()
	failed.State, failed.Changed, failed.Reason = timeline.StateFailed, now, "ECS deployment circuit breaker: tasks failed to start."
	e.tell(s, failed.ID, tagalong.Failed, failed.Reason)
	back := of.lastCompleted()
	if !rollback || back == nil || back == failed {
		record := of.record()
		record.Status, record.FinishedAt, record.Reason = "ROLLBACK_FAILED", now, failed.Reason
		if record.RolledBackTo == "" && !rollback {
			record.Status = "STOPPED"
		}
		return
	}
	e.goBack(s, back)
}

// RollBack stops the deployment that is under way by hand, and goes back: of that
// one ECS tells no end. It panics if nothing has completed that it could go back to.
func (e *Inventory) RollBack(s tagalong.Service) {
	e.mu.Lock()
	defer e.mu.Unlock()
	of := e.under(s)
	back := of.lastCompleted()
	if back == nil || back == of.primary() {
		panic(fmt.Sprintf("service %s has nothing to go back to", s))
	}
	of.primary().State, of.primary().Changed = timeline.StateFailed, e.now()
	e.goBack(s, back)
}

// goBack returns the service to a deployment that had completed.
func (e *Inventory) goBack(s tagalong.Service, d *inventoryDeployment) {
	of, now := e.services[s], e.now()
	of.promote(d)
	of.look = tagalong.RolloutLook{Updated: now}
	record := of.record()
	record.Status, record.RolledBackTo, record.RolledBackAt = "ROLLBACK_IN_PROGRESS", d.ID, now
	record.Reason = "Service deployment rolled back because the circuit breaker threshold was reached."
	d.State, d.Changed, d.Reason = timeline.StateInProgress, now, "ECS deployment circuit breaker: rolling back to deploymentId "+d.ID+"."
	e.tell(s, d.ID, tagalong.InProgress, d.Reason)
}

func (s *inventoryService) lastCompleted() *inventoryDeployment {
	if len(s.completed) == 0 {
		return nil
	}
	return s.completed[len(s.completed)-1]
}

// Reach lets the deployment that is under way reach a stage. It panics if there is none.
func (e *Inventory) Reach(s tagalong.Service, look tagalong.RolloutLook) {
	e.mu.Lock()
	defer e.mu.Unlock()
	look.Updated = e.now()
	e.under(s).look = look
}

// Scale changes how many tasks run: an update that is no deployment.
func (e *Inventory) Scale(s tagalong.Service) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if of := e.services[s]; of != nil {
		of.primary().Changed = e.now()
	}
}

// Steady says whether all tasks run of what has completed. While they do not, ECS shows
// it like a deployment under way, where it says nothing of deployments itself: of task
// sets, and behind a Classic Load Balancer, as this service is from now on.
func (e *Inventory) Steady(s tagalong.Service, steady bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if of := e.services[s]; of != nil {
		of.inferred, of.unsteady = true, !steady
	}
}

// Report lets tasks report what they run of a deployment.
func (e *Inventory) Report(s tagalong.Service, id string, tasks ...tagalong.TaskRun) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.revisions[deploymentKey{s, id}].Tasks = tasks
}

// Deployment lets CodeDeploy start a task set, and returns its id. It makes the service
// where there is none. Of task sets ECS tells no events, and keeps no records.
func (e *Inventory) Deployment(s tagalong.Service, d Deployment) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	of := e.service(s)
	of.taskSets = true
	one := e.started(s, d)
	if len(of.current) == 0 {
		of.promote(one)
		return one.ID
	}
	of.current = slices.Insert(of.current, len(of.current)-1, one)
	return one.ID
}

// ShiftTraffic gives a task set the traffic: the newest, or one that had it before.
func (e *Inventory) ShiftTraffic(s tagalong.Service, id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	of, d := e.services[s], e.revisions[deploymentKey{s, id}]
	of.promote(d)
	of.completes(d, e.now())
}

// Delete deletes a service with all that ECS knows of it. One that comes again by
// its name is another one.
func (e *Inventory) Delete(s tagalong.Service) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.services, s)
	maps.DeleteFunc(e.revisions, func(key deploymentKey, _ *inventoryDeployment) bool { return key.service == s })
}

// Elsewhere says that an account is none that may be asked.
func (e *Inventory) Elsewhere(account string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.elsewhere == nil {
		e.elsewhere = map[string]bool{}
	}
	e.elsewhere[account] = true
}

// Calls counts the calls that AWS would have got, by operation.
func (e *Inventory) Calls() map[string]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.calls)
}

func (e *Inventory) now() time.Time { return e.Now().UTC().Truncate(time.Millisecond) }

// recordsOf returns those of the last 90 days, the oldest first.
func (e *Inventory) recordsOf(s tagalong.Service) (records []pipeline.ServiceDeployment) {
	of := e.services[s]
	if of == nil {
		return nil
	}
	horizon := e.now().Add(-recordFor)
	for _, r := range of.records {
		if !r.CreatedAt.Before(horizon) {
			records = append(records, r)
		}
	}
	return records
}

// servicesIn returns the names of a cluster's services, sorted.
func (e *Inventory) servicesIn(of tagalong.Scope, cluster string) (names []string) {
	for s := range e.services {
		if scopeOf(s) == of && s.Cluster == cluster {
			names = append(names, s.Name)
		}
	}
	slices.Sort(names)
	return names
}

// state returns a service as DescribeServices shows it.
func (e *Inventory) state(s tagalong.Service) (state sweep.ServiceState, ok bool) {
	of := e.services[s]
	if of == nil {
		return sweep.ServiceState{}, false
	}
	state = sweep.ServiceState{Service: s, TaskSets: of.taskSets, Created: of.created, Running: map[string]int{}}
	for _, d := range slices.Backward(of.current) {
		if d.Primary || d.drained.IsZero() || d.drained.After(e.now()) {
			state.Current = append(state.Current, d.DeploymentState)
			state.Running[d.ID] = 1
		}
	}
	of.infer(state.Current)
	return state, true
}

// infer returns those states that ECS does not say: a deployment has completed when it
// alone has tasks, and all of them run, a task set when all of them do.
func (s *inventoryService) infer(all []sweep.DeploymentState) {
	if !s.inferred && !s.taskSets {
		return
	}
	for i := range all {
		d := &all[i]
		d.Inferred = true
		if d.State == timeline.StateCompleted && (s.unsteady && d.Primary || !s.taskSets && len(all) > 1) {
			d.State = timeline.StateInProgress
		}
	}
}

// DeploymentEvent is an event that ECS sends of a deployment.
type DeploymentEvent struct {
	Service tagalong.Service
	tagalong.Fact
}

// Events returns the events of everything that happened, in order, behind so many.
func (e *Inventory) Events(behind int) []DeploymentEvent {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.events[behind:])
}

func (e *Inventory) tell(s tagalong.Service, deployment string, name tagalong.FactName, reason string) {
	at := e.now()
	if e.Jitter != nil {
		at = at.Add(e.Jitter()).Truncate(time.Millisecond)
	}
	e.events = append(e.events, DeploymentEvent{s, tagalong.Fact{Deployment: deployment, Name: name, Time: at, Source: tagalong.FromEvent, Reason: reason}})
}

// pages is how many calls it takes to read so many things in pages: one at least.
func pages(things, size int) int { return cmp.Or((things+size-1)/size, 1) }
