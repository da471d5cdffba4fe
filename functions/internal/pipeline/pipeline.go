package pipeline

import (
	"context"
	"errors"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Errors that Pipelines, CodeDeploy and Jobs give. Everything else is a failure to be
// tried again; ErrElsewhere says what it says of a Workload.
var (
	// ErrNoExecution says that CodePipeline does not know it (yet): right after an
	// event its API may lag behind.
	ErrNoExecution = errors.New("not found in CodePipeline")
	// ErrNoCodeDeployDeployment says that CodeDeploy does not know it.
	ErrNoCodeDeployDeployment = errors.New("not found in CodeDeploy")
)

// Pipelines is CodePipeline, as far as releases go.
type Pipelines interface {
	// Execution reads what began an execution, and with which sources. ErrNoExecution
	// is an answer.
	Execution(ctx context.Context, p tagalong.Pipeline, execution string) (tagalong.Execution, error)
	// Actions reads all runs of all actions of an execution, those of earlier
	// attempts too, in no order. None is an answer, as is ErrNoExecution.
	Actions(ctx context.Context, p tagalong.Pipeline, execution string) ([]Action, error)
}

// ActionStatus is how far a run of an action came, as the API spells it.
type ActionStatus string

// The states of an action's run.
const (
	ActionInProgress ActionStatus = "InProgress"
	ActionSucceeded  ActionStatus = "Succeeded"
	ActionFailed     ActionStatus = "Failed"
	ActionAbandoned  ActionStatus = "Abandoned"
)

// Action is one run of an action,
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionExecutionDetail.html.
type Action struct {
	ID        string // of this run, a UUID
	Stage     string
	Name      string
	Category  string // Source, Build, Deploy, Invoke, …
	Provider  string // ECS, CodeDeployToECS, Lambda, …
	Status    ActionStatus
	StartedAt time.Time // UTC, milliseconds
	UpdatedAt time.Time // of its last change: the end, once it has ended
	// Account and Region are those that the action acts in: its role's account, else
	// the pipeline's; its own Region, else the pipeline's.
	Account string
	Region  string
	// Configuration has its variables resolved.
	Configuration map[string]string
	// External is the provider's own name of the work: of CodeDeployToECS the id of
	// CodeDeploy's deployment, of others nothing to build on.
	External string
	// Variables are what it gave to the actions after it.
	Variables map[string]string
	// Images are, of an action that deploys, the images that those before it took: see Build.
	Images string
}

// CodeDeploy deploys to ECS services whose controller is CODE_DEPLOY: such a
// service has task sets instead of deployments, and ECS sends no events of them.
type CodeDeploy interface {
	// Deployment reads one of CodeDeploy's deployments. ErrNoCodeDeployDeployment is an answer.
	Deployment(ctx context.Context, account, region, id string) (CodeDeployDeployment, error)
	// Deployments returns the ids of the deployments of a deployment group that were created
	// from a time to another, both inclusive, in no order. ErrNoCodeDeployDeployment says that there
	// is no such group.
	Deployments(ctx context.Context, account, region, application, group string, from, to time.Time) ([]string, error)
}

// CodeDeployDeployment is a deployment of CodeDeploy to ECS: it puts a task set in place of
// another one,
// https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentInfo.html.
type CodeDeployDeployment struct {
	ID        string
	State     CodeDeployState
	CreatedAt time.Time // UTC, milliseconds
	EndedAt   time.Time // zero while it is in progress
	Rollback  bool      // CodeDeploy made it to roll another one back
	Reason    string    // why it failed, "" if it did not
	// Targets are the services that it deploys to: none if it does not deploy to ECS.
	Targets []CodeDeployTarget
}

// CodeDeployTarget is a service that CodeDeploy deploys to.
type CodeDeployTarget struct {
	Service tagalong.Service
	// TaskSet is the id (ecs-svc/…) of the task set that the deployment puts in
	// place: once it has succeeded the PRIMARY one, before that its own. "" while
	// there is none.
	TaskSet string
}

// CodeDeployState is how far a CodeDeployDeployment came.
type CodeDeployState string

// The states of a CodeDeployDeployment.
const (
	CodeDeployInProgress CodeDeployState = "in_progress" // created, queued, in progress, baking or ready
	CodeDeploySucceeded  CodeDeployState = "succeeded"
	CodeDeployFailed     CodeDeployState = "failed"
	CodeDeployStopped    CodeDeployState = "stopped"
)

// DeploymentHistory is what ECS itself remembers of a service's deployments.
type DeploymentHistory interface {
	// ServiceDeployments returns the service deployments that were created at a time or
	// later, in no order. ECS keeps them for 90 days. ErrNotFound, ErrDenied and
	// ErrElsewhere are answers, and none is what there is of a service whose
	// controller is not ECS.
	ServiceDeployments(ctx context.Context, s tagalong.Service, since time.Time) ([]ServiceDeployment, error)
}

// ServiceDeployment is ECS's record of a deployment with its rollback,
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html.
type ServiceDeployment struct {
	Deployment string    // that it works towards, ecs-svc/…
	Status     string    // as ECS spells it: IN_PROGRESS, SUCCESSFUL, ROLLBACK_SUCCESSFUL, …
	Reason     string    // of its status
	CreatedAt  time.Time // UTC, milliseconds
	FinishedAt time.Time // zero while it is in progress
	// RolledBackTo is the deployment (ecs-svc/…) that it rolls or rolled back to, ""
	// if it does not; RolledBackAt is when that began.
	RolledBackTo string
	RolledBackAt time.Time
}
