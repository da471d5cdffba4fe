// Package codedeploy is the core's CodeDeploy in AWS CodeDeploy: it finds the
// services that a deployment goes to, and the task sets that it puts in place.
package codedeploy

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/tagalong-aws/tagalong/functions/internal/clients"
	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
)

// CodeDeploy is all of CodeDeploy that the configurations reach. It is safe for
// concurrent use.
type CodeDeploy struct {
	clients *clients.Clients[codedeploy.Client]
}

// home is where a deployment lives.
type home struct{ account, region string }

var _ pipeline.CodeDeploy = (*CodeDeploy)(nil)

// New makes a CodeDeploy; clients are made when they are first needed.
func New(configs clients.Configs) *CodeDeploy {
	return &CodeDeploy{clients.New(configs, codedeploy.NewFromConfig)}
}

// Deployment implements pipeline.CodeDeploy with
// https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_GetDeployment.html.
// Of one that does not deploy to ECS nothing more is asked.
func (c *CodeDeploy) Deployment(ctx context.Context, account, region, id string) (pipeline.CodeDeployDeployment, error) {
	client, err := c.clients.Of(ctx, account, region)
	if err != nil {
		return pipeline.CodeDeployDeployment{}, err
	}
	what := "deployment " + id
	out, err := client.GetDeployment(ctx, &codedeploy.GetDeploymentInput{DeploymentId: &id})
	if err != nil {
		return pipeline.CodeDeployDeployment{}, translate(what, err)
	}
	if out.DeploymentInfo == nil {
		return pipeline.CodeDeployDeployment{}, absent(what)
	}
	deployment := deploymentOf(id, *out.DeploymentInfo)
	if out.DeploymentInfo.ComputePlatform != types.ComputePlatformEcs {
		return deployment, nil
	}
	deployment.Targets, err = targeting{client, home{account, region}, *out.DeploymentInfo}.targets(ctx, id)
	return deployment, err
}

func deploymentOf(id string, info types.DeploymentInfo) pipeline.CodeDeployDeployment {
	deployment := pipeline.CodeDeployDeployment{
		ID: id, State: stateOf(info.Status), CreatedAt: instant(info.CreateTime),
		Rollback: info.Creator == types.DeploymentCreatorCodeDeployRollback,
	}
	if deployment.State != pipeline.CodeDeployInProgress {
		deployment.EndedAt = instant(info.CompleteTime)
	}
	if info.ErrorInformation != nil {
		deployment.Reason = aws.ToString(info.ErrorInformation.Message)
	}
	return deployment
}

func stateOf(status types.DeploymentStatus) pipeline.CodeDeployState {
	switch status {
	case types.DeploymentStatusSucceeded:
		return pipeline.CodeDeploySucceeded
	case types.DeploymentStatusFailed:
		return pipeline.CodeDeployFailed
	case types.DeploymentStatusStopped:
		return pipeline.CodeDeployStopped
	}
	return pipeline.CodeDeployInProgress
}

// instant is a time as the core has it, UTC and to the millisecond; one that is
// not there is zero.
func instant(t *time.Time) time.Time { return aws.ToTime(t).UTC().Truncate(time.Millisecond) }

// Deployments implements pipeline.CodeDeploy with
// https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_ListDeployments.html.
// Nowhere is it written whether the ends of a range belong to it: a millisecond
// more on both sides has them in it, and perhaps a deployment that was created in
// that millisecond.
func (c *CodeDeploy) Deployments(ctx context.Context, account, region, application, group string, from, to time.Time) ([]string, error) {
	client, err := c.clients.Of(ctx, account, region)
	if err != nil {
		return nil, err
	}
	from, to = from.Truncate(time.Millisecond).Add(-time.Millisecond), to.Truncate(time.Millisecond).Add(time.Millisecond)
	pager := codedeploy.NewListDeploymentsPaginator(client, &codedeploy.ListDeploymentsInput{
		ApplicationName: &application, DeploymentGroupName: &group,
		CreateTimeRange: &types.TimeRange{Start: &from, End: &to},
	})
	var ids []string
	for pager.HasMorePages() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, translate("deployments of group "+application+"/"+group, err)
		}
		ids = append(ids, page.Deployments...)
	}
	return ids, nil
}
