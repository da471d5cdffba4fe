package reactor

import (
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// What Tagalong's own events are known by.
const (
	RolloutRecordedType = "Tagalong Rollout Recorded"
)

// RolloutRecorded is the detail of "Tagalong Rollout Recorded": a rollout has
// completed or failed, as the ledger has it. A rollback that completed is one with
// rollback true, and names in rolledBack the deployment that it took back. The
// event's time is finishedAt, its resource the service. Texts are empty and times
// null where nothing is known:
//
//	{
//	  "environment": "prod",
//	  "kind": "service",
//	  "account": "111122223333",
//	  "region": "us-east-1",
//	  "cluster": "prod-cluster",
//	  "service": "checkout-api",
//	  "deployment": "ecs-svc/7330915268420174663",
//	  "taskDefinition": "arn:aws:ecs:us-east-1:111122223333:task-definition/checkout-api:2",
//	  "state": "completed",
//	  "startedAt": "2026-03-04T09:15:02.318Z",
//	  "finishedAt": "2026-03-04T09:18:02.915Z",
//	  "until": null,
//	  "rollback": true,
//	  "reason": "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/7330915268420174663.",
//	  "containers": [
//	    {
//	      "container": "checkout-api",
//	      "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	      "repository": "checkout-api",
//	      "digest": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	      "index": "",
//	      "imageTag": "build-42",
//	      "evidence": "revision"
//	    }
//	  ],
//	  "release": {
//	    "pipeline": "checkout-release",
//	    "execution": "3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38",
//	    "stage": "DeployProd",
//	    "commit": "4f2a9c1be07d5836a1c4e9f20b7d6658c3a1f0e2"
//	  },
//	  "rolledBack": "ecs-svc/8401123456789012345"
//	}
//
// Each rollout is announced once in each state that it ends in, at least: a handler
// that dies, or a bus that answers late, may make it twice. What becomes known of it
// later, such as its start, a better time or a release, is not announced again.
type RolloutRecorded struct {
	ledger.HistoryRow
	RolledBack string `json:"rolledBack"`
}

// RolloutEvent returns the event that says how a rollout ended.
func RolloutEvent(e ledger.FinishedRollout) tagalong.Event {
	detail := RolloutRecorded{HistoryRow: e.History(), RolledBack: e.RolledBack}
	detail.Reason = tagalong.Truncate(detail.Reason)
	return tagalong.Event{DetailType: RolloutRecordedType, Time: e.FinishedAt, Resources: []string{e.Service.ARN()}, Detail: tagalong.MustJSON(detail)}
}
