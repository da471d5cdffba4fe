package reactor

import (
	"fmt"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// What Tagalong's own events are known by.
const (
	RolloutRecordedType   = "Tagalong Rollout Recorded"
	ContainerRecordedType = "Tagalong Container Recorded"
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
//	  "rolledBack": "ecs-svc/8401123456789012345",
//	  "summary": "prod: rollback of prod-cluster/checkout-api completed with checkout-api:build-42 (ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/7330915268420174663.)"
//	}
//
// Each rollout is announced once in each state that it ends in, at least: a handler
// that dies, or a bus that answers late, may make it twice. What becomes known of it
// later, such as its start, a better time or a release, is not announced again.
type RolloutRecorded struct {
	ledger.HistoryRow
	RolledBack string `json:"rolledBack"`
	Summary    string `json:"summary"` // a sentence for chat, of plain characters
}

// RolloutEvent returns the event that says how a rollout ended.
func RolloutEvent(e ledger.FinishedRollout) tagalong.Event {
	detail := RolloutRecorded{HistoryRow: e.History(), RolledBack: e.RolledBack, Summary: summary(e)}
	detail.Reason = tagalong.Truncate(detail.Reason)
	return tagalong.Event{DetailType: RolloutRecordedType, Time: e.FinishedAt, Resources: []string{e.Service.ARN()}, Detail: tagalong.MustJSON(detail)}
}

// summary says how a rollout ended.
func summary(e ledger.FinishedRollout) string {
	what := "rollout"
	if e.Rollback {
		what = "rollback"
	}
	var images []string
	for _, c := range e.Containers {
		images = append(images, named(c))
	}
	text := fmt.Sprintf("%s: %s of %s/%s %s with %s", e.Environment, what, e.Service.Cluster, e.Service.OwnName(), e.State, strings.Join(images, ", "))
	if e.Reason != "" {
		text += " (" + e.Reason + ")"
	}
	return tagalong.Plain(text)
}

// named is what people call a container's image.
func named(c tagalong.Container) string {
	switch {
	case c.ImageTag != "":
		return c.Image.Name + ":" + c.ImageTag
	case c.Digest != "":
		return c.Image.Name + "@" + c.Digest.Encoded()[:12]
	}
	return c.Image.Name
}

// ContainerRecorded is the detail of "Tagalong Container Recorded", sent beside "Tagalong
// Rollout Recorded" for each of its containers where that is asked for: flat, for tools that
// take one image at a time. Each text may stand between quotes as it is.
type ContainerRecorded struct {
	Environment string    `json:"environment"`
	Kind        string    `json:"kind"`
	Account     string    `json:"account"`
	Region      string    `json:"region"`
	Cluster     string    `json:"cluster"`
	Service     string    `json:"service"`
	Container   string    `json:"container"`
	Registry    string    `json:"registry"`
	Repository  string    `json:"repository"`
	Digest      string    `json:"digest"`
	Index       string    `json:"index"`
	ImageTag    string    `json:"imageTag"`
	Evidence    string    `json:"evidence"`
	Deployment  string    `json:"deployment"`
	State       string    `json:"state"`
	Rollback    bool      `json:"rollback"`
	FinishedAt  time.Time `json:"finishedAt"`
	Pipeline    string    `json:"pipeline"`
	Execution   string    `json:"execution"`
	Commit      string    `json:"commit"`
	Summary     string    `json:"summary"`
}

// ContainerEvents returns an event for each container of a rollout that ended.
func ContainerEvents(e ledger.FinishedRollout) (events []tagalong.Event) {
	plain, release, said := tagalong.Plain, e.History().Release, summary(e)
	for _, c := range e.Containers {
		detail := ContainerRecorded{
			Environment: e.Environment, Kind: string(e.Service.Kind()), Account: e.Service.Account, Region: e.Service.Region,
			Cluster: plain(e.Service.Cluster), Service: plain(e.Service.OwnName()), Container: plain(c.Name),
			Registry: plain(c.Image.Registry), Repository: plain(c.Image.Name), Digest: plain(c.Digest.String()), Index: plain(c.Index.String()),
			ImageTag: plain(c.ImageTag), Evidence: string(c.Evidence), Deployment: plain(e.Deployment), State: string(e.State), Rollback: e.Rollback,
			FinishedAt: e.FinishedAt, Pipeline: plain(release.Pipeline), Execution: plain(release.Execution), Commit: plain(release.Commit), Summary: said,
		}
		events = append(events, tagalong.Event{DetailType: ContainerRecordedType, Time: e.FinishedAt, Resources: []string{e.Service.ARN()}, Detail: tagalong.MustJSON(detail)})
	}
	return events
}
