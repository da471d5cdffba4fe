package dynamo

import (
	"context"
	"iter"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const outbox = "OUT"

// finishedKey begins with the time, so that the outbox is emptied in the order in which
// it was filled. A rollout may come to end otherwise before that.
func finishedKey(e ledger.FinishedRollout) key {
	return key{outbox, strings.Join([]string{
		formatTime(e.RecordedAt), e.Service.String(), formatTime(e.SortTime()), e.Deployment, string(e.State), formatTime(e.FinishedAt),
	}, "#")}
}

// finishedItem is a finished rollout that the event bus has not accepted yet:
//
//	{
//	  "containers": [
//	    {
//	      "digest": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	      "evidence": "revision",
//	      "imageTag": "build-42",
//	      "name": "checkout-api",
//	      "read": true,
//	      "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	      "repository": "checkout-api"
//	    }
//	  ],
//	  "deployment": "ecs-svc/7330915268420174663",
//	  "environment": "prod",
//	  "finishSource": "event",
//	  "finishedAt": "2026-03-04T09:18:02.915Z",
//	  "pk": "OUT",
//	  "reason": "ECS deployment ecs-svc/7330915268420174663 completed.",
//	  "recordedAt": "2026-03-04T09:20:01.312Z",
//	  "service": "111122223333/us-east-1/prod-cluster/checkout-api",
//	  "sk": "2026-03-04T09:20:01.312Z#111122223333/us-east-1/prod-cluster/checkout-api#2026-03-04T09:15:02.318Z#ecs-svc/7330915268420174663#completed#2026-03-04T09:18:02.915Z",
//	  "startSource": "event",
//	  "startedAt": "2026-03-04T09:15:02.318Z",
//	  "state": "completed",
//	  "taskDefinition": "arn:aws:ecs:us-east-1:111122223333:task-definition/checkout-api:2"
//	}
type finishedItem struct {
	key
	Service string `dynamodbav:"service"`
	courseItem
	detailsItem
	RolledBack string `dynamodbav:"rolledBack,omitempty"`
	RecordedAt string `dynamodbav:"recordedAt"`
}

func toFinished(e ledger.FinishedRollout) finishedItem {
	return finishedItem{
		key:         finishedKey(e),
		Service:     e.Service.String(),
		courseItem:  toCourse(e.Rollout),
		detailsItem: toDetails(e.Details),
		RolledBack:  e.RolledBack,
		RecordedAt:  formatTime(e.RecordedAt),
	}
}

func (i finishedItem) finished() (ledger.FinishedRollout, error) {
	s, err := tagalong.ParseService(i.Service)
	return ledger.FinishedRollout{
		Row:        ledger.Row{Service: s, Rollout: i.rollout(), Details: i.details()},
		RolledBack: i.RolledBack,
		RecordedAt: parseTime(i.RecordedAt),
	}, err
}

// putFinished needs no condition: the head guards what a service's rollouts announce.
func putFinished(e ledger.FinishedRollout) write { return put(toFinished(e)) }

// Unannounced reads the outbox forward.
func (l *Ledger) Unannounced(ctx context.Context, before time.Time) iter.Seq2[ledger.FinishedRollout, error] {
	return decoded(l.query(ctx, query{pk: outbox, from: beforeAll, to: formatTime(before)}), finishedItem.finished)
}

// Announced deletes what was announced, one after the other: an event has one, or two.
func (l *Ledger) Announced(ctx context.Context, finished []ledger.FinishedRollout) error {
	for _, e := range finished {
		if err := l.delete(ctx, finishedKey(e)); err != nil {
			return err
		}
	}
	return nil
}
