package ecs

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const (
	maxRecords   = 100 // of one page of ListServiceDeployments
	maxDescribed = 20  // of one DescribeServiceDeployments
)

// ServiceDeployments implements pipeline.DeploymentHistory. A list has all of it but
// where a rollback goes and, perhaps, when one ended: only those are described.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServiceDeployments.html
func (w *Workload) ServiceDeployments(ctx context.Context, s tagalong.Service, since time.Time) ([]pipeline.ServiceDeployment, error) {
	client, err := w.clientOf(ctx, s)
	if err != nil {
		return nil, err
	}
	what := "service deployments of " + s.String()
	briefs, err := listRecords(ctx, client, s, since)
	if _, none := errors.AsType[*types.UnsupportedFeatureException](err); none {
		return nil, nil // ECS keeps no such records there
	}
	if err != nil {
		return nil, translate(what, err)
	}
	described := described{}
	for batch := range slices.Chunk(unclear(briefs), maxDescribed) {
		if err := described.read(ctx, client, batch); err != nil {
			return nil, translate(what, err)
		}
	}
	return described.records(s, briefs), nil
}

// listRecords returns the records of a service that were created at a time or later. ECS takes the time
// to the millisecond, keeps its own finer, and leaves out what was created at
// exactly that time.
func listRecords(ctx context.Context, client *ecs.Client, s tagalong.Service, since time.Time) (briefs []types.ServiceDeploymentBrief, err error) {
	since = since.Truncate(time.Millisecond)
	in := ecs.ListServiceDeploymentsInput{Service: &s.Name, Cluster: &s.Cluster, MaxResults: aws.Int32(maxRecords)}
	if !since.IsZero() {
		in.CreatedAt = &types.CreatedAt{After: aws.Time(since.Add(-time.Millisecond))}
	}
	for {
		out, err := client.ListServiceDeployments(ctx, &in)
		if err != nil {
			return nil, err
		}
		briefs = append(briefs, out.ServiceDeployments...)
		if aws.ToString(out.NextToken) == "" {
			break
		}
		in.NextToken = out.NextToken
	}
	return slices.DeleteFunc(briefs, func(b types.ServiceDeploymentBrief) bool { return instant(b.CreatedAt).Before(since) }), nil
}

// unclear returns the ARNs of those records that may have a rollback, whose status is
// one of a rollback or that were stopped, perhaps while they rolled back; and of those
// that have ended nobody says when.
func unclear(briefs []types.ServiceDeploymentBrief) (arns []string) {
	for _, brief := range briefs {
		rollback := strings.HasPrefix(string(brief.Status), "ROLLBACK_") || brief.Status == types.ServiceDeploymentStatusStopped
		if rollback || over(brief.Status) && brief.FinishedAt == nil {
			arns = append(arns, aws.ToString(brief.ServiceDeploymentArn))
		}
	}
	return arns
}

// over reports whether a service deployment of a status has ended. What is asked to stop
// or to roll back has not, and may still be successful.
func over(status types.ServiceDeploymentStatus) bool {
	switch status {
	case types.ServiceDeploymentStatusSuccessful, types.ServiceDeploymentStatusStopped,
		types.ServiceDeploymentStatusRollbackSuccessful, types.ServiceDeploymentStatusRollbackFailed:
		return true
	}
	return false
}

// described are service deployments, by ARN. One that has been forgotten since it was
// listed is missing.
type described map[string]types.ServiceDeployment

// read reads at most maxDescribed service deployments.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceDeployments.html
func (r described) read(ctx context.Context, client *ecs.Client, arns []string) error {
	out, err := client.DescribeServiceDeployments(ctx, &ecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: arns})
	if err != nil {
		return err
	}
	for _, d := range out.ServiceDeployments {
		r[aws.ToString(d.ServiceDeploymentArn)] = d
	}
	return nil
}

// records reads what was listed of a service. A record of a revision that is not the
// service's own is none of its deployments.
func (r described) records(s tagalong.Service, briefs []types.ServiceDeploymentBrief) (records []pipeline.ServiceDeployment) {
	for _, brief := range briefs {
		if deployment, ok := deploymentOf(s, aws.ToString(brief.TargetServiceRevisionArn)); ok {
			records = append(records, record(s, deployment, brief, r[aws.ToString(brief.ServiceDeploymentArn)]))
		}
	}
	return records
}

// record takes createdAt, and not startedAt, for when the rollout began: it is
// what ECS lists by, it is there while the record is PENDING, too, and the
// IN_PROGRESS event's own time is close to it.
//
// Whether one that was stopped has finishedAt AWS does not say, and the list has no
// other time of its end.
func record(s tagalong.Service, deployment string, brief types.ServiceDeploymentBrief, d types.ServiceDeployment) pipeline.ServiceDeployment {
	record := pipeline.ServiceDeployment{
		Deployment: deployment, Status: string(brief.Status), Reason: aws.ToString(brief.StatusReason), CreatedAt: instant(brief.CreatedAt),
	}
	if over(brief.Status) {
		record.FinishedAt = instant(cmp.Or(brief.FinishedAt, d.FinishedAt, d.StoppedAt, d.UpdatedAt))
	}
	if d.Rollback == nil {
		return record
	}
	if to, ok := deploymentOf(s, aws.ToString(d.Rollback.ServiceRevisionArn)); ok {
		record.RolledBackTo, record.RolledBackAt = to, instant(d.Rollback.StartedAt)
	}
	return record
}

// instant is a time as the core has it, UTC and to the millisecond; one that is
// not there is zero.
func instant(t *time.Time) time.Time { return aws.ToTime(t).UTC().Truncate(time.Millisecond) }
