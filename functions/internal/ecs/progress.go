package ecs

import (
	"context"
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Looks implements sweep.Inventory: DescribeServices has said which service deployments are
// under way.
func (e *Inventory) Looks(ctx context.Context, scope tagalong.Scope, services []tagalong.Service) (map[tagalong.Service]tagalong.RolloutLook, error) {
	client, err := e.client(ctx, homeOfScope(scope))
	if err != nil {
		return nil, err
	}
	arns := e.arnsUnderWay(services)
	if len(arns) == 0 {
		return nil, nil
	}
	var wanted []string
	for _, arn := range arns {
		wanted = append(wanted, arn)
	}
	found, _, err := describeRecords(ctx, client, wanted)
	if err != nil {
		return nil, translate("service deployments of "+scope.String(), err)
	}
	looks := map[tagalong.Service]tagalong.RolloutLook{}
	for s, arn := range arns {
		if look, ok := lookOf(s, found[arn]); ok {
			looks[s] = look
		}
	}
	return looks, nil
}

func (e *Inventory) arnsUnderWay(services []tagalong.Service) map[tagalong.Service]string {
	e.mu.Lock()
	defer e.mu.Unlock()
	arns := map[tagalong.Service]string{}
	for _, s := range services {
		if arn := e.underWay[s]; arn != "" {
			arns[s] = arn
		}
	}
	return arns
}

// lookOf reads a service deployment; ok is false if it has ended, or is none of the
// service's own. One that rolls back works towards the revision that comes back.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html
func lookOf(s tagalong.Service, d types.ServiceDeployment) (look tagalong.RolloutLook, ok bool) {
	revisions := d.SourceServiceRevisions
	var towards string
	if d.TargetServiceRevision != nil {
		towards, revisions = aws.ToString(d.TargetServiceRevision.Arn), append(revisions, *d.TargetServiceRevision)
	}
	if d.Rollback != nil {
		towards = aws.ToString(d.Rollback.ServiceRevisionArn)
	}
	look = tagalong.RolloutLook{Stage: string(d.LifecycleStage), Lasts: lasts(d), Updated: instant(d.UpdatedAt)}
	for _, r := range revisions {
		if aws.ToString(r.Arn) == towards {
			look.Weight = r.RequestedProductionTrafficWeight
		}
	}
	look.Waits, look.WaitsUntil = waits(d.LifecycleHookDetails)
	look.Deployment, ok = deploymentOf(s, towards)
	return look, ok && !over(d.Status)
}

// waits reports whether hooks hold a service deployment, and until when at the latest: all
// of them must come to their end.
func waits(hooks []types.DeploymentLifecycleHookDetail) (held bool, until time.Time) {
	endless := false
	for _, hook := range hooks {
		if hook.Status != types.DeploymentLifecycleHookStatusAwaitingAction && hook.Status != types.DeploymentLifecycleHookStatusInProgress {
			continue
		}
		held, endless = true, endless || hook.ExpiresAt == nil
		if ends := instant(hook.ExpiresAt); ends.After(until) {
			until = ends
		}
	}
	if endless {
		return held, time.Time{}
	}
	return held, until
}

// lasts returns how long the stage of a service deployment takes in all by its settings, 0
// if they do not say.
func lasts(d types.ServiceDeployment) time.Duration {
	settings := d.DeploymentConfiguration
	if settings == nil {
		return 0
	}
	switch d.LifecycleStage {
	case types.ServiceDeploymentLifecycleStageBakeTime:
		return minutes(settings.BakeTimeInMinutes)
	case types.ServiceDeploymentLifecycleStageProductionTrafficShift:
		if canary := settings.CanaryConfiguration; canary != nil {
			return minutes(canary.CanaryBakeTimeInMinutes)
		}
		if linear := settings.LinearConfiguration; linear != nil && aws.ToFloat64(linear.StepPercent) > 0 {
			steps := math.Ceil(100 / *linear.StepPercent)
			return time.Duration(steps) * minutes(linear.StepBakeTimeInMinutes)
		}
	}
	return 0
}

func minutes(n *int32) time.Duration { return time.Duration(aws.ToInt32(n)) * time.Minute }
