package tagalongtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Workload is ECS in memory, safe for concurrent use. The zero value knows nothing.
type Workload struct {
	// Hook is called before each operation, if it is set; an error that it returns
	// is the operation's.
	Hook func(ctx context.Context, operation string) error

	mu          sync.Mutex
	deployments map[deploymentKey]Deployment
	legacy      map[tagalong.Service][]string // the clusters of services, by what names none
	elsewhere   map[string]bool               // accounts
	records     map[tagalong.Service][]pipeline.ServiceDeployment
	tasks       []groupedTask
}

// groupedTask is a task in the cluster of a service, of its deployment or of nobody's.
type groupedTask struct {
	near             tagalong.Service
	group, startedBy string
	tagalong.TaskRun
}

var (
	_ tagalong.Workload          = &Workload{}
	_ pipeline.DeploymentHistory = &Workload{}
)

type deploymentKey struct {
	service    tagalong.Service
	deployment string
}

// Deployment is what ECS can say of one.
type Deployment struct {
	TaskDefinition string
	// Defined are the containers as the task definition has them, without
	// digests of their own. Revised are those of the service revision, with the
	// digests that ECS resolved; nil says that there is no revision.
	Defined []tagalong.Ran
	Revised []tagalong.Ran
	// Denied refuses to show the revision.
	Denied bool
	// Undefined says that the task definition is gone.
	Undefined bool
	Tasks     []tagalong.TaskRun
}

// Deploy makes a deployment known, or known anew.
func (w *Workload) Deploy(s tagalong.Service, id string, d Deployment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.deployments == nil {
		w.deployments = map[deploymentKey]Deployment{}
	}
	w.deployments[deploymentKey{s, id}] = d
}

// RunTask runs a task in the cluster of a service. One that is the service's has the
// group service:NAME; what started it anybody may say of any task.
func (w *Workload) RunTask(near tagalong.Service, group, startedBy string, run tagalong.TaskRun) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tasks = append(w.tasks, groupedTask{near, group, startedBy, run})
}

// Legacy says that a service has the short ARN, which does not name its cluster: those
// of several clusters may have the same.
func (w *Workload) Legacy(s tagalong.Service) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.legacy == nil {
		w.legacy = map[tagalong.Service][]string{}
	}
	cluster := s.Cluster
	s.Cluster = ""
	w.legacy[s] = append(w.legacy[s], cluster)
}

// Elsewhere says that an account is none that may be asked.
func (w *Workload) Elsewhere(account string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.elsewhere == nil {
		w.elsewhere = map[string]bool{}
	}
	w.elsewhere[account] = true
}

// begin is what every operation on a service with its cluster does first.
func (w *Workload) begin(ctx context.Context, operation string, s tagalong.Service) error {
	if w.Hook != nil {
		if err := w.Hook(ctx, operation); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.elsewhere[s.Account] {
		return fmt.Errorf("account %s: %w", s.Account, tagalong.ErrElsewhere)
	}
	return nil
}

func (w *Workload) find(ctx context.Context, operation string, s tagalong.Service, deployment string) (Deployment, error) {
	if err := w.begin(ctx, operation, s); err != nil {
		return Deployment{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	d, ok := w.deployments[deploymentKey{s, deployment}]
	if !ok {
		return Deployment{}, fmt.Errorf("deployment %s of %s: %w", deployment, s, tagalong.ErrNotFound)
	}
	return d, nil
}

// Revision implements tagalong.Workload.
func (w *Workload) Revision(ctx context.Context, s tagalong.Service, deployment string) (tagalong.Spec, error) {
	d, err := w.find(ctx, "Revision", s, deployment)
	switch {
	case err != nil:
		return tagalong.Spec{}, err
	case d.Denied:
		return tagalong.Spec{}, fmt.Errorf("revision of %s: %w", deployment, tagalong.ErrDenied)
	case d.Revised == nil:
		return tagalong.Spec{}, fmt.Errorf("revision of %s: %w", deployment, tagalong.ErrNotFound)
	}
	return tagalong.Spec{TaskDefinition: d.TaskDefinition, Containers: slices.Clone(d.Revised)}, nil
}

// Tasks implements tagalong.Workload. A deployment that is not known has none.
func (w *Workload) Tasks(ctx context.Context, s tagalong.Service, deployment string) ([]tagalong.TaskRun, error) {
	d, err := w.find(ctx, "Tasks", s, deployment)
	if err != nil && !absent(err) {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	runs := slices.Clone(d.Tasks)
	for _, task := range w.tasks {
		if task.near == s && task.startedBy == deployment && task.group == "service:"+s.Name {
			runs = append(runs, task.TaskRun)
		}
	}
	return runs, nil
}

// Definition implements tagalong.Workload.
func (w *Workload) Definition(ctx context.Context, s tagalong.Service, deployment, _ string) (tagalong.Spec, error) {
	d, err := w.find(ctx, "Definition", s, deployment)
	switch {
	case err != nil:
		return tagalong.Spec{}, err
	case d.Undefined:
		return tagalong.Spec{}, fmt.Errorf("task definition of %s: %w", deployment, tagalong.ErrNotFound)
	}
	return tagalong.Spec{TaskDefinition: d.TaskDefinition, Containers: slices.Clone(d.Defined)}, nil
}

// Cluster implements tagalong.Workload: the one service with a short ARN is meant
// whatever the deployment is.
func (w *Workload) Cluster(ctx context.Context, s tagalong.Service, deployment string) (string, error) {
	if w.Hook != nil {
		if err := w.Hook(ctx, "Cluster"); err != nil {
			return "", err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if clusters := w.legacy[s]; len(clusters) == 1 {
		return clusters[0], nil
	}
	for key := range w.deployments {
		s.Cluster = key.service.Cluster
		if key == (deploymentKey{s, deployment}) {
			return s.Cluster, nil
		}
	}
	return "", fmt.Errorf("service %s: %w", s.Name, tagalong.ErrNotFound)
}

// Record makes service deployments known, or known anew; they are told apart by
// the deployments that they work towards. Without any it makes a service known.
func (w *Workload) Record(s tagalong.Service, records ...pipeline.ServiceDeployment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.records == nil {
		w.records = map[tagalong.Service][]pipeline.ServiceDeployment{}
	}
	known := w.records[s]
	for _, record := range records {
		known = slices.DeleteFunc(known, func(other pipeline.ServiceDeployment) bool { return other.Deployment == record.Deployment })
		known = append(known, record)
	}
	w.records[s] = known
}

// ServiceDeployments implements pipeline.DeploymentHistory.
func (w *Workload) ServiceDeployments(ctx context.Context, s tagalong.Service, since time.Time) (records []pipeline.ServiceDeployment, err error) {
	if err := w.begin(ctx, "ServiceDeployments", s); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	all, ok := w.records[s]
	for key := range w.deployments {
		ok = ok || key.service == s
	}
	if !ok {
		return nil, fmt.Errorf("service %s: %w", s, tagalong.ErrNotFound)
	}
	for _, record := range all {
		if !record.CreatedAt.Before(since) {
			records = append(records, record)
		}
	}
	return records, nil
}

func absent(err error) bool { return errors.Is(err, tagalong.ErrNotFound) }
