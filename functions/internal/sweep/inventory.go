package sweep

import (
	"context"
	"slices"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// Inventory is all that ECS runs, as the sweep looks through it.
type Inventory interface {
	// Clusters returns the names of a scope's clusters, sorted. ErrElsewhere is an
	// answer.
	Clusters(ctx context.Context, s tagalong.Scope) ([]string, error)
	// ServiceNames returns the names of a cluster's services, sorted: those that are
	// being deleted, too. ErrNotFound says that there is no such cluster.
	ServiceNames(ctx context.Context, s tagalong.Scope, cluster string) ([]string, error)
	// Describe reads services of a cluster, in as few calls as ECS allows. Those that
	// are gone or INACTIVE are left out.
	Describe(ctx context.Context, s tagalong.Scope, cluster string, names []string) ([]ServiceState, error)
	// DeploymentHistory returns ECS's records of the service deployments of services of one
	// scope, in as few calls as ECS allows; it keeps them for 90 days. Services of
	// which it has none, or may not be asked, are left out.
	DeploymentHistory(ctx context.Context, s tagalong.Scope, services []tagalong.Service) (map[tagalong.Service][]pipeline.ServiceDeployment, error)
	// Looks returns what ECS shows of the service deployments that are under way, of services
	// of one scope that Describe has shown last, in as few calls as ECS allows. Services of
	// which it shows none, or may not be asked, are left out.
	Looks(ctx context.Context, s tagalong.Scope, services []tagalong.Service) (map[tagalong.Service]tagalong.RolloutLook, error)
	// StandaloneTasks returns the tasks of a cluster that have begun and run, and that no
	// service started, in as few calls as ECS allows. ErrNotFound says that there is no such
	// cluster.
	StandaloneTasks(ctx context.Context, s tagalong.Scope, cluster string) ([]StandaloneTask, error)
	// Prepare says which deployments of a scope will be asked for, so that what they
	// are made of can be read in as few calls as ECS allows.
	Prepare(ctx context.Context, s tagalong.Scope, deployments []DeploymentOf) error
}

// DeploymentOf names a deployment of a service.
type DeploymentOf struct {
	Service    tagalong.Service
	Deployment string // ecs-svc/…
}

// ServiceState is what DescribeServices says of a service,
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html.
type ServiceState struct {
	Service tagalong.Service
	// Current are its deployments or, where another controller than ECS deploys, its
	// task sets: those that have tasks, and the primary one.
	Current []DeploymentState
	// Running says how many tasks run of each deployment, or task set, of which any do:
	// ECS may remove those of one that was replaced for weeks, in the background.
	Running map[string]int
	// TaskSets says that Current are task sets.
	TaskSets bool
	// Created is when the service was made: one of its name that was there before is
	// another one. Zero: not known.
	Created time.Time
}

// primary returns the deployment that ECS works towards.
func (s ServiceState) primary() (DeploymentState, bool) {
	for _, d := range s.Current {
		if d.Primary {
			return d, true
		}
	}
	return DeploymentState{}, false
}

// rollsOut reports whether a deployment is on its way. A task set is, as long as it
// does not have the traffic.
func (s ServiceState) rollsOut(deployment string) bool {
	return slices.ContainsFunc(s.Current, func(d DeploymentState) bool {
		return d.ID == deployment && (d.State == timeline.StateInProgress || s.TaskSets && !d.Primary)
	})
}

// completed returns the deployments that have completed, as far as they still have
// tasks; of task sets the primary one.
func (s ServiceState) completed() []DeploymentState {
	return slices.DeleteFunc(slices.Clone(s.Current), func(d DeploymentState) bool {
		return d.State != timeline.StateCompleted || s.TaskSets && !d.Primary
	})
}

// shows reports whether the state is what a fact says, or what came of that: the fact
// is of the primary deployment, which has changed since.
func (s ServiceState) shows(f tagalong.Fact) bool {
	d, ok := s.primary()
	came := f.Name == tagalong.InProgress || f.Name == tagalong.Completed && d.State == timeline.StateCompleted || f.Name == tagalong.Failed && d.State == timeline.StateFailed
	return ok && came && d.ID == f.Deployment && !d.Changed.Before(f.Time.Add(-tagalong.TimeTolerance))
}

// has reports whether ECS still has a deployment.
func (s ServiceState) has(deployment string) bool {
	return slices.ContainsFunc(s.Current, func(d DeploymentState) bool { return d.ID == deployment })
}

// DeploymentState is how far a deployment, or a task set, has come.
type DeploymentState struct {
	ID      string // ecs-svc/…
	Primary bool
	State   timeline.State // in_progress, completed or failed
	// Inferred says that ECS does not say the state: it is read from whether the
	// tasks are steady. One that has completed is not while it is scaled.
	Inferred bool
	Reason   string    // ECS's words for the state
	Created  time.Time // UTC, milliseconds
	Changed  time.Time // into the state, as far as ECS says: its last update
}
