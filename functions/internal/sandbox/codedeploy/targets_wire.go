package codedeploy

import (
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// wireTaskSet is
// https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_ECSTaskSet.html.
type wireTaskSet struct {
	ID            string  `json:"identifer"` // as AWS misspells it
	Desired       int     `json:"desiredCount"`
	Pending       int     `json:"pendingCount"`
	Running       int     `json:"runningCount"`
	Status        string  `json:"status"`
	TrafficWeight float64 `json:"trafficWeight"`
	Label         string  `json:"taskSetLabel"`
}

// taskSets gives the task sets of a deployment: now, or as they were at its end.
func (d *Deployment) taskSets() []wireTaskSet {
	if !d.completedAt.IsZero() {
		return d.last
	}
	sets := []wireTaskSet{}
	if d.original != nil {
		sets = append(sets, describeTaskSet(d.original, "Blue"))
	}
	if d.replacement != nil {
		sets = append(sets, describeTaskSet(d.replacement, "Green"))
	}
	return sets
}

func describeTaskSet(set *ecs.TaskSet, label string) wireTaskSet {
	state := set.State()
	w := wireTaskSet{
		ID: state.ID, Desired: state.Desired, Pending: state.Pending, Running: state.Running,
		Status: state.Status, Label: label,
	}
	if state.Status == "PRIMARY" {
		w.TrafficWeight = 100
	}
	return w
}

// findStarted gives the deployment that a request names, if it deploys to ECS
// and has begun to.
func (s *Service) findStarted(caller wire.Caller, id string) (*Deployment, error) {
	d, err := s.find(caller, id)
	switch {
	case err != nil:
		return nil, err
	case d.group.target == nil:
		return nil, wire.Errorf("InvalidDeploymentInstanceTypeException", "the targets of deployment %s are no services of ECS, and not known to the sandbox", id)
	case d.startedAt.IsZero():
		return nil, wire.Errorf("DeploymentNotStartedException", "The deployment %s has not started", id)
	}
	return d, nil
}

type listTargetsInput struct {
	ID        string `json:"deploymentId"`
	NextToken string `json:"nextToken"`
}

type listTargetsOutput struct {
	IDs []string `json:"targetIds"`
}

// listDeploymentTargets is
// https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_ListDeploymentTargets.html.
// A deployment to ECS has one target, and so no second page.
func (s *Service) listDeploymentTargets(caller wire.Caller, in listTargetsInput) (listTargetsOutput, error) {
	d, err := s.findStarted(caller, in.ID)
	if err != nil {
		return listTargetsOutput{}, err
	}
	if in.NextToken != "" {
		return listTargetsOutput{}, wire.Errorf("InvalidNextTokenException", "The next token is not one of this list")
	}
	return listTargetsOutput{[]string{d.group.targetID()}}, nil
}

type batchTargetsInput struct {
	ID      string   `json:"deploymentId"`
	Targets []string `json:"targetIds"`
}

type batchTargetsOutput struct {
	Targets []wireTarget `json:"deploymentTargets"`
}

// wireTarget is
// https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentTarget.html.
type wireTarget struct {
	Type string    `json:"deploymentTargetType"`
	ECS  ecsTarget `json:"ecsTarget"`
}

// ecsTarget is
// https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_ECSTarget.html.
type ecsTarget struct {
	Deployment string        `json:"deploymentId"`
	ID         string        `json:"targetId"`
	ARN        string        `json:"targetArn"`
	UpdatedAt  *wire.Time    `json:"lastUpdatedAt"`
	Status     string        `json:"status"`
	TaskSets   []wireTaskSet `json:"taskSetsInfo"`
}

// batchGetDeploymentTargets is
// https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_BatchGetDeploymentTargets.html.
func (s *Service) batchGetDeploymentTargets(caller wire.Caller, in batchTargetsInput) (batchTargetsOutput, error) {
	out := batchTargetsOutput{Targets: []wireTarget{}}
	d, err := s.findStarted(caller, in.ID)
	if err != nil {
		return out, err
	}
	if err := in.check(d.group.targetID()); err != nil {
		return out, err
	}
	for range in.Targets {
		out.Targets = append(out.Targets, d.target())
	}
	return out, nil
}

func (in batchTargetsInput) check(known string) error {
	switch n := len(in.Targets); {
	case n == 0:
		return wire.Errorf("DeploymentTargetIdRequiredException", "At least one deployment target ID must be specified")
	case n > 25:
		return wire.Errorf("DeploymentTargetListSizeExceededException", "At most 25 deployment targets can be asked for, not %d", n)
	}
	for _, target := range in.Targets {
		if cluster, service, ok := strings.Cut(target, ":"); !ok || cluster == "" || service == "" {
			return wire.Errorf("InvalidDeploymentTargetIdException", "The target ID %s is not valid", target)
		}
		if target != known {
			return wire.Errorf("DeploymentTargetDoesNotExistException", "The target %s does not belong to the deployment %s", target, in.ID)
		}
	}
	return nil
}

func (d *Deployment) target() wireTarget {
	status := d.status
	if status == stopped { // which no target's status is
		status = failed
	}
	return wireTarget{"ECSTarget", ecsTarget{
		Deployment: d.id, ID: d.group.targetID(), ARN: d.group.target.ARN(),
		UpdatedAt: wire.At(d.updatedAt), Status: status, TaskSets: d.taskSets(),
	}}
}
