package dynamo

import (
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// promotionItem is the newest promotion of a tag in its repository; under its
// release it says that this one promoted it, newest or not:
//
//	{
//	  "at": "2026-03-04T09:12:07.511Z",
//	  "by": "promotion#6f1c7b0e-93d4-4a25-b8e1-0d52c4a97f63",
//	  "digest": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	  "environment": "",
//	  "job": "6f1c7b0e-93d4-4a25-b8e1-0d52c4a97f63",
//	  "pk": "REPO#checkout-api",
//	  "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	  "repository": "checkout-api",
//	  "sk": "PROMO#111122223333.dkr.ecr.us-east-1.amazonaws.com#released",
//	  "stage": "Promote",
//	  "tag": "released"
//	}
type promotionItem struct {
	key
	claimItem
	Job     string `dynamodbav:"job"`
	Stage   string `dynamodbav:"stage,omitempty"`
	Expires int64  `dynamodbav:"expires,omitempty"` // of a release's only
}

func toPromotion(p tagalong.PromotionWrite, k key) promotionItem {
	return promotionItem{key: k, claimItem: toClaim(p.Claim), Job: p.Job, Stage: p.Stage}
}

func (i promotionItem) promoting() (tagalong.Promoting, error) {
	return tagalong.Promoting{Claim: i.claim(), Job: i.Job, Stage: i.Stage}, nil
}

// originItem is what began an execution:
//
//	{
//	  "account": "111122223333",
//	  "by": "main",
//	  "pk": "X#checkout-release/3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38",
//	  "region": "us-east-1",
//	  "revisions": [
//	    {
//	      "id": "4f2a9c1be07d5836a1c4e9f20b7d6658c3a1f0e2",
//	      "name": "SourceArtifact",
//	      "summary": "Charge a card once",
//	      "url": "https://github.com/example/checkout/commit/4f2a9c1be07d5836a1c4e9f20b7d6658c3a1f0e2"
//	    }
//	  ],
//	  "sk": "ORIGIN",
//	  "trigger": "WebhookV2"
//	}
type originItem struct {
	key
	Account    string         `dynamodbav:"account"`
	Region     string         `dynamodbav:"region"`
	Revisions  []revisionItem `dynamodbav:"revisions,omitempty"`
	Trigger    string         `dynamodbav:"trigger,omitempty"`
	By         string         `dynamodbav:"by,omitempty"`
	Rollback   bool           `dynamodbav:"rollback,omitempty"`
	RollbackOf string         `dynamodbav:"rollbackOf,omitempty"`
	Expires    int64          `dynamodbav:"expires,omitempty"`
}

type revisionItem struct {
	Name    string `dynamodbav:"name"`
	ID      string `dynamodbav:"id"`
	Summary string `dynamodbav:"summary,omitempty"`
	URL     string `dynamodbav:"url,omitempty"`
}

func toRevision(r tagalong.Revised) revisionItem {
	return revisionItem{Name: r.Name, ID: r.ID, Summary: r.Summary, URL: r.URL}
}

func (i revisionItem) revised() tagalong.Revised {
	return tagalong.Revised{Name: i.Name, ID: i.ID, Summary: i.Summary, URL: i.URL}
}

func toOrigin(p tagalong.Pipeline, e tagalong.Execution, k key) originItem {
	return originItem{
		key: k, Account: p.Account, Region: p.Region,
		Revisions: all(e.Revisions, toRevision), Trigger: e.Trigger, By: e.TriggeredBy,
		Rollback: e.Rollback, RollbackOf: e.RollbackOf,
	}
}

func (i originItem) execution() tagalong.Execution {
	return tagalong.Execution{
		Revisions: all(i.Revisions, revisionItem.revised), Trigger: i.Trigger, TriggeredBy: i.By,
		Rollback: i.Rollback, RollbackOf: i.RollbackOf,
	}
}

// stageItem says that a stage of an execution came into a state:
//
//	{
//	  "attempt": 1,
//	  "pk": "X#checkout-release/3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38",
//	  "sk": "STAGE#2026-03-04T10:12:07.511Z#DeployProd#SUCCEEDED#1",
//	  "stage": "DeployProd",
//	  "state": "SUCCEEDED"
//	}
type stageItem struct {
	key
	Stage   string `dynamodbav:"stage"`
	State   string `dynamodbav:"state"`
	Attempt int64  `dynamodbav:"attempt,omitempty"`
	Expires int64  `dynamodbav:"expires,omitempty"`
}

func toStage(s tagalong.StageChange, k key) stageItem {
	return stageItem{key: k, Stage: s.Stage, State: s.State, Attempt: s.Attempt}
}

func (i stageItem) change() (tagalong.StageChange, error) {
	at, _, ok := strings.Cut(strings.TrimPrefix(i.SK, prefixStage), "#")
	if !ok {
		return tagalong.StageChange{}, fmt.Errorf("sort key %q: want %stime#stage#state#attempt", i.SK, prefixStage)
	}
	return tagalong.StageChange{Stage: i.Stage, State: i.State, At: parseTime(at), Attempt: i.Attempt}, nil
}

// cursorItem is where an interrupted sweep goes on.
type cursorItem struct {
	key
	Cursor string `dynamodbav:"cursor"`
}

// jobItem is the promotion of a job as it was first seen:
//
//	{
//	  "at": "2026-03-04T09:12:07.511Z",
//	  "digest": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	  "expires": 1775208001,
//	  "pk": "JOB#6f1c7b0e-93d4-4a25-b8e1-0d52c4a97f63",
//	  "sk": "JOB"
//	}
type jobItem struct {
	key
	At      string        `dynamodbav:"at"`
	Digest  digest.Digest `dynamodbav:"digest"`
	Expires int64         `dynamodbav:"expires"`
}

func (i jobItem) sight() (tagalong.Sight, error) {
	return tagalong.Sight{Digest: i.Digest, At: parseTime(i.At)}, nil
}
