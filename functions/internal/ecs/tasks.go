package ecs

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const (
	maxTasks        = 100 // of one DescribeTasks, and of one page of ListTasks
	maxStoppedPages = 5   // a service in a crash loop leaves hundreds of stopped tasks
)

// Tasks implements tagalong.Workload. Running tasks are found by the deployment
// that started them, which ECS takes as the only filter. A failed or replaced
// deployment has none, or none that knows its images; but for about an hour ECS
// still knows the tasks that were stopped. It lists those by service, and they
// themselves say which deployment started them. Whoever runs a task by itself may name
// any deployment as its startedBy, but not the service as its group.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
func (w *Workload) Tasks(ctx context.Context, s tagalong.Service, deployment string) ([]tagalong.TaskRun, error) {
	client, err := w.clientOf(ctx, s)
	if err != nil {
		return nil, err
	}
	if _, ok := deploymentNumber(deployment); !ok {
		return nil, nil // no task names such a deployment
	}
	l := listing{client: client, service: s, deployment: deployment}
	running, err := l.runs(ctx, ecs.ListTasksInput{StartedBy: &deployment}, 0)
	if err != nil || slices.ContainsFunc(running, reports) {
		return running, ignoreAbsence(err)
	}
	stopped, err := l.runs(ctx, ecs.ListTasksInput{ServiceName: &s.Name, DesiredStatus: types.DesiredStatusStopped}, maxStoppedPages)
	return append(running, stopped...), ignoreAbsence(err)
}

// reports reports whether a task knows the digest of any of its images.
func reports(run tagalong.TaskRun) bool {
	return slices.ContainsFunc(run.Containers, func(r tagalong.Ran) bool { return r.Digest != "" })
}

// listing lists the tasks of one deployment.
type listing struct {
	client     *ecs.Client
	service    tagalong.Service
	deployment string
}

// runs returns the deployment's tasks among those that a list names; pages bounds
// the list, 0 does not.
func (l listing) runs(ctx context.Context, in ecs.ListTasksInput, pages int) (runs []tagalong.TaskRun, err error) {
	in.Cluster, in.MaxResults = &l.service.Cluster, aws.Int32(maxTasks)
	pager := ecs.NewListTasksPaginator(l.client, &in)
	for n := 0; pager.HasMorePages() && (pages == 0 || n < pages); n++ {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, translate("tasks of service "+l.service.String(), err)
		}
		described, err := l.describe(ctx, page.TaskArns)
		if err != nil {
			return nil, err
		}
		runs = append(runs, described...)
	}
	return runs, nil
}

// describe reads tasks. Those that have vanished since they were listed are
// failures of the reply, and left out.
func (l listing) describe(ctx context.Context, arns []string) (runs []tagalong.TaskRun, err error) {
	if len(arns) == 0 {
		return nil, nil
	}
	out, err := l.client.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &l.service.Cluster, Tasks: arns})
	if err != nil {
		return nil, translate("tasks of service "+l.service.String(), err)
	}
	for _, task := range out.Tasks {
		if aws.ToString(task.StartedBy) == l.deployment && aws.ToString(task.Group) == "service:"+l.service.Name {
			runs = append(runs, runOf(task))
		}
	}
	return runs, nil
}

func runOf(task types.Task) tagalong.TaskRun {
	run := tagalong.TaskRun{TaskDefinition: aws.ToString(task.TaskDefinitionArn)}
	for _, c := range task.Containers {
		run.Containers = append(run.Containers, tagalong.Ran{
			Name:   aws.ToString(c.Name),
			Image:  aws.ToString(c.Image),
			Digest: digestOf(c.ImageDigest),
		})
	}
	return run
}
