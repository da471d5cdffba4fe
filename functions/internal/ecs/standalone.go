package ecs

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// StandaloneTasks implements sweep.Inventory. ECS lists the tasks of services among them, and
// has no filter that leaves them out.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
func (e *Inventory) StandaloneTasks(ctx context.Context, s tagalong.Scope, cluster string) (tasks []sweep.StandaloneTask, err error) {
	client, err := e.client(ctx, homeOfScope(s))
	if err != nil {
		return nil, err
	}
	what := "tasks of " + s.String() + "/" + cluster
	var arns []string
	pager := ecs.NewListTasksPaginator(client, &ecs.ListTasksInput{Cluster: &cluster, MaxResults: aws.Int32(maxTasks)})
	for pager.HasMorePages() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, translate(what, err)
		}
		arns = append(arns, page.TaskArns...)
	}
	var mu sync.Mutex
	batches := slices.Collect(slices.Chunk(arns, maxTasks))
	err = sideBySide(ctx, len(batches), func(ctx context.Context, i int) error {
		out, err := client.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &cluster, Tasks: batches[i]})
		if err != nil {
			return translate(what, err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, task := range out.Tasks { // one that has vanished meanwhile is a failure of the reply
			if standalone(task) {
				tasks = append(tasks, standaloneTask(s, cluster, task))
			}
		}
		return nil
	})
	return tasks, err
}

// standalone reports whether a task that has begun is no service's.
func standalone(task types.Task) bool {
	return !strings.HasPrefix(aws.ToString(task.Group), "service:") && task.StartedAt != nil && task.StoppedAt == nil
}

func standaloneTask(s tagalong.Scope, cluster string, task types.Task) sweep.StandaloneTask {
	return sweep.StandaloneTask{
		Family:     tagalong.TaskFamily(s, cluster, tagalong.FamilyOf(aws.ToString(task.TaskDefinitionArn))),
		ID:         tagalong.NameOf(aws.ToString(task.TaskArn)),
		Containers: runOf(task).Containers,
		Started:    aws.ToTime(task.StartedAt).UTC(),
	}
}
