package dynamo

import (
	"context"
	"iter"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
)

const prefixPast = "GONE#"

func pastKey(g ledger.PastRecord) key {
	return key{environmentPK(g.Environment), prefixPast + formatTime(g.Until) + "#" + g.Service.String()}
}

// pastItem is what a service ran last in an environment that it has left:
//
//	{
//	  "completeSince": "2026-03-04T08:31:00.000Z",
//	  "containers": [
//	    {
//	      "digest": "sha256:a5922a28816c1d5343caaf7646f78a2124344dc3004bf2357f4dcebbf5b4b867",
//	      "evidence": "revision",
//	      "imageTag": "build-7",
//	      "name": "cart",
//	      "read": true,
//	      "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	      "repository": "cart"
//	    }
//	  ],
//	  "deployment": "ecs-svc/1048576000000000001",
//	  "pk": "ENV#prod",
//	  "since": "2026-03-04T08:31:00.000Z",
//	  "sk": "GONE#2026-03-04T09:30:00.000Z#111122223333/us-east-1/prod-cluster/cart",
//	  "taskDefinition": "arn:aws:ecs:us-east-1:111122223333:task-definition/cart:1",
//	  "until": "2026-03-04T09:30:00.000Z"
//	}
type pastItem struct {
	runningItem
	Until   string `dynamodbav:"until"`
	Expires int64  `dynamodbav:"expires,omitempty"`
}

func toPast(g ledger.PastRecord) pastItem {
	return pastItem{toRunning(g.RunningRecord, pastKey(g)), formatTime(g.Until), epoch(g.Expires)}
}

func (i pastItem) past() (ledger.PastRecord, error) {
	m, err := i.record()
	return ledger.PastRecord{RunningRecord: m, Until: parseTime(i.Until), Expires: fromEpoch(i.Expires)}, err
}

// putPast and dropPast need no condition: the head guards a service's past records.
func putPast(g ledger.PastRecord) write { return put(toPast(g)) }

func dropPast(g ledger.PastRecord) write { return remove(pastKey(g)) }

// PastRecords reads what left an environment later: its keys begin with that time.
func (l *Ledger) PastRecords(ctx context.Context, environment string, after time.Time) iter.Seq2[ledger.PastRecord, error] {
	q := under(environmentPK(environment), prefixPast)
	q.from = prefixPast + formatTime(ceil(after.Add(time.Nanosecond)))
	q.eventual = true
	return decoded(l.query(ctx, q), pastItem.past)
}
