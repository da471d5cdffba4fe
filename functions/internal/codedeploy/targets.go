package codedeploy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// maxTargets is how many one BatchGetDeploymentTargets gives.
const maxTargets = 25

// targeting looks for the targets of one deployment.
type targeting struct {
	client     *codedeploy.Client
	home       home
	deployment types.DeploymentInfo
}

// targets returns the services that the deployment goes to. One that has not
// started has no targets yet: its group knows them.
func (t targeting) targets(ctx context.Context, id string) ([]pipeline.CodeDeployTarget, error) {
	what := "targets of deployment " + id
	ids, err := t.list(ctx, id)
	if code(err) == "DeploymentNotStartedException" {
		return t.intended(ctx)
	}
	if err != nil {
		return nil, translate(what, err)
	}
	var found []pipeline.CodeDeployTarget
	for batch := range slices.Chunk(ids, maxTargets) {
		out, err := t.client.BatchGetDeploymentTargets(ctx, &codedeploy.BatchGetDeploymentTargetsInput{DeploymentId: &id, TargetIds: batch})
		if err != nil {
			return nil, translate(what, err)
		}
		for _, target := range out.DeploymentTargets {
			if target.EcsTarget == nil {
				continue // one of CloudFormation, which names no service
			}
			deployment, err := t.target(*target.EcsTarget)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", what, err)
			}
			found = append(found, deployment)
		}
	}
	return found, nil
}

// list is
// https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_ListDeploymentTargets.html.
func (t targeting) list(ctx context.Context, id string) (ids []string, err error) {
	in := codedeploy.ListDeploymentTargetsInput{DeploymentId: &id}
	for {
		out, err := t.client.ListDeploymentTargets(ctx, &in)
		if err != nil {
			return nil, err
		}
		ids = append(ids, out.TargetIds...)
		if aws.ToString(out.NextToken) == "" {
			return ids, nil
		}
		in.NextToken = out.NextToken
	}
}

// intended returns the services that the deployment's group deploys to,
// https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_GetDeploymentGroup.html.
func (t targeting) intended(ctx context.Context) (targets []pipeline.CodeDeployTarget, err error) {
	application, group := t.deployment.ApplicationName, t.deployment.DeploymentGroupName
	out, err := t.client.GetDeploymentGroup(ctx, &codedeploy.GetDeploymentGroupInput{ApplicationName: application, DeploymentGroupName: group})
	if err != nil {
		return nil, translate("deployment group "+aws.ToString(application)+"/"+aws.ToString(group), err)
	}
	if out.DeploymentGroupInfo == nil {
		return nil, nil
	}
	for _, s := range out.DeploymentGroupInfo.EcsServices {
		targets = append(targets, pipeline.CodeDeployTarget{Service: t.service(aws.ToString(s.ClusterName), aws.ToString(s.ServiceName))})
	}
	return targets, nil
}

func (t targeting) service(cluster, name string) tagalong.Service {
	return tagalong.Service{Account: t.home.account, Region: t.home.region, Cluster: cluster, Name: name}
}

// target reads a target, whose id is CLUSTER:SERVICE.
func (t targeting) target(target types.ECSTarget) (pipeline.CodeDeployTarget, error) {
	id := aws.ToString(target.TargetId)
	cluster, service, ok := strings.Cut(id, ":")
	if !ok || cluster == "" || service == "" {
		return pipeline.CodeDeployTarget{}, fmt.Errorf("target id %q: want CLUSTER:SERVICE", id)
	}
	return pipeline.CodeDeployTarget{Service: t.service(cluster, service), TaskSet: t.put(target.TaskSetsInfo)}, nil
}

// put returns the task set that the deployment puts in place: once it has succeeded the
// one with the traffic. Where none is shown with it any more, as behind a newer
// deployment, it was the replacement; of a rollback that is not known.
func (t targeting) put(sets []types.ECSTaskSet) string {
	if t.deployment.Status != types.DeploymentStatusSucceeded {
		return replacement(sets)
	}
	if set := primary(sets); set != "" || t.deployment.Creator == types.DeploymentCreatorCodeDeployRollback {
		return set
	}
	return replacement(sets)
}

// primary returns the task set that has the traffic. A rollback may have given it
// back to the original, and then has no other.
func primary(sets []types.ECSTaskSet) string {
	return first(sets, func(set types.ECSTaskSet) bool { return aws.ToString(set.Status) == "PRIMARY" })
}

// replacement returns the task set that the deployment made. It is not told by its
// status: it may be PRIMARY while the original still waits for its end.
func replacement(sets []types.ECSTaskSet) string {
	own := first(sets, func(set types.ECSTaskSet) bool { return set.TaskSetLabel == types.TargetLabelGreen })
	if own != "" || len(sets) != 2 {
		return own
	}
	if i := slices.IndexFunc(sets, isOriginal); i >= 0 {
		return aws.ToString(sets[1-i].Identifer)
	}
	return ""
}

func isOriginal(set types.ECSTaskSet) bool { return set.TaskSetLabel == types.TargetLabelBlue }

func first(sets []types.ECSTaskSet, is func(types.ECSTaskSet) bool) string {
	i := slices.IndexFunc(sets, is)
	if i < 0 {
		return ""
	}
	return aws.ToString(sets[i].Identifer)
}
