package dynamo

import (
	"context"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// prefixNow begins the sort keys of what runs: in an environment, and in a repository.
const prefixNow = "NOW#"

func environmentPK(name string) string { return "ENV#" + name }

func runningKey(s tagalong.Service, environment string) key {
	return key{environmentPK(environment), prefixNow + s.String()}
}

// runningItem is what runs of a service, in its environment:
//
//	{
//	  "completeSince": "2026-03-04T08:02:11.480Z",
//	  "containers": [
//	    {
//	      "digest": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	      "evidence": "revision",
//	      "imageTag": "build-42",
//	      "name": "checkout-api",
//	      "read": true,
//	      "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	      "repository": "checkout-api",
//	      "tags": [
//	        "prod"
//	      ]
//	    }
//	  ],
//	  "deployment": "ecs-svc/7330915268420174663",
//	  "pk": "ENV#prod",
//	  "since": "2026-03-04T09:18:02.915Z",
//	  "sk": "NOW#111122223333/us-east-1/prod-cluster/checkout-api",
//	  "taskDefinition": "arn:aws:ecs:us-east-1:111122223333:task-definition/checkout-api:2"
//	}
type runningItem struct {
	key
	Deployment     string          `dynamodbav:"deployment"`
	TaskDefinition string          `dynamodbav:"taskDefinition,omitempty"`
	Since          string          `dynamodbav:"since"`
	RollingOut     string          `dynamodbav:"rollingOut,omitempty"`
	Release        *releaseItem    `dynamodbav:"release,omitempty"`
	Rollback       bool            `dynamodbav:"rollback,omitempty"`
	Containers     []containerItem `dynamodbav:"containers"`
	Joined         string          `dynamodbav:"joined,omitempty"`
	CompleteSince  string          `dynamodbav:"completeSince,omitempty"`
}

func toRunning(m ledger.RunningRecord, k key) runningItem {
	return runningItem{
		key:            k,
		Deployment:     m.Deployment,
		TaskDefinition: m.TaskDefinition,
		Since:          formatTime(m.Since),
		RollingOut:     m.RollingOut,
		Release:        toRelease(m.Release),
		Rollback:       m.Rollback,
		Containers:     all(m.Containers, toPlaced),
		Joined:         formatTime(m.Joined),
		CompleteSince:  formatTime(m.CompleteSince),
	}
}

// record reads service and environment from the key: the sort key ends with the service.
func (i runningItem) record() (ledger.RunningRecord, error) {
	s, err := tagalong.ParseService(i.SK[strings.LastIndexByte(i.SK, '#')+1:])
	return ledger.RunningRecord{
		Service:        s,
		Environment:    strings.TrimPrefix(i.PK, environmentPK("")),
		Deployment:     i.Deployment,
		TaskDefinition: i.TaskDefinition,
		Since:          parseTime(i.Since),
		RollingOut:     i.RollingOut,
		Release:        i.Release.release(),
		Rollback:       i.Rollback,
		Containers:     all(i.Containers, containerItem.placed),
		Joined:         parseTime(i.Joined),
		CompleteSince:  parseTime(i.CompleteSince),
	}, err
}

// putRunning and dropRunning need no condition: the head guards a service's running record.
func putRunning(m ledger.RunningRecord) write {
	return put(toRunning(m, runningKey(m.Service, m.Environment)))
}

func dropRunning(s tagalong.Service, environment string) write {
	return remove(runningKey(s, environment))
}

func runningIn(environment string) query {
	q := under(environmentPK(environment), prefixNow)
	q.eventual = true
	return q
}

// RunningRecords reads what runs in an environment.
func (l *Ledger) RunningRecords(ctx context.Context, environment string, from tagalong.Service, hint int) iter.Seq2[ledger.RunningRecord, error] {
	q := runningIn(environment)
	q.limit = page(hint)
	if from != (tagalong.Service{}) {
		q.from = prefixNow + from.String()
	}
	return decoded(l.query(ctx, q), runningItem.record)
}

// CountRunning reads the sort keys alone: the items need not travel.
func (l *Ledger) CountRunning(ctx context.Context, environment string) (map[tagalong.Kind]int, error) {
	in := l.input(runningIn(environment))
	in.ProjectionExpression = aws.String("#s")
	count := map[tagalong.Kind]int{}
	for pages := dynamodb.NewQueryPaginator(l.client, in); pages.HasMorePages(); {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return nil, l.translate("counting", err)
		}
		for _, i := range out.Items {
			s, err := tagalong.ParseService(strings.TrimPrefix(textOf(i, "sk"), prefixNow))
			if err != nil {
				return nil, err
			}
			count[s.Kind()]++
		}
	}
	return count, nil
}
